//! What can fail in the registry: ours to fix, never the reader's doing.

use std::fmt::Display;

use kakehashi_kernel::{FormKey, ScanId};
use kakehashi_platform::{DatabaseError, blobs::BlobError};
use kakehashi_seal::OpenError;

/// A failure. Names places by ids and codes only.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database.
    #[error("registry database failed")]
    Database(#[from] DatabaseError),
    /// An object.
    #[error("object cannot be read")]
    Blob(#[from] BlobError),
    /// A sealed column does not open.
    #[error("sealed value in {table}.{column}, row {row}, does not open")]
    Sealed {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row.
        row: String,
        /// Why.
        source: OpenError,
    },
    /// Bytes are not those their digest names.
    #[error("object {key} does not have the digest it was announced with")]
    WrongDigest {
        /// Which object.
        key: String,
    },
    /// An accepted document cannot be read as a form.
    #[error("converted document of scan {scan} cannot be read: {why}")]
    Unreadable {
        /// Which scan.
        scan: ScanId,
        /// Why, without content.
        why: String,
    },
    /// A form version this registry has no definition of.
    #[error("no definition of form {form}")]
    UnknownForm {
        /// Which form.
        form: FormKey,
    },
    /// A record vanished or changed between two statements of one transaction.
    #[error("record {record} was not in the state the change expects")]
    Conflict {
        /// Which record.
        record: String,
    },
    /// A password cannot be hashed.
    #[error("password hashing failed")]
    Hashing,
    /// Work off the event loop ended abnormally.
    #[error("background work was lost")]
    Lost(#[from] tokio::task::JoinError),
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl RegistryError {
    pub(crate) fn corrupt(table: &'static str, column: &'static str, row: impl Display) -> Self {
        Self::Database(DatabaseError::corrupt(table, column, row))
    }
}
