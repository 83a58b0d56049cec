//! The inbox: which messages were handled.

use kakehashi_kernel::{MessageId, Timestamp};

use crate::database::{DatabaseError, Tx};

/// How long a handled message is remembered: far longer than any queue keeps one. Handlers bear a
/// repeat after that too, as they bear news that is told again under another id.
const REMEMBERED_MS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Records a message as handled and tells whether this is the first time. Call it first in the
/// handler's transaction; on `false` there is nothing to do.
///
/// # Errors
///
/// [`DatabaseError`].
pub async fn is_first_time(
    tx: &mut Tx,
    message: MessageId,
    at: Timestamp,
) -> Result<bool, DatabaseError> {
    let inserted = sqlx::query(
        "INSERT INTO inbox (message_id, handled_at) VALUES ($1, $2)
         ON CONFLICT (message_id) DO NOTHING",
    )
    .bind(message.to_string())
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    // Two leave for one that comes, so that the table does not grow for ever.
    sqlx::query(
        "DELETE FROM inbox WHERE message_id IN
             (SELECT message_id FROM inbox WHERE handled_at < $1 ORDER BY handled_at LIMIT 2)",
    )
    .bind(at.plus_ms(-REMEMBERED_MS).0)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
