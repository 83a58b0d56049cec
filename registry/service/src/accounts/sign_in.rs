//! Signs in: counts the attempt, checks the password, opens a session.

use kakehashi_contract::Identity;
use kakehashi_kernel::{Sensitive, Sha256Digest, Timestamp};
use kakehashi_registry_core::account::{LOGIN_CHARACTERS_MAX, PASSWORD_CHARACTERS_MAX};

use super::{actor, fact, login_index};
use crate::{error::RegistryError, registry::Registry, sealing::Place, store};

const TOKEN_BYTES: usize = 32;

/// What came of an attempt. Says nothing about whether the login exists.
pub(super) enum Attempt {
    /// Signed in: the cookie's token.
    SignedIn { token: Sensitive<String> },
    /// Login or password is wrong.
    Wrong,
    /// Too many failures: not before this instant.
    Locked { until: Timestamp },
}

pub(super) async fn sign_in(
    registry: &Registry,
    identity: &Identity,
    login: &str,
    password: Sensitive<String>,
) -> Result<Attempt, RegistryError> {
    let is_oversized = login.chars().count() > LOGIN_CHARACTERS_MAX
        || password.expose().chars().count() > PASSWORD_CHARACTERS_MAX;
    let login = if is_oversized { "" } else { login };
    let index = login_index(registry, identity, login);
    if let Some(until) = count_attempt(registry, identity, &index).await? {
        return Ok(Attempt::Locked { until });
    }
    let account = store::account::by_login(registry.database.read(), &index).await?;
    let stored = match &account {
        Some(account) => {
            let row = account.id.to_string();
            let place = Place { table: "account", column: "password", row: &row };
            Some(registry.seals.open_text(place, &account.password_sealed)?)
        }
        None => None,
    };
    let password = if is_oversized { Sensitive::default() } else { password };
    let is_right = registry.passwords.is_right(password, stored).await?;
    if let Some(account) = account.filter(|_| is_right) {
        let token = open_session(registry, identity, &index, &account).await?;
        return Ok(Attempt::SignedIn { token });
    }
    let mut tx = registry.database.write().await?;
    let fact = fact(identity.to_string(), "sign-in", "account".to_owned(), "wrong");
    registry.audit.append(&mut tx, registry.clock.now(), fact).await?;
    tx.commit().await?;
    Ok(Attempt::Wrong)
}

/// Counts the attempt as failed before the password is looked at, so that attempts made at the same
/// time are all counted. Answers until when attempts are refused, if they are.
async fn count_attempt(
    registry: &Registry,
    identity: &Identity,
    index: &str,
) -> Result<Option<Timestamp>, RegistryError> {
    let now = registry.clock.now();
    let mut tx = registry.database.write().await?;
    let before = store::session::failures(&mut tx, index).await?;
    if let Some(before) = before.filter(|before| before.locked_until > now) {
        let fact = fact(identity.to_string(), "sign-in", "account".to_owned(), "locked");
        registry.audit.append(&mut tx, now, fact).await?;
        tx.commit().await?;
        return Ok(Some(before.locked_until));
    }
    let failures = before.map_or(0, |before| before.failures).saturating_add(1);
    let until = registry.settings.lockout.until(failures, now);
    store::session::set_failures(&mut tx, index, failures, until, now).await?;
    tx.commit().await?;
    Ok(None)
}

async fn open_session(
    registry: &Registry,
    identity: &Identity,
    index: &str,
    account: &store::account::AccountRow,
) -> Result<Sensitive<String>, RegistryError> {
    let mut bytes = [0; TOKEN_BYTES];
    registry.entropy.fill(&mut bytes);
    let token = hex::encode(bytes);
    let digest = Sha256Digest::of(token.as_bytes());
    let now = registry.clock.now();
    let mut tx = registry.database.write().await?;
    store::session::clear_failures(&mut tx, index).await?;
    store::session::insert(&mut tx, digest, account.id, identity.certificate, now).await?;
    let who = actor(identity, account.id);
    registry.audit.append(&mut tx, now, fact(who, "sign-in", account.id.to_string(), "ok")).await?;
    tx.commit().await?;
    Ok(Sensitive::new(token))
}
