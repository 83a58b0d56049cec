//! The outbox: messages that leave with the transaction that made them true.

use kakehashi_contract::Message;
use sqlx::Row;

use crate::database::{Database, DatabaseError, Tx};

/// Adds a message to the outbox. A message whose id is there already is not added again.
///
/// # Errors
///
/// [`DatabaseError`].
pub async fn emit(tx: &mut Tx, message: &Message) -> Result<(), DatabaseError> {
    let body = serde_json::to_string(message)
        .map_err(|_| DatabaseError::corrupt("outbox", "body", message.id))?;
    sqlx::query(
        "INSERT INTO outbox (message_id, kind, body) VALUES ($1, $2, $3)
         ON CONFLICT (message_id) DO NOTHING",
    )
    .bind(message.id.to_string())
    .bind(message.event.kind())
    .bind(body)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A row that no longer decodes; a person looks. `sequence` is the place in the outbox.
const UNREADABLE: i64 = 2;

/// Messages not yet published, oldest first, with their place. A row that does not decode is set aside:
/// those behind it must not wait for it.
pub(super) async fn waiting(
    database: &Database,
    limit: i64,
) -> Result<Vec<(i64, Message)>, DatabaseError> {
    let rows = sqlx::query(
        "SELECT sequence, body FROM outbox WHERE published = 0 ORDER BY sequence LIMIT $1",
    )
    .bind(limit)
    .fetch_all(database.read())
    .await?;
    let mut messages = Vec::with_capacity(rows.len());
    for row in &rows {
        let sequence: i64 = row.try_get("sequence")?;
        match serde_json::from_str(row.try_get("body")?) {
            Ok(message) => messages.push((sequence, message)),
            Err(_) => set_aside(database, sequence).await?,
        }
    }
    Ok(messages)
}

async fn set_aside(database: &Database, sequence: i64) -> Result<(), DatabaseError> {
    let mut tx = database.write().await?;
    sqlx::query("UPDATE outbox SET published = $1 WHERE sequence = $2")
        .bind(UNREADABLE)
        .bind(sequence)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    tracing::error!(sequence, "a message of the outbox cannot be read and was set aside");
    Ok(())
}

/// Removes messages that were published. Their ids are random: none comes again.
pub(super) async fn remove_published(
    database: &Database,
    sequences: &[i64],
) -> Result<(), DatabaseError> {
    let mut tx = database.write().await?;
    for sequence in sequences {
        sqlx::query("DELETE FROM outbox WHERE sequence = $1")
            .bind(sequence)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
