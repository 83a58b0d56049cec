//! The words every crate shares: identifiers, digests, dates, check digits, text keys and limits.
//!
//! Pure: no I/O, no clock, no randomness. Time and ids come in through [`Clock`] and [`Ids`].

pub mod check_digit;
pub mod code;
pub mod date;
pub mod digest;
pub mod id;
pub mod limits;
pub mod programme;
pub mod sensitive;
pub mod text;
pub mod time;

pub use code::{LotNumber, MunicipalityCode, ReceiptNumber};
pub use date::{CivilDate, EraReading, PartialDate};
pub use digest::Sha256Digest;
pub use id::{
    AccountId, DocumentId, Ids, LotId, MessageId, PersonId, RecordId, RequestId, ReturnId, ScanId,
};
pub use programme::{FormKey, Programme};
pub use sensitive::Sensitive;
pub use time::{Clock, Timestamp};
