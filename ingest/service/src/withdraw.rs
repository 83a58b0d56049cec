//! Withdraws a scan at the municipality's wish.

use kakehashi_contract::{AuditFact, Event, Message};
use kakehashi_kernel::ScanId;
use kakehashi_platform::queue::outbox;

use crate::{
    Ingest,
    receive::{ReceiveError, Uploader},
    store,
};

impl Ingest {
    /// Withdraws a scan that is not refused, accepted or loaded. Answers `false` when it is too late.
    pub(crate) async fn withdraw(
        &self,
        uploader: &Uploader,
        scan: ScanId,
    ) -> Result<bool, ReceiveError> {
        let ports = &self.0.ports;
        let found = store::scan::find(&ports.database, scan, &uploader.municipality).await?;
        if found.is_none() {
            return Err(ReceiveError::NotFound);
        }
        let now = ports.clock.now();
        let message = Message::new(ports.ids.as_ref(), now, Event::ScanWithdrawn { scan });
        let mut tx = ports.database.write().await?;
        if !store::scan::withdraw(&mut tx, scan, now).await? {
            return Ok(false);
        }
        store::scan::remember(&mut tx, scan, message.id, now, message.event.kind(), "").await?;
        let fact = AuditFact {
            actor: uploader.actor.clone(),
            action: "scan.withdraw".into(),
            subject: scan.to_string(),
            outcome: "ok".into(),
            detail: String::new(),
        };
        ports.audit.append(&mut tx, now, fact).await?;
        outbox::emit(&mut tx, &message).await?;
        tx.commit().await?;
        ports.relay.notify_one();
        Ok(true)
    }
}
