//! The formats in which others get our data and give us theirs.
//!
//! Pure: bytes in, bytes out. What it does not do: read the forms' own XML (see `kakehashi-xml`), or store
//! anything.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

pub mod csv;
