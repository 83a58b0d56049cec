//! Instants. Stored and exchanged as milliseconds since the Unix epoch, shown in Japan time.

use std::{fmt, str::FromStr};

use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

use crate::date::CivilDate;

/// An instant in milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// The text is not an instant of RFC 3339 with its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an instant is written 2026-11-23T09:05:07+09:00")]
pub struct InvalidTimestamp;

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

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339, with `T`, seconds and an offset; digits beyond milliseconds are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (local, rest) = text.split_at_checked(19).ok_or(InvalidTimestamp)?;
        let has_shape = |text: &str, shape: &str| {
            text.len() == shape.len()
                && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
                    b'0' => byte.is_ascii_digit(),
                    b'+' => matches!(byte, b'+' | b'-'),
                    _ => byte == wanted,
                })
        };
        let offset = match rest.strip_prefix('.') {
            Some(fraction) => {
                let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
                if !(1..=9).contains(&digits) {
                    return Err(InvalidTimestamp);
                }
                fraction.get(digits..).unwrap_or_default()
            }
            None => rest,
        };
        if !has_shape(local, "0000-00-00T00:00:00")
            || !(offset == "Z" || has_shape(offset, "+00:00"))
        {
            return Err(InvalidTimestamp);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Self(instant.as_millisecond()))
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

    #[test]
    fn an_instant_survives_its_own_text() {
        let instant = Timestamp(1_795_359_600_123);
        assert_eq!(instant.to_string().parse(), Ok(instant));
        assert_eq!("2026-11-23T00:00:00.123456+09:00".parse(), Ok(instant));
        for odd in [
            "2026-11-23",
            "2026-11-23T00:00:00",
            "2026-11-23 00:00:00Z",
            "2026-11-23T00:00Z",
            "2026-13-23T00:00:00Z",
            "2026-11-23T00:00:00.Z",
            "2026-11-23T00:00:00+0900",
            "2026-11-23T00:00:00Z[Asia/Tokyo]",
            "２０２６-11-23T00:00:00Z",
        ] {
            assert_eq!(odd.parse::<Timestamp>(), Err(InvalidTimestamp), "{odd}");
        }
    }
}
