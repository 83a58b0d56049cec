//! The registry as the gateway sees it: whole router, temporary database and objects, a clock that is
//! moved by hand.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod access;
mod accounts;
mod entry;
mod every_form;
mod house;
mod load;
mod sealed;
mod table;
