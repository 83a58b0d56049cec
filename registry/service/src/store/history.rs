//! What the audit trail says about one record, newest first.

use kakehashi_contract::AuditFact;
use kakehashi_kernel::{RecordId, Timestamp};
use kakehashi_platform::DatabaseError;
use sqlx::{Row, SqlitePool};

/// One line of the history.
pub(crate) struct HistoryLine {
    pub(crate) at: Timestamp,
    pub(crate) fact: AuditFact,
}

/// The newest entries about a record. Views of single page images are left out: each view of the
/// record causes several.
pub(crate) async fn of_record(
    pool: &SqlitePool,
    record: RecordId,
    limit: u32,
) -> Result<Vec<HistoryLine>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT at, actor, action, subject, outcome, detail FROM audit_entry
         WHERE subject = $1 AND action <> 'record.page' ORDER BY sequence DESC LIMIT $2",
    )
    .bind(record.to_string())
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(HistoryLine {
                at: Timestamp(row.try_get("at")?),
                fact: AuditFact {
                    actor: row.try_get("actor")?,
                    action: row.try_get("action")?,
                    subject: row.try_get("subject")?,
                    outcome: row.try_get("outcome")?,
                    detail: row.try_get("detail")?,
                },
            })
        })
        .collect()
}
