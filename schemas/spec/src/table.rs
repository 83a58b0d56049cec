//! One table of a specification.

/// A heading, column names, rows of texts. Every row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Short and unique: the sheet's name (at most 31 characters) and the HTML anchor.
    pub title: &'static str,
    /// A sentence on what the table is, empty when the title says it.
    pub note: String,
    /// Column names.
    pub columns: Vec<&'static str>,
    /// Cells, as texts.
    pub rows: Vec<Vec<String>>,
}
