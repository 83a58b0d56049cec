//! Why a request about an upload did not do what it asked.

use kakehashi_ingest_core::DeclarationError;
use kakehashi_platform::{DatabaseError, blobs::BlobError};

/// The request does not follow tus 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// `Tus-Resumable` is not 1.0.0.
    #[error("Tus-Resumable is not 1.0.0")]
    Version,
    /// The body is not `application/offset+octet-stream`.
    #[error("the body is not application/offset+octet-stream")]
    MediaType,
    /// A header is missing or malformed.
    #[error("header {0} is missing or malformed")]
    Header(&'static str),
}

/// Why a request about an upload did not do what it asked.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The request does not follow the protocol.
    #[error("not a tus request: {0}")]
    Protocol(#[from] ProtocolError),
    /// The declaration is wrong.
    #[error("upload refused: {0}")]
    Declaration(#[from] DeclarationError),
    /// The municipality has too many unfinished uploads.
    #[error("too many unfinished uploads")]
    TooManyOpen,
    /// There is no such upload, or not of this municipality.
    #[error("no such upload")]
    NotFound,
    /// The part does not start where the upload stands.
    #[error("upload stands at byte {offset}")]
    OffsetConflict {
        /// Where it stands.
        offset: u64,
    },
    /// More bytes than declared.
    #[error("more bytes than declared")]
    TooLong,
    /// The whole does not have the declared digest. Nothing is kept.
    #[error("digest differs from the declared one")]
    DigestMismatch,
    /// Another request is writing to the same upload.
    #[error("another request writes to this upload")]
    Locked,
    /// The body ended early or was silent too long. What came is kept.
    #[error("the upload was interrupted")]
    Interrupted,
    /// The object store.
    #[error("scan could not be stored")]
    Blob(#[from] BlobError),
    /// The database.
    #[error("receipt could not be recorded")]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for ReceiveError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
