//! What waits for the writer: one short lock per fact, and a wake-up only for a writer that sleeps.

use std::{
    fmt,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use kakehashi_kernel::Timestamp;

use super::{Closed, LedgerFigures, fact::Fact};

/// Facts gathered before the writer looks again.
const PAUSE: Duration = Duration::from_millis(20);
/// As many wake the writer before its pause is over.
const RING_AT: usize = 4_096;
/// Room kept in an empty queue; more is given back after a peak.
const KEPT_ROOM: usize = 8_192;

/// A fact on its way to the file.
pub(super) struct Waiting {
    pub(super) at: Timestamp,
    pub(super) fact: Fact,
}

/// What gathers between two looks of the writer, and what everybody may know of it.
pub(super) struct Queue {
    gathered: Mutex<Gathered>,
    bell: Condvar,
    waiting_max: usize,
    /// 0 is open, else one more than the place in [`Closed::ALL`].
    state: AtomicU8,
    lost: AtomicU64,
    turned_away: AtomicU64,
    entries: AtomicU64,
    segment: AtomicU64,
    is_broken: AtomicBool,
}

#[derive(Default)]
struct Gathered {
    waiting: Vec<Waiting>,
    is_writer_asleep: bool,
    is_ending: bool,
}

/// How the writer waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// A pause in which more may gather.
    Pause,
    /// Until something comes, or the time is over.
    Sleep(Duration),
}

impl Queue {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self {
            gathered: Mutex::default(),
            bell: Condvar::new(),
            waiting_max: waiting_max.max(2),
            state: AtomicU8::new(0),
            lost: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            segment: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
        }
    }

    pub(super) fn closed(&self) -> Option<Closed> {
        let state = usize::from(self.state.load(Ordering::Acquire));
        state.checked_sub(1).and_then(|place| Closed::ALL.get(place).copied())
    }

    /// Opens or closes, as the writer found. The end is for good.
    pub(super) fn turn(&self, why: Option<Closed>) {
        let ended = state(Some(Closed::Ended));
        let turned = |now| (now != ended).then_some(state(why));
        self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, turned).ok();
    }

    pub(super) fn turn_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn push(&self, at: Timestamp, fact: Fact) -> Result<(), Closed> {
        let mut gathered = self.lock();
        if gathered.is_ending || gathered.waiting.len() >= self.waiting_max {
            let why = if gathered.is_ending { Closed::Ended } else { Closed::QueueFull };
            drop(gathered);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return Err(why);
        }
        gathered.waiting.push(Waiting { at, fact });
        let length = gathered.waiting.len();
        let rings = std::mem::take(&mut gathered.is_writer_asleep) || length == RING_AT;
        drop(gathered);
        if length >= self.high() {
            let full = state(Some(Closed::QueueFull));
            // Another reason that is there already stays.
            self.state.compare_exchange(0, full, Ordering::AcqRel, Ordering::Relaxed).ok();
        }
        if rings {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Waits as told and takes what has gathered; answers whether the end was asked for.
    pub(super) fn take(&self, rest: Rest, into: &mut Vec<Waiting>) -> bool {
        let mut gathered = self.lock();
        gathered = match rest {
            Rest::Pause => self.pause(gathered, PAUSE),
            Rest::Sleep(longest) => {
                gathered.is_writer_asleep = gathered.waiting.is_empty();
                let idle =
                    |gathered: &mut Gathered| gathered.waiting.is_empty() && !gathered.is_ending;
                let woken = self.bell.wait_timeout_while(gathered, longest, idle);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        gathered.is_writer_asleep = false;
        std::mem::swap(&mut gathered.waiting, into);
        if gathered.waiting.capacity() > KEPT_ROOM {
            gathered.waiting.shrink_to(KEPT_ROOM);
        }
        gathered.is_ending
    }

    /// Waits without taking anything; answers whether the end was asked for.
    pub(super) fn rest(&self, longest: Duration) -> bool {
        self.pause(self.lock(), longest).is_ending
    }

    fn pause<'a>(
        &self,
        gathered: MutexGuard<'a, Gathered>,
        longest: Duration,
    ) -> MutexGuard<'a, Gathered> {
        let early = longest == PAUSE;
        let few = |gathered: &mut Gathered| {
            !(gathered.is_ending || early && gathered.waiting.len() >= RING_AT)
        };
        let woken = self.bell.wait_timeout_while(gathered, longest, few);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn end(&self) {
        self.lock().is_ending = true;
        self.turn(Some(Closed::Ended));
        self.bell.notify_one();
    }

    /// Whether so much waits that new requests must not come.
    pub(super) fn is_high(&self) -> bool {
        self.lock().waiting.len() >= self.high()
    }

    pub(super) fn lose(&self, entries: u64) {
        self.lost.fetch_add(entries, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    pub(super) fn reached(&self, entries: u64, segment: u64) {
        self.entries.store(entries, Ordering::Relaxed);
        self.segment.store(segment, Ordering::Relaxed);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.lock().is_ending
    }

    pub(super) fn found_broken(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> LedgerFigures {
        LedgerFigures {
            entries: self.entries.load(Ordering::Relaxed),
            waiting: self.lock().waiting.len(),
            lost: self.lost(),
            turned_away: self.turned_away(),
            segment: self.segment.load(Ordering::Relaxed),
            is_broken: self.is_broken.load(Ordering::Relaxed),
        }
    }

    const fn high(&self) -> usize {
        self.waiting_max / 2
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("closed", &self.closed()).finish_non_exhaustive()
    }
}

fn state(why: Option<Closed>) -> u8 {
    let place = why.and_then(|why| Closed::ALL.iter().position(|one| *one == why));
    place.map_or(0, |place| u8::try_from(place + 1).expect("there are seven reasons"))
}
