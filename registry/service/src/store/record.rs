//! Records.

use kakehashi_contract::PageImage;
use kakehashi_forms::Application;
use kakehashi_kernel::{
    AccountId, FormKey, MunicipalityCode, PersonId, Programme, RecordId, ScanId, Sha256Digest,
    Timestamp,
};
use kakehashi_platform::{DatabaseError, Tx};
use kakehashi_registry_core::{Ownership, Source, State};
use sqlx::{Row, Sqlite, SqlitePool, sqlite::SqliteRow};
use uuid::Uuid;

use super::{corrupt, parsed, parsed_option};
use crate::registry::Counts;

/// Where a record came from, with what is known of it only then.
pub(crate) enum Origin {
    /// A converted scan.
    Scan {
        scan: ScanId,
        municipality: MunicipalityCode,
        round: u32,
        document: Sha256Digest,
        pages: Vec<PageImage>,
    },
    /// A doctor's form. The token is the form page's: sent twice, it is one record.
    Online { account: AccountId, institution: String, token: Uuid },
}

impl Origin {
    pub(crate) const fn source(&self) -> Source {
        match self {
            Self::Scan { .. } => Source::Scan,
            Self::Online { .. } => Source::Online,
        }
    }
}

/// One record.
pub(crate) struct RecordRow {
    pub(crate) id: RecordId,
    pub(crate) state: State,
    pub(crate) form: FormKey,
    pub(crate) application: Application,
    pub(crate) person: PersonId,
    pub(crate) origin: Origin,
    pub(crate) heading_sealed: Vec<u8>,
    pub(crate) answers_sealed: Vec<u8>,
    pub(crate) results_sealed: Vec<u8>,
    pub(crate) linked: Option<RecordId>,
    pub(crate) linked_municipality: Option<MunicipalityCode>,
    pub(crate) created_at: Timestamp,
}

impl RecordRow {
    pub(crate) fn ownership(&self) -> Ownership {
        let (municipality, institution) = match &self.origin {
            Origin::Scan { municipality, .. } => (Some(municipality.clone()), None),
            Origin::Online { institution, .. } => (None, Some(institution.clone())),
        };
        Ownership {
            record: self.id,
            programme: self.form.programme,
            source: self.origin.source(),
            municipality,
            institution,
            linked_municipality: self.linked_municipality.clone(),
        }
    }
}

/// Whose records a list shows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    Municipality(&'a str),
    Institution(&'a str),
}

