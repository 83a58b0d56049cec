//! Counts within a window, and lockouts that grow when they repeat.

use std::collections::HashSet;

use super::config::{LockoutConfig, Threshold};

/// A count that begins anew when its window is over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Strikes {
    since: Option<i64>,
    count: u32,
}

impl Strikes {
    /// Counts one more and answers how many there are in the present window.
    pub(crate) fn add(&mut self, threshold: Threshold, tick: i64) -> u32 {
        self.expire(threshold, tick);
        self.since.get_or_insert(tick);
        self.count = self.count.saturating_add(1);
        self.count
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn expire(&mut self, threshold: Threshold, tick: i64) {
        if self.since.is_some_and(|since| tick - since >= i64::from(threshold.window_s) * 1000) {
            self.clear();
        }
    }
}

/// Different things within a window, as keyed digests. Never holds more than its threshold.
#[derive(Debug, Default)]
pub(crate) struct Different {
    since: Option<i64>,
    seen: HashSet<u64>,
}

/// What adding to [`Different`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It was there.
    Known,
    /// It is new; so many are there now.
    New(u32),
}

impl Different {
    pub(crate) fn add(&mut self, digest: u64, threshold: Threshold, tick: i64) -> Added {
        self.expire(threshold, tick);
        self.since.get_or_insert(tick);
        let is_full = self.seen.len() >= threshold.count as usize;
        if self.seen.contains(&digest) || is_full || !self.seen.insert(digest) {
            return Added::Known;
        }
        Added::New(u32::try_from(self.seen.len()).unwrap_or(u32::MAX))
    }

    /// Forgets a window that is over, and answers whether it did.
    pub(crate) fn expire(&mut self, threshold: Threshold, tick: i64) -> bool {
        let is_over =
            self.since.is_some_and(|since| tick - since >= i64::from(threshold.window_s) * 1000);
        if is_over {
            self.clear();
        }
        is_over
    }

    pub(crate) fn clear(&mut self) {
        self.since = None;
        self.seen = HashSet::new();
    }
}

/// Repeated failures of one subject.
#[derive(Debug, Default)]
pub(crate) struct Lockout {
    strikes: Strikes,
    level: usize,
    last: Option<i64>,
}

impl Lockout {
    /// Counts a failure. Answers the minutes of a lockout when the threshold is reached.
    pub(crate) fn fail(
        &mut self,
        threshold: Threshold,
        config: &LockoutConfig,
        tick: i64,
    ) -> Option<u32> {
        if self.strikes.add(threshold, tick) < threshold.count {
            return None;
        }
        let forgotten_ms = i64::from(config.forgotten_after_minutes) * 60_000;
        if self.last.is_none_or(|last| tick - last >= forgotten_ms) {
            self.level = 0;
        }
        let minutes = config.minutes.get(self.level).or(config.minutes.last()).copied();
        self.level = (self.level + 1).min(config.minutes.len());
        self.last = Some(tick);
        self.strikes.clear();
        minutes
    }

    /// Forgets failures, and how often they led to a lockout.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn lockouts_grow_and_are_forgotten() {
        let config = LockoutConfig::default();
        let threshold = Threshold { count: 3, window_s: 60 };
        let mut lockout = Lockout::default();
        let mut fail = |tick| lockout.fail(threshold, &config, tick);
        let mut tick = 0;
        for expected in [1, 2, 5, 15, 15] {
            assert_eq!([fail(tick), fail(tick), fail(tick)], [None, None, Some(expected)]);
            tick += 30 * MINUTE;
        }
        tick += 90 * MINUTE;
        assert_eq!([fail(tick), fail(tick), fail(tick)], [None, None, Some(1)]);
    }

    #[test]
    fn failures_far_apart_lead_to_nothing() {
        let config = LockoutConfig::default();
        let threshold = Threshold { count: 3, window_s: 60 };
        let mut lockout = Lockout::default();
        assert!((0..100).all(|n| lockout.fail(threshold, &config, n * MINUTE / 2).is_none()));
    }

    #[test]
    fn the_same_thing_counts_once() {
        let threshold = Threshold { count: 3, window_s: 60 };
        let mut different = Different::default();
        assert_eq!(different.add(1, threshold, 0), Added::New(1));
        assert_eq!(different.add(1, threshold, 1), Added::Known);
        assert_eq!(different.add(2, threshold, 2), Added::New(2));
        assert_eq!(different.add(3, threshold, MINUTE), Added::New(1));
    }

    #[test]
    fn no_more_is_held_than_the_threshold() {
        let threshold = Threshold { count: 3, window_s: 60 };
        let mut different = Different::default();
        let new = (0..1_000_000).filter(|n| different.add(*n, threshold, 0) != Added::Known);
        assert_eq!(new.count(), 3);
    }
}
