//! The relay: carries outbox rows to the queue, in order, until shutdown.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    embedded::{EmbeddedQueue, QueueError},
    outbox,
};
use crate::{
    database::{Database, DatabaseError},
    runtime::worker::{self, Round},
};

const BATCH: i64 = 200;

/// Why a round of the relay failed.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The component's database.
    #[error("outbox cannot be read")]
    Outbox(#[from] DatabaseError),
    /// The queue.
    #[error("queue does not take messages")]
    Queue(#[from] QueueError),
}

/// Runs until the token is cancelled. `hint` wakes it up after a commit; a timer looks every second
/// in case a hint was lost.
pub async fn run(
    name: &'static str,
    database: Database,
    queue: Arc<EmbeddedQueue>,
    hint: Arc<Notify>,
    token: CancellationToken,
) {
    worker::run(name, Duration::from_secs(1), &hint, &token, || round(&database, &queue)).await;
}

/// Publishes one batch. Published before removed: a crash between the two repeats messages and loses
/// none.
///
/// # Errors
///
/// [`RelayError`].
pub async fn round(database: &Database, queue: &EmbeddedQueue) -> Result<Round, RelayError> {
    let waiting = outbox::waiting(database, BATCH).await?;
    if waiting.is_empty() {
        return Ok(Round::Idle);
    }
    let (sequences, messages): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    queue.publish(&messages).await?;
    outbox::remove_published(database, &sequences).await?;
    Ok(Round::Busy)
}
