//! The audit chain of one component, written in the same transaction as what it tells about.

use futures_util::TryStreamExt;
use kakehashi_contract::{
    AuditEntry, AuditFact, AuditKey,
    audit::{AuditBroken, AuditHead, AuditVerifier},
};
use kakehashi_kernel::Timestamp;
use sqlx::Row;

use crate::database::{Database, DatabaseError, Tx};

/// A component's audit chain: its name and key.
#[derive(Debug, Clone)]
pub struct Audit {
    chain: &'static str,
    key: AuditKey,
}

/// Why a chain could not be verified, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The chain does not hold.
    #[error(transparent)]
    Broken(#[from] AuditBroken),
    /// The database does not answer.
    #[error("audit chain cannot be read")]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for AuditError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Audit {
    /// Names the chain and its key.
    pub const fn new(chain: &'static str, key: AuditKey) -> Self {
        Self { chain, key }
    }

    /// Appends a fact. The write transaction holds the database's only write lock, so the chain
    /// cannot fork.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`]; the caller's transaction must then not commit.
    pub async fn append(
        &self,
        tx: &mut Tx,
        at: Timestamp,
        fact: AuditFact,
    ) -> Result<(), DatabaseError> {
        let head = self.head(&mut **tx).await?;
        let (entry, next) = head.append(&self.key, at, fact);
        sqlx::query(
            "INSERT INTO audit_entry (sequence, at, actor, action, subject, outcome, detail, digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(signed(entry.sequence))
        .bind(entry.at.0)
        .bind(entry.fact.actor)
        .bind(entry.fact.action)
        .bind(entry.fact.subject)
        .bind(entry.fact.outcome)
        .bind(entry.fact.detail)
        .bind(entry.digest.to_string())
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "INSERT INTO audit_head (chain, entries, digest, seal) VALUES ($1, $2, $3, $4)
             ON CONFLICT (chain) DO UPDATE
             SET entries = excluded.entries, digest = excluded.digest, seal = excluded.seal",
        )
        .bind(self.chain)
        .bind(signed(next.entries))
        .bind(next.digest.to_string())
        .bind(next.seal.to_string())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Verifies the whole chain and answers the number of entries.
    ///
    /// # Errors
    ///
    /// [`AuditError::Broken`] naming the first place where it does not hold.
    pub async fn verify(&self, database: &Database) -> Result<u64, AuditError> {
        // One snapshot for entries and head, so that writers do not disturb the comparison.
        let mut snapshot = database.read().begin().await?;
        let head = self.head(&mut *snapshot).await?;
        let mut verifier = AuditVerifier::new(&self.key, self.chain);
        {
            let mut rows = sqlx::query(
                "SELECT sequence, at, actor, action, subject, outcome, detail, digest
                 FROM audit_entry ORDER BY sequence",
            )
            .fetch(&mut *snapshot);
            while let Some(row) = rows.try_next().await? {
                verifier.take(&entry(&row)?)?;
            }
        }
        Ok(verifier.finish(&head)?)
    }

    /// The history of one subject, oldest first, at most `limit` entries.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`].
    pub async fn history(
        &self,
        database: &Database,
        subject: &str,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT sequence, at, actor, action, subject, outcome, detail, digest
             FROM audit_entry WHERE subject = $1 ORDER BY sequence LIMIT $2",
        )
        .bind(subject)
        .bind(i64::from(limit))
        .fetch_all(database.read())
        .await?;
        rows.iter().map(entry).collect()
    }

    async fn head<'e, E>(&self, executor: E) -> Result<AuditHead, DatabaseError>
    where
        E: sqlx::Executor<'e, Database = sqlx::Sqlite>,
    {
        let row = sqlx::query("SELECT entries, digest, seal FROM audit_head WHERE chain = $1")
            .bind(self.chain)
            .fetch_optional(executor)
            .await?;
        let Some(row) = row else { return Ok(AuditHead::empty(&self.key, self.chain)) };
        let corrupt = |column| DatabaseError::corrupt("audit_head", column, self.chain);
        let digest = |column: &'static str| {
            row.try_get::<String, _>(column)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| corrupt(column))
        };
        Ok(AuditHead {
            entries: u64::try_from(row.try_get::<i64, _>("entries")?)
                .map_err(|_| corrupt("entries"))?,
            digest: digest("digest")?,
            seal: digest("seal")?,
        })
    }
}

fn entry(row: &sqlx::sqlite::SqliteRow) -> Result<AuditEntry, DatabaseError> {
    let sequence: i64 = row.try_get("sequence")?;
    let corrupt = |column| DatabaseError::corrupt("audit_entry", column, sequence);
    Ok(AuditEntry {
        sequence: u64::try_from(sequence).map_err(|_| corrupt("sequence"))?,
        at: Timestamp(row.try_get("at")?),
        fact: AuditFact {
            actor: row.try_get("actor")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            outcome: row.try_get("outcome")?,
            detail: row.try_get("detail")?,
        },
        digest: row.try_get::<String, _>("digest")?.parse().map_err(|_| corrupt("digest"))?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
