//! Accounts and their grants.

use kakehashi_contract::Zone;
use kakehashi_kernel::{AccountId, Programme, Timestamp};
use kakehashi_platform::{DatabaseError, Tx};
use kakehashi_registry_core::AccountRole;
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};

use super::parsed;

/// One account.
pub(crate) struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) role: AccountRole,
    pub(crate) zone: Zone,
    pub(crate) organisation: String,
    pub(crate) name_sealed: Vec<u8>,
    pub(crate) password_sealed: Vec<u8>,
    pub(crate) programmes: Vec<Programme>,
}

/// Inserts an account unless its login is taken; tells whether it was inserted.
pub(crate) async fn insert(
    tx: &mut Tx,
    login_index: &str,
    account: &AccountRow,
    at: Timestamp,
) -> Result<bool, DatabaseError> {
    let id = account.id.to_string();
    let inserted = sqlx::query(
        "INSERT INTO account (id, login_index, role, zone, organisation, name_sealed,
                              password_sealed, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (login_index) DO NOTHING",
    )
    .bind(&id)
    .bind(login_index)
    .bind(account.role.as_str())
    .bind(account.zone.as_str())
    .bind(&account.organisation)
    .bind(&account.name_sealed)
    .bind(&account.password_sealed)
    .bind(at.0)
    .execute(&mut **tx)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    for programme in &account.programmes {
        sqlx::query(
            "INSERT INTO account_grant (account_id, programme) VALUES ($1, $2)
             ON CONFLICT (account_id, programme) DO NOTHING",
        )
        .bind(&id)
        .bind(programme.as_str())
        .execute(&mut **tx)
        .await?;
    }
    Ok(true)
}

pub(crate) async fn by_login(
    pool: &SqlitePool,
    login_index: &str,
) -> Result<Option<AccountRow>, DatabaseError> {
    let row = sqlx::query(
        "SELECT id, role, zone, organisation, name_sealed, password_sealed
         FROM account WHERE login_index = $1",
    )
    .bind(login_index)
    .fetch_optional(pool)
    .await?;
    match row {
        Some(row) => Ok(Some(decode(pool, &row).await?)),
        None => Ok(None),
    }
}

pub(crate) async fn by_id(
    pool: &SqlitePool,
    id: AccountId,
) -> Result<Option<AccountRow>, DatabaseError> {
    let row = sqlx::query(
        "SELECT id, role, zone, organisation, name_sealed, password_sealed
         FROM account WHERE id = $1",
    )
    .bind(id.to_string())
    .fetch_optional(pool)
    .await?;
    match row {
        Some(row) => Ok(Some(decode(pool, &row).await?)),
        None => Ok(None),
    }
}

/// The sealed names of an organisation's accounts.
pub(crate) async fn names(
    pool: &SqlitePool,
    zone: Zone,
    organisation: &str,
) -> Result<Vec<(String, Vec<u8>)>, DatabaseError> {
    let rows =
        sqlx::query("SELECT id, name_sealed FROM account WHERE zone = $1 AND organisation = $2")
            .bind(zone.as_str())
            .bind(organisation)
            .fetch_all(pool)
            .await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("name_sealed")?))).collect()
}

async fn decode(pool: &SqlitePool, row: &SqliteRow) -> Result<AccountRow, DatabaseError> {
    let id: AccountId = parsed(row, "account", "id")?;
    let grants = sqlx::query(
        "SELECT account_id AS id, programme FROM account_grant WHERE account_id = $1
         ORDER BY programme",
    )
    .bind(id.to_string())
    .fetch_all(pool)
    .await?;
    Ok(AccountRow {
        id,
        role: parsed(row, "account", "role")?,
        zone: parsed(row, "account", "zone")?,
        organisation: row.try_get("organisation")?,
        name_sealed: row.try_get("name_sealed")?,
        password_sealed: row.try_get("password_sealed")?,
        programmes: grants
            .iter()
            .map(|grant| parsed(grant, "account_grant", "programme"))
            .collect::<Result<_, _>>()?,
    })
}
