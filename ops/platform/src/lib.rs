//! The ground every component stands on: objects, queue, database, audit, web, certificates, runtime.
//!
//! It knows nothing of scans, lots or records: it depends on the schemas only.

pub mod audit;
pub mod blobs;
pub mod database;
pub mod mtls;
pub mod pki;
pub mod queue;
pub mod runtime;
pub mod web;

pub use audit::{Audit, AuditError};
pub use database::{Database, DatabaseError, Tx};
