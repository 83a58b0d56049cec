//! Receives a scan: resumable upload, digest, durable object, then the receipt.
//!
//! The order is what makes a receipt mean durable: sealed bytes synced under their final name, then
//! scan row, history, audit entry and outbox message in one transaction, then the answer. A crash
//! between object and row leaves an object without a receipt; the next word of the sender about that
//! upload finishes it, and in the end the sweeper.

mod error;
mod staging;

use std::sync::Arc;

use axum::body::Body;
use kakehashi_contract::{AuditFact, Event, Identity, Message, Role, Zone, objects};
use kakehashi_ingest_core::{Declaration, Receipt, Scan, ScanState};
use kakehashi_kernel::{MunicipalityCode, ScanId, Sha256Digest, limits};
use kakehashi_platform::{
    DatabaseError, Tx,
    blobs::{BlobError, StagedObject},
    queue::outbox,
};

pub use self::error::{ProtocolError, ReceiveError};
use self::staging::{Slot, blocking};
use crate::{
    Ingest,
    store::{self, upload::UploadRow},
};

/// A device of a municipality, as the gateway identified it.
#[derive(Debug, Clone)]
pub struct Uploader {
    /// The municipality.
    pub municipality: MunicipalityCode,
    /// The identity as the audit trail names it.
    pub actor: String,
}

impl Uploader {
    /// Reads an uploader out of an identity; `None` for anybody else.
    pub fn of(identity: &Identity) -> Option<Self> {
        if identity.zone != Zone::Municipal || identity.role != Role::MunicipalStaff {
            return None;
        }
        let municipality = identity.organisation.parse().ok()?;
        Some(Self { municipality, actor: identity.to_string() })
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// The upload.
    pub upload: ScanId,
    /// Bytes durable.
    pub offset: u64,
    /// Bytes declared.
    pub length: u64,
    /// The receipt, once everything is durable.
    pub receipt: Option<Receipt>,
}

impl Ingest {
    /// Opens an upload. When the declared digest is that of a scan this municipality already sent, the
    /// upload is complete at once and the first receipt is its receipt.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    pub async fn create_upload(
        &self,
        uploader: &Uploader,
        declaration: Declaration,
    ) -> Result<UploadStatus, ReceiveError> {
        let ports = &self.0.ports;
        let id = ScanId::generate(ports.ids.as_ref());
        let file_name =
            declaration.file_name.as_ref().map(|name| self.seal_file_name(id, name.expose()));
        let mut tx = ports.database.write().await?;
        let earlier = match declaration.sha256 {
            Some(digest) => store::scan::find_same(&mut tx, &uploader.municipality, digest).await?,
            None => None,
        };
        let open = store::upload::count_open(&mut tx, &uploader.municipality).await?;
        if earlier.is_none() && open >= self.0.settings.uploads_open_max {
            return Err(ReceiveError::TooManyOpen);
        }
        let row = UploadRow {
            id,
            municipality: uploader.municipality.clone(),
            length: declaration.length,
            declared_sha256: declaration.sha256,
            application: declaration.application,
            declared_form: declaration.form,
            file_name,
            created_at: ports.clock.now(),
            is_open: earlier.is_none(),
            scan: earlier.as_ref().map(|earlier| earlier.scan.id),
        };
        store::upload::insert(&mut tx, &row, &uploader.actor).await?;
        tx.commit().await?;
        let receipt = earlier.map(|earlier| earlier.scan.receipt);
        let offset = if receipt.is_some() { row.length } else { 0 };
        Ok(UploadStatus { upload: id, offset, length: row.length, receipt })
    }

    /// Tells how far an upload is. What it tells is durable.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`].
    pub async fn upload_status(
        &self,
        uploader: &Uploader,
        upload: ScanId,
    ) -> Result<UploadStatus, ReceiveError> {
        let (ingest, uploader) = (self.clone(), uploader.clone());
        self.to_its_end(async move { ingest.status_alone(&uploader, upload).await }).await
    }

    async fn status_alone(
        &self,
        uploader: &Uploader,
        upload: ScanId,
    ) -> Result<UploadStatus, ReceiveError> {
        let (mut slot, row) = self.lock(uploader, upload).await?;
        if !row.is_open {
            return self.completed(uploader, &row).await;
        }
        let Some(staged) = self.staged(&mut slot, &row).await? else {
            return self.finish_published(uploader, &row).await;
        };
        let (staged, synced) = blocking(move || {
            let mut staged = staged;
            let synced = staged.sync();
            (staged, synced)
        })
        .await?;
        synced?;
        let offset = staged.offset();
        if offset == row.length {
            return self.finish(uploader, &row, staged).await;
        }
        *slot = Some(staged);
        Ok(UploadStatus { upload, offset, length: row.length, receipt: None })
    }

    /// Appends a part that starts at byte `offset`. After the last part the scan is receipted.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`]; whatever arrived before an interruption is kept.
    pub async fn append_upload(
        &self,
        uploader: &Uploader,
        upload: ScanId,
        offset: u64,
        body: Body,
    ) -> Result<UploadStatus, ReceiveError> {
        let (ingest, uploader) = (self.clone(), uploader.clone());
        self.to_its_end(async move { ingest.append_alone(&uploader, upload, offset, body).await })
            .await
    }

