//! The converter's tables. One SQL text each; a transition names the state it starts from.

pub(crate) mod document;
pub(crate) mod lot;
pub(crate) mod returned;

use std::str::FromStr;

use kakehashi_platform::DatabaseError;
use sqlx::{Decode, Row as _, Sqlite, Type};

/// A connection, in or outside a transaction.
pub(crate) type Connection = sqlx::SqliteConnection;
type Row = sqlx::sqlite::SqliteRow;

/// Why a table did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or a value in it is corrupt.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The row is not in the state it was read in: somebody else was faster.
    #[error("{table} {row} moved meanwhile")]
    Moved {
        /// Which table.
        table: &'static str,
        /// Which row, by id.
        row: String,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Checks that a guarded update found its row.
fn moved_one(
    result: &sqlx::sqlite::SqliteQueryResult,
    table: &'static str,
    row: &impl ToString,
) -> Result<(), StoreError> {
    if result.rows_affected() == 1 {
        return Ok(());
    }
    Err(StoreError::Moved { table, row: row.to_string() })
}

/// Reads columns of one row and names the place of a value that does not decode.
struct Columns<'r> {
    row: &'r Row,
    table: &'static str,
    id: String,
}

impl<'r> Columns<'r> {
    fn new(row: &'r Row, table: &'static str, id: &str) -> Result<Self, StoreError> {
        Ok(Self { row, table, id: row.try_get(id)? })
    }

    fn corrupt(&self, column: &'static str) -> StoreError {
        DatabaseError::corrupt(self.table, column, &self.id).into()
    }

    fn value<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        Ok(self.row.try_get(column)?)
    }

    fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.value::<i64>(column)?).map_err(|_| self.corrupt(column))
    }

    fn text<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.value::<&str>(column)?.parse().map_err(|_| self.corrupt(column))
    }

    fn optional_text<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text = self.value::<Option<&str>>(column)?;
        text.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.value(column)?).map_err(|_| self.corrupt(column))
    }
}

/// Writes a value of ours as JSON.
fn json(
    value: &impl serde::Serialize,
    table: &'static str,
    column: &'static str,
    row: impl std::fmt::Display,
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| DatabaseError::corrupt(table, column, row).into())
}
