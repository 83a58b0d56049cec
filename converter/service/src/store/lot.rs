//! The tables of lots and of the documents in them.

use kakehashi_contract::ManifestDocument;
use kakehashi_converter_core::{Expected, Lot, LotState, Standing};
use kakehashi_kernel::{CivilDate, DocumentId, FormKey, LotId, LotNumber, Sha256Digest, Timestamp};
use sqlx::Row as _;

use super::{Columns, Connection, Row, StoreError, moved_one};

const TABLE: &str = "lot";

/// A lot with what never changes about it.
#[derive(Debug, Clone)]
pub(crate) struct LotRow {
    pub(crate) lot: Lot,
    pub(crate) number: LotNumber,
    pub(crate) form: FormKey,
    pub(crate) sealed_at: Timestamp,
    pub(crate) due: CivilDate,
    /// Digest of the manifest's bytes.
    pub(crate) manifest: Sha256Digest,
}

/// A lot and how many documents it holds.
#[derive(Debug, Clone)]
pub(crate) struct CountedLot {
    pub(crate) row: LotRow,
    pub(crate) documents: u64,
    pub(crate) outstanding: u64,
}

/// What became of a document in one lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    SentBack,
    Withdrawn,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::SentBack => "sent_back",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The serial number of the next lot of a day.
pub(crate) async fn next_serial(
    connection: &mut Connection,
    day: CivilDate,
) -> Result<u32, StoreError> {
    let row = sqlx::query("SELECT COALESCE(MAX(serial), 0) + 1 AS next FROM lot WHERE day = $1")
        .bind(day.to_string())
        .fetch_one(connection)
        .await?;
    let next: i64 = row.try_get("next")?;
    u32::try_from(next)
        .map_err(|_| kakehashi_platform::DatabaseError::corrupt(TABLE, "serial", day).into())
}

/// Inserts a sealed lot and its documents. `UNIQUE (day, serial)` guards the number.
pub(crate) async fn insert(
    tx: &mut Connection,
    row: &LotRow,
    serial: u32,
    documents: &[ManifestDocument],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO lot (id, day, serial, number, form, state, sealed_at, due, manifest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(row.lot.id.to_string())
    .bind(row.sealed_at.date_in_japan().to_string())
    .bind(i64::from(serial))
    .bind(row.number.as_str())
    .bind(row.form.to_string())
    .bind(row.lot.state.as_str())
    .bind(row.sealed_at.0)
    .bind(row.due.to_string())
    .bind(row.manifest.to_string())
    .execute(&mut *tx)
    .await?;
    for (place, document) in (0i64..).zip(documents) {
        sqlx::query(
            "INSERT INTO lot_document (lot_id, scan_id, place, round, outcome)
             VALUES ($1, $2, $3, $4, 'outstanding')",
        )
        .bind(row.lot.id.to_string())
        .bind(document.document.to_string())
        .bind(place)
        .bind(i64::from(document.round))
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

pub(crate) async fn find(
    connection: &mut Connection,
    id: LotId,
) -> Result<Option<LotRow>, StoreError> {
    let row = sqlx::query(
        "SELECT id, number, form, state, contractor, lease_until, sealed_at, due, manifest
         FROM lot WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// A lot with its counts.
pub(crate) async fn find_counted(
    connection: &mut Connection,
    id: LotId,
) -> Result<Option<CountedLot>, StoreError> {
    let row = sqlx::query(
        "SELECT lot.id, number, form, state, contractor, lease_until, sealed_at, due, manifest,
                COUNT(*) AS documents,
                SUM(CASE WHEN outcome = 'outstanding' THEN 1 ELSE 0 END) AS outstanding
         FROM lot JOIN lot_document ON lot_document.lot_id = lot.id
         WHERE lot.id = $1 GROUP BY lot.id",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(decode_counted).transpose()
}

/// Lots a contractor may take or holds, oldest first, at most `limit`.
pub(crate) async fn open_for(
    connection: &mut Connection,
    contractor: &str,
    limit: u32,
) -> Result<Vec<CountedLot>, StoreError> {
    let rows = sqlx::query(
        "SELECT lot.id, number, form, state, contractor, lease_until, sealed_at, due, manifest,
                COUNT(*) AS documents,
                SUM(CASE WHEN outcome = 'outstanding' THEN 1 ELSE 0 END) AS outstanding
         FROM lot JOIN lot_document ON lot_document.lot_id = lot.id
         WHERE state <> 'closed' AND (state = 'sealed' OR contractor = $1)
         GROUP BY lot.id ORDER BY sealed_at, number LIMIT $2",
    )
    .bind(contractor)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(decode_counted).collect()
}

/// Moves a lot from one state to another.
pub(crate) async fn advance(
    tx: &mut Connection,
    before: &Lot,
    after: &Lot,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE lot SET state = $1, contractor = $2, lease_until = $3 WHERE id = $4 AND state = $5",
    )
    .bind(after.state.as_str())
    .bind(after.state.contractor())
    .bind(after.state.lease_until().map(|until| until.0))
    .bind(before.id.to_string())
    .bind(before.state.as_str())
    .execute(tx)
    .await?;
    moved_one(&result, TABLE, &before.id)
}

/// What the lot waits for, in the order of the manifest.
pub(crate) async fn expected(
    connection: &mut Connection,
    lot: LotId,
) -> Result<Vec<Expected>, StoreError> {
    let rows = sqlx::query(
        "SELECT scan_id, round, outcome FROM lot_document WHERE lot_id = $1 ORDER BY place",
    )
    .bind(lot.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::new(row, "lot_document", "scan_id")?;
            Ok(Expected {
                document: columns.text("scan_id")?,
                round: columns.number("round")?,
                standing: decode_standing(&columns)?,
            })
        })
        .collect()
}

/// Whether a lot waits for a document; nothing when the document is not in it.
pub(crate) async fn standing(
    connection: &mut Connection,
    lot: LotId,
    document: DocumentId,
) -> Result<Option<Standing>, StoreError> {
    let row =
        sqlx::query("SELECT scan_id, outcome FROM lot_document WHERE lot_id = $1 AND scan_id = $2")
            .bind(lot.to_string())
            .bind(document.to_string())
            .fetch_optional(connection)
            .await?;
    let Some(row) = row else { return Ok(None) };
    decode_standing(&Columns::new(&row, "lot_document", "scan_id")?).map(Some)
}

/// Decides a document of a lot, once.
pub(crate) async fn decide(
    tx: &mut Connection,
    lot: LotId,
    document: DocumentId,
    outcome: Outcome,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE lot_document SET outcome = $1
         WHERE lot_id = $2 AND scan_id = $3 AND outcome = 'outstanding'",
    )
    .bind(outcome.as_str())
    .bind(lot.to_string())
    .bind(document.to_string())
    .execute(tx)
    .await?;
    moved_one(&result, "lot_document", &document)
}

/// How many documents of a lot are undecided.
pub(crate) async fn outstanding(
    connection: &mut Connection,
    lot: LotId,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS outstanding FROM lot_document
         WHERE lot_id = $1 AND outcome = 'outstanding'",
    )
    .bind(lot.to_string())
    .fetch_one(connection)
    .await?;
    Ok(u64::try_from(row.try_get::<i64, _>("outstanding")?).unwrap_or(0))
}

/// Lots whose lease ended at `before` or earlier. A lot with a return that nobody looked into yet is
/// not among them: what arrived in time counts.
pub(crate) async fn lapsed(
    connection: &mut Connection,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<LotId>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM lot
         WHERE state IN ('handed_over', 'partly_returned') AND lease_until <= $1
           AND NOT EXISTS (SELECT 1 FROM lot_return
                           WHERE lot_return.lot_id = lot.id AND lot_return.state = 'received')
         ORDER BY lease_until LIMIT $2",
    )
    .bind(before.0)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Columns::new(row, TABLE, "id")?.text("id")).collect()
}

