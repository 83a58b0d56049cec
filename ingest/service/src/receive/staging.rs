//! The staged side of an upload: one lock per upload, bytes in, durable offsets out.

use std::{sync::Arc, time::Duration};

use axum::body::BodyDataStream;
use futures_util::StreamExt;
use kakehashi_contract::objects;
use kakehashi_kernel::ScanId;
use kakehashi_platform::blobs::{BlobError, StagedObject};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::ReceiveError;
use crate::{Ingest, store::upload::UploadRow};

/// Bytes gathered before they are sealed and written.
const WRITE_BYTES: usize = 128 * 1024;
/// Longest silence within one request's body.
const BODY_IDLE: Duration = Duration::from_secs(30);
/// Longest wait for another request that writes to the same upload.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Uploads kept open at once; the others are opened again when their next part arrives.
const OPEN_MAX: usize = 512;

/// The lock on an upload, with its staged object if it is open.
pub(super) type Slot = OwnedMutexGuard<Option<StagedObject>>;

impl Ingest {
    /// Reads the body into the staged object until it ends, fails, or exceeds `length`; then syncs.
    pub(super) async fn take_body(
        &self,
        mut staged: StagedObject,
        length: u64,
        mut body: BodyDataStream,
    ) -> Result<(StagedObject, Result<(), ReceiveError>), ReceiveError> {
        let mut taken = staged.offset();
        let mut gathered = Vec::with_capacity(WRITE_BYTES);
        let ended = loop {
            let chunk = match tokio::time::timeout(BODY_IDLE, body.next()).await {
                Ok(Some(Ok(chunk))) => chunk,
                Ok(None) => break Ok(()),
                Ok(Some(Err(_))) | Err(_) => break Err(ReceiveError::Interrupted),
            };
            taken += chunk.len() as u64;
            if taken > length {
                break Err(ReceiveError::TooLong);
            }
            gathered.extend_from_slice(&chunk);
            if gathered.len() >= WRITE_BYTES {
                staged = self.write(staged, std::mem::take(&mut gathered), false).await?;
            }
        };
        staged = self.write(staged, gathered, true).await?;
        Ok((staged, ended))
    }

    async fn write(
        &self,
        mut staged: StagedObject,
        plain: Vec<u8>,
        sync: bool,
    ) -> Result<StagedObject, ReceiveError> {
        let entropy = Arc::clone(&self.0.ports.entropy);
        blocking(move || {
            staged.append(&plain, entropy.as_ref())?;
            if sync {
                staged.sync()?;
            }
            Ok(staged)
        })
        .await?
    }

    pub(super) async fn slot(&self, upload: ScanId) -> Result<Slot, ReceiveError> {
        let slot = {
            let mut open = self.0.open.lock().await;
            if open.len() >= OPEN_MAX {
                // Closes what nobody is writing to: it is opened again when its next part arrives.
                open.retain(|_, slot| Arc::strong_count(slot) > 1);
            }
            Arc::clone(open.entry(upload).or_insert_with(|| Arc::new(Mutex::new(None))))
        };
        tokio::time::timeout(LOCK_WAIT, slot.lock_owned()).await.map_err(|_| ReceiveError::Locked)
    }

    pub(super) async fn forget_slot(&self, upload: ScanId) {
        self.0.open.lock().await.remove(&upload);
    }

    /// The staged object, opened if need be. `None` when the object is published already: then the
    /// staged name, which may be a second link to it, must not be touched but removed.
    pub(super) async fn staged(
        &self,
        slot: &mut Slot,
        row: &UploadRow,
    ) -> Result<Option<StagedObject>, ReceiveError> {
        if let Some(staged) = slot.take() {
            return Ok(Some(staged));
        }
        let ports = &self.0.ports;
        let key = objects::original(row.id);
        let sealing = ports.vault.key(&key)?.clone();
        let (objects, folder) = (ports.vault.objects().clone(), ports.staging.clone());
        blocking(move || {
            if objects.exists(&key)? {
                StagedObject::remove(&folder, &key)?;
                return Ok(None);
            }
            Ok(Some(StagedObject::open(&folder, &key, &sealing)?))
        })
        .await?
    }

    pub(super) async fn remove_staged(&self, upload: ScanId) -> Result<(), ReceiveError> {
        let folder = self.0.ports.staging.clone();
        Ok(blocking(move || StagedObject::remove(&folder, &objects::original(upload))).await??)
    }
}

/// Runs disk work off the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ReceiveError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ReceiveError::Blob(BlobError::Io(std::io::Error::other(error))))
}
