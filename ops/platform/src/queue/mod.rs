//! Messages between components: outbox and inbox in each component's database, and the embedded
//! queue between them.
//!
//! The database is the truth; the queue only carries news and may be lost. A component emits into
//! its outbox in the transaction that changes its state ([`outbox::emit`]), the [`relay`] carries the
//! rows to the queue, the queue keeps a copy for every consumer until it is acknowledged, and a
//! consumer records each message id in its inbox in the transaction that handles it.

pub mod consume;
pub mod embedded;
pub mod inbox;
pub mod outbox;
pub mod relay;

pub use consume::{Handler, HandlerError, Handling, consume};
pub use embedded::{Delivery, EmbeddedQueue, QueueError};
