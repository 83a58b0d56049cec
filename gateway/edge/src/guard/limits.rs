//! Rates (governor's GCRA on the guard's own time) and counts of what is open.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};

use super::{
    config::Rate,
    time::{Tick, Ticker},
};

/// One rate of one subject: two words, no lock.
pub(crate) struct Meter {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticker, NoOpMiddleware<Tick>>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Meter {
    pub(crate) fn new(rate: Rate, ticker: &Ticker) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(at_least_one(rate.per_second)).allow_burst(at_least_one(rate.burst));
        Self { limiter: RateLimiter::direct_with_clock(quota, ticker.clone()) }
    }

    /// Takes one, or answers how long to wait for the next.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|until| until.wait_time_from(Clock::now(self.limiter.clock())))
    }
}

/// A count of what is open, with its bound.
#[derive(Debug, Default)]
pub(crate) struct Open(AtomicU32);

impl Open {
    /// Opens one more unless there are `max`.
    pub(crate) fn enter(self: &Arc<Self>, max: u32) -> Option<Entered> {
        self.0
            .fetch_update(Relaxed, Relaxed, |open| (open < max).then_some(open + 1))
            .is_ok()
            .then(|| Entered(Arc::clone(self)))
    }
}

/// Stands for one that is open; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Open>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::time::tests::MovedClock, *};

    #[test]
    fn a_rate_gives_its_burst_and_then_so_many_a_second() {
        let clock = MovedClock::new(1_000);
        let ticker = Ticker::new(clock.clone());
        let meter = Meter::new(Rate { per_second: 10, burst: 30 }, &ticker);
        let taken = |ticker: &Ticker| {
            ticker.now();
            (0..100).filter(|_| meter.take().is_ok()).count()
        };
        assert_eq!(taken(&ticker), 30);
        assert_eq!(meter.take(), Err(Duration::from_millis(100)));
        clock.pass(1_000);
        assert_eq!(taken(&ticker), 10);
        // A clock put back costs nobody anything.
        clock.pass(-3_600_000);
        assert_eq!(taken(&ticker), 0);
        clock.pass(2_000);
        assert_eq!(taken(&ticker), 20);
    }

    #[test]
    fn what_closes_makes_room() {
        let open = Arc::new(Open::default());
        let first = open.enter(1);
        assert!(first.is_some());
        assert!(open.enter(1).is_none());
        drop(first);
        assert!(open.enter(1).is_some());
    }
}
