//! The tables of returns and of the verdicts about their documents.

use kakehashi_converter_core::{Extent, Verdict};
use kakehashi_forms::Finding;
use kakehashi_kernel::{DocumentId, LotId, ReturnId, Sha256Digest, Timestamp};

use super::{Columns, Connection, Row, StoreError, json, moved_one};

const TABLE: &str = "lot_return";

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct ReturnRow {
    pub(crate) id: ReturnId,
    pub(crate) lot: LotId,
    pub(crate) contractor: String,
    pub(crate) digest: Sha256Digest,
    pub(crate) extent: Extent,
    pub(crate) size_bytes: u64,
    pub(crate) state: ReturnState,
    pub(crate) received_at: Timestamp,
    pub(crate) attempts: u32,
}

/// Where a return is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReturnState {
    /// Stored, not looked into.
    Received,
    /// Every document of it has a verdict.
    Validated {
        /// Forms that do not say which document they are.
        nameless: u32,
    },
    /// Unreadable as a whole.
    Refused {
        /// Why.
        why: Finding,
    },
}

impl ReturnState {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Validated { .. } => "validated",
            Self::Refused { .. } => "refused",
        }
    }

    pub(crate) const fn why(&self) -> Option<&Finding> {
        match self {
            Self::Received | Self::Validated { .. } => None,
            Self::Refused { why } => Some(why),
        }
    }

    pub(crate) const fn nameless(&self) -> u32 {
        match self {
            Self::Validated { nameless } => *nameless,
            Self::Received | Self::Refused { .. } => 0,
        }
    }
}

/// The verdict about one document of a return.
#[derive(Debug, Clone)]
pub(crate) struct VerdictRow {
    pub(crate) document: DocumentId,
    pub(crate) round: u32,
    pub(crate) verdict: Verdict,
    pub(crate) findings: Vec<Finding>,
}

/// Inserts a return unless the same bytes came before; tells whether it did.
pub(crate) async fn insert(tx: &mut Connection, row: &ReturnRow) -> Result<bool, StoreError> {
    let result = sqlx::query(
        "INSERT INTO lot_return (id, lot_id, contractor, digest, extent, size_bytes, state,
                                 received_at, retry_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (lot_id, contractor, digest, extent) DO NOTHING",
    )
    .bind(row.id.to_string())
    .bind(row.lot.to_string())
    .bind(&row.contractor)
    .bind(row.digest.to_string())
    .bind(row.extent.as_str())
    .bind(i64::try_from(row.size_bytes).unwrap_or(i64::MAX))
    .bind(row.state.as_str())
    .bind(row.received_at.0)
    .execute(tx)
    .await?;
    Ok(result.rows_affected() == 1)
}

pub(crate) async fn find(
    connection: &mut Connection,
    id: ReturnId,
) -> Result<Option<ReturnRow>, StoreError> {
    let row = sqlx::query(
        "SELECT id, lot_id, contractor, digest, extent, size_bytes, state, why, nameless,
                received_at, attempts
         FROM lot_return WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// The return of a contractor that holds the same bytes.
pub(crate) async fn find_same(
    connection: &mut Connection,
    lot: LotId,
    contractor: &str,
    digest: Sha256Digest,
    extent: Extent,
) -> Result<Option<ReturnRow>, StoreError> {
    let row = sqlx::query(
        "SELECT id, lot_id, contractor, digest, extent, size_bytes, state, why, nameless,
                received_at, attempts
         FROM lot_return WHERE lot_id = $1 AND contractor = $2 AND digest = $3 AND extent = $4",
    )
    .bind(lot.to_string())
    .bind(contractor)
    .bind(digest.to_string())
    .bind(extent.as_str())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(decode).transpose()
}

/// How many returns a lot has had.
pub(crate) async fn count(connection: &mut Connection, lot: LotId) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM lot_return WHERE lot_id = $1")
        .bind(lot.to_string())
        .fetch_one(connection)
        .await?;
    Ok(count)
}

/// Returns to look into now, oldest first, at most `limit`. Of one lot only the oldest: its returns are
/// looked into in the order they came, also when the first must be tried again.
pub(crate) async fn waiting(
    connection: &mut Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ReturnRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, lot_id, contractor, digest, extent, size_bytes, state, why, nameless,
                received_at, attempts
         FROM lot_return AS candidate
         WHERE state = 'received' AND retry_at <= $1
           AND NOT EXISTS (SELECT 1 FROM lot_return AS earlier
                           WHERE earlier.lot_id = candidate.lot_id AND earlier.state = 'received'
                             AND (earlier.received_at < candidate.received_at
                                  OR (earlier.received_at = candidate.received_at
                                      AND earlier.id < candidate.id)))
         ORDER BY received_at, id LIMIT $2",
    )
    .bind(now.0)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(decode).collect()
}

