//! Rows of scans.

use kakehashi_contract::PageImage;
use kakehashi_ingest_core::{Progress, Receipt, Scan, ScanState, Stage};
use kakehashi_kernel::{
    CivilDate, FormKey, MessageId, MunicipalityCode, ReceiptNumber, RecordId, ScanId, Sha256Digest,
    Timestamp,
};
use kakehashi_platform::{Database, DatabaseError, Tx};
use sqlx::{Row, sqlite::SqliteRow};

use super::{application, application_word, id, optional, signed};

/// One scan with everything the pages and workers need.
#[derive(Debug, Clone)]
pub(crate) struct ScanRow {
    pub(crate) scan: Scan,
    pub(crate) declared_form: Option<FormKey>,
    pub(crate) file_name: Option<Vec<u8>>,
    pub(crate) page_images: Vec<PageImage>,
    pub(crate) is_disarmed: bool,
    pub(crate) findings: Option<String>,
    pub(crate) stage: Option<Stage>,
    pub(crate) round: u32,
    pub(crate) record: Option<RecordId>,
    pub(crate) attempts: u32,
}

/// One line of a scan's history.
#[derive(Debug, Clone)]
pub(crate) struct HistoryRow {
    pub(crate) at: Timestamp,
    pub(crate) kind: String,
    pub(crate) detail: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, municipality, receipt, received_at, sha256, size_bytes, application, ",
            "declared_form, file_name, state, why, form, pages, page_images, disarmed, findings, ",
            "stage, round, record, attempts FROM scan ",
            $rest
        )
    };
}

/// Draws the next receipt number of a day.
pub(crate) async fn next_receipt(
    tx: &mut Tx,
    day: CivilDate,
) -> Result<ReceiptNumber, DatabaseError> {
    let serial: i64 = sqlx::query_scalar(
        "INSERT INTO receipt_serial (day, serial) VALUES ($1, 1)
         ON CONFLICT (day) DO UPDATE SET serial = receipt_serial.serial + 1 RETURNING serial",
    )
    .bind(day.to_string())
    .fetch_one(&mut **tx)
    .await?;
    let serial = u32::try_from(serial)
        .map_err(|_| DatabaseError::corrupt("receipt_serial", "serial", day))?;
    Ok(ReceiptNumber::new(day, serial))
}

pub(crate) async fn insert(
    tx: &mut Tx,
    scan: &Scan,
    declared_form: Option<FormKey>,
    file_name: Option<&[u8]>,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO scan (id, municipality, receipt, received_at, sha256, size_bytes, application,
                           declared_form, file_name, state, news_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'received', $4)",
    )
    .bind(scan.id.to_string())
    .bind(scan.municipality.as_str())
    .bind(scan.receipt.number.as_str())
    .bind(scan.receipt.received_at.0)
    .bind(scan.receipt.sha256.to_string())
    .bind(signed(scan.receipt.size_bytes))
    .bind(application_word(scan.application))
    .bind(declared_form.map(|form| form.to_string()))
    .bind(file_name)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Finds a scan of a municipality.
