//! SQL, one file per table. Rows carry sealed bytes; opening them is the callers' matter.

pub(crate) mod account;
pub(crate) mod history;
pub(crate) mod person;
pub(crate) mod record;
pub(crate) mod session;

use std::str::FromStr;

use kakehashi_platform::DatabaseError;
use sqlx::{Row, sqlite::SqliteRow};

/// Reads a text column as one of our types.
fn parsed<T: FromStr>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<T, DatabaseError> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|_| corrupt(row, table, column))
}

/// Reads a text column that may be null.
fn parsed_option<T: FromStr>(
    row: &SqliteRow,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, DatabaseError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|text| text.parse().map_err(|_| corrupt(row, table, column))).transpose()
}

fn corrupt(row: &SqliteRow, table: &'static str, column: &'static str) -> DatabaseError {
    let id: String = row.try_get("id").unwrap_or_default();
    DatabaseError::corrupt(table, column, id)
}
