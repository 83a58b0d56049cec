//! The gateway's audit ledger: JSON lines chained by keyed digest, in segments, and a head beside them.
//!
//! A request hands its fact to a bounded queue and goes on; one thread writes what has gathered every
//! 20 ms, another syncs it twice a second and then replaces the head. So a killed process loses what it
//! was told in the last tens of milliseconds, a power cut at most one second, because nothing new is let
//! in while a sync is late; and the segments may be ahead of the head, never behind:
//!
//! - entries after the head that follow from the chain are accepted;
//! - entries missing before the head are reported, and the ledger does not open;
//! - a last line without its end, or no entry at all, was torn by a crash: it is cut when opening, which
//!   an entry tells.
//!
//! The present segment has the configured name. By size and by day it is closed: made read-only and
//! renamed after its first entry and that entry's day; the next one begins with an entry that repeats
//! the last digest. Opening verifies the last segment alone; [`verify()`] all of them. A ledger that was
//! put back together with its head by older copies is found with an [`Anchor`] kept elsewhere.
//!
//! When the disk is full, a sync failed or is late, the head cannot be replaced, or the queue is full,
//! the ledger is [`Closed`]: the gateway answers nobody until it is open again. What was taken before is
//! kept in the queue; a reserve on the disk is given up so that it and the closing can be written. If
//! entries are lost all the same, an entry says how many.

mod anchor;
mod disk;
mod fact;
mod queue;
mod read;
mod segment;
mod sync;
mod verify;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use kakehashi_contract::{AuditFact, AuditKey, AuditSealer};
use kakehashi_kernel::{Clock, Timestamp};
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tracing::error;

pub use anchor::{Anchor, read_anchors};
pub use read::{Entries, entries};
pub use verify::{Verified, verify, verify_with};

pub(crate) use fact::{Fact, RequestFact};

use disk::{Disk, RealDisk};
use queue::Queue;
use writer::Writer;

/// The chain's name in the empty head.
const CHAIN: &str = "gateway";
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Between two looks at a sync that is late.
const SYNC_LOOK: Duration = Duration::from_millis(10);

/// How the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// Bytes after which a segment is closed.
    pub segment_bytes_max: u64,
    /// Days (of Japan) after which a segment is closed; 1 gives every day its own.
    pub segment_days_max: u32,
    /// Facts that may wait for the writer; at half of it the ledger is closed to new requests.
    pub waiting_max: usize,
    /// Bytes kept free on the disk, so that on a full one the last entries can still be written.
    pub reserve_bytes: u64,
    /// Longest time between an entry and the beginning of its sync.
    pub sync_interval_ms: u64,
    /// A sync that takes longer closes the ledger until it is done: a power cut would lose too much. With
    /// `sync_interval_ms` it adds up to the time whose entries a power cut may take: one second.
    pub sync_late_ms: u64,
    /// How long what is new waits at a late sync before it is turned away.
    pub sync_patience_ms: u64,
    /// Closed segments that are verified in the background after a start, newest first.
    pub verify_segments_max: usize,
    /// A file of anchors (`kakehashi audit anchor`), best on another machine's disk. What it says is
    /// compared at start.
    pub anchors: Option<PathBuf>,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 * 1024 * 1024,
            segment_days_max: 1,
            waiting_max: 65_536,
            reserve_bytes: 2 * 1024 * 1024,
            sync_interval_ms: 500,
            sync_late_ms: 500,
            sync_patience_ms: 5_000,
            verify_segments_max: 8,
            anchors: None,
        }
    }
}

/// Why a ledger does not open or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum LedgerBroken {
    /// A file cannot be read or written.
    #[error("the audit ledger cannot be read or written")]
    Io(#[from] io::Error),
    /// The head is missing or unreadable although there are entries, or was changed.
    #[error("the head of the audit ledger is missing or was changed")]
    Head,
    /// An entry was changed, or one before it removed or moved.
    #[error("audit entry {sequence} was changed, or an entry before it was removed or moved")]
    Entry {
        /// Where the chain first fails.
        sequence: u64,
    },
    /// Entries are missing at the end.
    #[error("the audit ledger ends at entry {found}, but at least {expected} were written")]
    End {
        /// What the head says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// Whole segments are missing.
    #[error("audit entries {first} to {last} are missing")]
    Missing {
        /// The first that is not there.
        first: u64,
        /// The last that is not there.
        last: u64,
    },
    /// A segment is not what its name says, or is there twice.
    #[error("the audit segment named after entry {first} was swapped or copied")]
    Segment {
        /// What its name says.
        first: u64,
    },
    /// The ledger is older than an anchor.
    #[error(
        "the audit ledger was rolled back: it ends at entry {found}, but {anchored} is anchored"
    )]
    RolledBack {
        /// What the anchor says.
        anchored: u64,
        /// What is there.
        found: u64,
    },
    /// What was anchored is not what is there.
    #[error("the audit ledger does not contain what was anchored at entry {sequence}")]
    Anchored {
        /// The anchor's entry.
        sequence: u64,
    },
    /// An anchor cannot be read, or is not of this key.
    #[error("an anchor of the audit ledger is malformed or was changed")]
    Anchor,
    /// Another process writes this ledger.
    #[error("the audit ledger is in use by another process")]
    InUse,
}

