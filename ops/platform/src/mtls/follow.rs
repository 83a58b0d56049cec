//! Files that count only together, read again when one of them changes or when SIGHUP says so.
//!
//! A set that cannot be used is said once, loudly, and the set in force stays: whole, never half of one
//! and half of the other. It is tried again whenever a file changes and every few seconds besides.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::runtime::{Hangup, worker::chain};

/// How often the files are looked at for changes.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Files that change all the time are read after so many looks although they are not at rest.
const UNREST_LOOKS_MAX: u32 = 4;
/// A set that could not be used is tried again after so many looks although no file changed.
const RETRY_LOOKS: u32 = 10;

/// Files that are read as one, and what they said when last they could be used.
pub struct Followed<T> {
    name: String,
    paths: Vec<PathBuf>,
    read: Box<Read<T>>,
    current: watch::Sender<Arc<T>>,
    looked: Mutex<Looked>,
    reloads: AtomicU64,
    failures: AtomicU64,
    is_failing: AtomicBool,
}

/// Reads the set; is given the one in force, if any, to compare with.
type Read<T> = dyn Fn(Option<&T>) -> Result<T, super::TlsError> + Send + Sync;

/// Modification time, length and inode tell whether a file was replaced.
type Stamps = Vec<Option<(SystemTime, u64, u64)>>;

/// What the looks so far have found.
struct Looked {
    /// The files as they were when last read.
    read: Stamps,
    /// The files as last seen.
    seen: Stamps,
    /// Looks since the files began to change.
    unrest: u32,
    /// Looks since the set could not be used.
    failed: u32,
    /// What was last complained of.
    complaint: Option<String>,
}

/// How reading the files again has gone so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloads {
    /// Sets put into force since the start.
    pub done: u64,
    /// Sets that could not be used.
    pub failed: u64,
    /// Whether the files as they lie there cannot be used.
    pub is_failing: bool,
}

impl<T: Send + Sync + 'static> Followed<T> {
    /// Reads the set for the first time.
    pub(super) fn first(
        name: String,
        paths: Vec<PathBuf>,
        read: Box<Read<T>>,
    ) -> Result<Self, super::TlsError> {
        let stamps = stamps(&paths);
        let current = watch::Sender::new(Arc::new(read(None)?));
        let looked =
            Looked { read: stamps.clone(), seen: stamps, unrest: 0, failed: 0, complaint: None };
        Ok(Self {
            name,
            paths,
            read,
            current,
            looked: Mutex::new(looked),
            reloads: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            is_failing: AtomicBool::new(false),
        })
    }

    /// Answers the set in force.
    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.borrow())
    }

    /// Follows the set in force and every later one.
    pub fn watch(&self) -> watch::Receiver<Arc<T>> {
        self.current.subscribe()
    }

    /// How reading the files again has gone so far.
    pub fn reloads(&self) -> Reloads {
        Reloads {
            done: self.reloads.load(Ordering::Relaxed),
            failed: self.failures.load(Ordering::Relaxed),
            is_failing: self.is_failing.load(Ordering::Relaxed),
        }
    }

    /// Looks at the files twice a second until `shutdown`, and reads them at once on SIGHUP.
    pub async fn follow_files(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hangup = Hangup::new();
        loop {
            let is_forced = tokio::select! {
                () = shutdown.cancelled() => return,
                () = hangup.received() => true,
                _ = ticks.tick() => false,
            };
            // A revocation list may be large: parsing it must not hold up the connections.
            let set = Arc::clone(self);
            let look = move || if is_forced { set.reload_now() } else { set.look() };
            if tokio::task::spawn_blocking(look).await.is_err() {
                error!(files = self.name, "reading files again panicked, the old ones stay");
            }
        }
    }

    /// Reads the files if they have changed and are at rest. Answers whether what lies there is in force.
    pub(super) fn look(&self) -> bool {
        let mut looked = self.looked();
        let found = stamps(&self.paths);
        if found == looked.read {
            looked.unrest = 0;
            looked.seen = found;
            if looked.complaint.is_none() {
                return true;
            }
            looked.failed += 1;
            return looked.failed.is_multiple_of(RETRY_LOOKS) && self.attempt(&mut looked);
        }
        looked.unrest += 1;
        let is_at_rest = looked.seen == found;
        looked.seen = found;
        (is_at_rest || looked.unrest >= UNREST_LOOKS_MAX) && self.attempt(&mut looked)
    }

    /// Reads the files again, changed or not. Answers whether what lies there is in force.
    pub fn reload_now(&self) -> bool {
        self.attempt(&mut self.looked())
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempt(&self, looked: &mut Looked) -> bool {
        looked.read = stamps(&self.paths);
        (looked.unrest, looked.failed) = (0, 0);
        match (self.read)(Some(&self.current())) {
            Ok(set) => {
                if looked.complaint.take().is_some() {
                    warn!(files = self.name, "certificate files can be used again");
                }
                self.is_failing.store(false, Ordering::Relaxed);
                let done = self.reloads.fetch_add(1, Ordering::Relaxed) + 1;
                self.current.send_replace(Arc::new(set));
                info!(files = self.name, reloads = done, "certificate files were read again");
                true
            }
            Err(error) => {
                self.is_failing.store(true, Ordering::Relaxed);
                self.failures.fetch_add(1, Ordering::Relaxed);
                let complaint = chain(&error as &dyn Error);
                if looked.complaint.as_ref() != Some(&complaint) {
                    error!(
                        files = self.name,
                        error = complaint,
                        "new certificate files cannot be used, the old ones stay in force"
                    );
                }
                looked.complaint = Some(complaint);
                false
            }
        }
    }
}

fn stamps(paths: &[PathBuf]) -> Stamps {
    paths.iter().map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}
