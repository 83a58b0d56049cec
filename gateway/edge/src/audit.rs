//! What the ledger is told: one entry per request and per refused handshake. Codes and ids only.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use http::Method;
use kakehashi_contract::{AuditFact, Identity, Zone};
use kakehashi_kernel::{Clock, RequestId, Timestamp};
use tracing::error;

use crate::ledger::{Ledger, LedgerClosed};

/// Stands for whom no certificate names.
const NOBODY: &str = "-";

/// Connections of strangers that get an entry each, in one minute. More are counted: whoever can reach
/// the port could otherwise fill the disk, and without its ledger the gateway answers nobody.
const STRANGERS_MAX: u32 = 300;
const MINUTE_MS: i64 = 60_000;

/// The ledger and the clock that dates its entries.
#[derive(Clone)]
pub(crate) struct Audit {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    strangers: Arc<Mutex<Strangers>>,
}

/// Connections without identity in the present minute.
#[derive(Debug, Default)]
struct Strangers {
    since: Option<Timestamp>,
    written: u32,
    counted: u64,
}

impl Strangers {
    /// Tells whether a stranger's connection gets an entry of its own; counts it if not.
    fn may_write(&mut self, now: Timestamp) -> bool {
        let is_same_minute =
            self.since.is_some_and(|since| (0..MINUTE_MS).contains(&(now.0 - since.0)));
        if !is_same_minute {
            (self.since, self.written) = (Some(now), 0);
        }
        if self.written < STRANGERS_MAX {
            self.written += 1;
            return true;
        }
        self.counted += 1;
        false
    }
}

impl Audit {
    pub(crate) fn new(ledger: Arc<Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock, strangers: Arc::default() }
    }

    /// Records how many connections of strangers were counted only, if any were. Asked every minute.
    pub(crate) async fn tell_strangers(&self) {
        let counted = std::mem::take(&mut self.strangers().counted);
        if counted == 0 {
            return;
        }
        let fact = AuditFact {
            actor: NOBODY.to_owned(),
            action: "handshake".to_owned(),
            subject: NOBODY.to_owned(),
            outcome: "many-refused".to_owned(),
            detail: format!("connections={counted}"),
        };
        if self.ledger.append(self.clock.now(), fact).await.is_err() {
            error!(counted, "refused connections could not be recorded");
            self.strangers().counted += counted;
        }
    }

    fn strangers(&self) -> std::sync::MutexGuard<'_, Strangers> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a connection that did not become one, or was ended because its certificate no longer holds.
    pub(crate) async fn connection_refused(
        &self,
        zone: Zone,
        who: Option<&Identity>,
        peer: SocketAddr,
        code: &str,
    ) {
        let now = self.clock.now();
        if who.is_none() && !self.strangers().may_write(now) {
            return;
        }
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
        if self.ledger.append(now, fact).await.is_err() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_so_many_entries_a_minute_and_are_counted_beyond() {
        let mut strangers = Strangers::default();
        let mut written = |now| (0..1000).filter(|_| strangers.may_write(Timestamp(now))).count();
        assert_eq!(written(0), 300);
        assert_eq!(written(MINUTE_MS - 1), 0);
        assert_eq!(written(MINUTE_MS), 300);
        // A clock that was put back does not open the gates for longer than a minute.
        assert_eq!(written(5), 300);
        assert_eq!(written(6), 0);
        assert_eq!(strangers.counted, 700 + 1000 + 700 + 700 + 1000);
    }
}