/// Notes that looking into a return failed, and when to try again.
pub(crate) async fn postpone(
    tx: &mut Connection,
    id: ReturnId,
    retry_at: Timestamp,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE lot_return SET attempts = attempts + 1, retry_at = $1
         WHERE id = $2 AND state = 'received'",
    )
    .bind(retry_at.0)
    .bind(id.to_string())
    .execute(tx)
    .await?;
    moved_one(&result, TABLE, &id)
}

/// Concludes a return that was received.
pub(crate) async fn conclude(
    tx: &mut Connection,
    id: ReturnId,
    state: &ReturnState,
) -> Result<(), StoreError> {
    let result = sqlx::query(
        "UPDATE lot_return SET state = $1, why = $2, nameless = $3
         WHERE id = $4 AND state = 'received'",
    )
    .bind(state.as_str())
    .bind(state.why().map(|why| json(why, TABLE, "why", id)).transpose()?)
    .bind(i64::from(state.nameless()))
    .bind(id.to_string())
    .execute(tx)
    .await?;
    moved_one(&result, TABLE, &id)
}

pub(crate) async fn add_verdict(
    tx: &mut Connection,
    id: ReturnId,
    place: usize,
    row: &VerdictRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO verdict (return_id, place, scan_id, round, verdict, findings)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id.to_string())
    .bind(i64::try_from(place).unwrap_or(i64::MAX))
    .bind(row.document.to_string())
    .bind(i64::from(row.round))
    .bind(row.verdict.as_str())
    .bind(json(&row.findings, "verdict", "findings", id)?)
    .execute(tx)
    .await?;
    Ok(())
}

/// The verdicts of a return, in the order of the manifest, then the unexpected.
pub(crate) async fn verdicts(
    connection: &mut Connection,
    id: ReturnId,
) -> Result<Vec<VerdictRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT scan_id, round, verdict, findings FROM verdict WHERE return_id = $1 ORDER BY place",
    )
    .bind(id.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let columns = Columns::new(row, "verdict", "scan_id")?;
            Ok(VerdictRow {
                document: columns.text("scan_id")?,
                round: columns.number("round")?,
                verdict: Verdict::from_word(columns.value("verdict")?)
                    .ok_or_else(|| columns.corrupt("verdict"))?,
                findings: columns.json("findings")?,
            })
        })
        .collect()
}

fn decode(row: &Row) -> Result<ReturnRow, StoreError> {
    let columns = Columns::new(row, TABLE, "id")?;
    let state = match columns.value::<&str>("state")? {
        "received" => ReturnState::Received,
        "validated" => ReturnState::Validated { nameless: columns.number("nameless")? },
        "refused" => ReturnState::Refused { why: columns.json("why")? },
        _ => return Err(columns.corrupt("state")),
    };
    Ok(ReturnRow {
        id: columns.text("id")?,
        lot: columns.text("lot_id")?,
        contractor: columns.value("contractor")?,
        digest: columns.text("digest")?,
        extent: Extent::from_word(columns.value("extent")?)
            .ok_or_else(|| columns.corrupt("extent"))?,
        size_bytes: columns.number("size_bytes")?,
        state,
        received_at: Timestamp(columns.value("received_at")?),
        attempts: columns.number("attempts")?,
    })
}
