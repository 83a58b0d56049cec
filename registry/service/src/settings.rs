//! What an operator may set.

use kakehashi_registry_core::account::{Lockout, SessionLife};
use serde::{Deserialize, Serialize};

/// The registry's part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a session lives.
    pub session: SessionLife,
    /// How failures at signing in delay the next attempt.
    pub lockout: Lockout,
    /// Records on one page of a list, 1 to 100.
    pub records_per_page: u32,
    /// Passwords checked at the same time. Each takes 19 MiB.
    pub password_checks_max: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            session: SessionLife::default(),
            lockout: Lockout::default(),
            records_per_page: 25,
            password_checks_max: 4,
        }
    }
}
