//! A consumer: leases messages, hands them to a handler, acknowledges or puts back.

use std::{
    error::Error, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration,
};

use futures_util::FutureExt;
use kakehashi_contract::Message;
use tokio_util::sync::CancellationToken;

use super::embedded::{Delivery, EmbeddedQueue, QueueError};
use crate::runtime::worker::{self, Round, chain};

const BATCH: u32 = 32;
const LEASE_MS: i64 = 5 * 60 * 1000;

/// The work on one message.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send + 'a>>;

/// Why a message was not handled; it is put back.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Handles messages, each perhaps more than once. An error puts the message back.
pub trait Handler: Send + Sync {
    /// Handles one message.
    fn handle<'a>(&'a self, message: &'a Message) -> Handling<'a>;
}

/// Runs a consumer until the token is cancelled. One message that fails does not delay the others:
/// it is put back with a growing delay.
pub async fn consume(
    name: &'static str,
    queue: Arc<EmbeddedQueue>,
    handler: Arc<dyn Handler>,
    token: CancellationToken,
) {
    let hint = queue.wake(name);
    worker::run(name, Duration::from_secs(1), &hint, &token, || {
        round(name, &queue, handler.as_ref(), &token)
    })
    .await;
}

async fn round(
    name: &'static str,
    queue: &EmbeddedQueue,
    handler: &dyn Handler,
    token: &CancellationToken,
) -> Result<Round, QueueError> {
    let deliveries = queue.lease(name, BATCH, LEASE_MS).await?;
    let found = if deliveries.is_empty() { Round::Idle } else { Round::Busy };
    for delivery in &deliveries {
        if token.is_cancelled() {
            queue.put_back(delivery, 0).await?;
        } else {
            deliver(name, queue, handler, delivery).await?;
        }
    }
    Ok(found)
}

async fn deliver(
    name: &'static str,
    queue: &EmbeddedQueue,
    handler: &dyn Handler,
    delivery: &Delivery,
) -> Result<(), QueueError> {
    let message = &delivery.message;
    let outcome = AssertUnwindSafe(handler.handle(message)).catch_unwind().await;
    match outcome.unwrap_or_else(|_| Err("the handler panicked".into())) {
        Ok(()) => queue.acknowledge(delivery).await,
        Err(error) => {
            tracing::warn!(
                consumer = name,
                message.id = %message.id,
                kind = message.event.kind(),
                attempt = delivery.attempt,
                error = chain(error.as_ref()),
                "message could not be handled and was put back"
            );
            queue.put_back(delivery, 500i64 << delivery.attempt.min(8)).await
        }
    }
}
