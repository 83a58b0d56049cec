//! Seals waiting documents into lots.

use kakehashi_contract::{Event, Manifest, ManifestDocument, objects};
use kakehashi_converter_core::{Lot, LotPlan, LotRules, LotState, plan};
use kakehashi_kernel::{LotId, LotNumber, Sha256Digest, Timestamp};

use crate::{
    converter::{Converter, Inner, SELF},
    failure::Failure,
    store::{
        StoreError, document,
        lot::{self, LotRow},
    },
};

/// Documents looked at in one round; the rest comes in the next.
const WAITING_MAX: u32 = 5000;

impl Converter {
    /// Seals every lot that is due now; answers how many.
    ///
    /// # Errors
    ///
    /// [`Failure`]; lots sealed before it stay sealed.
    pub async fn seal_due(&self) -> Result<u64, Failure> {
        self.inner().seal_due().await
    }
}

impl Inner {
    async fn seal_due(&self) -> Result<u64, Failure> {
        let _one_at_a_time = self.sealing.lock().await;
        let now = self.now();
        let waiting = {
            let mut connection = self.ports.database.read().acquire().await?;
            document::waiting(&mut connection, WAITING_MAX).await?
        };
        let rules = LotRules {
            documents_max: self.settings.documents_per_lot,
            seal_after_ms: self.settings.seal_after_ms,
        };
        let mut sealed = 0;
        for plan in plan(&waiting, rules, now) {
            match self.seal(&plan, now).await {
                Ok(()) => sealed += 1,
                Err(Failure::Store(StoreError::Moved { .. })) => {
                    tracing::info!(form = %plan.form, "documents moved while sealing, next round");
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(sealed)
    }

    /// The manifest first, then the rows. A crash between the two leaves a manifest that nobody knows:
    /// the next attempt uses a fresh lot id.
    async fn seal(&self, plan: &LotPlan, now: Timestamp) -> Result<(), Failure> {
        let day = now.date_in_japan();
        let mut connection = self.ports.database.read().acquire().await?;
        let serial = lot::next_serial(&mut connection, day).await?;
        let mut documents = Vec::with_capacity(plan.documents.len());
        for waiting in &plan.documents {
            let Some(row) = document::find(&mut connection, waiting.document).await? else {
                continue;
            };
            documents.push(ManifestDocument {
                document: waiting.document,
                round: waiting.round,
                pages: row.pages,
            });
        }
        drop(connection);
        let id = LotId::generate(self.ports.ids.as_ref());
        let manifest = Manifest {
            lot: id,
            number: LotNumber::new(day, serial),
            form: plan.form,
            sealed_at: now,
            due: day.plus_days(i32::from(self.settings.due_days)),
            documents,
        };
        let bytes =
            serde_json::to_vec(&manifest).map_err(|_| Failure::Unwritable { what: "manifest" })?;
        let digest = Sha256Digest::of(&bytes);
        self.ports.vault.put(objects::manifest(id), bytes).await?;
        self.record(&manifest, digest, serial).await?;
        tracing::info!(lot.id = %id, documents = manifest.documents.len(), "sealed lot {id}");
        Ok(())
    }

    async fn record(
        &self,
        manifest: &Manifest,
        digest: Sha256Digest,
        serial: u32,
    ) -> Result<(), Failure> {
        let (id, now) = (manifest.lot, manifest.sealed_at);
        let row = LotRow {
            lot: Lot { id, state: LotState::Sealed },
            number: manifest.number.clone(),
            form: manifest.form,
            sealed_at: now,
            due: manifest.due,
            manifest: digest,
        };
        let mut tx = self.ports.database.write().await?;
        lot::insert(&mut tx, &row, serial, &manifest.documents).await?;
        for entry in &manifest.documents {
            let moved = || StoreError::Moved { table: "document", row: entry.document.to_string() };
            let found = document::find(&mut tx, entry.document).await?.ok_or_else(moved)?;
            // Withdrawn since it was planned: the whole lot is planned again without it.
            let after = found.document.join(id).map_err(|_| moved())?;
            if after.round != entry.round {
                return Err(moved().into());
            }
            document::advance(&mut tx, found.document, after, now).await?;
            let event = Event::DocumentInLot {
                scan: entry.document,
                lot: id,
                lot_number: manifest.number.clone(),
                round: entry.round,
            };
            self.tell(&mut tx, now, event).await?;
        }
        let detail = format!("documents={}", manifest.documents.len());
        self.note(&mut tx, now, SELF, "lot.seal", id, detail).await?;
        self.commit(tx).await
    }
}
