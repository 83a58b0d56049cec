//! The gateway's audit ledger: a file of JSON lines chained by keyed digest, and a head beside it.
//!
//! A line is written (handed to the kernel) before [`Ledger::append`] returns, so a killed process loses
//! none. Once a second, and at the end, the lines are synced to the disk and then the head is replaced;
//! a power cut loses at most that second. So the file may be ahead of the head, never behind:
//!
//! - entries after the head that follow from the chain are accepted;
//! - entries missing before the head are reported, and the ledger does not open;
//! - a last line without its end, or no entry at all, was torn by a crash and is cut when opening.
//!
//! It does not rotate, and cannot see a file and head replaced together by older copies of both.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use kakehashi_contract::{AuditEntry, AuditFact, AuditKey, audit::AuditHead};
use kakehashi_kernel::Timestamp;
use kakehashi_platform::pki::write_private;
use tokio::sync::oneshot;
use tracing::error;

/// The chain's name in the empty head.
const CHAIN: &str = "gateway";
/// Facts that may wait for the writer; more, and requests are refused.
const WAITING_MAX: usize = 8_192;
/// Facts written together.
const BATCH_MAX: usize = 512;
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Longest time between a line and its sync.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

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
    /// Another process writes this ledger.
    #[error("the audit ledger is in use by another process")]
    InUse,
}

/// The fact could not be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit ledger takes no entry")]
pub struct LedgerClosed;

/// An open ledger. One per process and file; share it behind an `Arc`.
#[derive(Debug)]
pub struct Ledger {
    queue: Mutex<Option<SyncSender<Waiting>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Waiting {
    at: Timestamp,
    fact: AuditFact,
    written: Option<oneshot::Sender<()>>,
}

impl Ledger {
    /// Opens the ledger, or starts it. Verifies the whole chain and cuts a torn last line.
    ///
    /// # Errors
    ///
    /// [`LedgerBroken`]; a broken ledger is left as it is for a person to look at.
    pub fn open(path: &Path, key: AuditKey) -> Result<Self, LedgerBroken> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if !path.exists() && !head_path(path).exists() {
            store_head(path, &AuditHead::empty(&key, CHAIN))?;
        }
        let file =
            OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => LedgerBroken::InUse,
            std::fs::TryLockError::Error(error) => LedgerBroken::Io(error),
        })?;
        let end = walk(&file, &load_head(path)?, &key)?;
        file.set_len(end.bytes)?;
        file.sync_all()?;
        store_head(path, &end.head)?;
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let writer = Writer::new(path, key, file, end);
        let writer = std::thread::Builder::new()
            .name("audit-ledger".to_owned())
            .spawn(move || writer.run(&waiting))?;
        Ok(Self { queue: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)) })
    }

    /// Writes a fact down and returns when its line is in the file.
    ///
    /// # Errors
    ///
    /// [`LedgerClosed`] when the disk is full, the queue is, or the ledger was closed.
    pub async fn append(&self, at: Timestamp, fact: AuditFact) -> Result<(), LedgerClosed> {
        let (written, done) = oneshot::channel();
        self.send(Waiting { at, fact, written: Some(written) })?;
        done.await.map_err(|_| LedgerClosed)
    }

    /// Hands a fact over without waiting, for places that cannot wait.
    ///
    /// # Errors
    ///
    /// [`LedgerClosed`] when the queue is full or the ledger was closed.
    pub fn note(&self, at: Timestamp, fact: AuditFact) -> Result<(), LedgerClosed> {
        self.send(Waiting { at, fact, written: None })
    }

    /// Writes what waits, syncs, and stops. Later appends are refused. Blocks.
    pub fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            error!("the audit ledger's writer panicked");
        }
    }

    fn send(&self, waiting: Waiting) -> Result<(), LedgerClosed> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().ok_or(LedgerClosed)?.try_send(waiting).map_err(|_| LedgerClosed)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}

/// Verifies a ledger file against its head and answers the number of entries. Changes nothing.
///
/// A torn last line does not count. May run while the gateway writes.
///
/// # Errors
///
/// [`LedgerBroken`] saying where the chain fails.
pub fn verify(path: &Path, key: &AuditKey) -> Result<u64, LedgerBroken> {
    let head = load_head(path)?;
    Ok(walk(&File::open(path)?, &head, key)?.head.entries)
}

/// The last whole entry.
struct End {
    head: AuditHead,
    bytes: u64,
}

/// Recomputes the chain from its start.
fn walk(file: &File, stored: &AuditHead, key: &AuditKey) -> Result<End, LedgerBroken> {
    let mut end = End { head: AuditHead::empty(key, CHAIN), bytes: 0 };
    let mut lines = BufReader::with_capacity(256 * 1024, file);
    let mut line = Vec::new();
    loop {
        if end.head.entries == stored.entries && end.head != *stored {
            return Err(LedgerBroken::Head);
        }
        line.clear();
        let length = lines.take_line(&mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            break;
        }
        let sequence = end.head.entries + 1;
        let Ok(entry) = serde_json::from_slice::<AuditEntry>(&line) else {
            if lines.fill_buf()?.is_empty() {
                break;
            }
            return Err(LedgerBroken::Entry { sequence });
        };
        let (expected, head) = end.head.append(key, entry.at, entry.fact.clone());
        if entry != expected {
            return Err(LedgerBroken::Entry { sequence });
        }
        end = End { head, bytes: end.bytes + length as u64 };
    }
    if stored.entries > end.head.entries {
        return Err(LedgerBroken::End { expected: stored.entries, found: end.head.entries });
    }
    Ok(end)
}

