//! What goes on on a connection, for the clock that ends it. Times are milliseconds since its begin.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::WireLimits;
use crate::body::Progress;

/// Never more than this between two looks at the clock.
const LOOK_MAX: Duration = Duration::from_secs(5);
const LOOK_MIN: Duration = Duration::from_millis(10);

/// Why a connection has to end although nothing is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Nothing is asked, or it is old: it may end its requests.
    Retire,
    /// The peer holds us up; the code says how.
    Cut(&'static str),
}

/// One connection's state, shared by its wire, its requests and its clock.
#[derive(Debug)]
pub(crate) struct Pulse {
    started: Instant,
    limits: Arc<WireLimits>,
    /// When the head that is being received began; 0 for none.
    head_since: AtomicU64,
    /// Since when the peer takes nothing of what we write; 0 for not.
    blocked_since: AtomicU64,
    /// When the last request ended.
    quiet_since: AtomicU64,
    served: AtomicU64,
    running: Mutex<Vec<Arc<Progress>>>,
    fault: OnceLock<&'static str>,
    told: Notify,
}

impl Pulse {
    pub(crate) fn new(limits: Arc<WireLimits>) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            limits,
            head_since: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
            quiet_since: AtomicU64::new(0),
            served: AtomicU64::new(0),
            running: Mutex::default(),
            fault: OnceLock::new(),
            told: Notify::new(),
        })
    }

    pub(super) fn limits(&self) -> &WireLimits {
        &self.limits
    }

    /// Milliseconds since the begin, never 0.
    fn at(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.started).as_millis()).unwrap_or(u64::MAX).max(1)
    }

    /// Why the wire refused what came, if it did.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.fault.get().copied()
    }

    /// Only the first reason counts.
    pub(super) fn fail(&self, code: &'static str) {
        self.fault.get_or_init(|| code);
    }

    /// As [`Self::fail`], and the connection is to end at once.
    pub(super) fn fail_now(&self, code: &'static str) {
        self.fail(code);
        self.told.notify_one();
    }

    /// Returns when the wire wants the connection to end at once.
    pub(crate) async fn failed(&self) -> &'static str {
        self.told.notified().await;
        self.fault().unwrap_or("wire-broken")
    }

    pub(super) fn head_began(&self, now: Instant) {
        // The first byte counts: a head that comes slowly has one limit for the whole.
        if self.head_since.load(Relaxed) == 0 {
            self.head_since.store(self.at(now), Relaxed);
        }
    }

    pub(super) fn head_ended(&self) {
        self.head_since.store(0, Relaxed);
    }

    pub(super) fn blocked(&self, now: Instant) {
        if self.blocked_since.load(Relaxed) == 0 {
            self.blocked_since.store(self.at(now), Relaxed);
        }
    }

    pub(super) fn unblocked(&self) {
        if self.blocked_since.load(Relaxed) != 0 {
            self.blocked_since.store(0, Relaxed);
        }
    }

    /// Notes a request that begins. It runs until what this answers is dropped, with the answer's end.
    pub(crate) fn begin(self: &Arc<Self>, progress: &Arc<Progress>) -> Running {
        self.served.fetch_add(1, Relaxed);
        self.running().push(Arc::clone(progress));
        Running { pulse: Arc::clone(self), progress: Arc::clone(progress) }
    }

    fn end(&self, progress: &Arc<Progress>) {
        let mut running = self.running();
        if let Some(found) = running.iter().position(|one| Arc::ptr_eq(one, progress)) {
            running.swap_remove(found);
        }
        if running.is_empty() {
            self.quiet_since.store(self.at(Instant::now()), Relaxed);
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Progress>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until the next look: a quarter of the shortest limit.
    pub(crate) fn look(&self) -> Duration {
        let limits = &self.limits;
        let shortest = limits.header.min(limits.idle).min(limits.stall).min(limits.total);
        (shortest / 4).clamp(LOOK_MIN, LOOK_MAX)
    }

    /// Answers whether nothing is running, and yet the connection has not ended in the time we give it.
    pub(crate) fn is_stuck(&self, ending_since: Instant, now: Instant) -> bool {
        ending_since + self.limits.stall <= now && self.running().is_empty()
    }

    /// Answers whether and why the connection has to end.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Overdue> {
        let at = self.at(now);
        let has_passed = |since: u64, limit: Duration| {
            since != 0 && u128::from(at.saturating_sub(since)) >= limit.as_millis()
        };
        if has_passed(self.blocked_since.load(Relaxed), self.limits.stall) {
            return Some(Overdue::Cut("client-stalled"));
        }
        if has_passed(self.head_since.load(Relaxed), self.limits.header) {
            return Some(Overdue::Cut("header-timeout"));
        }
        let running = self.running();
        for progress in running.iter() {
            if progress.started() + self.limits.total <= now {
                return Some(Overdue::Cut("exchange-timeout"));
            }
            if progress.is_starved() && progress.moved() + self.limits.stall <= now {
                return Some(Overdue::Cut("client-stalled"));
            }
        }
        let is_quiet = running.is_empty() && self.head_since.load(Relaxed) == 0;
        let is_old = has_passed(1, self.limits.lifetime);
        let is_used = self.served.load(Relaxed) >= self.limits.requests_max;
        let is_idle =
            is_quiet && has_passed(self.quiet_since.load(Relaxed).max(1), self.limits.idle);
        (is_old || is_used || is_idle).then_some(Overdue::Retire)
    }
}

