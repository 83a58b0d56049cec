//! Key files: 32 random bytes as hexadecimal text, mode 0600, in a folder of mode 0700.

use std::{
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use kakehashi_seal::{Entropy, Key};

/// A folder of key files.
#[derive(Debug, Clone)]
pub struct KeyFolder(PathBuf);

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {path} cannot be used")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not hold 64 hexadecimal digits.
    #[error("key file {path} does not hold a 256-bit key in hexadecimal")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("key file {path} is readable by others: set its mode to 0600")]
    TooOpen {
        /// Which file.
        path: PathBuf,
    },
}

impl KeyFolder {
    /// Names a folder; made when the first key is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Loads the key `name`.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`] also when the file is open to others.
    pub fn load(&self, name: &str) -> Result<Key, KeyFileError> {
        let path = self.path(name);
        let io = |source| KeyFileError::Io { path: path.clone(), source };
        let mode = fs::metadata(&path).map_err(io)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyFileError::TooOpen { path });
        }
        let text = fs::read_to_string(&path).map_err(io)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes)
            .map_err(|_| KeyFileError::Malformed { path: path.clone() })?;
        Ok(Key::new(bytes))
    }

    /// Loads the key `name`, drawing it first when it does not exist yet.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; an existing key is never overwritten.
    pub fn load_or_create(&self, name: &str, entropy: &dyn Entropy) -> Result<Key, KeyFileError> {
        let path = self.path(name);
        if !path.exists() {
            self.create(&path, &Key::generate(entropy), entropy)
                .map_err(|source| KeyFileError::Io { path: path.clone(), source })?;
        }
        self.load(name)
    }

    /// The temporary name is this attempt's own: processes that start together for the first time must
    /// not write into each other's file, or one would seal under a key that nobody keeps.
    fn create(&self, path: &Path, key: &Key, entropy: &dyn Entropy) -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let temporary = path.with_extension(format!("{}.new", hex::encode(random)));
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        writeln!(file, "{}", hex::encode(key.expose()))?;
        file.sync_all()?;
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::remove_file(&temporary)?,
        }
        fs::File::open(&self.0)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemEntropy;

    #[test]
    fn a_key_is_drawn_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::new(folder.path().join("keys"));
        let first = keys.load_or_create("ingest", &SystemEntropy).unwrap();
        let second = keys.load_or_create("ingest", &SystemEntropy).unwrap();
        assert_eq!(first.expose(), second.expose());
        let path = folder.path().join("keys/ingest.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(keys.load("ingest"), Err(KeyFileError::TooOpen { .. })));
    }

    #[test]
    fn whoever_starts_at_the_same_time_gets_the_same_key() {
        for _ in 0..50 {
            let folder = tempfile::tempdir().unwrap();
            let keys = KeyFolder::new(folder.path());
            let drawn: Vec<[u8; 32]> = std::thread::scope(|scope| {
                let draw = || *keys.load_or_create("k", &SystemEntropy).unwrap().expose();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(drawn.iter().all(|key| *key == drawn[0]));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_damaged_key_is_refused_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::new(folder.path());
        keys.load_or_create("k", &SystemEntropy).unwrap();
        fs::write(folder.path().join("k.key"), "abc").unwrap();
        let again = keys.load_or_create("k", &SystemEntropy);
        assert!(matches!(again, Err(KeyFileError::Malformed { .. })));
    }
}
