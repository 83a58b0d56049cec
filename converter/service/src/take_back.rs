//! Takes a delivery back: stored before anything looks into it.

use kakehashi_contract::{Identity, objects};
use kakehashi_converter_core::Extent;
use kakehashi_kernel::{LotId, ReturnId, Sha256Digest, limits::LOT_RETURNS_MAX};

use crate::{
    converter::Inner,
    failure::{AskError, Refusal},
    store::{
        Connection, lot,
        returned::{self, ReturnRow, ReturnState},
    },
};

impl Inner {
    /// Stores a return and answers its row. The same bytes again give the first return.
    pub(crate) async fn take_back(
        &self,
        identity: &Identity,
        lot: LotId,
        extent: Extent,
        bytes: Vec<u8>,
    ) -> Result<ReturnRow, AskError> {
        let contractor = &identity.organisation;
        let row = ReturnRow {
            id: ReturnId::generate(self.ports.ids.as_ref()),
            lot,
            contractor: contractor.clone(),
            digest: Sha256Digest::of(&bytes),
            extent,
            size_bytes: bytes.len() as u64,
            state: ReturnState::Received,
            received_at: self.now(),
            attempts: 0,
        };
        {
            let mut connection = self.ports.database.read().acquire().await?;
            may_deliver(&mut connection, lot, contractor).await?;
            let first =
                returned::find_same(&mut connection, lot, contractor, row.digest, extent).await?;
            if let Some(first) = first {
                return Ok(first);
            }
            let returns_max = self.settings.returns_per_lot_max.min(LOT_RETURNS_MAX);
            if returned::count(&mut connection, lot).await? >= i64::from(returns_max) {
                return Err(Refusal::TooManyReturns.into());
            }
        }
        self.ports.vault.put(objects::returned(row.id), bytes).await?;
        let mut tx = self.ports.database.write().await?;
        may_deliver(&mut tx, lot, contractor).await?;
        if !returned::insert(&mut tx, &row).await? {
            let first = returned::find_same(&mut tx, lot, contractor, row.digest, extent).await?;
            return first.ok_or(AskError::Refused(Refusal::ReturnUnknown));
        }
        let detail = format!("return={} digest={}", row.id, row.digest);
        self.note(&mut tx, row.received_at, &identity.to_string(), "return.receive", lot, detail)
            .await?;
        self.commit(tx).await?;
        self.validator.notify_one();
        tracing::info!(return.id = %row.id, lot.id = %lot, "received a return for lot {lot}");
        Ok(row)
    }
}

async fn may_deliver(
    connection: &mut Connection,
    lot: LotId,
    contractor: &str,
) -> Result<(), AskError> {
    let row = lot::find(connection, lot).await?.ok_or(Refusal::LotUnknown)?;
    if row.lot.takes_returns_of(contractor) {
        return Ok(());
    }
    Err(Refusal::LotNotHeld.into())
}
