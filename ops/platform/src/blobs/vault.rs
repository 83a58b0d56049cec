//! The vault: seals objects under the key of the first part of their name.

use std::{collections::BTreeMap, sync::Arc};

use kakehashi_seal::{Entropy, Key, open_object, seal_object};

use super::{BlobError, ObjectFolder, Put};

/// Objects and the sealing keys this process holds.
#[derive(Clone)]
pub struct Vault {
    objects: Arc<ObjectFolder>,
    keys: Arc<BTreeMap<&'static str, Key>>,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    /// Joins objects with the keys for some first parts of their names.
    pub fn new(
        objects: Arc<ObjectFolder>,
        keys: impl IntoIterator<Item = (&'static str, Key)>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { objects, keys: Arc::new(keys.into_iter().collect()), entropy }
    }

    /// The store below.
    pub fn objects(&self) -> &Arc<ObjectFolder> {
        &self.objects
    }

    /// The sealing key of an object.
    ///
    /// # Errors
    ///
    /// [`BlobError::NoKey`] when this process does not hold it.
    pub fn key(&self, key: &str) -> Result<&Key, BlobError> {
        let first = key.split('/').next().unwrap_or_default();
        self.keys.get(first).ok_or_else(|| BlobError::NoKey { key: key.to_owned() })
    }

    /// Seals and stores an object unless one of that key exists.
    ///
    /// # Errors
    ///
    /// [`BlobError`].
    pub async fn put(&self, key: String, plain: Vec<u8>) -> Result<Put, BlobError> {
        let (objects, entropy) = (self.objects.clone(), self.entropy.clone());
        let sealing = self.key(&key)?.clone();
        blocking(move || {
            let sealed = seal_object(&sealing, &key, &plain, entropy.as_ref());
            objects.put(&key, &sealed)
        })
        .await
    }

    /// Reads and opens an object.
    ///
    /// # Errors
    ///
    /// [`BlobError::Missing`] when it does not exist, [`BlobError::Sealed`] when it does not open.
    pub async fn get(&self, key: String) -> Result<Vec<u8>, BlobError> {
        let objects = self.objects.clone();
        let sealing = self.key(&key)?.clone();
        blocking(move || {
            let sealed =
                objects.get(&key)?.ok_or_else(|| BlobError::Missing { key: key.clone() })?;
            open_object(&sealing, &key, &sealed).map_err(|source| BlobError::Sealed { key, source })
        })
        .await
    }
}

/// Runs blocking work off the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| BlobError::Io(std::io::Error::other(error)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemEntropy;

    fn vault(folder: &std::path::Path, prefix: &'static str) -> Vault {
        let objects = Arc::new(ObjectFolder::open(folder).unwrap());
        Vault::new(objects, [(prefix, Key::new([1; 32]))], Arc::new(SystemEntropy))
    }

    #[tokio::test]
    async fn nothing_lies_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let vault = vault(folder.path(), "original");
        vault.put("original/1".into(), b"marker-marker".to_vec()).await.unwrap();
        assert_eq!(vault.get("original/1".into()).await.unwrap(), b"marker-marker");
        let raw = vault.objects().get("original/1").unwrap().unwrap();
        assert!(!raw.windows(6).any(|window| window == b"marker"));
    }

    #[tokio::test]
    async fn a_process_without_the_key_sees_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let other = vault(folder.path(), "released");
        let refused = other.get("original/1".into()).await;
        assert!(matches!(refused, Err(BlobError::NoKey { .. })));
        let missing = other.get("released/1".into()).await;
        assert!(matches!(missing, Err(BlobError::Missing { .. })));
    }
}
