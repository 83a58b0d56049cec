//! Objects in a folder: temporary file, fsync, hard link (create-only), fsync of the folder.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::BlobError;

/// Whether a put created the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Stored now.
    Created,
    /// An object of that key was there already and stays as it was.
    Existed,
}

/// A folder of write-once objects. Blocking: call it from `spawn_blocking`.
#[derive(Debug)]
pub struct ObjectFolder {
    root: PathBuf,
    serial: AtomicU64,
}

impl ObjectFolder {
    /// Opens or creates the folder and removes temporary files a killed process left.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let root = root.into();
        let temporary = root.join(".new");
        fs::create_dir_all(&temporary)?;
        for entry in fs::read_dir(&temporary)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { root, serial: AtomicU64::new(0) })
    }

    /// Stores an object durably unless one of that key exists.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; then nothing is stored under the key.
    pub fn put(&self, key: &str, bytes: &[u8]) -> Result<Put, BlobError> {
        let path = self.path(key)?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let temporary = self.root.join(".new").join(serial.to_string());
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

    /// Tells whether an object exists.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn exists(&self, key: &str) -> Result<bool, BlobError> {
        Ok(self.path(key)?.try_exists()?)
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
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn publish(file: &Path, path: &Path) -> io::Result<Put> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_synced(folder)?;
    match fs::hard_link(file, path) {
        Ok(()) => {
            fs::File::open(folder)?.sync_all()?;
            Ok(Put::Created)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Existed),
        Err(error) => Err(error),
    }
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
    fn a_full_disk_is_told_apart() {
        let error = BlobError::Io(io::Error::from(io::ErrorKind::StorageFull));
        assert!(error.is_full());
        assert!(!BlobError::Io(io::Error::from(io::ErrorKind::NotFound)).is_full());
    }
}
