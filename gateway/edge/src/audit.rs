//! What the ledger is told: one entry per request and per refused handshake. Codes and ids only.
//!
//! The entry of a request rides on the body of its answer and is finished when the last byte has gone,
//! or when the client has.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Buf;
use http::Method;
use hyper::body::{Body, Frame, SizeHint};
use kakehashi_contract::{AuditFact, Identity, Zone};
use kakehashi_kernel::{Clock, RequestId, Timestamp};
use tracing::{error, warn};

use crate::{
    body::Progress,
    guard::Observer,
    ledger::{Closed, Ledger, RequestFact},
    metrics::{Class, Metrics},
    refusal::Refusal,
    trace::RequestSpan,
};

/// Stands for whom no certificate names.
const NOBODY: &str = "-";
/// What a request comes to whose client went away.
const CLIENT_GONE: &str = "client-gone";
/// What a request comes to whose component broke its answer off.
const ANSWER_BROKEN: &str = "answer-broken";

/// Connections of strangers that get an entry each, in one minute. More are counted: whoever can reach
/// the port could otherwise fill the disk, and without its ledger the gateway answers nobody.
const STRANGERS_MAX: u32 = 300;
const MINUTE_MS: i64 = 60_000;

/// The ledger and the clock that dates its entries.
#[derive(Clone)]
pub(crate) struct Audit(Arc<Shared>);

struct Shared {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    strangers: Mutex<Strangers>,
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

/// Who asks, from where: what every request of a connection has in common.
#[derive(Clone)]
pub(crate) struct Asker {
    /// The holder of the certificate.
    pub(crate) who: Arc<Identity>,
    /// The certificate's serial number.
    pub(crate) serial: Arc<str>,
    /// From where.
    pub(crate) peer: SocketAddr,
    /// `1.2` or `1.3`.
    pub(crate) tls: &'static str,
    /// Is told how many bytes each request moved.
    pub(crate) observer: Arc<Observer>,
}

/// Who was refused before anything was asked, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stranger<'a> {
    /// From where.
    pub(crate) peer: SocketAddr,
    /// Whom the certificate names, if it holds.
    pub(crate) who: Option<&'a Identity>,
    /// The certificate's serial number, where one was shown.
    pub(crate) serial: Option<&'a str>,
    /// `1.2` or `1.3`, where the handshake came so far.
    pub(crate) tls: Option<&'static str>,
}

impl<'a> Stranger<'a> {
    /// Somebody of whom nothing but the address is known.
    pub(crate) const fn at(peer: SocketAddr) -> Self {
        Self { peer, who: None, serial: None, tls: None }
    }

    /// Somebody whose connection had begun.
    pub(crate) fn of(asker: &'a Asker) -> Self {
        let Asker { who, serial, peer, tls, .. } = asker;
        Self { peer: *peer, who: Some(who), serial: Some(serial), tls: Some(tls) }
    }

    fn detail(&self) -> String {
        let mut detail = format!("peer={}", self.peer);
        let certificate = self.who.map(|who| who.certificate.to_string());
        for (name, value) in [
            (" certificate=", certificate.as_deref()),
            (" serial=", self.serial),
            (" tls=", self.tls),
        ] {
            detail.extend(value.map(|value| [name, value]).into_iter().flatten());
        }
        detail
    }
}

impl Audit {
    pub(crate) fn new(ledger: Arc<Ledger>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { ledger, clock, metrics, strangers: Mutex::default() }))
    }

    /// Lets a request or a connection in only while it could be recorded; waits a moment for a disk that
    /// hesitates.
    pub(crate) async fn admit(&self) -> Result<(), Refusal> {
        self.0.ledger.admit_patiently().await.map_err(|_| Refusal::AuditDown)
    }

    /// Records how many connections of strangers were counted only, if any were. Asked every minute.
    pub(crate) fn tell_strangers(&self) {
        let counted = std::mem::take(&mut self.strangers().counted);
        if counted == 0 {
            return;
        }
        let detail = format!("connections={counted}");
        if self.tell(NOBODY, NOBODY, "many-refused", detail).is_err() {
            error!(counted, "refused connections could not be recorded");
            self.strangers().counted += counted;
        }
    }

    fn strangers(&self) -> std::sync::MutexGuard<'_, Strangers> {
        self.0.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a connection that did not become one, or was ended because its certificate no longer holds.
    pub(crate) fn connection_refused(&self, zone: Zone, stranger: &Stranger<'_>, code: &str) {
        self.0.metrics.handshake(zone, code);
        if stranger.who.is_none() && !self.strangers().may_write(self.0.clock.now()) {
            return;
        }
        let actor = stranger.who.map_or_else(|| NOBODY.to_owned(), ToString::to_string);
        if self.tell(&actor, zone.as_str(), code, stranger.detail()).is_err() {
            error!(peer = %stranger.peer, code, "a refused connection could not be recorded");
        }
    }

    fn tell(&self, who: &str, zone: &str, outcome: &str, detail: String) -> Result<(), Closed> {
        let fact = AuditFact {
            actor: who.to_owned(),
            action: "handshake".to_owned(),
            subject: zone.to_owned(),
            outcome: outcome.to_owned(),
            detail,
        };
        self.0.ledger.append(self.0.clock.now(), fact)
    }

    /// Begins the entry of a request.
    pub(crate) fn request(&self, asker: &Asker, id: RequestId, method: Method) -> RequestEntry {
        RequestEntry {
            audit: self.clone(),
            asker: asker.clone(),
            id,
            method,
            template: None,
            started: Instant::now(),
            progress: None,
            bytes_out: 0,
            outcome: None,
            status: None,
            is_kept: true,
            span: None,
        }
    }
}

