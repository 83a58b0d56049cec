//! The embedded database: SQLite with a write-ahead log, one writer, several readers.
//!
//! The only place that knows how a connection is opened and how a write transaction begins. The SQL
//! texts of the components use `$1` placeholders and nothing that PostgreSQL does not know, so that
//! the second adapter needs no second text.

use std::{fmt, path::Path, time::Duration};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

static GROUND: Migrator = sqlx::migrate!("./migrations");

/// A write transaction.
pub type Tx = Transaction<'static, Sqlite>;

/// One component's database.
#[derive(Debug, Clone)]
pub struct Database {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The driver or the disk.
    #[error("database does not answer")]
    Driver(#[from] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("database schema cannot be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row does not decode.
    #[error("corrupt value in {table}.{column}, row {row}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// Which row, by id.
        row: String,
    },
}

impl DatabaseError {
    /// Names a value that does not decode.
    pub fn corrupt(table: &'static str, column: &'static str, row: impl fmt::Display) -> Self {
        Self::Corrupt { table, column, row: format!("{row}") }
    }
}

impl Database {
    /// Opens or creates the database file and migrates it: first the ground every component stands
    /// on (outbox, inbox, audit; versions below 1000), then the component's own tables (from 1001).
    ///
    /// # Errors
    ///
    /// [`DatabaseError`] when the file cannot be opened or holds an unknown schema.
    pub async fn open(path: &Path, migrations: &Migrator) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await?;
        let all = GROUND.iter().chain(migrations.iter()).cloned().collect();
        Migrator::with_migrations(all).run(&writer).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self { writer, reader })
    }

    /// Begins a write transaction. It holds the one write lock: keep it short, and wait for nothing
    /// but the database while it is open.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Driver`].
    pub async fn write(&self) -> Result<Tx, DatabaseError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The pool for reading.
    pub fn read(&self) -> &SqlitePool {
        &self.reader
    }

    /// Closes all connections after their work.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}