/// Why the ledger takes no entries at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit ledger takes no entry: {}", self.code())]
pub enum Closed {
    /// The disk is full. Opens by itself when there is room for the reserve again.
    DiskFull,
    /// Lines cannot be written for another reason. Opens by itself when they can.
    WriteFailed,
    /// A sync failed: nobody knows what is on the disk. Stays closed until a restart.
    SyncFailed,
    /// A sync takes too long. Opens by itself.
    SyncLate,
    /// The head cannot be replaced. Opens by itself.
    HeadStuck,
    /// More waits than may. Opens by itself.
    QueueFull,
    /// The gateway ends.
    Ended,
}

impl Closed {
    const ALL: [Self; 7] = [
        Self::DiskFull,
        Self::WriteFailed,
        Self::SyncFailed,
        Self::SyncLate,
        Self::HeadStuck,
        Self::QueueFull,
        Self::Ended,
    ];

    /// A stable code for logs, metrics and readiness.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DiskFull => "disk-full",
            Self::WriteFailed => "write-failed",
            Self::SyncFailed => "sync-failed",
            Self::SyncLate => "sync-late",
            Self::HeadStuck => "head-stuck",
            Self::QueueFull => "queue-full",
            Self::Ended => "ended",
        }
    }
}

/// Where a ledger stands, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerFigures {
    /// Entries in the chain.
    pub entries: u64,
    /// Facts that wait for the writer.
    pub waiting: usize,
    /// Entries that could not be kept since the start.
    pub lost: u64,
    /// Requests turned away since the start because the ledger was closed.
    pub turned_away: u64,
    /// The first entry of the present segment.
    pub segment: u64,
    /// Whether verification in the background found the chain broken.
    pub is_broken: bool,
}

/// An open ledger. One per process and file; share it behind an `Arc`.
#[derive(Debug)]
pub struct Ledger {
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    patience: Duration,
}

impl Ledger {
    /// Opens the ledger, or starts it. Verifies the last segment and cuts a torn last line; segments
    /// before are verified in the background.
    ///
    /// # Errors
    ///
    /// [`LedgerBroken`]; a broken ledger is left as it is for a person to look at.
    pub fn open(
        path: &Path,
        key: &AuditKey,
        config: LedgerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LedgerBroken> {
        Self::open_on(Arc::new(RealDisk), path, key, config, clock)
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        key: &AuditKey,
        config: LedgerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LedgerBroken> {
        let queue = Arc::new(Queue::new(config.waiting_max));
        let verify_max = config.verify_segments_max;
        let patience = Duration::from_millis(config.sync_patience_ms);
        let writer =
            Writer::open(disk, path, AuditSealer::new(key), config, clock, Arc::clone(&queue))?;
        let writer = std::thread::Builder::new()
            .name("audit-ledger".to_owned())
            .spawn(move || writer.run())?;
        let ledger = Self { queue, writer: Mutex::new(Some(writer)), patience };
        verify::behind(path, key, verify_max, Arc::clone(&ledger.queue))?;
        Ok(ledger)
    }

    /// Tells whether entries are taken, at the price of one atomic load.
    ///
    /// # Errors
    ///
    /// [`Closed`], for which a request is turned away without an entry; such are counted.
    pub fn admit(&self) -> Result<(), Closed> {
        let closed = self.queue.closed();
        if closed.is_some() {
            self.queue.turn_away();
        }
        closed.map_or(Ok(()), Err)
    }

    /// As [`Ledger::admit`], but waits for a sync that is late, as long as the configuration says: a disk
    /// that hesitates holds requests up and refuses none.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    pub(crate) async fn admit_patiently(&self) -> Result<(), Closed> {
        if self.queue.closed() == Some(Closed::SyncLate) {
            let end = Instant::now() + self.patience;
            while self.queue.closed() == Some(Closed::SyncLate) && Instant::now() < end {
                sleep(SYNC_LOOK).await;
            }
        }
        self.admit()
    }

    /// Why no entries are taken, if none are.
    pub fn closed(&self) -> Option<Closed> {
        self.queue.closed()
    }

    /// Hands a fact over. Never waits; what was admitted is taken while there is room, also when the
    /// ledger was closed meanwhile.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the queue is full or the ledger ended: this fact is lost, and counted.
    pub fn append(&self, at: Timestamp, fact: AuditFact) -> Result<(), Closed> {
        self.queue.push(at, Fact::Plain(fact))
    }

    /// Hands over what happened to a request, to be put into words on the writer's thread.
    pub(crate) fn append_request(&self, at: Timestamp, fact: RequestFact) -> Result<(), Closed> {
        self.queue.push(at, Fact::Request(fact))
    }

    /// Where it stands.
    pub fn figures(&self) -> LedgerFigures {
        self.queue.figures()
    }

    /// Writes what waits, syncs, and stops. Later facts are refused. Blocks.
    pub fn close(&self) {
        self.queue.end();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            error!("the audit ledger's writer panicked");
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
