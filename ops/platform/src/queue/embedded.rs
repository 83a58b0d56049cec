//! The embedded queue: a table of deliveries with leases, and a wake-up within the process.
//!
//! Each consumer has its own copy of every message of the kinds it asked for. A delivery is leased,
//! then acknowledged (deleted) or put back with a delay; after
//! [`MESSAGE_ATTEMPTS_MAX`](kakehashi_kernel::limits::MESSAGE_ATTEMPTS_MAX) attempts it is a dead
//! letter that a person looks at. Losing the whole table loses no form: a sweeper re-emits what is
//! overdue.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use kakehashi_contract::Message;
use kakehashi_kernel::{Clock, limits};
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

/// Who consumes which kinds of messages.
pub type Bindings = &'static [(&'static str, &'static [&'static str])];

/// The queue of one process.
pub struct EmbeddedQueue {
    pool: SqlitePool,
    bindings: Bindings,
    wake: BTreeMap<&'static str, Arc<Notify>>,
    clock: Arc<dyn Clock>,
}

/// The queue does not work.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Its table.
    #[error("queue table does not answer")]
    Driver(#[from] sqlx::Error),
    /// A message that does not encode.
    #[error("message cannot be written")]
    Message(#[from] serde_json::Error),
}

/// A leased message.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// 1 for the first attempt.
    pub attempt: u32,
    row: i64,
    lease: i64,
}

impl EmbeddedQueue {
    /// Opens or creates the queue's table.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn open(
        path: &Path,
        bindings: Bindings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, QueueError> {
        // Synchronous NORMAL: a power cut may lose the last messages, and the sweeper repeats them.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::raw_sql(
            "CREATE TABLE IF NOT EXISTS delivery (
                 id         INTEGER PRIMARY KEY AUTOINCREMENT,
                 consumer   TEXT NOT NULL,
                 message_id TEXT NOT NULL,
                 body       TEXT NOT NULL,
                 attempts   INTEGER NOT NULL DEFAULT 0,
                 ready_at   INTEGER NOT NULL,
                 dead       INTEGER NOT NULL DEFAULT 0,
                 UNIQUE (consumer, message_id)
             );
             CREATE INDEX IF NOT EXISTS delivery_ready ON delivery (consumer, dead, ready_at);",
        )
        .execute(&pool)
        .await?;
        // Leases of a process that died end here; a process that lives has its message handled twice
        // at worst, which every handler must bear anyway.
        sqlx::query("UPDATE delivery SET ready_at = $1 WHERE ready_at > $1")
            .bind(clock.now().0)
            .execute(&pool)
            .await?;
        let wake = bindings.iter().map(|(name, _)| (*name, Arc::new(Notify::new()))).collect();
        Ok(Self { pool, bindings, wake, clock })
    }

    /// Takes messages, in one transaction: after this returns, every consumer will see them.
    ///
    /// # Errors
    ///
    /// [`QueueError`]; then none was taken.
    pub async fn publish(&self, messages: &[Message]) -> Result<(), QueueError> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        for message in messages {
            let body = serde_json::to_string(message)?;
            for consumer in self.consumers_of(message.event.kind()) {
                sqlx::query(
                    "INSERT INTO delivery (consumer, message_id, body, ready_at)
                     VALUES ($1, $2, $3, $4) ON CONFLICT (consumer, message_id) DO NOTHING",
                )
                .bind(consumer)
                .bind(message.id.to_string())
                .bind(&body)
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
            }
        }
        tx.commit().await?;
        for wake in self.wake.values() {
            wake.notify_one();
        }
        Ok(())
    }

    /// Leases up to `limit` messages for `lease_ms`. A lease that runs out is leased again.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn lease(
        &self,
        consumer: &str,
        limit: u32,
        lease_ms: i64,
    ) -> Result<Vec<Delivery>, QueueError> {
        let now = self.clock.now();
        let until = now.plus_ms(lease_ms).0;
        let rows = sqlx::query(
            "UPDATE delivery SET attempts = attempts + 1, ready_at = $1
             WHERE id IN (SELECT id FROM delivery
                          WHERE consumer = $2 AND dead = 0 AND ready_at <= $3
                          ORDER BY id LIMIT $4)
             RETURNING id, body, attempts",
        )
        .bind(until)
        .bind(consumer)
        .bind(now.0)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let mut leased = Vec::with_capacity(rows.len());
        for row in &rows {
            let (id, attempt): (i64, u32) = (row.try_get("id")?, row.try_get("attempts")?);
            let message = serde_json::from_str(row.try_get("body")?);
            match message {
                Ok(message) if attempt <= limits::MESSAGE_ATTEMPTS_MAX => {
                    leased.push(Delivery { message, attempt, row: id, lease: until });
                }
                // It kills whoever handles it, or nobody can read it: the others must not wait for it.
                Ok(_) => self.bury(id, "it was never acknowledged nor put back").await?,
                Err(_) => self.bury(id, "it cannot be read").await?,
            }
        }
        leased.sort_by_key(|delivery| delivery.row);
        Ok(leased)
    }

    /// Acknowledges handled messages. A lease that ran out meanwhile is not acknowledged; the repeat
    /// is caught by the inbox.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn acknowledge(&self, delivery: &Delivery) -> Result<(), QueueError> {
        sqlx::query("DELETE FROM delivery WHERE id = $1 AND ready_at = $2")
            .bind(delivery.row)
            .bind(delivery.lease)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts a message back for `delay_ms`, or makes it a dead letter after too many attempts.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn put_back(&self, delivery: &Delivery, delay_ms: i64) -> Result<(), QueueError> {
        let is_dead = delivery.attempt >= limits::MESSAGE_ATTEMPTS_MAX;
        sqlx::query("UPDATE delivery SET ready_at = $1, dead = $2 WHERE id = $3 AND ready_at = $4")
            .bind(self.clock.now().plus_ms(delay_ms).0)
            .bind(is_dead)
            .bind(delivery.row)
            .bind(delivery.lease)
            .execute(&self.pool)
            .await?;
        if is_dead {
            let kind = delivery.message.event.kind();
            tracing::error!(message.id = %delivery.message.id, kind, "message is a dead letter");
        }
        Ok(())
    }

    async fn bury(&self, row: i64, why: &str) -> Result<(), QueueError> {
        sqlx::query("UPDATE delivery SET dead = 1 WHERE id = $1")
            .bind(row)
            .execute(&self.pool)
            .await?;
        tracing::error!(delivery = row, "message is a dead letter: {why}");
        Ok(())
    }

    /// How many messages wait or are being handled, and how many are dead letters.
    ///
    /// # Errors
    ///
    /// [`QueueError`].
    pub async fn depth(&self) -> Result<(u64, u64), QueueError> {
        let row = sqlx::query(
            "SELECT COALESCE(SUM(1 - dead), 0) AS live, COALESCE(SUM(dead), 0) AS dead FROM delivery",
        )
        .fetch_one(&self.pool)
        .await?;
        let count = |column| row.try_get::<i64, _>(column).map(|n| u64::try_from(n).unwrap_or(0));
        Ok((count("live")?, count("dead")?))
    }

    /// The wake-up of a consumer.
    pub fn wake(&self, consumer: &str) -> Arc<Notify> {
        self.wake.get(consumer).cloned().unwrap_or_default()
    }

    fn consumers_of(&self, kind: &str) -> impl Iterator<Item = &'static str> {
        self.bindings
            .iter()
            .filter(move |(_, kinds)| kinds.contains(&kind))
            .map(|(consumer, _)| *consumer)
    }
}
