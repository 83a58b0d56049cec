//! One single-threaded runtime per core for connections: a connection, its streams and the connections to
//! components that serve it stay on one thread and wake nobody else's.
//!
//! Accepting stays where it was; each new connection goes to the lane with the fewest. Work that is not a
//! connection's (files, listeners, the ledger) has no business here: whatever blocks a lane blocks every
//! connection on it.

use std::{
    cell::Cell,
    io,
    net::TcpStream as StdStream,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use tokio::{
    net::TcpStream,
    runtime::{Builder, Handle},
};
use tokio_util::sync::{CancellationToken, DropGuard};

thread_local! {
    static PLACE: Cell<usize> = const { Cell::new(0) };
}

/// The lanes of a process. Dropping them stops them; what still runs there is dropped.
pub struct Lanes {
    lanes: Vec<Lane>,
    _stop: DropGuard,
}

/// One thread with its runtime.
struct Lane {
    handle: Handle,
    open: Arc<AtomicUsize>,
}

/// A connection's place on a lane, counted until it is dropped.
pub(super) struct OnLane {
    pub(super) handle: Handle,
    open: Arc<AtomicUsize>,
}

impl Lanes {
    /// Starts so many lanes.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no event queue.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let mut lanes = Vec::with_capacity(count.get());
        for place in 0..count.get() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let stopped = stop.clone();
            thread::Builder::new().name(format!("lane-{place}")).spawn(move || {
                PLACE.set(place);
                runtime.block_on(stopped.cancelled_owned());
            })?;
            lanes.push(Lane { handle, open: Arc::default() });
        }
        Ok(Self { lanes, _stop: stop.drop_guard() })
    }

    /// Starts one lane per core this process may use.
    ///
    /// # Errors
    ///
    /// As [`Lanes::start`].
    pub fn one_per_core() -> io::Result<Self> {
        Self::start(thread::available_parallelism()?)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lanes.len()
    }

    /// Takes a place on the lane with the fewest connections.
    pub(super) fn take_place(&self) -> OnLane {
        let least = self.lanes.iter().min_by_key(|lane| lane.open.load(Ordering::Relaxed));
        let lane = least.expect("there is at least one lane");
        lane.open.fetch_add(1, Ordering::Relaxed);
        OnLane { handle: lane.handle.clone(), open: Arc::clone(&lane.open) }
    }
}

impl Drop for OnLane {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which lane this thread is; 0 also for threads that are none. For what is kept once per lane.
pub fn place() -> usize {
    PLACE.get()
}

/// Gives a connection to the event queue of the runtime that is entered.
pub(super) fn adopt(stream: TcpStream) -> io::Result<TcpStream> {
    let stream: StdStream = stream.into_std()?;
    TcpStream::from_std(stream)
}
