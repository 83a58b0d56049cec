//! When a door is open: windows of weekdays and times in Japan, and days on which it stays shut.

use kakehashi_kernel::{CivilDate, Timestamp};
use serde::Deserialize;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
const DAY_MS: i64 = DAY_MINUTES * MINUTE_MS;
/// Japan is nine hours ahead of UTC and has no daylight saving time.
const JAPAN_MS: i64 = 9 * 60 * MINUTE_MS;
/// 1970-01-01 was a Thursday.
const WEEKDAY_OF_DAY_0: i64 = 3;
/// How far ahead the next opening is looked for.
const DAYS_AHEAD_MAX: i64 = 400;
/// Most windows and shut days of one declaration.
const WINDOWS_MAX: usize = 32;
const CLOSED_MAX: usize = 1_000;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A `[hours.NAME]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// `mon-fri 08:30-17:15`, `sat,sun 09:00-12:00`, `daily 00:00-24:00`.
    open: Vec<String>,
    /// Days on which it stays shut: `2027-01-01`.
    #[serde(default)]
    closed: Vec<String>,
}

/// When a door is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hours {
    windows: Vec<Window>,
    /// Days since 1970-01-01 in Japan, ascending.
    closed: Vec<i64>,
}

/// Minutes of the day `from` (included) to `until` (excluded), on some weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    weekdays: u8,
    from: i64,
    until: i64,
}

/// Why hours cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HoursFault {
    #[error("{0:?} is not like \"mon-fri 08:30-17:15\"; over midnight takes two")]
    Window(String),
    #[error("{0:?} is not a day like 2027-01-01")]
    Day(String),
    #[error("there are no windows, or too many windows or days")]
    Count,
}

impl Hours {
    pub(super) fn read(declared: &Declared) -> Result<Self, HoursFault> {
        let counts = (declared.open.len(), declared.closed.len());
        if counts.0 == 0 || counts.0 > WINDOWS_MAX || counts.1 > CLOSED_MAX {
            return Err(HoursFault::Count);
        }
        let window =
            |text: &String| Window::read(text).ok_or_else(|| HoursFault::Window(text.clone()));
        let day = |text: &String| day(text).ok_or_else(|| HoursFault::Day(text.clone()));
        let windows = declared.open.iter().map(window).collect::<Result<_, _>>()?;
        let mut closed: Vec<i64> = declared.closed.iter().map(day).collect::<Result<_, _>>()?;
        closed.sort_unstable();
        Ok(Self { windows, closed })
    }

    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        let (day, minute) = in_japan(now);
        self.of_day(day).any(|window| (window.from..window.until).contains(&minute))
    }

    /// Answers when it opens next, or `now` if it is open.
    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        if self.is_open(now) {
            return Some(now);
        }
        let (today, minute) = in_japan(now);
        (today..today + DAYS_AHEAD_MAX).find_map(|day| {
            let later = self.of_day(day).filter(|window| day > today || window.from > minute);
            let first = later.map(|window| window.from).min()?;
            Some(Timestamp(day * DAY_MS + first * MINUTE_MS - JAPAN_MS))
        })
    }

    fn of_day(&self, day: i64) -> impl Iterator<Item = &Window> {
        let weekday = (day + WEEKDAY_OF_DAY_0).rem_euclid(7);
        let is_closed = self.closed.binary_search(&day).is_ok();
        self.windows
            .iter()
            .filter(move |window| !is_closed && window.weekdays & (1 << weekday) != 0)
    }
}

/// Answers when all of these are open at once, as far as can be seen ahead.
pub(super) fn next_opening(all: &[&Hours], now: Timestamp) -> Option<Timestamp> {
    let mut at = now;
    // Each round moves at least to another window's start; windows and days are bounded.
    for _ in 0..DAYS_AHEAD_MAX {
        let opens = all.iter().map(|hours| hours.opens(at)).collect::<Option<Vec<_>>>()?;
        let latest = opens.into_iter().max()?;
        if latest == at {
            return Some(at);
        }
        at = latest;
    }
    None
}

impl Window {
    fn read(text: &str) -> Option<Self> {
        let (days, times) = text.split_once(' ')?;
        let (from, until) = times.split_once('-')?;
        let (from, until) = (minute(from)?, minute(until)?);
        let window = Self { weekdays: weekdays(days)?, from, until };
        (from < until).then_some(window)
    }
}

fn in_japan(now: Timestamp) -> (i64, i64) {
    let local = now.0.saturating_add(JAPAN_MS);
    (local.div_euclid(DAY_MS), local.rem_euclid(DAY_MS) / MINUTE_MS)
}

fn day(text: &str) -> Option<i64> {
    let first = CivilDate::new(1970, 1, 1).ok()?;
    Some(i64::from(first.days_until(text.parse().ok()?)))
}

fn minute(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| -> Option<i64> {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY_MINUTES).then_some(at)
}

fn weekdays(text: &str) -> Option<u8> {
    let place = |name: &str| WEEKDAYS.iter().position(|known| *known == name);
    if text == "daily" {
        return Some(0x7f);
    }
    text.split(',').try_fold(0, |days, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        (first <= last).then(|| (first..=last).fold(days, |days, day| days | 1 << day))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(open: &[&str], closed: &[&str]) -> Result<Hours, HoursFault> {
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Hours::read(&Declared { open: own(open), closed: own(closed) })
    }

    fn at(text: &str) -> Timestamp {
        format!("{text}:00+09:00").parse().unwrap()
    }

    #[test]
    fn a_window_begins_with_its_first_minute_and_ends_before_its_last() {
        let office = hours(&["mon-fri 08:30-17:15"], &[]).unwrap();
        for (when, expected) in [
            ("2026-11-24T08:29", false),
            ("2026-11-24T08:30", true),
            ("2026-11-24T17:14", true),
            ("2026-11-24T17:15", false),
            ("2026-11-28T12:00", false),
        ] {
            assert_eq!(office.is_open(at(when)), expected, "{when}");
        }
    }

    #[test]
    fn the_day_is_japans() {
        // 2026-11-23 is a Monday and a holiday; 15:30 UTC on Sunday is already Monday in Japan.
        let monday = hours(&["mon 00:00-24:00"], &[]).unwrap();
        assert!(monday.is_open("2026-11-22T15:30:00Z".parse().unwrap()));
        assert!(!monday.is_open("2026-11-23T15:30:00Z".parse().unwrap()));
        let not_on_holidays = hours(&["mon 00:00-24:00"], &["2026-11-23"]).unwrap();
        assert!(!not_on_holidays.is_open("2026-11-22T15:30:00Z".parse().unwrap()));
    }

    #[test]
    fn the_next_opening_skips_nights_weekends_and_holidays() {
        let office =
            hours(&["mon-fri 08:30-12:00", "mon-fri 13:00-17:15"], &["2026-11-23"]).unwrap();
        for (now, expected) in [
            ("2026-11-20T07:00", "2026-11-20T08:30"),
            ("2026-11-20T12:30", "2026-11-20T13:00"),
            ("2026-11-20T18:00", "2026-11-24T08:30"),
            ("2026-11-24T09:00", "2026-11-24T09:00"),
        ] {
            assert_eq!(next_opening(&[&office], at(now)), Some(at(expected)), "{now}");
        }
    }

    #[test]
    fn two_doors_open_when_both_are() {
        let morning = hours(&["daily 08:00-12:00"], &[]).unwrap();
        let tuesday = hours(&["tue 11:00-20:00"], &[]).unwrap();
        let both = next_opening(&[&morning, &tuesday], at("2026-11-24T13:00"));
        assert_eq!(both, Some(at("2026-12-01T11:00")));
        let never = hours(&["tue 13:00-20:00"], &[]).unwrap();
        assert_eq!(next_opening(&[&morning, &never], at("2026-11-24T13:00")), None);
    }

    #[test]
    fn malformed_hours_are_named() {
        for window in [
            "",
            "mon",
            "mon 8:30-17:00",
            "mon 08:30",
            "mon 17:00-08:30",
            "mon 08:30-08:30",
            "mon 08:60-10:00",
            "mon 08:30-24:01",
            "fri-mon 08:30-17:00",
            "moon 08:30-17:00",
            "mon  08:30-17:00",
            "mon +8:30-17:00",
        ] {
            assert_eq!(hours(&[window], &[]), Err(HoursFault::Window(window.to_owned())));
        }
        let open = ["daily 00:00-24:00"];
        assert_eq!(hours(&open, &["2027-02-29"]), Err(HoursFault::Day("2027-02-29".to_owned())));
        assert_eq!(hours(&[], &[]), Err(HoursFault::Count));
    }
}
