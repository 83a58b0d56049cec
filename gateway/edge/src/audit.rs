//! What the ledger is told: one entry per request and per refused handshake. Codes and ids only.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use http::Method;
use kakehashi_contract::{AuditFact, Identity, Zone};
use kakehashi_kernel::{Clock, RequestId};
use tracing::error;

use crate::ledger::{Ledger, LedgerClosed};

/// Stands for whom no certificate names.
const NOBODY: &str = "-";

/// The ledger and the clock that dates its entries.
#[derive(Clone)]
pub(crate) struct Audit {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Audit {
    /// Records a connection that did not become one, or was ended because its certificate no longer holds.
    pub(crate) async fn connection_refused(
        &self,
        zone: Zone,
        who: Option<&Identity>,
        peer: SocketAddr,
        code: &str,
    ) {
        let mut detail = format!("peer={peer}");
        if let Some(who) = who {
            detail = format!("{detail} certificate={}", who.certificate);
        }
        let fact = AuditFact {
            actor: who.map_or_else(|| NOBODY.to_owned(), ToString::to_string),
            action: "handshake".to_owned(),
            subject: zone.to_string(),
            outcome: code.to_owned(),
            detail,
        };
        if self.ledger.append(self.clock.now(), fact).await.is_err() {
            error!(%peer, code, "a refused connection could not be recorded");
        }
    }

    /// Begins the entry of a request.
    pub(crate) fn request(
        &self,
        who: Arc<Identity>,
        peer: SocketAddr,
        id: RequestId,
        method: Method,
    ) -> RequestEntry {
        RequestEntry {
            audit: self.clone(),
            who,
            peer,
            id,
            method,
            template: String::new(),
            started: Instant::now(),
            is_written: false,
        }
    }
}

/// The entry of one request. When the client goes away before the answer, dropping it records that.
pub(crate) struct RequestEntry {
    audit: Audit,
    who: Arc<Identity>,
    peer: SocketAddr,
    id: RequestId,
    method: Method,
    template: String,
    started: Instant,
    is_written: bool,
}

impl RequestEntry {
    /// Names the route, never the path: paths may hold more than the ledger should.
    pub(crate) fn found_route(&mut self, template: &str) {
        template.clone_into(&mut self.template);
    }

    /// Writes the entry. `status` is the component's, where it answered.
    pub(crate) async fn write(
        mut self,
        outcome: &str,
        status: Option<u16>,
        body_bytes: u64,
    ) -> Result<(), LedgerClosed> {
        self.is_written = true;
        let fact = self.fact(outcome, status, body_bytes);
        self.audit.ledger.append(self.audit.clock.now(), fact).await
    }

    fn fact(&self, outcome: &str, status: Option<u16>, body_bytes: u64) -> AuditFact {
        let template = if self.template.is_empty() { NOBODY } else { &self.template };
        let status = status.map_or_else(String::new, |status| format!(" status={status}"));
        AuditFact {
            actor: self.who.to_string(),
            action: "request".to_owned(),
            subject: format!("{} {template}", self.method),
            outcome: outcome.to_owned(),
            detail: format!(
                "request={} peer={} certificate={}{status} bytes={body_bytes} ms={}",
                self.id,
                self.peer,
                self.who.certificate,
                self.started.elapsed().as_millis(),
            ),
        }
    }
}

impl Drop for RequestEntry {
    fn drop(&mut self) {
        if self.is_written {
            return;
        }
        let fact = self.fact("client-gone", None, 0);
        if self.audit.ledger.note(self.audit.clock.now(), fact).is_err() {
            error!(request = %self.id, "an abandoned request could not be recorded");
        }
    }
}
