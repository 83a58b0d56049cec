//! Shows a contractor what it may see: its lots, manifests, pages and returns.

use kakehashi_contract::{Identity, objects};
use kakehashi_converter_core::Standing;
use kakehashi_kernel::{DocumentId, LotId, ReturnId, Sha256Digest};

use crate::{
    converter::Inner,
    failure::{AskError, Failure, Refusal},
    store::{
        document,
        lot::{self, CountedLot},
        returned::{self, ReturnRow, VerdictRow},
    },
};

/// Lots shown at once, the oldest first.
const LOTS_SHOWN_MAX: u32 = 1000;

impl Inner {
    /// Lots the contractor may take or holds.
    pub(crate) async fn open_lots(&self, identity: &Identity) -> Result<Vec<CountedLot>, AskError> {
        let mut connection = self.ports.database.read().acquire().await?;
        Ok(lot::open_for(&mut connection, &identity.organisation, LOTS_SHOWN_MAX).await?)
    }

    /// The manifest of a lot the contractor holds, with its digest.
    pub(crate) async fn manifest(
        &self,
        identity: &Identity,
        id: LotId,
    ) -> Result<(Vec<u8>, Sha256Digest), AskError> {
        let row = {
            let mut connection = self.ports.database.read().acquire().await?;
            lot::find(&mut connection, id).await?.ok_or(Refusal::LotUnknown)?
        };
        if !row.lot.is_held_by(&identity.organisation) {
            return Err(Refusal::LotNotHeld.into());
        }
        let bytes = self.read_verified(objects::manifest(id), row.manifest).await?;
        let now = self.now();
        let mut tx = self.ports.database.write().await?;
        self.note(&mut tx, now, &identity.to_string(), "manifest.view", id, "").await?;
        self.commit(tx).await?;
        Ok((bytes, row.manifest))
    }

    /// One page image of a document the contractor still has to deliver.
    pub(crate) async fn page(
        &self,
        identity: &Identity,
        lot: LotId,
        id: DocumentId,
        number: u32,
    ) -> Result<(Vec<u8>, Sha256Digest), AskError> {
        let digest = {
            let mut connection = self.ports.database.read().acquire().await?;
            let held = lot::find(&mut connection, lot).await?.ok_or(Refusal::LotUnknown)?;
            if !held.lot.is_held_by(&identity.organisation) {
                return Err(Refusal::LotNotHeld.into());
            }
            let standing = lot::standing(&mut connection, lot, id).await?;
            match standing.ok_or(Refusal::DocumentUnknown)? {
                Standing::Outstanding => {}
                Standing::Decided | Standing::Withdrawn => {
                    return Err(Refusal::DocumentDone.into());
                }
            }
            let row = document::find(&mut connection, id).await?.ok_or(Refusal::DocumentUnknown)?;
            let page = row.pages.iter().find(|page| page.number == number);
            page.ok_or(Refusal::PageUnknown)?.digest
        };
        let bytes = self.read_verified(objects::page(id, number), digest).await?;
        let now = self.now();
        let mut tx = self.ports.database.write().await?;
        let detail = format!("lot={lot} page={number}");
        self.note(&mut tx, now, &identity.to_string(), "page.view", id, detail).await?;
        self.commit(tx).await?;
        Ok((bytes, digest))
    }

    /// A return of the contractor and its verdicts.
    pub(crate) async fn verdicts(
        &self,
        identity: &Identity,
        id: ReturnId,
    ) -> Result<(ReturnRow, Vec<VerdictRow>), AskError> {
        let mut connection = self.ports.database.read().acquire().await?;
        let row = returned::find(&mut connection, id).await?;
        // Another contractor's return is not even admitted to exist.
        let row = row
            .filter(|row| row.contractor == identity.organisation)
            .ok_or(Refusal::ReturnUnknown)?;
        let verdicts = returned::verdicts(&mut connection, id).await?;
        Ok((row, verdicts))
    }

    /// Reads an object and compares it with the digest it was recorded with.
    pub(crate) async fn read_verified(
        &self,
        key: String,
        digest: Sha256Digest,
    ) -> Result<Vec<u8>, Failure> {
        let bytes = self.ports.vault.get(key.clone()).await?;
        if Sha256Digest::of(&bytes) != digest {
            return Err(Failure::Changed { key });
        }
        Ok(bytes)
    }
}
