//! Accounts: roles, passwords' length, the delay after failures, the life of a session.

use std::{fmt, str::FromStr};

use kakehashi_contract::Zone;
use kakehashi_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::UnknownWord;

/// Fewest characters of a password without second factor (medical information security guideline 6.0,
/// Q&A on system operation 54: 13 characters need no forced change).
pub const PASSWORD_CHARACTERS_MIN: usize = 13;
/// Most characters of a password. Bounds the work of one sign-in.
pub const PASSWORD_CHARACTERS_MAX: usize = 200;
/// Most characters of a login.
pub const LOGIN_CHARACTERS_MAX: usize = 64;

/// What somebody signed in does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountRole {
    /// 指定医.
    Doctor,
    /// 自治体職員.
    MunicipalStaff,
}

impl AccountRole {
    /// Every role.
    pub const ALL: [Self; 2] = [Self::Doctor, Self::MunicipalStaff];

    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::MunicipalStaff => "municipal-staff",
        }
    }

    /// The only zone the role works in.
    pub const fn zone(self) -> Zone {
        match self {
            Self::Doctor => Zone::Entry,
            Self::MunicipalStaff => Zone::Municipal,
        }
    }
}

impl fmt::Display for AccountRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AccountRole {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownWord)
    }
}

/// Tells whether a password is long enough to be set, and not too long to be checked.
pub fn is_acceptable_password(password: &str) -> bool {
    (PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX).contains(&password.chars().count())
}

/// How failures at signing in delay the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lockout {
    /// Failures in a row that cost nothing.
    pub free_attempts: u32,
    /// Seconds of the first delay. Every further failure doubles it.
    pub first_delay_seconds: u32,
    /// Longest delay in seconds.
    pub delay_seconds_max: u32,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { free_attempts: 4, first_delay_seconds: 30, delay_seconds_max: 3600 }
    }
}

impl Lockout {
    /// Answers until when attempts are refused after `failures` failures in a row, the last one at
    /// `at`. Answers `at` itself while failures are free.
    pub fn until(&self, failures: u32, at: Timestamp) -> Timestamp {
        let Some(beyond) = failures.checked_sub(self.free_attempts).filter(|n| *n > 0) else {
            return at;
        };
        let doubled = u64::from(self.first_delay_seconds) << (beyond - 1).min(20);
        let seconds = doubled.min(u64::from(self.delay_seconds_max));
        at.plus_ms(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
    }
}

/// When a session was opened and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// Signed in.
    pub opened: Timestamp,
    /// Last seen.
    pub used: Timestamp,
}

/// How long a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionLife {
    /// Minutes without a request after which it ends.
    pub idle_minutes: u32,
    /// Minutes after signing in at which it ends whatever happens.
    pub minutes_max: u32,
}

impl Default for SessionLife {
    fn default() -> Self {
        Self { idle_minutes: 30, minutes_max: 12 * 60 }
    }
}

impl SessionLife {
    /// Tells whether a session is still good at `now`.
    pub fn is_alive(&self, times: &SessionTimes, now: Timestamp) -> bool {
        now <= times.used.plus_ms(minutes(self.idle_minutes))
            && now <= times.opened.plus_ms(minutes(self.minutes_max))
    }

    /// Sessions last used before this instant, and those opened before the second one, are over.
    pub fn ended_before(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        (now.plus_ms(-minutes(self.idle_minutes)), now.plus_ms(-minutes(self.minutes_max)))
    }
}

fn minutes(count: u32) -> i64 {
    i64::from(count) * 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_with_failures_up_to_an_hour() {
        let seconds = |failures| {
            Lockout::default().until(failures, Timestamp(1_000)).plus_ms(-1_000).0 / 1000
        };
        let delays: Vec<i64> = (0..=14).map(seconds).collect();
        assert_eq!(delays, [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(seconds(u32::MAX), 3600);
    }

    #[test]
    fn a_session_ends_when_idle_and_at_its_age() {
        let life = SessionLife { idle_minutes: 30, minutes_max: 60 };
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        let alive = |opened, used, now| {
            life.is_alive(&SessionTimes { opened: at(opened), used: at(used) }, at(now))
        };
        assert!(alive(0, 0, 30));
        assert!(!alive(0, 0, 31));
        assert!(alive(0, 50, 60));
        assert!(!alive(0, 59, 61));
    }

    #[test]
    fn passwords_are_long_but_not_endless() {
        assert!(is_acceptable_password("correct-horse"));
        assert!(is_acceptable_password("あいうえおかきくけこさしす"));
        assert!(!is_acceptable_password("twelve-chars"));
        assert!(!is_acceptable_password(&"x".repeat(201)));
    }

    #[test]
    fn roles_are_read_back_and_have_one_zone() {
        for role in AccountRole::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!(AccountRole::Doctor.zone(), Zone::Entry);
        assert_eq!(AccountRole::MunicipalStaff.zone(), Zone::Municipal);
        assert!("root".parse::<AccountRole>().is_err());
    }
}
