//! The inbox: which messages were handled.

use kakehashi_kernel::{MessageId, Timestamp};

use crate::database::{DatabaseError, Tx};

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
    Ok(inserted.rows_affected() == 1)
}
