//! Sessions and failures at signing in.

use kakehashi_kernel::{AccountId, Sha256Digest, Timestamp};
use kakehashi_platform::{DatabaseError, Tx};
use sqlx::{Row, SqlitePool};

use super::parsed;

/// One session.
pub(crate) struct SessionRow {
    pub(crate) account: AccountId,
    pub(crate) certificate: Sha256Digest,
    pub(crate) opened_at: Timestamp,
    pub(crate) used_at: Timestamp,
}

/// Failures in a row.
#[derive(Clone, Copy)]
pub(crate) struct Failures {
    pub(crate) failures: u32,
    pub(crate) locked_until: Timestamp,
}

pub(crate) async fn insert(
    tx: &mut Tx,
    token: Sha256Digest,
    account: AccountId,
    certificate: Sha256Digest,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO session (token_digest, account_id, certificate, opened_at, used_at)
         VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(token.to_string())
    .bind(account.to_string())
    .bind(certificate.to_string())
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn find(
    pool: &SqlitePool,
    token: Sha256Digest,
) -> Result<Option<SessionRow>, DatabaseError> {
    let row = sqlx::query(
        "SELECT account_id, account_id AS id, certificate, opened_at, used_at
         FROM session WHERE token_digest = $1",
    )
    .bind(token.to_string())
    .fetch_optional(pool)
    .await?;
    let decode = |row: sqlx::sqlite::SqliteRow| {
        Ok(SessionRow {
            account: parsed(&row, "session", "account_id")?,
            certificate: parsed(&row, "session", "certificate")?,
            opened_at: Timestamp(row.try_get("opened_at")?),
            used_at: Timestamp(row.try_get("used_at")?),
        })
    };
    row.map(decode).transpose()
}

pub(crate) async fn touch(
    tx: &mut Tx,
    token: Sha256Digest,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("UPDATE session SET used_at = $1 WHERE token_digest = $2 AND used_at < $1")
        .bind(at.0)
        .bind(token.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends a session of that certificate; answers whose it was.
pub(crate) async fn end(
    tx: &mut Tx,
    token: Sha256Digest,
    certificate: Sha256Digest,
) -> Result<Option<AccountId>, DatabaseError> {
    let row = sqlx::query(
        "DELETE FROM session WHERE token_digest = $1 AND certificate = $2
         RETURNING account_id, account_id AS id",
    )
    .bind(token.to_string())
    .bind(certificate.to_string())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| parsed(&row, "session", "account_id")).transpose()
}

pub(crate) async fn failures(
    tx: &mut Tx,
    login_index: &str,
) -> Result<Option<Failures>, DatabaseError> {
    let row =
        sqlx::query("SELECT failures, locked_until FROM sign_in_failure WHERE login_index = $1")
            .bind(login_index)
            .fetch_optional(&mut **tx)
            .await?;
    let decode = |row: sqlx::sqlite::SqliteRow| {
        Ok(Failures {
            failures: row.try_get("failures")?,
            locked_until: Timestamp(row.try_get("locked_until")?),
        })
    };
    row.map(decode).transpose()
}

pub(crate) async fn set_failures(
    tx: &mut Tx,
    login_index: &str,
    failures: u32,
    locked_until: Timestamp,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "INSERT INTO sign_in_failure (login_index, failures, locked_until, last_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (login_index) DO UPDATE
         SET failures = excluded.failures, locked_until = excluded.locked_until,
             last_at = excluded.last_at",
    )
    .bind(login_index)
    .bind(failures)
    .bind(locked_until.0)
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) async fn clear_failures(tx: &mut Tx, login_index: &str) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM sign_in_failure WHERE login_index = $1")
        .bind(login_index)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes sessions last used or opened before two instants, and failures last made before a third.
pub(crate) async fn sweep(
    tx: &mut Tx,
    used: Timestamp,
    opened: Timestamp,
    failed: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM session WHERE used_at < $1 OR opened_at < $2")
        .bind(used.0)
        .bind(opened.0)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM sign_in_failure WHERE last_at < $1")
        .bind(failed.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
