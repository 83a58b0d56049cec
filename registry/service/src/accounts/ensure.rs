//! Makes accounts.

use kakehashi_kernel::{AccountId, Programme, Sensitive};
use kakehashi_registry_core::account::{AccountRole, LOGIN_CHARACTERS_MAX, is_acceptable_password};

use super::{fact, login_index_of};
use crate::{
    error::RegistryError,
    registry::Registry,
    sealing::Place,
    store::{self, account::AccountRow},
};

/// An account to be. Its zone follows from its role.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What is typed to sign in; unique within the organisation.
    pub login: String,
    /// At least 13 characters.
    pub password: Sensitive<String>,
    /// The name shown on pages.
    pub name: Sensitive<String>,
    /// What the holder does.
    pub role: AccountRole,
    /// Institution or municipality code, as in the certificates of its devices.
    pub organisation: String,
    /// The programmes granted.
    pub programmes: Vec<Programme>,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The password is too short or too long.
    #[error("a password has 13 to 200 characters")]
    Password,
    /// The login is empty or too long.
    #[error("a login has 1 to 64 characters")]
    Login,
    /// Ours to fix.
    #[error("account could not be stored")]
    Failed(#[from] RegistryError),
}

pub(crate) async fn ensure(registry: &Registry, new: NewAccount) -> Result<(), AccountError> {
    let login = new.login.trim();
    if login.is_empty() || login.chars().count() > LOGIN_CHARACTERS_MAX {
        return Err(AccountError::Login);
    }
    if !is_acceptable_password(new.password.expose()) {
        return Err(AccountError::Password);
    }
    let zone = new.role.zone();
    let index = login_index_of(registry, zone.as_str(), &new.organisation, login);
    if store::account::by_login(registry.database.read(), &index)
        .await
        .map_err(RegistryError::from)?
        .is_some()
    {
        return Ok(());
    }
    let entropy = registry.entropy.as_ref();
    let hash = registry.passwords.hash(new.password, entropy).await?;
    insert(registry, &index, &hash, new.role, &new.organisation, &new.name, &new.programmes)
        .await
        .map_err(AccountError::Failed)
}

async fn insert(
    registry: &Registry,
    index: &str,
    hash: &str,
    role: AccountRole,
    organisation: &str,
    name: &Sensitive<String>,
    programmes: &[Programme],
) -> Result<(), RegistryError> {
    let id = AccountId::generate(registry.ids.as_ref());
    let row = id.to_string();
    let place = |column| Place { table: "account", column, row: &row };
    let account = AccountRow {
        id,
        role,
        zone: role.zone(),
        organisation: organisation.to_owned(),
        name_sealed: registry.seals.seal(place("name"), name.expose().as_bytes()),
        password_sealed: registry.seals.seal(place("password"), hash.as_bytes()),
        programmes: programmes.to_vec(),
    };
    let now = registry.clock.now();
    let mut tx = registry.database.write().await?;
    if store::account::insert(&mut tx, index, &account, now).await? {
        let fact = fact("registry".to_owned(), "account.create", row.clone(), "ok");
        registry.audit.append(&mut tx, now, fact).await?;
        tx.commit().await?;
    }
    Ok(())
}
