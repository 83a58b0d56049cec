//! The book of ingest.

use kakehashi_contract::books::{BookLine, BookState};
use kakehashi_ingest_core::Stage;
use kakehashi_platform::{Database, DatabaseError};
use sqlx::Row;

use crate::store;

/// One line for every scan ever receipted.
pub(crate) async fn lines(database: &Database) -> Result<Vec<BookLine>, DatabaseError> {
    let rows = sqlx::query("SELECT id, state, stage, pages FROM scan ORDER BY id")
        .fetch_all(database.read())
        .await?;
    rows.iter()
        .map(|row| {
            let state: String = row.try_get("state")?;
            let reached: Option<String> = row.try_get("stage")?;
            let is_loaded = reached.as_deref() == Some(Stage::Loaded.as_str());
            let scan = store::id(row, "scan", "id")?;
            let state = match state.as_str() {
                "refused" => BookState::Refused,
                "withdrawn" => BookState::Withdrawn,
                _ if is_loaded => BookState::Loaded,
                "received" | "released" => BookState::InProgress,
                _ => return Err(DatabaseError::corrupt("scan", "state", scan)),
            };
            Ok(BookLine { scan, state, pages: row.try_get("pages")? })
        })
        .collect()
}
