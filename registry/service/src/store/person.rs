//! Persons and the keyed indexes they are found by.

use kakehashi_kernel::{PersonId, Timestamp};
use kakehashi_platform::{DatabaseError, Tx};
use kakehashi_registry_core::person::Candidates;
use sqlx::Row;

use super::parsed;

/// More namesakes than this are not looked at one by one: two already are a conflict.
const NAMESAKES_MAX: i64 = 20;

/// A person's index of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonKey {
    pub(crate) kind: String,
    pub(crate) index: String,
}

/// The indexes of one form.
#[derive(Debug, Clone, Default)]
pub(crate) struct PersonKeys {
    pub(crate) recipient: Option<PersonKey>,
    pub(crate) recipient_birth: Option<PersonKey>,
    pub(crate) name_birth_place: Option<PersonKey>,
}

/// Who is known under a form's indexes.
pub(crate) async fn candidates(
    tx: &mut Tx,
    keys: &PersonKeys,
) -> Result<Candidates, DatabaseError> {
    let by_recipient = with_key(tx, keys.recipient_birth.as_ref()).await?;
    let by_name = with_key(tx, keys.name_birth_place.as_ref()).await?;
    let mut with_other_number = Vec::new();
    if let Some(key) = &keys.recipient {
        for person in &by_name {
            let numbers = indexes(tx, *person, &key.kind).await?;
            if !numbers.is_empty() && !numbers.contains(&key.index) {
                with_other_number.push(*person);
            }
        }
    }
    Ok(Candidates { by_recipient, by_name, with_other_number })
}

pub(crate) async fn insert(
    tx: &mut Tx,
    person: PersonId,
    at: Timestamp,
) -> Result<(), DatabaseError> {
    sqlx::query("INSERT INTO person (id, created_at) VALUES ($1, $2)")
        .bind(person.to_string())
        .bind(at.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Lets a person be found by a form's indexes from now on.
pub(crate) async fn add_keys(
    tx: &mut Tx,
    person: PersonId,
    keys: &PersonKeys,
) -> Result<(), DatabaseError> {
    for key in
        [&keys.recipient, &keys.recipient_birth, &keys.name_birth_place].into_iter().flatten()
    {
        sqlx::query(
            "INSERT INTO person_key (kind, key_index, person_id) VALUES ($1, $2, $3)
             ON CONFLICT (kind, key_index, person_id) DO NOTHING",
        )
        .bind(&key.kind)
        .bind(&key.index)
        .bind(person.to_string())
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn with_key(tx: &mut Tx, key: Option<&PersonKey>) -> Result<Vec<PersonId>, DatabaseError> {
    let Some(key) = key else { return Ok(Vec::new()) };
    let rows = sqlx::query(
        "SELECT person_id, person_id AS id FROM person_key
         WHERE kind = $1 AND key_index = $2 ORDER BY person_id LIMIT $3",
    )
    .bind(&key.kind)
    .bind(&key.index)
    .bind(NAMESAKES_MAX)
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| parsed(row, "person_key", "person_id")).collect()
}

async fn indexes(tx: &mut Tx, person: PersonId, kind: &str) -> Result<Vec<String>, DatabaseError> {
    let rows = sqlx::query("SELECT key_index FROM person_key WHERE person_id = $1 AND kind = $2")
        .bind(person.to_string())
        .bind(kind)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(|row| Ok(row.try_get("key_index")?)).collect()
}
