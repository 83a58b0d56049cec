//! The writer: owns the present segment, on a thread of its own because writing blocks.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use kakehashi_contract::{AuditFact, AuditSealer, audit::AuditHead};
use kakehashi_kernel::{Clock, Timestamp};
use tracing::{debug, error, info, warn};

use super::{
    CHAIN, Closed, LINE_BYTES_MAX, LedgerBroken, LedgerConfig,
    anchor::sealed_anchors,
    disk::{Disk, StoredHead, beside, follow_segment, load_head, lock, open_segment, sync_folder},
    fact::{Fact, Words, write_line},
    queue::{Queue, Rest, Waiting},
    segment::{begin, closed_segments, day, lasting_name},
    sync::{Synced, Syncer},
    verify::{End, verify_tail},
};

/// Entries written together.
const CHUNK_MAX: usize = 1_024;
/// Between attempts to write what could not be written.
const RETRY: Duration = Duration::from_millis(250);
/// Between attempts to close a segment that could not be closed.
const ROTATION_RETRY: Duration = Duration::from_mins(1);

/// Owns the files.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    sealer: AuditSealer,
    config: LedgerConfig,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    file: Arc<File>,
    end: End,
    bytes: u64,
    /// The present segment's first entry and when it was; none while it is empty.
    begun: Option<(u64, Timestamp)>,
    pending: VecDeque<Waiting>,
    lines: Vec<u8>,
    words: Words,
    dirty_since: Option<Instant>,
    syncer: Syncer,
    rotates_after: Option<Instant>,
    trouble: Trouble,
    closed: Option<Closed>,
    lost_told: u64,
    turned_away_told: u64,
    _lock: File,
}

/// What is wrong at present.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each comes and goes on its own")]
struct Trouble {
    /// After a failed sync nobody knows what is on the disk: for good.
    is_sync_failed: bool,
    /// The reserve was given up and is not back.
    is_disk_full: bool,
    is_write_failed: bool,
    is_head_stuck: bool,
}

