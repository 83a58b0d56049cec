//! What goes wrong: refusals, which the contractor must act on, and failures, which are ours.

use kakehashi_converter_core::{InvalidTransition, TakeRefusal};
use kakehashi_kernel::{FormKey, ReturnId};
use kakehashi_platform::{DatabaseError, blobs::BlobError};

use crate::store::StoreError;

/// Ours to fix; the work is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database.
    #[error("converter's tables do not answer")]
    Store(#[from] StoreError),
    /// The object store.
    #[error("converter's objects cannot be reached")]
    Blob(#[from] BlobError),
    /// Our own bookkeeping disagrees with itself.
    #[error("an aggregate is in an impossible state")]
    State(#[from] InvalidTransition),
    /// An object is not what its digest says.
    #[error("object {key} does not have the digest it was recorded with")]
    Changed {
        /// Which object.
        key: String,
    },
    /// A document names a form that this program does not know.
    #[error("no definition of form {0}")]
    UnknownForm(FormKey),
    /// A value of ours cannot be written as JSON or XML.
    #[error("{what} cannot be written")]
    Unwritable {
        /// What.
        what: &'static str,
    },
    /// A thread of ours ended badly while it examined a return.
    #[error("examination of return {0} ended badly")]
    Examination(ReturnId),
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Why a contractor does not get what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such lot.
    #[error("no such lot")]
    LotUnknown,
    /// The lot cannot be taken.
    #[error(transparent)]
    Take(TakeRefusal),
    /// The contractor does not hold the lot.
    #[error("the lot is not handed over to this contractor")]
    LotNotHeld,
    /// The lot has no such document.
    #[error("no such document in the lot")]
    DocumentUnknown,
    /// The document is decided or withdrawn: its pages are no longer shown.
    #[error("the document is no longer outstanding")]
    DocumentDone,
    /// The document has no such page.
    #[error("no such page")]
    PageUnknown,
    /// There is no such return of this contractor.
    #[error("no such return")]
    ReturnUnknown,
    /// The body is empty.
    #[error("the return is empty")]
    ReturnEmpty,
    /// The body is not XML by its own account.
    #[error("the return is not sent as XML")]
    ReturnNotXml,
    /// The body is too large.
    #[error("the return is too large")]
    ReturnTooLarge,
    /// The body did not arrive whole.
    #[error("the return did not arrive whole")]
    ReturnTorn,
    /// The lot has had more returns than any honest work needs.
    #[error("too many returns of one lot")]
    TooManyReturns,
    /// Too many returns arrive at once.
    #[error("too many returns at once")]
    Busy,
    /// The address holds something that is not an id, a number or a word we know.
    #[error("malformed address")]
    Malformed,
    /// There is no such form version.
    #[error("no such form version")]
    FormUnknown,
}

/// Why a request does not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The contractor must act.
    #[error("refused")]
    Refused(#[from] Refusal),
    /// We must act.
    #[error("failed")]
    Failed(#[from] Failure),
}

macro_rules! asked {
    ($($cause:ty),*) => {$(
        impl From<$cause> for AskError {
            fn from(cause: $cause) -> Self {
                Self::Failed(cause.into())
            }
        }
    )*};
}

asked!(StoreError, DatabaseError, BlobError, InvalidTransition, sqlx::Error);

impl From<TakeRefusal> for AskError {
    fn from(refusal: TakeRefusal) -> Self {
        Self::Refused(Refusal::Take(refusal))
    }
}