/// The entry of one request: finished when it is dropped, with what is known then. One that was not
/// answered was left by its client.
pub(crate) struct RequestEntry {
    audit: Audit,
    asker: Asker,
    id: RequestId,
    method: Method,
    template: Option<Arc<str>>,
    started: Instant,
    progress: Option<Arc<Progress>>,
    bytes_out: u64,
    outcome: Option<&'static str>,
    status: Option<u16>,
    is_kept: bool,
    span: Option<RequestSpan>,
}

impl RequestEntry {
    /// Names the route, never the path: paths may hold more than the ledger should.
    pub(crate) fn found_route(&mut self, template: &Arc<str>) {
        self.template = Some(Arc::clone(template));
    }

    /// The route, where one was found.
    pub(crate) const fn template(&self) -> Option<&Arc<str>> {
        self.template.as_ref()
    }

    /// Counts the bytes of the request's body, as far as it came.
    pub(crate) fn counts(&mut self, progress: &Arc<Progress>) {
        self.progress = Some(Arc::clone(progress));
    }

    /// Adds the request's span of a trace.
    pub(crate) fn traced(&mut self, span: RequestSpan) {
        self.span = Some(span);
    }

    /// Answers the request's span, if it is traced.
    pub(crate) const fn span(&self) -> Option<&RequestSpan> {
        self.span.as_ref()
    }

    /// What the component answered.
    pub(crate) fn answered(&mut self, status: http::StatusCode) {
        let is_fine = !status.is_client_error() && !status.is_server_error();
        self.outcome = Some(if is_fine { "ok" } else { "component-refused" });
        self.status = Some(status.as_u16());
    }

    /// What the gateway answered in place of a component.
    pub(crate) fn refused(&mut self, why: Refusal) {
        self.outcome = Some(why.code());
        // What the ledger cannot take is counted by it.
        self.is_kept = why != Refusal::AuditDown;
    }

    /// Puts the entry on the body of the answer.
    pub(crate) const fn carry<B>(self, body: B) -> RecordedBody<B> {
        RecordedBody { body, entry: self, is_ended: false }
    }

    fn finish(&mut self) {
        let audit = &*self.audit.0;
        let outcome = self.outcome.unwrap_or(CLIENT_GONE);
        let elapsed = self.started.elapsed();
        let bytes_in = self.progress.as_ref().map_or(0, |progress| progress.bytes());
        let class = Class::of(outcome, self.status);
        self.asker.observer.moved(bytes_in.saturating_add(self.bytes_out));
        let zone = self.asker.who.zone;
        let template = self.template.take();
        audit.metrics.request(zone, template.as_ref(), class, elapsed, bytes_in, self.bytes_out);
        if class == Class::Refused {
            audit.metrics.refusal(zone, outcome);
        }
        if let Some(span) = self.span.take() {
            span.finish(template.as_deref(), outcome, self.status);
        }
        if !self.is_kept {
            return;
        }
        let fact = RequestFact {
            who: Arc::clone(&self.asker.who),
            serial: Arc::clone(&self.asker.serial),
            peer: self.asker.peer,
            tls: self.asker.tls,
            id: self.id,
            method: std::mem::take(&mut self.method),
            template,
            outcome,
            status: self.status,
            bytes_in,
            bytes_out: self.bytes_out,
            ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        };
        if audit.ledger.append_request(audit.clock.now(), fact).is_err() {
            warn!(request = %self.id, "a request could not be recorded");
        }
    }
}

impl Drop for RequestEntry {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The body of an answer with the request's entry on it.
pub(crate) struct RecordedBody<B> {
    body: B,
    entry: RequestEntry,
    is_ended: bool,
}

impl<B> Body for RecordedBody<B>
where
    B: Body + Unpin,
    B::Data: Buf,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => self.is_ended = true,
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                self.entry.bytes_out += length;
                self.is_ended = self.body.is_end_stream();
            }
            Poll::Ready(Some(Err(_))) => {
                self.is_ended = true;
                self.entry.outcome = Some(ANSWER_BROKEN);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for RecordedBody<B> {
    fn drop(&mut self) {
        // An answer without a body is never asked for a frame.
        let is_left = !self.is_ended && self.entry.bytes_out > 0;
        if is_left && self.entry.outcome == Some("ok") {
            self.entry.outcome = Some(CLIENT_GONE);
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
