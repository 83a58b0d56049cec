//! The published specification of a form version, made from its definition: what a hospital's vendor
//! implements from. One set of tables, shown as one HTML page and as one XLSX workbook.
//!
//! Pure. What it does not do: the XSD of a form (see `kakehashi-xml`), which the specification names.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

mod format;
mod html;
mod table;
mod tables;
mod xlsx;

pub use html::html;
pub use table::Table;
pub use tables::tables;
pub use xlsx::{CannotWrite, xlsx};
