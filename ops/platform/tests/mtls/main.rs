//! What certificates and trust must be like, and whom a component serves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod component;
mod ground;
mod ocsp;
mod profile;
mod trust;
