//! Write-once objects, sealed before they touch the disk.
//!
//! [`ObjectFolder`] stores bytes under keys, create-only and durable; [`Vault`] seals and opens them
//! under the key of the first part of their name; [`StagedObject`] grows while a client uploads.

mod folder;
mod staged;
mod vault;

pub use folder::{ObjectFolder, Put};
pub use staged::StagedObject;
pub use vault::Vault;

/// Why an object could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The disk.
    #[error("object store does not answer")]
    Io(#[from] std::io::Error),
    /// The object does not open: changed, moved, or another key.
    #[error("object {key} does not open")]
    Sealed {
        /// Which object.
        key: String,
        /// Why.
        source: kakehashi_seal::OpenError,
    },
    /// This process does not hold the key for such objects.
    #[error("no sealing key for object {key}")]
    NoKey {
        /// Which object.
        key: String,
    },
    /// The key is not one of ours.
    #[error("not an object key: {key}")]
    BadKey {
        /// Which key.
        key: String,
    },
    /// An object that must exist does not.
    #[error("object {key} is missing")]
    Missing {
        /// Which object.
        key: String,
    },
}

impl BlobError {
    /// Tells whether the disk is full: the sender may try again later, nothing was stored.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io(error) => matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::FileTooLarge
            ),
            Self::Sealed { .. }
            | Self::NoKey { .. }
            | Self::BadKey { .. }
            | Self::Missing { .. } => false,
        }
    }
}