trait TakeLine {
    fn take_line(&mut self, line: &mut Vec<u8>) -> io::Result<usize>;
}

impl<R: BufRead> TakeLine for R {
    /// Reads one line of bounded length, with its end.
    fn take_line(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        io::Read::take(self, LINE_BYTES_MAX as u64).read_until(b'\n', line)
    }
}

fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

fn load_head(path: &Path) -> Result<AuditHead, LedgerBroken> {
    let text = match std::fs::read(head_path(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LedgerBroken::Head),
        Err(error) => return Err(LedgerBroken::Io(error)),
    };
    serde_json::from_slice(&text).map_err(|_| LedgerBroken::Head)
}

fn store_head(path: &Path, head: &AuditHead) -> io::Result<()> {
    write_private(&head_path(path), &serde_json::to_vec(head)?).map_err(io::Error::other)
}

/// Owns the file; runs on a thread of its own because syncing blocks.
struct Writer {
    path: PathBuf,
    key: AuditKey,
    file: File,
    end: End,
    dirty_since: Option<Instant>,
    /// After a failed sync nobody knows what is on the disk: nothing more is taken.
    is_failed: bool,
    /// The head could not be replaced, mostly for a full disk: nothing more is taken until it is.
    is_stalled: bool,
}

impl Writer {
    fn new(path: &Path, key: AuditKey, file: File, end: End) -> Self {
        let path = path.to_owned();
        Self { path, key, file, end, dirty_since: None, is_failed: false, is_stalled: false }
    }

    fn run(mut self, queue: &Receiver<Waiting>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let patience = self.dirty_since.map_or(Duration::from_hours(1), |since| {
                SYNC_INTERVAL.saturating_sub(since.elapsed())
            });
            let is_open = match queue.recv_timeout(patience) {
                Ok(first) => {
                    batch.push(first);
                    batch.extend(queue.try_iter().take(BATCH_MAX - 1));
                    self.write(&mut batch);
                    true
                }
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            let is_due = self.dirty_since.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL);
            if is_due || !is_open {
                self.sync();
            }
            if !is_open {
                return;
            }
        }
    }

    /// Writes a batch in one go and tells everybody who waits; on failure nobody hears.
    fn write(&mut self, batch: &mut Vec<Waiting>) {
        if self.is_failed || self.is_stalled {
            batch.clear();
            return;
        }
        let mut bytes = Vec::with_capacity(batch.len() * 512);
        let mut head = self.end.head;
        let mut written = Vec::with_capacity(batch.len());
        for waiting in batch.drain(..) {
            let (entry, next) = head.append(&self.key, waiting.at, waiting.fact);
            let Ok(line) = serde_json::to_vec(&entry) else { continue };
            if line.len() >= LINE_BYTES_MAX {
                error!("an audit entry is too long and was refused");
                continue;
            }
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
            head = next;
            written.extend(waiting.written);
        }
        if let Err(error) = self.file.write_all(&bytes) {
            error!(%error, "the audit ledger cannot be written");
            // Part of a line may be there; the next batch must not be glued to it.
            if let Err(error) = self.file.set_len(self.end.bytes) {
                error!(%error, "the audit ledger cannot be repaired");
                self.is_failed = true;
            }
            return;
        }
        self.end = End { head, bytes: self.end.bytes + bytes.len() as u64 };
        self.dirty_since.get_or_insert_with(Instant::now);
        for waiting in written {
            // The request may be gone; its line stays.
            waiting.send(()).unwrap_or_default();
        }
    }

    fn sync(&mut self) {
        if self.dirty_since.take().is_none() {
            return;
        }
        if let Err(error) = self.file.sync_data() {
            error!(%error, "the audit ledger cannot be synced");
            self.is_failed = true;
            return;
        }
        let stored = store_head(&self.path, &self.end.head);
        self.is_stalled = stored.is_err();
        if let Err(error) = stored {
            error!(%error, "the head of the audit ledger cannot be replaced, will retry");
            self.dirty_since = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_head_that_cannot_be_replaced_closes_the_ledger_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let key = AuditKey::new([7; 32]);
        let file = File::create(&path).unwrap();
        let end = End { head: AuditHead::empty(&key, CHAIN), bytes: 0 };
        let mut writer = Writer::new(&path, key.clone(), file, end);
        let written = |writer: &mut Writer| {
            let fact = AuditFact {
                actor: "a".to_owned(),
                action: "b".to_owned(),
                subject: "c".to_owned(),
                outcome: "ok".to_owned(),
                detail: String::new(),
            };
            let (told, mut hears) = oneshot::channel();
            writer.write(&mut vec![Waiting { at: Timestamp(0), fact, written: Some(told) }]);
            hears.try_recv().is_ok()
        };
        // Stands where the new head is written.
        let obstacle = folder.path().join("ledger.head.new");
        fs::create_dir(&obstacle).unwrap();
        assert!(written(&mut writer));
        writer.sync();
        assert!(!written(&mut writer), "nothing is taken that the head does not cover");
        fs::remove_dir(&obstacle).unwrap();
        writer.sync();
        assert!(written(&mut writer));
        writer.sync();
        assert_eq!(verify(&path, &key).unwrap(), 2);
    }
}
