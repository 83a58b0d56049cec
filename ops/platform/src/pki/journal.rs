//! The journal of a certificate authority: every act, chained by keyed digest, one JSON line each.
//!
//! A line is on the disk before what it announces is done, and the head is replaced after it. So the file
//! may be ahead of the head, never behind; a torn last line is cut when opening. One process at a time:
//! an open journal holds the lock of its folder. It does not rotate (ten thousand devices give some 10 MB
//! a year), and cannot see file, head and key replaced together by older copies of all three.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use kakehashi_contract::{
    AuditEntry, AuditKey,
    audit::{AuditBroken, AuditHead},
};
use kakehashi_kernel::Timestamp;

use super::{PkiError, act::Act, folder};
use crate::runtime::{KeyFolder, SystemEntropy};

const CHAIN: &str = "ca";
const FILE: &str = "journal.jsonl";
/// Bytes of one line at most.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How long a second operator waits for the first: this often, this long each.
const LOCK_ATTEMPTS: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The open journal of one CA folder.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    key: AuditKey,
    file: File,
    head: AuditHead,
    bytes: u64,
    _lock: File,
}

/// An act with when and by whom.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    pub(super) act: Act,
}

impl Journal {
    /// Opens the journal of `authority`, starting it when there is none; answers all acts so far.
    pub(super) fn open(authority: &Path) -> Result<(Self, Vec<Told>), PkiError> {
        let path = authority.join(FILE);
        let failed = |source| PkiError::File { path: path.clone(), verb: "opened", source };
        DirBuilder::new().recursive(true).mode(0o700).create(authority).map_err(failed)?;
        let lock = lock(&authority.join("lock"))?;
        let keys = KeyFolder::new(authority);
        let is_new = !path.exists() && !head_path(&path).exists();
        // With a journal but without its key there is nothing to verify by; a new key would not help.
        let key = if is_new {
            keys.load_or_create("journal", &SystemEntropy)
        } else {
            keys.load("journal")
        };
        let key =
            AuditKey::new(*key.map_err(|error| PkiError::JournalKey(Box::new(error)))?.expose());
        if is_new {
            store_head(&path, &AuditHead::empty(&key, CHAIN))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let (head, bytes, told) = walk(&path, &file, &load_head(&path)?, &key)?;
        file.set_len(bytes).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        store_head(&path, &head)?;
        Ok((Self { path, key, file, head, bytes, _lock: lock }, told))
    }

    /// Writes an act down; when this returns it is on the disk.
    pub(super) fn append(
        &mut self,
        actor: &str,
        at: Timestamp,
        act: Act,
    ) -> Result<Told, PkiError> {
        let failed = |source| PkiError::File { path: self.path.clone(), verb: "written", source };
        let fact = act.fact(actor).map_err(|error| failed(error.into()))?;
        let (entry, head) = self.head.append(&self.key, at, fact);
        let mut line = serde_json::to_vec(&entry).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Part of a line may be there; what comes next must not be glued to it.
            self.file.set_len(self.bytes).map_err(failed)?;
            return Err(failed(error));
        }
        self.bytes += line.len() as u64;
        self.head = head;
        store_head(&self.path, &self.head)?;
        Ok(Told { at, act })
    }

    /// Entries so far.
    pub(super) const fn entries(&self) -> u64 {
        self.head.entries
    }
}

fn lock(path: &Path) -> Result<File, PkiError> {
    let failed = |source| PkiError::File { path: path.to_owned(), verb: "locked", source };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(PkiError::InUse)
}

type Walked = (AuditHead, u64, Vec<Told>);

/// Recomputes the chain from its start.
fn walk(path: &Path, file: &File, stored: &AuditHead, key: &AuditKey) -> Result<Walked, PkiError> {
    let failed = |source| PkiError::File { path: path.to_owned(), verb: "read", source };
    let mut head = AuditHead::empty(key, CHAIN);
    let (mut bytes, mut told, mut line) = (0, Vec::new(), Vec::new());
    let mut lines = BufReader::with_capacity(256 * 1024, file);
    loop {
        if head.entries == stored.entries && head != *stored {
            return Err(AuditBroken::Head.into());
        }
        line.clear();
        let limited = &mut io::Read::take(&mut lines, LINE_BYTES_MAX as u64);
        let length = limited.read_until(b'\n', &mut line).map_err(failed)?;
        let is_last = lines.fill_buf().map_err(failed)?.is_empty();
        if length == 0 || (is_last && line.last() != Some(&b'\n')) {
            break;
        }
        let broken = AuditBroken::Entry { sequence: head.entries + 1 };
        let Ok(entry) = serde_json::from_slice::<AuditEntry>(&line) else {
            if is_last {
                break;
            }
            return Err(broken.into());
        };
        let (expected, next) = head.append(key, entry.at, entry.fact.clone());
        if entry != expected {
            return Err(broken.into());
        }
        let act = serde_json::from_str(&entry.fact.detail).map_err(|_| PkiError::JournalNewer)?;
        told.push(Told { at: entry.at, act });
        head = next;
        bytes += length as u64;
    }
    if stored.entries > head.entries {
        return Err(AuditBroken::End { expected: stored.entries, found: head.entries }.into());
    }
    Ok((head, bytes, told))
}

fn head_path(path: &Path) -> PathBuf {
    path.with_extension("head.json")
}

fn load_head(path: &Path) -> Result<AuditHead, PkiError> {
    let text = folder::read(&head_path(path))?.ok_or(AuditBroken::Head)?;
    serde_json::from_str(&text).map_err(|_| AuditBroken::Head.into())
}

fn store_head(path: &Path, head: &AuditHead) -> Result<(), PkiError> {
    let path = head_path(path);
    let bytes = serde_json::to_vec(head).map_err(|error| PkiError::File {
        path: path.clone(),
        verb: "written",
        source: error.into(),
    })?;
    folder::write_private(&path, &bytes)
}
