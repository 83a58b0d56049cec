//! What the ledger asks of the disk. A trait, because a full or failing disk must be tried out.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use kakehashi_contract::audit::AuditHead;
use kakehashi_platform::pki::write_private;
use rustix::fs::{FallocateFlags, fallocate};
use serde::{Deserialize, Serialize};

use super::LedgerBroken;

/// The disk under a ledger.
pub(super) trait Disk: Send + Sync {
    /// Appends to a segment.
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until a segment's bytes cannot be lost by a power cut.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Replaces the head.
    fn store_head(&self, path: &Path, head: &StoredHead) -> io::Result<()> {
        write_private(&beside(path, ".head"), &serde_json::to_vec(head)?).map_err(io::Error::other)
    }

    /// Takes room that is given up when the disk is full.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = private(path)?;
        if file.metadata()?.len() == bytes {
            return Ok(());
        }
        match fallocate(&file, FallocateFlags::empty(), 0, bytes.max(1)) {
            Ok(()) => file.set_len(bytes),
            // A file system without reservation gets bytes.
            Err(rustix::io::Errno::OPNOTSUPP) => {
                io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut &file).map(drop)
            }
            Err(error) => {
                file.set_len(0)?;
                Err(error.into())
            }
        }
    }

    /// Gives the room up.
    fn release(&self, path: &Path) -> io::Result<()> {
        private(path)?.set_len(0)
    }
}

/// The real one.
#[derive(Debug)]
pub(super) struct RealDisk;

impl Disk for RealDisk {}

/// The head file: the chain's end, and for people where the present segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredHead {
    #[serde(flatten)]
    pub(super) head: AuditHead,
    #[serde(default = "one")]
    pub(super) segment: u64,
}

const fn one() -> u64 {
    1
}

/// Answers the name with something appended.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn load_head(path: &Path) -> Result<AuditHead, LedgerBroken> {
    let text = match std::fs::read(beside(path, ".head")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LedgerBroken::Head),
        Err(error) => return Err(LedgerBroken::Io(error)),
    };
    let stored: StoredHead = serde_json::from_slice(&text).map_err(|_| LedgerBroken::Head)?;
    Ok(stored.head)
}

/// Locks a ledger for one writer. Beside it, because a segment is renamed when it is full.
pub(super) fn lock(path: &Path) -> Result<File, LedgerBroken> {
    let file = private(&beside(path, ".lock"))?;
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => LedgerBroken::InUse,
        std::fs::TryLockError::Error(error) => LedgerBroken::Io(error),
    })?;
    Ok(file)
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(path)
}

/// Opens the present segment, or begins it.
pub(super) fn open_segment(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)
}

/// Gives a segment its lasting name, makes it read-only, and begins the next one.
pub(super) fn follow_segment(file: &File, path: &Path, lasting: &Path) -> io::Result<File> {
    if lasting.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // The next one first: without it nothing has changed yet.
    let next = beside(path, ".next");
    let fresh = open_segment(&next)?;
    fresh.set_len(0)?;
    std::fs::rename(path, lasting)?;
    std::fs::rename(&next, path)?;
    file.set_permissions(Permissions::from_mode(0o400))?;
    sync_folder(path)?;
    Ok(fresh)
}

/// Waits until the folder's names cannot be lost by a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
