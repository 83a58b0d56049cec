//! Rows of uploads and scans. Each function is one statement or one decision of the database.

pub(crate) mod scan;
pub(crate) mod upload;

use std::str::FromStr;

use kakehashi_contract::ApplicationKind;
use kakehashi_platform::DatabaseError;
use sqlx::{Row, sqlite::SqliteRow};

/// Reads a typed value out of a text column.
pub(crate) fn id<T: FromStr>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, DatabaseError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| DatabaseError::corrupt(table, column, text))
}

/// Reads a typed value out of a text column that may be empty.
pub(crate) fn optional<T: FromStr>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, DatabaseError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| DatabaseError::corrupt(table, column, text)))
        .transpose()
}

/// The word for new or renewal.
pub(crate) const fn application_word(kind: ApplicationKind) -> &'static str {
    match kind {
        ApplicationKind::New => "new",
        ApplicationKind::Renewal => "renewal",
    }
}

/// Reads the word for new or renewal.
pub(crate) fn application(
    row: &SqliteRow,
    table: &'static str,
) -> Result<ApplicationKind, DatabaseError> {
    let word: String = row.try_get("application")?;
    match word.as_str() {
        "new" => Ok(ApplicationKind::New),
        "renewal" => Ok(ApplicationKind::Renewal),
        _ => Err(DatabaseError::corrupt(table, "application", word)),
    }
}

/// A number for a signed column.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