    async fn append_alone(
        &self,
        uploader: &Uploader,
        upload: ScanId,
        offset: u64,
        body: Body,
    ) -> Result<UploadStatus, ReceiveError> {
        let (mut slot, row) = self.lock(uploader, upload).await?;
        if !row.is_open {
            let status = self.completed(uploader, &row).await?;
            return if offset == row.length {
                Ok(status)
            } else {
                Err(ReceiveError::OffsetConflict { offset: row.length })
            };
        }
        let Some(staged) = self.staged(&mut slot, &row).await? else {
            return self.finish_published(uploader, &row).await;
        };
        if staged.offset() != offset {
            let stands = staged.offset();
            *slot = Some(staged);
            return Err(ReceiveError::OffsetConflict { offset: stands });
        }
        let (staged, ended) = self.take_body(staged, row.length, body.into_data_stream()).await?;
        let offset = staged.offset();
        if let Err(error) = ended {
            *slot = Some(staged);
            return Err(error);
        }
        if offset == row.length {
            return self.finish(uploader, &row, staged).await;
        }
        *slot = Some(staged);
        Ok(UploadStatus { upload, offset, length: row.length, receipt: None })
    }

    /// Removes an unfinished upload. A receipted scan is withdrawn, not removed.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::NotFound`] when there is none, or it is finished.
    pub async fn remove_upload(
        &self,
        uploader: &Uploader,
        upload: ScanId,
    ) -> Result<(), ReceiveError> {
        self.find_upload(uploader, upload).await?;
        let ingest = self.clone();
        self.to_its_end(async move { ingest.discard_upload(upload).await }).await
    }

    pub(crate) async fn discard_upload(&self, upload: ScanId) -> Result<(), ReceiveError> {
        let mut slot = self.slot(upload).await?;
        *slot = None;
        let mut tx = self.0.ports.database.write().await?;
        if !store::upload::remove(&mut tx, upload).await? {
            return Err(ReceiveError::NotFound);
        }
        tx.commit().await?;
        self.remove_staged(upload).await?;
        self.forget_slot(upload).await;
        Ok(())
    }