impl Writer {
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        sealer: AuditSealer,
        config: LedgerConfig,
        clock: Arc<dyn Clock>,
        queue: Arc<Queue>,
    ) -> Result<Self, LedgerBroken> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock = lock(path)?;
        let is_new =
            !path.exists() && !beside(path, ".head").exists() && closed_segments(path)?.is_empty();
        if is_new {
            let head = sealer.head(0, sealer.start(CHAIN));
            disk.store_head(path, &StoredHead { head, segment: 1 })?;
        }
        let anchors = match &config.anchors {
            Some(anchors) => sealed_anchors(&std::fs::read_to_string(anchors)?, &sealer)?,
            None => Vec::new(),
        };
        let file = open_segment(path)?;
        let tail = verify_tail(path, &file, &load_head(path)?, &sealer, &anchors)?;
        let torn_bytes = file.metadata()?.len().saturating_sub(tail.bytes);
        file.set_len(tail.bytes)?;
        file.sync_all()?;
        sync_folder(path)?;
        let syncer = Syncer::start(Arc::clone(&disk), path)?;
        let mut writer = Self {
            disk,
            path: path.to_owned(),
            sealer,
            config,
            clock,
            queue,
            file: Arc::new(file),
            end: tail.end,
            bytes: tail.bytes,
            begun: tail.begun,
            pending: VecDeque::new(),
            lines: Vec::new(),
            words: Words::default(),
            dirty_since: None,
            syncer,
            rotates_after: None,
            trouble: Trouble::default(),
            closed: None,
            lost_told: 0,
            turned_away_told: 0,
            _lock: lock,
        };
        writer.disk.store_head(path, &writer.head())?;
        writer.trouble.is_disk_full = !writer.restore_reserve();
        writer.queue.reached(writer.end.entries, writer.segment());
        writer.judge();
        if torn_bytes > 0 {
            warn!(bytes = torn_bytes, "the end of the audit ledger was torn by a crash and is cut");
            writer.note("torn", "cut", format!("bytes={torn_bytes}"));
        }
        Ok(writer)
    }

    pub(super) fn run(mut self) {
        let mut fresh = Vec::new();
        loop {
            let is_ending = self.gather(&mut fresh);
            self.write();
            self.sync();
            if is_ending {
                self.finish(&mut fresh);
                return;
            }
            self.judge();
        }
    }

    /// Waits for facts. Nothing is taken while earlier ones cannot be written: the queue bounds them.
    fn gather(&mut self, fresh: &mut Vec<Waiting>) -> bool {
        if !self.pending.is_empty() {
            return self.queue.rest(RETRY);
        }
        let rest = if self.dirty_since.is_some() || self.syncer.is_busy() {
            Rest::Pause
        } else if self.closed.is_some() {
            Rest::Sleep(RETRY)
        } else {
            Rest::Sleep(Duration::from_hours(1))
        };
        let is_ending = self.queue.take(rest, fresh);
        self.pending.extend(fresh.drain(..));
        is_ending
    }

    /// Writes what is pending, as far as the disk takes it.
    fn write(&mut self) {
        self.tell_of_losses();
        while !self.pending.is_empty() {
            if self.trouble.is_sync_failed {
                self.queue.lose(self.pending.len() as u64);
                self.pending.clear();
                return;
            }
            if let Err(error) = self.write_chunk()
                && !self.can_go_on_after(&error)
            {
                return;
            }
        }
        self.trouble.is_write_failed = false;
        self.pending.shrink_to(CHUNK_MAX * 8);
        self.lines.shrink_to(CHUNK_MAX * 1_024);
    }

    /// Writes a chunk in one go. Only what was written whole counts.
    fn write_chunk(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.front().map(|waiting| waiting.at) else { return Ok(()) };
        if self.is_segment_over(first) {
            self.rotate();
        }
        let (mut end, mut begun, mut taken) = (self.end, self.begun, 0);
        self.lines.clear();
        if begun.is_none() && end.entries > 0 {
            let opening = Fact::Plain(begin(end.entries + 1, end.digest));
            end = self.line(end, first, &opening);
            begun = Some((end.entries, first));
        }
        while let Some(waiting) = self.pending.get(taken) {
            let is_full = self.bytes + self.lines.len() as u64 >= self.config.segment_bytes_max;
            let is_later = begun.is_some_and(|(_, at)| self.is_another_day(at, waiting.at));
            if taken == CHUNK_MAX || taken > 0 && (is_full || is_later) {
                break;
            }
            let (at, length) = (waiting.at, self.lines.len());
            let next = {
                let fields = self.words.of(&waiting.fact);
                let sequence = end.entries + 1;
                let digest = self.sealer.entry(end.digest, sequence, at, fields);
                write_line(&mut self.lines, sequence, at, fields, digest);
                End { entries: sequence, digest }
            };
            taken += 1;
            if self.lines.len() - length >= LINE_BYTES_MAX {
                error!("an audit entry is too long and was left out");
                self.lines.truncate(length);
                self.queue.lose(1);
                continue;
            }
            begun.get_or_insert((next.entries, at));
            end = next;
        }
        self.disk.append(&self.file, &self.lines)?;
        (self.end, self.begun) = (end, begun);
        self.bytes += self.lines.len() as u64;
        self.pending.drain(..taken);
        self.dirty_since.get_or_insert_with(Instant::now);
        self.queue.reached(self.end.entries, self.segment());
        Ok(())
    }

    fn line(&mut self, end: End, at: Timestamp, fact: &Fact) -> End {
        let fields = self.words.of(fact);
        let sequence = end.entries + 1;
        let digest = self.sealer.entry(end.digest, sequence, at, fields);
        write_line(&mut self.lines, sequence, at, fields, digest);
        End { entries: sequence, digest }
    }

    /// Repairs the file after a failed write; on a full disk gives up the reserve, once.
    fn can_go_on_after(&mut self, failure: &io::Error) -> bool {
        // Part of a line may be there; the next must not be glued to it.
        if let Err(error) = self.file.set_len(self.bytes) {
            error!(%error, "the audit ledger cannot be repaired");
            self.trouble.is_sync_failed = true;
            return true;
        }
        let kind = failure.kind();
        if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            let had_reserve = !self.trouble.is_disk_full;
            self.trouble.is_disk_full = true;
            if had_reserve && self.disk.release(&self.reserve()).is_ok() {
                self.note("closed", Closed::DiskFull.code(), String::new());
                return true;
            }
        } else {
            if !self.trouble.is_write_failed {
                error!(error = %failure, "the audit ledger cannot be written, will retry");
            }
            self.trouble.is_write_failed = true;
        }
        false
    }

    /// Hears of the last sync and begins the next when it is time.
    fn sync(&mut self) {
        if let Some(synced) = self.syncer.poll() {
            self.hear(synced);
        }
        let interval = Duration::from_millis(self.config.sync_interval_ms);
        let is_due = self.dirty_since.is_some_and(|since| since.elapsed() >= interval);
        if is_due && !self.syncer.is_busy() && !self.trouble.is_sync_failed {
            self.dirty_since = None;
            self.syncer.begin(Arc::clone(&self.file), self.head());
        }
    }

    fn hear(&mut self, synced: Synced) {
        match synced {
            Synced::Whole => self.trouble.is_head_stuck = false,
            Synced::Failed(error) => {
                error!(%error, "the audit ledger cannot be synced, it stays closed until a restart");
                self.trouble.is_sync_failed = true;
            }
            Synced::HeadStuck(error) => {
                if !self.trouble.is_head_stuck {
                    error!(%error, "the head of the audit ledger cannot be replaced, will retry");
                }
                self.trouble.is_head_stuck = true;
                self.dirty_since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// Decides whether new requests may come, and says so when it changes.
    fn judge(&mut self) {
        if self.queue.closed() == Some(Closed::Ended) {
            return;
        }
        if self.trouble.is_disk_full && self.pending.is_empty() && self.restore_reserve() {
            self.trouble.is_disk_full = false;
        }
        let late = Duration::from_millis(self.config.sync_late_ms);
        let now = match self.trouble {
            Trouble { is_sync_failed: true, .. } => Some(Closed::SyncFailed),
            Trouble { is_disk_full: true, .. } => Some(Closed::DiskFull),
            Trouble { is_write_failed: true, .. } => Some(Closed::WriteFailed),
            Trouble { is_head_stuck: true, .. } => Some(Closed::HeadStuck),
            Trouble { .. } if self.syncer.busy_for() > late => Some(Closed::SyncLate),
            Trouble { .. } if self.queue.is_high() => Some(Closed::QueueFull),
            Trouble { .. } => None,
        };
        // The queue closes itself when it fills; that is told too, though it may be over already.
        let before = self.closed.or(self.queue.closed());
        if now != self.queue.closed() {
            self.queue.turn(now);
        }
        self.closed = now;
        match (before, now) {
            (before, Some(why)) if before != now => {
                if why == Closed::SyncLate {
                    warn!("a sync of the audit ledger is late: what is new waits");
                } else {
                    error!(why = why.code(), "the audit ledger is closed: nobody is answered");
                }
                if why != Closed::DiskFull {
                    self.note("closed", why.code(), String::new());
                }
            }
            (Some(why), None) => self.reopened(why),
            (_, _) => {}
        }
    }

    fn reopened(&mut self, why: Closed) {
        let turned_away = self.queue.turned_away();
        let detail = format!("turned-away={}", turned_away - self.turned_away_told);
        self.turned_away_told = turned_away;
        info!(why = why.code(), "the audit ledger is open again");
        self.note("opened", why.code(), detail);
    }

    /// A gap is never silent.
    fn tell_of_losses(&mut self) {
        let lost = self.queue.lost();
        if lost > self.lost_told && !self.trouble.is_sync_failed {
            let entries = lost - self.lost_told;
            error!(entries, "audit entries were lost");
            self.note("lost", "lost", format!("entries={entries}"));
            self.lost_told = lost;
        }
    }

    /// Adds an entry about the ledger itself.
    fn note(&mut self, subject: &str, outcome: &str, detail: String) {
        let fact = AuditFact {
            actor: CHAIN.to_owned(),
            action: "ledger".to_owned(),
            subject: subject.to_owned(),
            outcome: outcome.to_owned(),
            detail,
        };
        self.pending.push_back(Waiting { at: self.clock.now(), fact: Fact::Plain(fact) });
    }

    fn is_segment_over(&self, at: Timestamp) -> bool {
        let may = self.rotates_after.is_none_or(|after| Instant::now() >= after);
        let is_over = self.begun.is_some_and(|(_, begun)| {
            self.bytes >= self.config.segment_bytes_max || self.is_another_day(begun, at)
        });
        may && is_over
    }

    fn is_another_day(&self, begun: Timestamp, at: Timestamp) -> bool {
        day(at) - day(begun) >= i64::from(self.config.segment_days_max.max(1))
    }

    /// Closes the present segment and begins the next; a segment that cannot be closed grows on.
    fn rotate(&mut self) {
        let Some((first, at)) = self.begun else { return };
        self.sync_now();
        if self.trouble.is_sync_failed || self.trouble.is_head_stuck {
            return;
        }
        match follow_segment(&self.file, &self.path, &lasting_name(&self.path, first, at)) {
            Ok(file) => {
                info!(first, last = self.end.entries, "an audit segment was closed");
                self.file = Arc::new(file);
                (self.bytes, self.begun, self.rotates_after) = (0, None, None);
            }
            Err(error) => {
                error!(%error, first, "the audit segment cannot be closed, will retry");
                self.rotates_after = Some(Instant::now() + ROTATION_RETRY);
            }
        }
    }

    /// Syncs here and now.
    fn sync_now(&mut self) {
        if let Some(synced) = self.syncer.wait() {
            self.hear(synced);
        }
        if self.dirty_since.take().is_some() && !self.trouble.is_sync_failed {
            let synced = super::sync::sync(&*self.disk, &self.path, &self.file, &self.head());
            self.hear(synced);
        }
    }

    fn finish(&mut self, fresh: &mut Vec<Waiting>) {
        self.queue.take(Rest::Sleep(Duration::ZERO), fresh);
        self.pending.extend(fresh.drain(..));
        self.write();
        self.sync_now();
        if !self.pending.is_empty() {
            error!(entries = self.pending.len(), "audit entries could not be written at the end");
        }
    }

    fn restore_reserve(&self) -> bool {
        match self.disk.reserve(&self.reserve(), self.config.reserve_bytes) {
            Ok(()) => true,
            Err(error) => {
                debug!(%error, "no room for the reserve of the audit ledger");
                false
            }
        }
    }

    fn reserve(&self) -> PathBuf {
        beside(&self.path, ".reserve")
    }

    fn segment(&self) -> u64 {
        self.begun.map_or(self.end.entries + 1, |(first, _)| first)
    }

    fn head(&self) -> StoredHead {
        let head: AuditHead = self.sealer.head(self.end.entries, self.end.digest);
        StoredHead { head, segment: self.segment() }
    }
}
