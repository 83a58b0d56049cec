//! What certificates and trust must be like.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod profile;
mod trust;