    /// Runs a request's work to its end even when the request is dropped: disk work cannot be stopped
    /// half-way, and the lock of the upload must be held as long as something writes to it.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ReceiveError>> + Send + 'static,
    ) -> Result<T, ReceiveError> {
        let lost = |error| ReceiveError::Blob(BlobError::Io(std::io::Error::other(error)));
        self.0.requests.spawn(work).await.map_err(lost)?
    }

    /// Finishes an upload that lacks only its receipt although its sender does not come back.
    pub(crate) async fn finish_abandoned(&self, upload: ScanId) -> Result<(), ReceiveError> {
        let _slot = self.slot(upload).await?;
        let found = store::upload::load(&self.0.ports.database, upload).await?;
        let (row, actor) = found.ok_or(ReceiveError::NotFound)?;
        if row.is_open {
            let uploader = Uploader { municipality: row.municipality.clone(), actor };
            self.finish_published(&uploader, &row).await?;
        }
        Ok(())
    }

    /// Removes what is staged of an upload that is not open: a process was killed between the two.
    pub(crate) async fn remove_left_over(&self, upload: ScanId) -> Result<bool, ReceiveError> {
        let _slot = self.slot(upload).await?;
        let found = store::upload::load(&self.0.ports.database, upload).await?;
        let is_left_over = !found.is_some_and(|(row, _)| row.is_open);
        if is_left_over {
            self.remove_staged(upload).await?;
        }
        self.forget_slot(upload).await;
        Ok(is_left_over)
    }

    /// Verifies the digest, publishes the object, records the scan.
    async fn finish(
        &self,
        uploader: &Uploader,
        row: &UploadRow,
        staged: StagedObject,
    ) -> Result<UploadStatus, ReceiveError> {
        let digest = staged.digest();
        if row.declared_sha256.is_some_and(|declared| declared != digest) {
            drop(staged);
            let mut tx = self.0.ports.database.write().await?;
            store::upload::remove(&mut tx, row.id).await?;
            tx.commit().await?;
            self.remove_staged(row.id).await?;
            return Err(ReceiveError::DigestMismatch);
        }
        let ports = &self.0.ports;
        let mut tx = ports.database.write().await?;
        if let Some(receipt) = receipt_of_same(&mut tx, row, digest).await? {
            tx.commit().await?;
            drop(staged);
            self.remove_staged(row.id).await?;
            return Ok(finished(row, receipt));
        }
        drop(tx);
        let (objects, entropy) = (ports.vault.objects().clone(), Arc::clone(&ports.entropy));
        blocking(move || staged.publish(&objects, entropy.as_ref())).await??;
        self.record(uploader, row, digest).await
    }

    /// Finishes an upload whose object was published by a process that died before the receipt.
    async fn finish_published(
        &self,
        uploader: &Uploader,
        row: &UploadRow,
    ) -> Result<UploadStatus, ReceiveError> {
        let original = self.0.ports.vault.get(objects::original(row.id)).await?;
        self.record(uploader, row, Sha256Digest::of(&original)).await
    }

    async fn record(
        &self,
        uploader: &Uploader,
        row: &UploadRow,
        digest: Sha256Digest,
    ) -> Result<UploadStatus, ReceiveError> {
        let ports = &self.0.ports;
        let now = ports.clock.now();
        let mut tx = ports.database.write().await?;
        if let Some(receipt) = receipt_of_same(&mut tx, row, digest).await? {
            tx.commit().await?;
            return Ok(finished(row, receipt));
        }
        let number = store::scan::next_receipt(&mut tx, now.date_in_japan()).await?;
        let receipt = Receipt {
            number,
            scan: row.id,
            sha256: digest,
            size_bytes: row.length,
            received_at: now,
        };
        let scan = Scan {
            id: row.id,
            municipality: row.municipality.clone(),
            receipt: receipt.clone(),
            application: row.application,
            state: ScanState::Received,
        };
        let event = Event::ScanReceived { scan: row.id, municipality: row.municipality.clone() };
        let message = Message::new(ports.ids.as_ref(), now, event);
        let file_name = row.file_name.as_deref();
        store::scan::insert(&mut tx, &scan, row.declared_form, file_name).await?;
        store::upload::complete(&mut tx, row.id, row.id).await?;
        store::scan::remember(&mut tx, row.id, message.id, now, message.event.kind(), "").await?;
        let fact = AuditFact {
            actor: uploader.actor.clone(),
            action: "scan.receive".into(),
            subject: row.id.to_string(),
            outcome: "ok".into(),
            detail: receipt.number.to_string(),
        };
        ports.audit.append(&mut tx, now, fact).await?;
        outbox::emit(&mut tx, &message).await?;
        tx.commit().await?;
        self.0.arrived.notify_one();
        ports.relay.notify_one();
        self.forget_slot(row.id).await;
        tracing::info!(scan.id = %row.id, size_bytes = row.length, "received scan {}", row.id);
        Ok(finished(row, receipt))
    }

    async fn completed(
        &self,
        uploader: &Uploader,
        row: &UploadRow,
    ) -> Result<UploadStatus, ReceiveError> {
        let scan = row.scan.ok_or(ReceiveError::NotFound)?;
        let scan = store::scan::find(&self.0.ports.database, scan, &uploader.municipality)
            .await?
            .ok_or(ReceiveError::NotFound)?;
        Ok(finished(row, scan.scan.receipt))
    }

    async fn find_upload(
        &self,
        uploader: &Uploader,
        upload: ScanId,
    ) -> Result<UploadRow, ReceiveError> {
        store::upload::find(&self.0.ports.database, upload, &uploader.municipality)
            .await?
            .ok_or(ReceiveError::NotFound)
    }

    /// Locks an upload for one request and reads its row. The row is read again under the lock: the
    /// request before this one may have finished or removed the upload.
    async fn lock(
        &self,
        uploader: &Uploader,
        upload: ScanId,
    ) -> Result<(Slot, UploadRow), ReceiveError> {
        self.find_upload(uploader, upload).await?;
        let slot = self.slot(upload).await?;
        Ok((slot, self.find_upload(uploader, upload).await?))
    }

    fn seal_file_name(&self, upload: ScanId, name: &str) -> Vec<u8> {
        let ports = &self.0.ports;
        let context = file_name_context(upload);
        kakehashi_seal::seal_field(
            &ports.field_key,
            &context,
            name.as_bytes(),
            ports.entropy.as_ref(),
        )
    }

    /// Opens a sealed file name for its own municipality's page.
    pub(crate) fn open_file_name(&self, scan: ScanId, sealed: &[u8]) -> Option<String> {
        let context = file_name_context(scan);
        let plain = kakehashi_seal::open_field(&self.0.ports.field_key, &context, sealed).ok()?;
        String::from_utf8(plain).ok()
    }
}

/// Closes the upload as a repeat when its municipality already sent the same bytes. In the transaction
/// that would record the scan, so that of two equal uploads at the same time one becomes the scan.
async fn receipt_of_same(
    tx: &mut Tx,
    row: &UploadRow,
    digest: Sha256Digest,
) -> Result<Option<Receipt>, DatabaseError> {
    let same = store::scan::find_same(tx, &row.municipality, digest).await?;
    let Some(same) = same else { return Ok(None) };
    store::upload::complete(tx, row.id, same.scan.id).await?;
    Ok(Some(same.scan.receipt))
}

fn file_name_context(scan: ScanId) -> String {
    format!("scan.file_name.{scan}")
}

fn finished(row: &UploadRow, receipt: Receipt) -> UploadStatus {
    UploadStatus { upload: row.id, offset: row.length, length: row.length, receipt: Some(receipt) }
}

/// Bytes of one PATCH at most, told to clients as `Tus-Max-Size` tells the whole.
pub(crate) const PATCH_BYTES_MAX: u64 = limits::UPLOAD_CHUNK_BYTES_MAX;
