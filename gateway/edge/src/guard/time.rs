//! The guard's time: one look at the clock per request, and a count that never runs backwards.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use governor::nanos::Nanos;
use kakehashi_kernel::{Clock, Timestamp};

/// One look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// What the clock shows; it may be put back. For people, and for what outlives the process.
    pub(crate) wall: Timestamp,
    /// Milliseconds that have passed; never fewer than before. For windows and rates.
    pub(crate) tick: i64,
}

/// Turns the clock into moments. Rates and windows must not stand still for an hour because somebody put
/// the clock back by one.
#[derive(Clone)]
pub(crate) struct Ticker {
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    last_wall: AtomicI64,
    /// Added to the wall's milliseconds.
    offset: AtomicI64,
    tick: AtomicI64,
}

impl Ticker {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let wall = clock.now().0;
        // The count begins at one: zero means "never" to a rate.
        let shared = Shared {
            last_wall: AtomicI64::new(wall),
            offset: AtomicI64::new(1 - wall),
            tick: AtomicI64::new(1),
        };
        Self { clock, shared: Arc::new(shared) }
    }

    /// Looks at the clock.
    pub(crate) fn now(&self) -> Moment {
        let wall = self.clock.now();
        let last = self.shared.last_wall.load(Relaxed);
        if wall.0 != last
            && self.shared.last_wall.compare_exchange(last, wall.0, Relaxed, Relaxed).is_ok()
        {
            if wall.0 < last {
                self.shared.offset.fetch_add(last - wall.0, Relaxed);
            }
            let tick = wall.0 + self.shared.offset.load(Relaxed);
            self.shared.tick.fetch_max(tick, Relaxed);
        }
        Moment { wall, tick: self.shared.tick.load(Relaxed) }
    }
}

/// A tick as the rates count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u64);

impl std::ops::Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64()))
    }
}

impl governor::clock::Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.as_u64()).unwrap_or(self.0))
    }
}

/// The last look is what the rates go by: they do not ask the clock themselves.
impl governor::clock::Clock for Ticker {
    type Instant = Tick;

    fn now(&self) -> Tick {
        let milliseconds = u64::try_from(self.shared.tick.load(Relaxed)).unwrap_or(0);
        Tick(milliseconds.saturating_mul(1_000_000))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A clock that a test moves.
    #[derive(Debug)]
    pub(crate) struct MovedClock(pub(crate) AtomicI64);

    impl MovedClock {
        pub(crate) fn new(at: i64) -> Arc<Self> {
            Arc::new(Self(AtomicI64::new(at)))
        }

        pub(crate) fn pass(&self, milliseconds: i64) {
            self.0.fetch_add(milliseconds, Relaxed);
        }
    }

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Relaxed))
        }
    }

    #[test]
    fn a_clock_put_back_neither_stops_nor_turns_the_count() {
        let clock = MovedClock::new(1_000_000);
        let ticker = Ticker::new(clock.clone());
        let begin = ticker.now().tick;
        clock.pass(500);
        assert_eq!(ticker.now().tick, begin + 500);
        clock.pass(-400_000);
        assert_eq!(ticker.now().tick, begin + 500);
        clock.pass(70);
        let moment = ticker.now();
        assert_eq!(moment.tick, begin + 570);
        assert_eq!(moment.wall, Timestamp(600_570));
    }
}
