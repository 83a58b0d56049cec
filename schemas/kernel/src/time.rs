//! Instants. Stored and exchanged as milliseconds since the Unix epoch, shown in Japan time.

use std::fmt;

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::date::CivilDate;

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Tells the time. Passed in everywhere, so that tests can move it.
pub trait Clock: Send + Sync {
    /// Answers the present instant.
    fn now(&self) -> Timestamp;
}

impl Timestamp {
    /// Answers the instant `milliseconds` later.
    #[must_use]
    pub const fn plus_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Answers the civil date in Japan (UTC+9, no daylight saving time since 1951).
    pub fn date_in_japan(self) -> CivilDate {
        CivilDate::from_jiff(self.in_japan().date())
    }

    /// Shows the instant as a clerk reads it: `2026-11-23 09:05:07`, Japan time.
    pub fn display_japan(self) -> String {
        self.in_japan().strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn in_japan(self) -> jiff::Zoned {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        instant.to_zoned(TimeZone::fixed(Offset::constant(9)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{instant:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_changes_at_fifteen_hours_utc() {
        assert_eq!(Timestamp(1_795_359_599_999).date_in_japan().to_string(), "2026-11-22");
        assert_eq!(Timestamp(1_795_359_600_000).date_in_japan().to_string(), "2026-11-23");
        assert_eq!(Timestamp(1_795_359_600_000).to_string(), "2026-11-22T15:00:00.000Z");
        assert_eq!(Timestamp(1_795_359_600_000).display_japan(), "2026-11-23 00:00:00");
    }
}
