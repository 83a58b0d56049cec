//! Objects in a folder: temporary file, fsync, hard link (create-only), fsync of the folder.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use kakehashi_seal::Entropy;

use super::BlobError;
use crate::runtime::SystemEntropy;

/// Whether a put created the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Stored now.
    Created,
    /// An object of that key was there already and stays as it was.
    Existed,
}

/// A folder of write-once objects. Blocking: call it from `spawn_blocking`.
///
/// Several processes may use one folder. Each names its temporary files in its own way.
#[derive(Debug)]
pub struct ObjectFolder {
    root: PathBuf,
    /// Begins the names of this opening's temporary files.
    prefix: String,
    serial: AtomicU64,
    /// Held shared while the folder is open: then nobody removes temporary files.
    _in_use: fs::File,
}

impl ObjectFolder {
    /// Opens or creates the folder. Removes temporary files a killed process left, unless another
    /// process has the folder open, whose files they may be.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let root = root.into();
        let temporary = root.join(".new");
        fs::create_dir_all(&temporary)?;
        let in_use = fs::File::create(root.join(".in-use"))?;
        match in_use.try_lock() {
            Ok(()) => {
                for entry in fs::read_dir(&temporary)? {
                    fs::remove_file(entry?.path())?;
                }
                in_use.unlock()?;
            }
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        in_use.lock_shared()?;
        let mut random = [0; 8];
        SystemEntropy.fill(&mut random);
        let prefix = hex::encode(random);
        Ok(Self { root, prefix, serial: AtomicU64::new(0), _in_use: in_use })
    }

    /// Stores an object durably unless one of that key exists.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; then nothing is stored under the key.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<Put, BlobError> {
        let path = self.path(key)?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let temporary = self.root.join(".new").join(format!("{}-{serial}", self.prefix));
        let written = write_synced(&temporary, bytes).and_then(|()| publish(&temporary, &path));
        // The temporary name is not needed whatever happened; a left-over is removed at next open.
        let removed = fs::remove_file(&temporary);
        let put = written?;
        removed?;
        Ok(put)
    }

    /// Publishes a synced file of this file system under `key` and removes its old name.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; then the file still has its old name.
    pub fn adopt(&self, file: &Path, key: &str) -> Result<Put, BlobError> {
        let put = publish(file, &self.path(key)?)?;
        fs::remove_file(file)?;
        Ok(put)
    }

    /// Reads an object.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BlobError> {
        match fs::read(self.path(key)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells whether an object exists. One that does is durable when this returns: the process that
    /// published it may have been killed before it synced the folder.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn exists(&self, key: &str) -> Result<bool, BlobError> {
        let path = self.path(key)?;
        let exists = path.try_exists()?;
        if exists {
            sync_folder_of(&path)?;
        }
        Ok(exists)
    }

    fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        let part_is_plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        };
        if key.len() > 200 || !key.contains('/') || !key.split('/').all(part_is_plain) {
            return Err(BlobError::BadKey { key: key.to_owned() });
        }
        Ok(self.root.join(key))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn publish(file: &Path, path: &Path) -> io::Result<Put> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_synced(folder)?;
    let put = match fs::hard_link(file, path) {
        Ok(()) => Put::Created,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Put::Existed,
        Err(error) => return Err(error),
    };
    // Also when it was there: whoever put it may not have come this far.
    sync_folder_of(path)?;
    Ok(put)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    fs::File::open(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?.sync_all()
}

/// Creates a folder and its parents, each entry synced into the folder above it.
fn create_synced(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_synced(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::File::open(parent)?.sync_all()?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let objects = ObjectFolder::open(folder.path().join("objects")).unwrap();
        assert_eq!(objects.put("original/1", b"first").unwrap(), Put::Created);
        assert_eq!(objects.put("original/1", b"second").unwrap(), Put::Existed);
        assert_eq!(objects.get("original/1").unwrap().unwrap(), b"first");
        assert!(objects.get("original/2").unwrap().is_none());
        assert!(objects.exists("original/1").unwrap());
    }

    #[test]
    fn keys_that_leave_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let objects = ObjectFolder::open(folder.path()).unwrap();
        for key in ["../x", "original/../x", "/etc/passwd", "original", "a//b", "a/.b", "a/b c", ""]
        {
            assert!(matches!(objects.get(key), Err(BlobError::BadKey { .. })), "{key}");
        }
    }

    #[test]
    fn left_over_temporary_files_are_removed_at_open() {
        let folder = tempfile::tempdir().unwrap();
        drop(ObjectFolder::open(folder.path()).unwrap());
        fs::write(folder.path().join(".new/7"), b"half").unwrap();
        drop(ObjectFolder::open(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path().join(".new")).unwrap().count(), 0);
    }

    #[test]
    fn two_processes_share_a_folder_without_touching_each_others_files() {
        let folder = tempfile::tempdir().unwrap();
        let first = ObjectFolder::open(folder.path()).unwrap();
        let half_written = folder.path().join(".new").join(format!("{}-0", first.prefix));
        fs::write(&half_written, b"half").unwrap();
        let second = ObjectFolder::open(folder.path()).unwrap();
        assert_eq!(second.put("a/1", b"whole").unwrap(), Put::Created);
        assert_eq!(fs::read(half_written).unwrap(), b"half");
        assert_eq!(second.get("a/1").unwrap().unwrap(), b"whole");
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let error = BlobError::Io(io::Error::from(io::ErrorKind::StorageFull));
        assert!(error.is_full());
        assert!(!BlobError::Io(io::Error::from(io::ErrorKind::NotFound)).is_full());
    }
}