pub(crate) async fn find(
    database: &Database,
    scan: ScanId,
    municipality: &MunicipalityCode,
) -> Result<Option<ScanRow>, DatabaseError> {
    let row = sqlx::query(select!("WHERE id = $1 AND municipality = $2"))
        .bind(scan.to_string())
        .bind(municipality.as_str())
        .fetch_optional(database.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Finds the scan of the same municipality and bytes. One that was withdrawn may be sent again.
pub(crate) async fn find_same(
    tx: &mut Tx,
    municipality: &MunicipalityCode,
    sha256: Sha256Digest,
) -> Result<Option<ScanRow>, DatabaseError> {
    let row = sqlx::query(select!(
        "WHERE municipality = $1 AND sha256 = $2 AND state <> 'withdrawn'
         ORDER BY received_at LIMIT 1"
    ))
    .bind(municipality.as_str())
    .bind(sha256.to_string())
    .fetch_optional(&mut **tx)
    .await?;
    row.as_ref().map(read).transpose()
}

/// A municipality's scans, newest first, those before `before` (receipt number order is time order).
pub(crate) async fn list(
    database: &Database,
    municipality: &MunicipalityCode,
    filter: Option<&str>,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<ScanRow>, DatabaseError> {
    let rows = sqlx::query(select!(
        "WHERE municipality = $1 AND received_at < $2
           AND ($3 IS NULL OR state = $3 OR stage = $3)
         ORDER BY received_at DESC, receipt DESC LIMIT $4"
    ))
    .bind(municipality.as_str())
    .bind(before.0)
    .bind(filter)
    .bind(limit)
    .fetch_all(database.read())
    .await?;
    rows.iter().map(read).collect()
}

/// A municipality's scans counted by state and stage.
pub(crate) async fn counts(
    database: &Database,
    municipality: &MunicipalityCode,
) -> Result<Vec<(String, Option<Stage>, u64)>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT state, stage, COUNT(*) AS scans FROM scan WHERE municipality = $1
         GROUP BY state, stage",
    )
    .bind(municipality.as_str())
    .fetch_all(database.read())
    .await?;
    rows.iter()
        .map(|row| {
            let stage: Option<String> = row.try_get("stage")?;
            let count: i64 = row.try_get("scans")?;
            Ok((
                row.try_get("state")?,
                stage.as_deref().and_then(Stage::parse),
                u64::try_from(count).unwrap_or(0),
            ))
        })
        .collect()
}

/// Leases the received scan that has waited longest for inspection.
pub(crate) async fn lease(
    tx: &mut Tx,
    now: Timestamp,
    lease_ms: i64,
) -> Result<Option<ScanId>, DatabaseError> {
    let row = sqlx::query(
        "UPDATE scan SET lease_until = $1, attempts = attempts + 1
         WHERE id IN (SELECT id FROM scan WHERE state = 'received' AND lease_until <= $2
                      ORDER BY received_at LIMIT 1)
         RETURNING id",
    )
    .bind(now.plus_ms(lease_ms).0)
    .bind(now.0)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| id(&row, "scan", "id")).transpose()
}

