//! The converter: lots out to the contractor, returns back in, corrections round again.
//!
//! It collects released scans (`collect`), seals them into lots (`seal`), hands lots over and takes
//! them back when a lease runs out (`hand_over`), stores what the contractor delivers
//! (`take_back`) and only then looks into it (`validate`). It never sees an original or a PDF, and
//! it does not know who loads what it accepted.

mod collect;
mod converter;
mod failure;
mod hand_over;
mod http;
mod reading;
mod seal;
mod settings;
mod show;
mod store;
mod take_back;
mod validate;

pub use converter::{CONSUMES, Converter, Ports};
pub use failure::{AskError, Failure, Refusal};
pub use settings::Settings;
pub use store::StoreError;

/// The converter's tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
