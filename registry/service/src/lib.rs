//! The registry: doctors enter forms, converted scans are loaded, both stand side by side.
//!
//! Reading order: [`registry`] (what it is made of and what it offers), `entry` (a doctor's form),
//! `load` (a converted scan), `place` (what both do to store, match and link a record), `records` (who
//! sees it and how), `accounts` (who is who). What is decided lives in `kakehashi-registry-core`; how a
//! form is checked and judged in `kakehashi-forms`. It never parses a PDF and knows no upload.

mod accounts;
mod entry;
mod error;
mod examine;
mod load;
mod place;
mod problem;
mod records;
pub mod registry;
mod routes;
mod sealing;
mod settings;
mod store;
mod view;

pub use accounts::{AccountError, NewAccount};
pub use error::RegistryError;
pub use kakehashi_registry_core::account::{AccountRole, Lockout, SessionLife};
pub use registry::{CONSUMER, CONSUMES, Counts, MIGRATIONS, Ports, Registry};
pub use settings::Settings;
