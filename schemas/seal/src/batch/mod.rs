//! The sealed batch: checked forms on their way from a hospital to the registry.
//!
//! ```text
//! batch.age = age( tar( manifest.json  manifest.sig  batch.xml ) )
//! ```
//!
//! The manifest says what is inside and who sends it; `manifest.sig` is the sender's Ed25519 signature over
//! the exact bytes of `manifest.json`, in base64 and a line end. Anybody with the right identity can look at a
//! batch with `age -d` and `tar`, and can make one of valid parts with `tar` and `age -r`.
//!
//! Pure and streaming: bytes are pushed in, bytes come out, keys and randomness are passed in. Nothing here
//! knows what a form is.

mod manifest;
mod open;
mod refusal;
mod seal;
mod sender;
mod tar;

pub use manifest::{BATCH_FORMAT, BatchContent, BatchForms, BatchManifest, BatchTool, Definitions};
pub use open::{BatchOpener, OpenedBatch};
pub use refusal::BatchRefusal;
pub use seal::{BatchSealer, SealError};
pub use sender::{
    InvalidSender, KnownSender, KnownSenders, SenderCode, SenderKey, SenderPublicKey,
};

/// Bytes of one manifest at most. One that names every form version there is takes 150 KiB.
pub const MANIFEST_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one batch's forms at most.
pub const BATCH_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Senders a registry knows at most.
pub const SENDERS_MAX: usize = 10_000;
