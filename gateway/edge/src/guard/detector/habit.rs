//! An organisation's habit: how much it does in an hour and in a day, and at which hours.
//!
//! Learned from hours and days in which it did anything at all: means that move by an eighth with each, and
//! for every hour of the day the number of days on which it was used. One hour counts at most as four
//! times the mean, so that whoever wants to teach the guard a flood needs weeks.

use kakehashi_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::config::{HoursConfig, VolumeConfig};

const HOUR_MS: i64 = 3_600_000;
/// Japan is nine hours ahead of UTC, the year round.
const JAPAN_MS: i64 = 9 * HOUR_MS;
/// Weight of the newest in a mean: one in so many.
const MEAN_OF: u64 = 8;
/// The newest counts at most so many times the mean.
const MEAN_TIMES_MAX: u64 = 4;
/// Days remembered in full; then every count is halved.
const DAYS_MAX: u32 = 256;
/// A day may have so many times an hour's floor before it is looked at.
const DAY_FLOOR_HOURS: u64 = 4;

/// Requests and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

/// What an organisation usually does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Habit {
    /// Days with any use, halved with the hours' counts.
    pub(crate) days: u32,
    /// Mean of an hour in use.
    pub(crate) hour: Use,
    /// Mean of a day in use.
    pub(crate) day: Use,
    /// On how many days each hour of Japan's day was used.
    pub(crate) hours: [u32; 24],
    /// The present day, as days since 1970 in Japan.
    today: i64,
    today_use: Use,
    /// Bit `h`: hour `h` of today was used.
    today_hours: u32,
}

/// From where on an hour is too much, and whether it is an unusual one. Computed once an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) is_unusual_hour: bool,
}

/// Answers the hour since 1970, in Japan.
pub(crate) const fn hour_of(at: Timestamp) -> i64 {
    (at.0 + JAPAN_MS).div_euclid(HOUR_MS)
}

impl Habit {
    /// Takes in what was done in an hour that is over.
    pub(crate) fn close_hour(&mut self, hour: i64, done: Use) {
        self.begin_day(hour.div_euclid(24));
        if done.requests == 0 {
            return;
        }
        self.hour = mean(self.hour, done);
        self.today_use.requests = self.today_use.requests.saturating_add(done.requests);
        self.today_use.bytes = self.today_use.bytes.saturating_add(done.bytes);
        self.today_hours |= 1 << hour.rem_euclid(24);
    }

    fn begin_day(&mut self, day: i64) {
        if day == self.today {
            return;
        }
        let (done, hours) = (self.today_use, self.today_hours);
        (self.today, self.today_use, self.today_hours) = (day, Use::default(), 0);
        if done.requests == 0 {
            return;
        }
        self.day = mean(self.day, done);
        self.days += 1;
        for (hour, count) in self.hours.iter_mut().enumerate() {
            *count += hours >> hour & 1;
        }
        if self.days >= DAYS_MAX {
            self.days /= 2;
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
    }

    /// Answers what is too much in this hour. Nothing is before the learning is over.
    pub(crate) fn bounds(&self, hour: i64, volume: &VolumeConfig, hours: &HoursConfig) -> Bounds {
        let is_new_day = hour.div_euclid(24) != self.today;
        let today = if is_new_day { Use::default() } else { self.today_use };
        let factor = u64::from(volume.factor);
        let most = |hour: u64, day: u64, floor: u64, done: u64| {
            if self.days < volume.learning_days {
                return u64::MAX;
            }
            let of_day = day.saturating_mul(factor).max(floor.saturating_mul(DAY_FLOOR_HOURS));
            hour.saturating_mul(factor).max(floor).min(of_day.saturating_sub(done).max(floor))
        };
        let hour_of_day = usize::try_from(hour.rem_euclid(24)).unwrap_or(0);
        Bounds {
            requests: most(
                self.hour.requests,
                self.day.requests,
                volume.floor_requests,
                today.requests,
            ),
            bytes: most(self.hour.bytes, self.day.bytes, volume.floor_bytes, today.bytes),
            is_unusual_hour: self.is_unusual(hour_of_day, hours),
        }
    }

    fn is_unusual(&self, hour: usize, config: &HoursConfig) -> bool {
        if self.days < config.learning_days {
            return false;
        }
        let near = [(hour + 23) % 24, hour, (hour + 1) % 24];
        near.iter().all(|near| self.hours[*near] * 100 < config.unusual_below_percent * self.days)
    }
}

fn mean(before: Use, done: Use) -> Use {
    let of = |before: u64, done: u64| {
        if before == 0 {
            return done;
        }
        let done = done.min(before.saturating_mul(MEAN_TIMES_MAX));
        (before.saturating_mul(MEAN_OF - 1).saturating_add(done).saturating_add(MEAN_OF / 2))
            / MEAN_OF
    };
    Use { requests: of(before.requests, done.requests), bytes: of(before.bytes, done.bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An office: 9 to 17 o'clock, 100 requests an hour, 1 MB each hour.
    fn office(days: i64) -> Habit {
        let mut habit = Habit::default();
        for hour in 0..days * 24 {
            let is_open = (9..17).contains(&hour.rem_euclid(24));
            let requests = if is_open { 100 } else { 0 };
            habit.close_hour(hour, Use { requests, bytes: requests * 10_000 });
        }
        habit
    }

    fn bounds(habit: &Habit, hour: i64) -> Bounds {
        let volume = VolumeConfig { floor_requests: 500, floor_bytes: 1000, ..<_>::default() };
        habit.bounds(hour, &volume, &HoursConfig::default())
    }

    #[test]
    fn nothing_is_concluded_before_the_learning_is_over() {
        let habit = office(14);
        let found = bounds(&habit, 14 * 24 + 3);
        assert_eq!(found, Bounds { requests: u64::MAX, bytes: u64::MAX, is_unusual_hour: false });
    }

    #[test]
    fn ten_times_the_habit_is_too_much_and_the_night_unusual() {
        let habit = office(20);
        let found = bounds(&habit, 20 * 24 + 10);
        assert_eq!(found, Bounds { requests: 1_000, bytes: 10_000_000, is_unusual_hour: false });
        assert!(bounds(&habit, 20 * 24 + 3).is_unusual_hour);
        assert!(!bounds(&habit, 20 * 24 + 8).is_unusual_hour, "just before the usual hours");
        assert!(bounds(&habit, 20 * 24 + 19).is_unusual_hour);
    }

    #[test]
    fn a_day_of_many_full_hours_is_too_much_too() {
        let mut habit = office(20);
        for hour in 0..20 {
            habit.close_hour(20 * 24 + hour, Use { requests: 399, bytes: 0 });
        }
        // 20 hours of 399 are 7,980; the day's bound is ten times 800; the floor of an hour stays.
        assert_eq!(bounds(&habit, 20 * 24 + 21).requests, 500);
    }

    #[test]
    fn a_flood_is_learned_slowly() {
        let mut habit = office(20);
        habit.close_hour(20 * 24 + 10, Use { requests: 1_000_000, bytes: 0 });
        assert!(habit.hour.requests < 150, "{}", habit.hour.requests);
    }

    #[test]
    fn hours_are_those_of_japan() {
        // 2026-11-23 00:00 UTC is 9 o'clock in Japan.
        let at: Timestamp = "2026-11-23T00:00:00.000Z".parse().unwrap();
        assert_eq!(hour_of(at).rem_euclid(24), 9);
    }
}