/// Moves the end of a lease: later to keep the scan, earlier to have it tried again at `at`.
pub(crate) async fn lease_until(
    tx: &mut Tx,
    scan: ScanId,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE scan SET lease_until = $2 WHERE id = $1 AND state = 'received'")
        .bind(scan.to_string())
        .bind(at.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Reads a scan whoever sent it, for workers.
pub(crate) async fn load(
    database: &Database,
    scan: ScanId,
) -> Result<Option<ScanRow>, DatabaseError> {
    let row = sqlx::query(select!("WHERE id = $1"))
        .bind(scan.to_string())
        .fetch_optional(database.read())
        .await?;
    row.as_ref().map(read).transpose()
}

/// What a release stores.
pub(crate) struct Release<'a> {
    pub(crate) form: FormKey,
    pub(crate) pages: &'a [PageImage],
    pub(crate) is_disarmed: bool,
    pub(crate) findings: &'a str,
}

/// Stores a release. `false` when the scan was not `received` any more.
pub(crate) async fn release(
    tx: &mut Tx,
    scan: ScanId,
    at: Timestamp,
    release: Release<'_>,
) -> Result<bool, DatabaseError> {
    let images = serde_json::to_string(release.pages)
        .map_err(|_| DatabaseError::corrupt("scan", "page_images", scan))?;
    let waiting = Progress { stage: Stage::Waiting, round: 1 };
    let changed = sqlx::query(
        "UPDATE scan SET state = 'released', form = $2, pages = $3, page_images = $4,
                         disarmed = $5, findings = $6, stage = $7, stage_rank = $8, news_at = $9
         WHERE id = $1 AND state = 'received'",
    )
    .bind(scan.to_string())
    .bind(release.form.to_string())
    .bind(i64::try_from(release.pages.len()).unwrap_or(i64::MAX))
    .bind(images)
    .bind(i64::from(release.is_disarmed))
    .bind(release.findings)
    .bind(waiting.stage.as_str())
    .bind(waiting.rank())
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Stores a refusal. `false` when the scan was not `received` any more.
pub(crate) async fn refuse(
    tx: &mut Tx,
    scan: ScanId,
    why: &str,
    pages: u32,
) -> Result<bool, DatabaseError> {
    let changed = sqlx::query(
        "UPDATE scan SET state = 'refused', why = $2, pages = $3
         WHERE id = $1 AND state = 'received'",
    )
    .bind(scan.to_string())
    .bind(why)
    .bind(i64::from(pages))
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Stores a withdrawal. `false` when the scan is refused, withdrawn or loaded. `attempts` counts from
/// now on how often it was announced again.
pub(crate) async fn withdraw(
    tx: &mut Tx,
    scan: ScanId,
    at: Timestamp,
) -> Result<bool, DatabaseError> {
    let changed = sqlx::query(
        "UPDATE scan SET state = 'withdrawn', news_at = $2, attempts = 0
         WHERE id = $1 AND (state = 'received'
                            OR (state = 'released' AND stage NOT IN ('accepted', 'loaded')))",
    )
    .bind(scan.to_string())
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Stores news about a scan's progress unless later news is there already.
pub(crate) async fn advance(
    tx: &mut Tx,
    scan: ScanId,
    progress: Progress,
    at: Timestamp,
) -> Result<bool, DatabaseError> {
    let changed = sqlx::query(
        "UPDATE scan SET stage = $2, stage_rank = $3,
                         round = CASE WHEN $4 > 0 THEN $4 ELSE round END, news_at = $5
         WHERE id = $1 AND stage_rank < $3",
    )
    .bind(scan.to_string())
    .bind(progress.stage.as_str())
    .bind(progress.rank())
    .bind(if progress.stage == Stage::Loaded { 0 } else { i64::from(progress.round) })
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Notes the record a scan became. A withdrawal that came too late gives way: the record exists, and
/// whoever withdrew must be told.
pub(crate) async fn set_record(
    tx: &mut Tx,
    scan: ScanId,
    record: RecordId,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "UPDATE scan SET record = $2,
                         state = CASE WHEN state = 'withdrawn' THEN 'released' ELSE state END
         WHERE id = $1",
    )
    .bind(scan.to_string())
    .bind(record.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Released scans that are not loaded and had no news since `before`.
pub(crate) async fn overdue(
    tx: &mut Tx,
    before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ScanRow>, DatabaseError> {
    let rows = sqlx::query(
        "UPDATE scan SET news_at = $2
         WHERE id IN (SELECT id FROM scan
                      WHERE state = 'released' AND stage <> 'loaded' AND news_at < $1
                        -- The longer a scan is on the road, the less often it is announced again.
                        AND news_at < $2 - ($2 - received_at) / 8
                      ORDER BY news_at LIMIT $3)
         RETURNING id, municipality, receipt, received_at, sha256, size_bytes, application,
                   declared_form, file_name, state, why, form, pages, page_images, disarmed,
                   findings, stage, round, record, attempts",
    )
    .bind(before.0)
    .bind(now.0)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(read).collect()
}

/// Withdrawn scans that had been released, of which nothing was heard or told since `before`, unless
/// they were announced `times` already. Nobody answers a withdrawal, so that it is told a few times.
pub(crate) async fn withdrawn(
    tx: &mut Tx,
    before: Timestamp,
    now: Timestamp,
    times: u32,
    limit: i64,
) -> Result<Vec<ScanId>, DatabaseError> {
    let rows = sqlx::query(
        "UPDATE scan SET news_at = $2, attempts = attempts + 1
         WHERE id IN (SELECT id FROM scan
                      WHERE state = 'withdrawn' AND stage IS NOT NULL AND attempts < $3
                            AND news_at < $1
                      ORDER BY news_at LIMIT $4)
         RETURNING id",
    )
    .bind(before.0)
    .bind(now.0)
    .bind(times)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| id(row, "scan", "id")).collect()
}

/// Adds a line to a scan's history, unless it says what another line says already.
pub(crate) async fn remember(
    tx: &mut Tx,
    scan: ScanId,
    message: MessageId,
    at: Timestamp,
    kind: &str,
    detail: &str,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO scan_history (scan, message_id, at, kind, detail)
         SELECT $1, $2, $3, $4, $5
         WHERE NOT EXISTS (SELECT 1 FROM scan_history
                           WHERE scan = $1 AND kind = $4 AND detail = $5)",
    )
    .bind(scan.to_string())
    .bind(message.to_string())
    .bind(at.0)
    .bind(kind)
    .bind(detail)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A scan's history, oldest first.
pub(crate) async fn history(
    database: &Database,
    scan: ScanId,
) -> Result<Vec<HistoryRow>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT at, kind, detail FROM scan_history WHERE scan = $1 ORDER BY at, message_id LIMIT 500",
    )
    .bind(scan.to_string())
    .fetch_all(database.read())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryRow {
                at: Timestamp(row.try_get("at")?),
                kind: row.try_get("kind")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

fn read(row: &SqliteRow) -> Result<ScanRow, DatabaseError> {
    let scan: ScanId = id(row, "scan", "id")?;
    let corrupt = |column| DatabaseError::corrupt("scan", column, scan);
    let number = |column: &'static str| row.try_get::<i64, _>(column).map_err(DatabaseError::from);
    let images: Option<String> = row.try_get("page_images")?;
    let stage: Option<String> = row.try_get("stage")?;
    Ok(ScanRow {
        scan: Scan {
            id: scan,
            municipality: id::<MunicipalityCode>(row, "scan", "municipality")?,
            receipt: Receipt {
                number: id(row, "scan", "receipt")?,
                scan,
                sha256: id(row, "scan", "sha256")?,
                size_bytes: u64::try_from(number("size_bytes")?)
                    .map_err(|_| corrupt("size_bytes"))?,
                received_at: Timestamp(number("received_at")?),
            },
            application: application(row, "scan")?,
            state: state(row, scan)?,
        },
        declared_form: optional(row, "scan", "declared_form")?,
        file_name: row.try_get("file_name")?,
        page_images: images.map_or(Ok(Vec::new()), |text| {
            serde_json::from_str(&text).map_err(|_| corrupt("page_images"))
        })?,
        is_disarmed: number("disarmed")? != 0,
        findings: row.try_get("findings")?,
        stage: stage.map(|word| Stage::parse(&word).ok_or_else(|| corrupt("stage"))).transpose()?,
        round: u32::try_from(number("round")?).map_err(|_| corrupt("round"))?,
        record: optional(row, "scan", "record")?,
        attempts: u32::try_from(number("attempts")?).map_err(|_| corrupt("attempts"))?,
    })
}

fn state(row: &SqliteRow, scan: ScanId) -> Result<ScanState, DatabaseError> {
    let word: String = row.try_get("state")?;
    let why: Option<String> = row.try_get("why")?;
    let pages: i64 = row.try_get("pages")?;
    let corrupt = |column| DatabaseError::corrupt("scan", column, scan);
    match word.as_str() {
        "received" => Ok(ScanState::Received),
        "withdrawn" => Ok(ScanState::Withdrawn),
        "refused" => Ok(ScanState::Refused { why: why.ok_or_else(|| corrupt("why"))? }),
        "released" => Ok(ScanState::Released {
            form: optional(row, "scan", "form")?.ok_or_else(|| corrupt("form"))?,
            pages: u32::try_from(pages).map_err(|_| corrupt("pages"))?,
        }),
        _ => Err(corrupt("state")),
    }
}
