//! Ingest: receives scans from municipalities, examines them, and tells how far each one is.
//!
//! Reading order: [`receive`] (resumable upload to receipt), [`examine`] (inspection to verdict),
//! [`follow`] (everybody's news to one history), [`sweep`] (what heals itself), then `store` and
//! `http`. It opens no PDF itself: that is the sandboxed inspector's work ([`inspector`]).

mod books;
pub mod examine;
pub mod follow;
mod http;
pub mod inspector;
mod pages;
mod problem;
pub mod receive;
mod service;
mod settings;
mod store;
pub mod sweep;
mod withdraw;

pub use service::{Ingest, Ports};
pub use settings::Settings;

/// The tables, from version 1001.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// The consumer's name on the queue.
pub const CONSUMER: &str = "ingest";

/// The kinds of messages it asks for.
pub const CONSUMES: &[&str] = &[
    "document_in_lot",
    "document_handed_over",
    "document_sent_back",
    "document_stuck",
    "document_accepted",
    "record_loaded",
];
