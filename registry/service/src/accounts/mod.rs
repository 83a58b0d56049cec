//! Who is who: accounts, signing in, sessions.
//!
//! An account belongs to one zone and one organisation and is looked up from certificates of that
//! organisation only; from anywhere else its login does not exist.

mod ensure;
pub(crate) mod pages;
mod password;
mod session;
mod sign_in;

use kakehashi_contract::{AuditFact, Identity};
use kakehashi_kernel::{AccountId, text};

pub(crate) use ensure::ensure;
pub use ensure::{AccountError, NewAccount};
pub(crate) use password::Passwords;
pub(crate) use session::{SignedIn, sweep};

use crate::registry::Registry;

/// How the audit trail names somebody signed in.
pub(crate) fn actor(identity: &Identity, account: AccountId) -> String {
    format!("{identity} {account}")
}

/// The index a login is found by, from one zone and organisation.
fn login_index(registry: &Registry, identity: &Identity, login: &str) -> String {
    login_index_of(registry, identity.zone.as_str(), &identity.organisation, login)
}

fn login_index_of(registry: &Registry, zone: &str, organisation: &str, login: &str) -> String {
    let login = text::to_half_width(login.trim()).to_lowercase();
    registry.seals.index("account.login", &format!("{zone}|{organisation}|{login}"))
}

fn fact(actor: String, action: &str, subject: String, outcome: &str) -> AuditFact {
    AuditFact {
        actor,
        action: action.to_owned(),
        subject,
        outcome: outcome.to_owned(),
        detail: String::new(),
    }
}
