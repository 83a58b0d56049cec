//! The registry's decisions: what a record may become, who may see it, which person it is about,
//! which other record stands beside it, and how long a guessed password must wait.
//!
//! Pure: time, ids and answers come in, values go out. Nothing here stores, seals or sends.

#![warn(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

pub mod access;
pub mod account;
pub mod entry;
pub mod load;
pub mod person;
pub mod record;

pub use access::{Denied, Ownership, Permit, Reader};
pub use account::{AccountRole, Lockout};
pub use entry::Action;
pub use person::{Heading, Match};
pub use record::{Source, State};
