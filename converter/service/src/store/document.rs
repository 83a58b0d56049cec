//! The table of documents.

use kakehashi_contract::{
    ApplicationKind, Event, PageImage,
    books::{BookLine, BookState},
};
use kakehashi_converter_core::{Document, DocumentState, Waiting};
use kakehashi_kernel::{DocumentId, FormKey, LotId, MunicipalityCode, Timestamp};

use super::{Columns, Connection, Row, StoreError, json, moved_one};

const TABLE: &str = "document";

/// A document with what never changes about it.
#[derive(Debug, Clone)]
pub(crate) struct DocumentRow {
    pub(crate) document: Document,
    pub(crate) form: FormKey,
    pub(crate) application: ApplicationKind,
    pub(crate) municipality: MunicipalityCode,
    pub(crate) pages: Vec<PageImage>,
    /// The last event told about it, and when it happened.
    pub(crate) news: Option<(Event, Timestamp)>,
}

/// News that may arrive before the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EarlyNews {
    Withdrawn,
    Loaded,
}

pub(crate) async fn insert(
    tx: &mut Connection,
    row: &DocumentRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = row.document.id;
    sqlx::query(
        "INSERT INTO document (scan_id, state, round, form, application, municipality, pages,
                               page_count, waiting_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(row.document.state.as_str())
    .bind(i64::from(row.document.round))
    .bind(row.form.to_string())
    .bind(application_word(row.application))
    .bind(row.municipality.as_str())
    .bind(json(&row.pages, TABLE, "pages", id)?)
    .bind(i64::try_from(row.pages.len()).unwrap_or(i64::MAX))
    .bind(at.0)
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    connection: &mut Connection,
    id: DocumentId,
) -> Result<Option<DocumentRow>, StoreError> {
    let row = sqlx::query(
        "SELECT scan_id, state, round, lot_id, digest, form, application, municipality, pages,
                news, news_at
         FROM document WHERE scan_id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// Moves a document from one state to another. `waiting_since` starts anew.
pub(crate) async fn advance(
    tx: &mut Connection,
    before: Document,
    after: Document,
    at: Timestamp,
) -> Result<(), StoreError> {
    let digest = match after.state {
        DocumentState::Accepted { digest, .. } => Some(digest.to_string()),
        _ => None,
    };
    let result = sqlx::query(
        "UPDATE document
         SET state = $1, round = $2, lot_id = $3, digest = $4, waiting_since = $5
         WHERE scan_id = $6 AND state = $7 AND round = $8",
    )
    .bind(after.state.as_str())
    .bind(i64::from(after.round))
    .bind(after.state.lot().map(|lot| lot.to_string()))
    .bind(digest)
    .bind(at.0)
    .bind(before.id.to_string())
    .bind(before.state.as_str())
    .bind(i64::from(before.round))
    .execute(tx)
    .await?;
    moved_one(&result, TABLE, &before.id)
}

/// Keeps the last event told about a document.
pub(crate) async fn keep_news(
    tx: &mut Connection,
    event: &Event,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = event.scan();
    let result = sqlx::query("UPDATE document SET news = $1, news_at = $2 WHERE scan_id = $3")
        .bind(json(event, TABLE, "news", id)?)
        .bind(at.0)
        .bind(id.to_string())
        .execute(tx)
        .await?;
    moved_one(&result, TABLE, &id)
}

/// Documents that wait for a lot, new applications first, then the oldest, at most `limit`.
pub(crate) async fn waiting(
    connection: &mut Connection,
    limit: u32,
) -> Result<Vec<Waiting>, StoreError> {
    let rows = sqlx::query(
        "SELECT scan_id, form, round, application, waiting_since FROM document
         WHERE state = 'pending' ORDER BY application, waiting_since, scan_id LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::new(row, TABLE, "scan_id")?;
            Ok(Waiting {
                document: columns.text("scan_id")?,
                form: columns.text("form")?,
                round: columns.number("round")?,
                application: application(&columns)?,
                since: Timestamp(columns.value("waiting_since")?),
            })
        })
        .collect()
}

pub(crate) async fn keep_early(
    tx: &mut Connection,
    id: DocumentId,
    news: EarlyNews,
) -> Result<(), StoreError> {
    // What the registry holds outweighs a withdrawal that came too late.
    let sql = match news {
        EarlyNews::Withdrawn => {
            "INSERT INTO early_news (scan_id, kind) VALUES ($1, 'withdrawn')
             ON CONFLICT (scan_id) DO NOTHING"
        }
        EarlyNews::Loaded => {
            "INSERT INTO early_news (scan_id, kind) VALUES ($1, 'loaded')
             ON CONFLICT (scan_id) DO UPDATE SET kind = excluded.kind"
        }
    };
    sqlx::query(sql).bind(id.to_string()).execute(tx).await?;
    Ok(())
}

/// Takes out the news that arrived before the document.
pub(crate) async fn take_early(
    tx: &mut Connection,
    id: DocumentId,
) -> Result<Option<EarlyNews>, StoreError> {
    let row = sqlx::query("DELETE FROM early_news WHERE scan_id = $1 RETURNING scan_id, kind")
        .bind(id.to_string())
        .fetch_optional(tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::new(&row, "early_news", "scan_id")?;
    match columns.value::<&str>("kind")? {
        "withdrawn" => Ok(Some(EarlyNews::Withdrawn)),
        "loaded" => Ok(Some(EarlyNews::Loaded)),
        _ => Err(columns.corrupt("kind")),
    }
}

/// One line per document.
pub(crate) async fn books(connection: &mut Connection) -> Result<Vec<BookLine>, StoreError> {
    let rows = sqlx::query("SELECT scan_id, state, page_count FROM document ORDER BY scan_id")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::new(row, TABLE, "scan_id")?;
            let state = match columns.value::<&str>("state")? {
                "withdrawn" => BookState::Withdrawn,
                "loaded" => BookState::Loaded,
                "pending" | "in_lot" | "handed_over" | "accepted" | "stuck" => {
                    BookState::InProgress
                }
                _ => return Err(columns.corrupt("state")),
            };
            Ok(BookLine {
                scan: columns.text("scan_id")?,
                state,
                pages: columns.number("page_count")?,
            })
        })
        .collect()
}

fn decode(row: &Row) -> Result<DocumentRow, StoreError> {
    let columns = Columns::new(row, TABLE, "scan_id")?;
    let news = match columns.value::<Option<&str>>("news")? {
        Some(_) => Some((columns.json("news")?, Timestamp(columns.value("news_at")?))),
        None => None,
    };
    Ok(DocumentRow {
        document: Document {
            id: columns.text("scan_id")?,
            round: columns.number("round")?,
            state: state(&columns)?,
        },
        form: columns.text("form")?,
        application: application(&columns)?,
        municipality: columns.text("municipality")?,
        pages: columns.json("pages")?,
        news,
    })
}

fn state(columns: &Columns<'_>) -> Result<DocumentState, StoreError> {
    let lot = || columns.optional_text::<LotId>("lot_id")?.ok_or_else(|| columns.corrupt("lot_id"));
    Ok(match columns.value::<&str>("state")? {
        "pending" => DocumentState::Pending,
        "in_lot" => DocumentState::InLot { lot: lot()? },
        "handed_over" => DocumentState::HandedOver { lot: lot()? },
        "accepted" => DocumentState::Accepted { lot: lot()?, digest: columns.text("digest")? },
        "loaded" => DocumentState::Loaded,
        "stuck" => DocumentState::Stuck,
        "withdrawn" => DocumentState::Withdrawn,
        _ => return Err(columns.corrupt("state")),
    })
}

const fn application_word(kind: ApplicationKind) -> &'static str {
    match kind {
        ApplicationKind::New => "new",
        ApplicationKind::Renewal => "renewal",
    }
}

fn application(columns: &Columns<'_>) -> Result<ApplicationKind, StoreError> {
    match columns.value::<&str>("application")? {
        "new" => Ok(ApplicationKind::New),
        "renewal" => Ok(ApplicationKind::Renewal),
        _ => Err(columns.corrupt("application")),
    }
}