/// Tells whether the lease of one lot ended at `before` or earlier, as [`lapsed`] means it.
pub(crate) async fn has_lapsed(
    connection: &mut Connection,
    id: LotId,
    before: Timestamp,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT id FROM lot
         WHERE id = $1 AND state IN ('handed_over', 'partly_returned') AND lease_until <= $2
           AND NOT EXISTS (SELECT 1 FROM lot_return
                           WHERE lot_return.lot_id = lot.id AND lot_return.state = 'received')",
    )
    .bind(id.to_string())
    .bind(before.0)
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// How often a document was sent round again or got stuck.
pub(crate) async fn corrections(connection: &mut Connection) -> Result<u64, StoreError> {
    let row =
        sqlx::query("SELECT COUNT(*) AS corrections FROM lot_document WHERE outcome = 'sent_back'")
            .fetch_one(connection)
            .await?;
    Ok(u64::try_from(row.try_get::<i64, _>("corrections")?).unwrap_or(0))
}

fn decode_standing(columns: &Columns<'_>) -> Result<Standing, StoreError> {
    match columns.value::<&str>("outcome")? {
        "outstanding" => Ok(Standing::Outstanding),
        "accepted" | "sent_back" => Ok(Standing::Decided),
        "withdrawn" => Ok(Standing::Withdrawn),
        _ => Err(columns.corrupt("outcome")),
    }
}

fn decode_counted(row: &Row) -> Result<CountedLot, StoreError> {
    let columns = Columns::new(row, TABLE, "id")?;
    Ok(CountedLot {
        row: decode(row)?,
        documents: columns.number("documents")?,
        outstanding: columns.number("outstanding")?,
    })
}

fn decode(row: &Row) -> Result<LotRow, StoreError> {
    let columns = Columns::new(row, TABLE, "id")?;
    Ok(LotRow {
        lot: Lot { id: columns.text("id")?, state: state(&columns)? },
        number: columns.text("number")?,
        form: columns.text("form")?,
        sealed_at: Timestamp(columns.value("sealed_at")?),
        due: columns.text("due")?,
        manifest: columns.text("manifest")?,
    })
}

fn state(columns: &Columns<'_>) -> Result<LotState, StoreError> {
    let contractor = columns.value::<Option<String>>("contractor")?;
    let held = || {
        let until = columns.value::<Option<i64>>("lease_until")?;
        let holder = contractor.clone().zip(until.map(Timestamp));
        holder.ok_or_else(|| columns.corrupt("contractor"))
    };
    Ok(match columns.value::<&str>("state")? {
        "sealed" => LotState::Sealed,
        "handed_over" => {
            let (contractor, until) = held()?;
            LotState::HandedOver { contractor, until }
        }
        "partly_returned" => {
            let (contractor, until) = held()?;
            LotState::PartlyReturned { contractor, until }
        }
        "closed" => LotState::Closed { contractor },
        _ => return Err(columns.corrupt("state")),
    })
}
