//! Hands lots over to contractors, and takes them back when a lease ran out.

use kakehashi_contract::{Event, Identity};
use kakehashi_converter_core::{Standing, Taken};
use kakehashi_kernel::{LotId, Timestamp};

use crate::{
    converter::{Converter, Inner, SELF},
    failure::{AskError, Failure, Refusal},
    store::{
        document,
        lot::{self, CountedLot},
    },
};

/// Leases looked at in one round.
const LAPSED_MAX: u32 = 100;

impl Converter {
    /// Takes back every lot whose lease and grace ran out; answers how many.
    ///
    /// # Errors
    ///
    /// [`Failure`]; lots taken back before it stay so.
    pub async fn lapse_due(&self) -> Result<u64, Failure> {
        self.inner().lapse_due().await
    }
}

impl Inner {
    /// Hands a lot to the contractor that asks. It may ask again while it holds it.
    pub(crate) async fn hand_over(
        &self,
        identity: &Identity,
        id: LotId,
    ) -> Result<CountedLot, AskError> {
        let now = self.now();
        let mut tx = self.ports.database.write().await?;
        let row = lot::find(&mut tx, id).await?.ok_or(Refusal::LotUnknown)?;
        let until = now.plus_ms(self.settings.lease_ms());
        match row.lot.clone().hand_over(&identity.organisation, until)? {
            Taken::Already(_) => {}
            Taken::Now(after) => {
                lot::advance(&mut tx, &row.lot, &after).await?;
                for expected in lot::expected(&mut tx, id).await? {
                    if expected.standing != Standing::Outstanding {
                        continue;
                    }
                    let Some(row) = document::find(&mut tx, expected.document).await? else {
                        continue;
                    };
                    let handed = row.document.hand_over()?;
                    document::advance(&mut tx, row.document, handed, now).await?;
                    let event = Event::DocumentHandedOver {
                        scan: expected.document,
                        lot: id,
                        round: expected.round,
                    };
                    self.tell(&mut tx, now, event).await?;
                }
                self.note(&mut tx, now, &identity.to_string(), "lot.take", id, "").await?;
            }
        }
        let counted = lot::find_counted(&mut tx, id).await?.ok_or(Refusal::LotUnknown)?;
        self.commit(tx).await?;
        Ok(counted)
    }

    async fn lapse_due(&self) -> Result<u64, Failure> {
        let now = self.now();
        let before = now.plus_ms(-self.settings.lease_grace_ms);
        let lots = {
            let mut connection = self.ports.database.read().acquire().await?;
            lot::lapsed(&mut connection, before, LAPSED_MAX).await?
        };
        let mut lapsed = 0;
        for id in lots {
            if self.lapse(id, now).await? {
                tracing::warn!(lot.id = %id, "lease of lot {id} ran out, it can be taken again");
                lapsed += 1;
            }
        }
        Ok(lapsed)
    }

    async fn lapse(&self, id: LotId, now: Timestamp) -> Result<bool, Failure> {
        let mut tx = self.ports.database.write().await?;
        let before = now.plus_ms(-self.settings.lease_grace_ms);
        // Asked again inside the transaction: a return may have arrived since.
        if !lot::has_lapsed(&mut tx, id, before).await? {
            return Ok(false);
        }
        let Some(row) = lot::find(&mut tx, id).await? else { return Ok(false) };
        let Ok(after) = row.lot.clone().lapse(now, self.settings.lease_grace_ms) else {
            return Ok(false);
        };
        lot::advance(&mut tx, &row.lot, &after).await?;
        for expected in lot::expected(&mut tx, id).await? {
            if expected.standing != Standing::Outstanding {
                continue;
            }
            let Some(found) = document::find(&mut tx, expected.document).await? else { continue };
            let lapsed = found.document.lapse()?;
            document::advance(&mut tx, found.document, lapsed, now).await?;
            let event = Event::DocumentInLot {
                scan: expected.document,
                lot: id,
                lot_number: row.number.clone(),
                round: expected.round,
            };
            self.tell(&mut tx, now, event).await?;
        }
        let contractor = row.lot.state.contractor().unwrap_or_default().to_owned();
        self.note(&mut tx, now, SELF, "lot.lapse", id, contractor).await?;
        self.commit(tx).await?;
        Ok(true)
    }
}