pub(crate) async fn insert(tx: &mut Tx, record: &RecordRow) -> Result<(), DatabaseError> {
    let query = sqlx::query(
        "INSERT INTO record (id, source, state, programme, number, branch, version, application,
                             person_id, heading_sealed, answers_sealed, results_sealed, created_at,
                             scan_id, municipality, round, document, pages, page_count,
                             account_id, institution, entry_token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $22)",
    )
    .bind(record.id.to_string())
    .bind(record.origin.source().as_str())
    .bind(record.state.as_str())
    .bind(record.form.programme.as_str())
    .bind(record.form.number)
    .bind(record.form.branch)
    .bind(record.form.version)
    .bind(record.application.as_str())
    .bind(record.person.to_string())
    .bind(&record.heading_sealed)
    .bind(&record.answers_sealed)
    .bind(&record.results_sealed)
    .bind(record.created_at.0);
    let query = match &record.origin {
        Origin::Scan { scan, municipality, round, document, pages } => {
            let images = serde_json::to_string(pages)
                .map_err(|_| DatabaseError::corrupt("record", "pages", record.id))?;
            query
                .bind(Some(scan.to_string()))
                .bind(Some(municipality.as_str().to_owned()))
                .bind(Some(*round))
                .bind(Some(document.to_string()))
                .bind(Some(images))
                .bind(u32::try_from(pages.len()).unwrap_or(u32::MAX))
                .bind(None::<String>)
                .bind(None::<String>)
                .bind(None::<String>)
        }
        Origin::Online { account, institution, token } => query
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(None::<u32>)
            .bind(None::<String>)
            .bind(None::<String>)
            .bind(0_u32)
            .bind(Some(account.to_string()))
            .bind(Some(institution.clone()))
            .bind(Some(token.to_string())),
    };
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Joins two records. Answers `false`, with nothing changed, when one of them was linked meanwhile.
pub(crate) async fn link(
    tx: &mut Tx,
    one: RecordId,
    other: RecordId,
) -> Result<bool, DatabaseError> {
    let joined = sqlx::query(
        "UPDATE record SET linked_id = CASE id WHEN $1 THEN $2 ELSE $1 END
         WHERE id IN ($1, $2)
           AND (SELECT COUNT(*) FROM record WHERE id IN ($1, $2) AND linked_id IS NULL) = 2",
    )
    .bind(one.to_string())
    .bind(other.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(joined.rows_affected() == 2)
}

pub(crate) async fn by_id(
    executor: impl sqlx::Executor<'_, Database = Sqlite>,
    id: RecordId,
) -> Result<Option<RecordRow>, DatabaseError> {
    let row = sqlx::query(
        "SELECT r.id, r.source, r.state, r.programme, r.number, r.branch, r.version, r.application,
                r.person_id, r.heading_sealed, r.answers_sealed, r.results_sealed, r.created_at,
                r.scan_id, r.municipality, r.round, r.document, r.pages, r.account_id,
                r.institution, r.entry_token, r.linked_id, l.municipality AS linked_municipality
         FROM record r LEFT JOIN record l ON l.id = r.linked_id WHERE r.id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(executor)
    .await?;
    row.as_ref().map(decode).transpose()
}

pub(crate) async fn id_of_scan(
    executor: impl sqlx::Executor<'_, Database = Sqlite>,
    scan: ScanId,
) -> Result<Option<RecordId>, DatabaseError> {
    let row = sqlx::query("SELECT id FROM record WHERE scan_id = $1")
        .bind(scan.to_string())
        .fetch_optional(executor)
        .await?;
    row.map(|row| parsed(&row, "record", "id")).transpose()
}

pub(crate) async fn id_of_token(
    tx: &mut Tx,
    account: AccountId,
    token: Uuid,
) -> Result<Option<RecordId>, DatabaseError> {
    let row = sqlx::query("SELECT id FROM record WHERE account_id = $1 AND entry_token = $2")
        .bind(account.to_string())
        .bind(token.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.map(|row| parsed(&row, "record", "id")).transpose()
}

/// Unlinked records of a person, of one source and form: its heading decides whether one fits.
pub(crate) async fn link_candidates(
    tx: &mut Tx,
    person: PersonId,
    source: Source,
    form: FormKey,
) -> Result<Vec<RecordRow>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT id, source, state, programme, number, branch, version, application, person_id,
                heading_sealed, answers_sealed, results_sealed, created_at, scan_id, municipality,
                round, document, pages, account_id, institution, entry_token, linked_id,
                NULL AS linked_municipality
         FROM record
         WHERE person_id = $1 AND source = $2 AND linked_id IS NULL
           AND programme = $3 AND number = $4 AND branch = $5
         ORDER BY id LIMIT 50",
    )
    .bind(person.to_string())
    .bind(source.as_str())
    .bind(form.programme.as_str())
    .bind(form.number)
    .bind(form.branch)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(decode).collect()
}

/// An organisation's records of the granted programmes, newest first. A scan id narrows it to one.
pub(crate) async fn list(
    tx: &mut Tx,
    owner: Owner<'_>,
    programmes: &[Programme],
    scan: Option<ScanId>,
    (offset, limit): (u32, u32),
) -> Result<Vec<RecordRow>, DatabaseError> {
    let (municipality, institution) = match owner {
        Owner::Municipality(code) => (Some(code), None),
        Owner::Institution(code) => (None, Some(code)),
    };
    let granted = |programme| programmes.contains(&programme);
    let rows = sqlx::query(
        "SELECT r.id, r.source, r.state, r.programme, r.number, r.branch, r.version, r.application,
                r.person_id, r.heading_sealed, r.answers_sealed, r.results_sealed, r.created_at,
                r.scan_id, r.municipality, r.round, r.document, r.pages, r.account_id,
                r.institution, r.entry_token, r.linked_id, l.municipality AS linked_municipality
         FROM record r LEFT JOIN record l ON l.id = r.linked_id
         WHERE (r.municipality = $1 OR r.institution = $2)
           AND ((r.programme = 'nanbyo' AND $3) OR (r.programme = 'shouman' AND $4))
           AND ($5 IS NULL OR r.scan_id = $5)
         ORDER BY r.created_at DESC, r.id DESC LIMIT $6 OFFSET $7",
    )
    .bind(municipality)
    .bind(institution)
    .bind(granted(Programme::Nanbyo))
    .bind(granted(Programme::Shouman))
    .bind(scan.map(|scan| scan.to_string()))
    .bind(limit)
    .bind(offset)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(decode).collect()
}

pub(crate) async fn counts(pool: &SqlitePool) -> Result<Counts, DatabaseError> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN source = 'scan' THEN 1 END) AS scan,
                COUNT(CASE WHEN source = 'online' THEN 1 END) AS online,
                COUNT(CASE WHEN source = 'scan' AND linked_id IS NOT NULL THEN 1 END) AS linked
         FROM record",
    )
    .fetch_one(pool)
    .await?;
    let count = |column| row.try_get::<i64, _>(column).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(Counts { scan: count("scan")?, online: count("online")?, linked: count("linked")? })
}

fn decode(row: &SqliteRow) -> Result<RecordRow, DatabaseError> {
    let form = FormKey::new(
        parsed(row, "record", "programme")?,
        row.try_get("number")?,
        row.try_get("branch")?,
        row.try_get("version")?,
    );
    Ok(RecordRow {
        id: parsed(row, "record", "id")?,
        state: parsed(row, "record", "state")?,
        form: form.map_err(|_| corrupt(row, "record", "number"))?,
        application: parsed(row, "record", "application")?,
        person: parsed(row, "record", "person_id")?,
        origin: decode_origin(row)?,
        heading_sealed: row.try_get("heading_sealed")?,
        answers_sealed: row.try_get("answers_sealed")?,
        results_sealed: row.try_get("results_sealed")?,
        linked: parsed_option(row, "record", "linked_id")?,
        linked_municipality: parsed_option(row, "record", "linked_municipality")?,
        created_at: Timestamp(row.try_get("created_at")?),
    })
}

fn decode_origin(row: &SqliteRow) -> Result<Origin, DatabaseError> {
    Ok(match parsed(row, "record", "source")? {
        Source::Scan => {
            let pages: String = row.try_get("pages")?;
            Origin::Scan {
                scan: parsed(row, "record", "scan_id")?,
                municipality: parsed(row, "record", "municipality")?,
                round: row.try_get("round")?,
                document: parsed(row, "record", "document")?,
                pages: serde_json::from_str(&pages).map_err(|_| corrupt(row, "record", "pages"))?,
            }
        }
        Source::Online => Origin::Online {
            account: parsed(row, "record", "account_id")?,
            institution: row.try_get("institution")?,
            token: parsed(row, "record", "entry_token")?,
        },
    })
}
