//! Rows of uploads.

use kakehashi_contract::ApplicationKind;
use kakehashi_kernel::{FormKey, MunicipalityCode, ScanId, Sha256Digest, Timestamp};
use kakehashi_platform::{Database, DatabaseError, Tx};
use sqlx::{Row, sqlite::SqliteRow};

use super::{application, application_word, id, optional, signed};

/// One upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadRow {
    pub(crate) id: ScanId,
    pub(crate) municipality: MunicipalityCode,
    pub(crate) length: u64,
    pub(crate) declared_sha256: Option<Sha256Digest>,
    pub(crate) application: ApplicationKind,
    pub(crate) declared_form: Option<FormKey>,
    pub(crate) file_name: Option<Vec<u8>>,
    pub(crate) created_at: Timestamp,
    pub(crate) is_open: bool,
    pub(crate) scan: Option<ScanId>,
}

const COLUMNS: &str = "SELECT id, municipality, device, length, declared_sha256, application,
    declared_form, file_name, created_at, state, scan FROM upload WHERE id = $1";

pub(crate) async fn insert(
    tx: &mut Tx,
    upload: &UploadRow,
    device: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO upload (id, municipality, device, length, declared_sha256, application,
                             declared_form, file_name, created_at, state, scan)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(upload.id.to_string())
    .bind(upload.municipality.as_str())
    .bind(device)
    .bind(signed(upload.length))
    .bind(upload.declared_sha256.map(|digest| digest.to_string()))
    .bind(application_word(upload.application))
    .bind(upload.declared_form.map(|form| form.to_string()))
    .bind(upload.file_name.as_deref())
    .bind(upload.created_at.0)
    .bind(if upload.is_open { "open" } else { "complete" })
    .bind(upload.scan.map(|scan| scan.to_string()))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Finds an upload of a municipality. Another municipality's upload does not exist for it.
pub(crate) async fn find(
    database: &Database,
    upload: ScanId,
    municipality: &MunicipalityCode,
) -> Result<Option<UploadRow>, DatabaseError> {
    let row = sqlx::query(COLUMNS).bind(upload.to_string()).fetch_optional(database.read()).await?;
    let found = row.as_ref().map(read).transpose()?.flatten();
    Ok(found.filter(|found| found.municipality == *municipality))
}

/// Finds an upload whoever made it, with the device that did, for workers.
pub(crate) async fn load(
    database: &Database,
    upload: ScanId,
) -> Result<Option<(UploadRow, String)>, DatabaseError> {
    let row = sqlx::query(COLUMNS).bind(upload.to_string()).fetch_optional(database.read()).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(read(&row)?.zip(Some(row.try_get("device")?)))
}

/// How many uploads of a municipality are open.
pub(crate) async fn count_open(
    tx: &mut Tx,
    municipality: &MunicipalityCode,
) -> Result<u32, DatabaseError> {
    let count: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM upload WHERE municipality = $1 AND state = 'open'",
    )
    .bind(municipality.as_str())
    .fetch_one(&mut **tx)
    .await?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Closes an open upload as the scan it became. `false` when it was not open.
pub(crate) async fn complete(
    tx: &mut Tx,
    upload: ScanId,
    scan: ScanId,
) -> Result<bool, DatabaseError> {
    let changed = sqlx::query(
        "UPDATE upload SET state = 'complete', scan = $2 WHERE id = $1 AND state = 'open'",
    )
    .bind(upload.to_string())
    .bind(scan.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Removes an open upload. `false` when it was not open.
pub(crate) async fn remove(tx: &mut Tx, upload: ScanId) -> Result<bool, DatabaseError> {
    let changed =
        sqlx::query("UPDATE upload SET state = 'removed' WHERE id = $1 AND state = 'open'")
            .bind(upload.to_string())
            .execute(&mut **tx)
            .await?;
    Ok(changed.rows_affected() == 1)
}

/// Open uploads created before `before`, oldest first.
pub(crate) async fn open_before(
    database: &Database,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<ScanId>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT id FROM upload WHERE state = 'open' AND created_at < $1
         ORDER BY created_at LIMIT $2",
    )
    .bind(before.0)
    .bind(limit)
    .fetch_all(database.read())
    .await?;
    rows.iter().map(|row| id(row, "upload", "id")).collect()
}

fn read(row: &SqliteRow) -> Result<Option<UploadRow>, DatabaseError> {
    let state: String = row.try_get("state")?;
    if state == "removed" {
        return Ok(None);
    }
    let length: i64 = row.try_get("length")?;
    Ok(Some(UploadRow {
        id: id(row, "upload", "id")?,
        municipality: id(row, "upload", "municipality")?,
        length: u64::try_from(length)
            .map_err(|_| DatabaseError::corrupt("upload", "length", length))?,
        declared_sha256: optional(row, "upload", "declared_sha256")?,
        application: application(row, "upload")?,
        declared_form: optional(row, "upload", "declared_form")?,
        file_name: row.try_get("file_name")?,
        created_at: Timestamp(row.try_get("created_at")?),
        is_open: state == "open",
        scan: optional(row, "upload", "scan")?,
    }))
}