/// A request that is running.
#[derive(Debug)]
pub(crate) struct Running {
    pulse: Arc<Pulse>,
    progress: Arc<Progress>,
}

impl Running {
    pub(crate) const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.pulse.end(&self.progress);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulse() -> (Arc<Pulse>, Instant) {
        let pulse = Pulse::new(Arc::new(WireLimits::default()));
        let started = pulse.started;
        (pulse, started)
    }

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_head_has_one_limit_from_its_first_byte() {
        let (pulse, start) = pulse();
        pulse.head_began(start + seconds(1));
        pulse.head_began(start + seconds(15));
        assert_eq!(pulse.overdue(start + seconds(20)), None);
        assert_eq!(pulse.overdue(start + seconds(21)), Some(Overdue::Cut("header-timeout")));
        pulse.head_ended();
        assert_eq!(pulse.overdue(start + seconds(21)), None);
    }

    #[test]
    fn a_peer_that_takes_nothing_is_cut_off() {
        let (pulse, start) = pulse();
        let _running = pulse.begin(&Progress::new());
        pulse.blocked(start + seconds(5));
        pulse.blocked(start + seconds(50));
        assert_eq!(pulse.overdue(start + seconds(64)), None);
        assert_eq!(pulse.overdue(start + seconds(65)), Some(Overdue::Cut("client-stalled")));
        pulse.unblocked();
        pulse.blocked(start + seconds(66));
        assert_eq!(pulse.overdue(start + seconds(125)), None);
    }

    #[test]
    fn idle_old_and_used_connections_retire() {
        let (pulse, start) = pulse();
        assert_eq!(pulse.overdue(start + seconds(60)), None);
        assert_eq!(pulse.overdue(start + seconds(61)), Some(Overdue::Retire));
        let progress = Progress::new();
        let running = pulse.begin(&progress);
        assert_eq!(pulse.overdue(start + seconds(61)), None);
        drop(running);
        pulse.served.store(u64::MAX, Relaxed);
        assert_eq!(pulse.overdue(start), Some(Overdue::Retire));
    }

    #[test]
    fn an_exchange_has_a_total_time() {
        let (pulse, start) = pulse();
        let progress = Progress::new();
        let _running = pulse.begin(&progress);
        let late = start + WireLimits::default().total + seconds(1);
        assert_eq!(pulse.overdue(late), Some(Overdue::Cut("exchange-timeout")));
    }

    #[test]
    fn an_answer_nobody_takes_is_cut_off() {
        let (pulse, start) = pulse();
        let progress = Progress::new();
        let _running = pulse.begin(&progress);
        assert_eq!(pulse.overdue(start + seconds(100)), None, "the component has not answered");
        progress.answered();
        assert_eq!(pulse.overdue(start + seconds(100)), Some(Overdue::Cut("client-stalled")));
    }
}
