//! One connection: handshake → identity → requests.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response};
use hyper::{body::Incoming, service::service_fn};
use kakehashi_contract::{Identity, REQUEST_ID_HEADER, Zone};
use kakehashi_kernel::{Clock, Ids, RequestId};
use kakehashi_platform::mtls::{BoxBody, Current, Limits, Trust, client_cert_value, serve_http};
use rustls::{CertificateError, pki_types::CertificateDer};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    audit::Audit,
    body::Progress,
    forward::{Forward, request_id_value},
    policy::Rulebook,
    problem::{Occasion, Reader, answer_to},
    refusal::Refusal,
};

/// How often the certificate of a connection that lives is looked at again although no file changed.
const RECHECK_INTERVAL: Duration = Duration::from_mins(1);

/// Everything a listener's connections share.
pub(crate) struct Gate {
    pub(crate) zone: Zone,
    pub(crate) trust: Arc<Trust>,
    pub(crate) policy: Arc<Rulebook>,
    pub(crate) forward: Arc<Forward>,
    pub(crate) audit: Audit,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) shutdown: CancellationToken,
}

/// Who is at the other end of a connection, established once.
struct Guest {
    identity: Arc<Identity>,
    certificate: HeaderValue,
    peer: SocketAddr,
}

impl Gate {
    /// Takes one connection from accept to its end.
    pub(crate) async fn receive(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let trust = self.trust.watch();
        let config = Arc::clone(&trust.borrow().config);
        let accepting = TlsAcceptor::from(config).accept(stream);
        let code = match timeout(self.limits.handshake_timeout, accepting).await {
            Ok(Ok(stream)) => return self.welcome(stream, peer, trust).await,
            Ok(Err(error)) => handshake_code(&error),
            Err(_) => "handshake-timeout",
        };
        debug!(%peer, zone = %self.zone, code, "handshake refused");
        self.audit.connection_refused(self.zone, None, peer, code).await;
    }

    async fn welcome(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        peer: SocketAddr,
        trust: watch::Receiver<Current>,
    ) {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        match self.identify(&chain, peer) {
            Ok(guest) => self.serve(stream, Arc::new(guest), chain, trust).await,
            Err(code) => {
                self.audit.connection_refused(self.zone, None, peer, code).await;
                self.turn_away(stream, code).await;
            }
        }
    }

    fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        peer: SocketAddr,
    ) -> Result<Guest, &'static str> {
        let leaf = chain.first().ok_or("certificate-missing")?;
        let identity =
            Identity::from_der(leaf).map_err(kakehashi_contract::IdentityRefusal::code)?;
        if identity.zone != self.zone {
            return Err("certificate-other-zone");
        }
        let certificate = client_cert_value(leaf);
        Ok(Guest { identity: Arc::new(identity), certificate, peer })
    }

    /// Serves until the connection ends, or the certificate no longer holds.
    async fn serve(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        guest: Arc<Guest>,
        chain: Vec<CertificateDer<'static>>,
        mut trust: watch::Receiver<Current>,
    ) {
        let (gate, served) = (Arc::clone(&self), Arc::clone(&guest));
        let service = service_fn(move |request| {
            let (gate, guest) = (Arc::clone(&gate), Arc::clone(&served));
            async move { Ok::<_, Infallible>(gate.answer(&guest, request).await) }
        });
        let expelled = async {
            // Files change, and what was valid expires.
            while !matches!(timeout(RECHECK_INTERVAL, trust.changed()).await, Ok(Err(_))) {
                let current = trust.borrow_and_update().clone();
                if !self.trust.holds(&current, &chain) {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = serve_http(stream, service, &self.limits, &self.shutdown) => match ended {
                Ok(()) => {}
                Err(error) => debug!(error, peer = %guest.peer, "connection ended"),
            },
            () = expelled => {
                let who = Some(&*guest.identity);
                let code = "certificate-no-longer-valid";
                warn!(peer = %guest.peer, who = %guest.identity, "connection closed: {code}");
                self.audit.connection_refused(self.zone, who, guest.peer, code).await;
            }
        }
    }

    /// Answers one request, and writes its entry before.
    async fn answer(&self, guest: &Guest, request: Request<Incoming>) -> Response<BoxBody> {
        let id = RequestId::generate(&*self.ids);
        let identity = Arc::clone(&guest.identity);
        let method = request.method().clone();
        let mut entry = self.audit.request(identity, guest.peer, id, method);
        let progress = Progress::new();
        let reader = Reader::of(request.headers());
        let (head, body) = request.into_parts();
        let answered = match self.policy.admit(&guest.identity, &head, self.clock.now()) {
            Ok(permit) => {
                entry.found_route(permit.template());
                let request = Request::from_parts(head, body);
                self.forward.send(request, &permit, &guest.certificate, id, &progress).await
            }
            Err(denied) => {
                if let Some(template) = &denied.template {
                    entry.found_route(template);
                }
                Err(denied.refusal)
            }
        };
        let bytes = progress.bytes();
        let written = match &answered {
            Ok(response) => {
                let status = response.status();
                let is_fine = !status.is_client_error() && !status.is_server_error();
                let outcome = if is_fine { "ok" } else { "component-refused" };
                entry.write(outcome, Some(status.as_u16()), bytes).await
            }
            Err(refusal) => entry.write(refusal.code(), None, bytes).await,
        };
        let answered = if written.is_ok() { answered } else { Err(Refusal::AuditDown) };
        let now = self.clock.now();
        let occasion = Occasion { request: id, reader, now, certificate: None };
        let mut response = answered.unwrap_or_else(|refusal| answer_to(&occasion, refusal));
        response.headers_mut().insert(REQUEST_ID_HEADER, request_id_value(id));
        response
    }

    /// Tells a client whose certificate we could read but not use; the handshake's entry stands for all.
    async fn turn_away(&self, stream: TlsStream<TcpStream>, code: &'static str) {
        let told = CancellationToken::new();
        let (ids, answered, now) = (Arc::clone(&self.ids), told.clone(), self.clock.now());
        let service = service_fn(move |request: Request<Incoming>| {
            // One answer, then the connection ends.
            answered.cancel();
            let (request, reader) = (RequestId::generate(&*ids), Reader::of(request.headers()));
            let occasion = Occasion { request, reader, now, certificate: None };
            let answer = answer_to(&occasion, Refusal::Identity(code));
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let serving = serve_http(stream, service, &self.limits, &told);
        if timeout(self.limits.handshake_timeout, serving).await.is_err() {
            debug!(code, "a refused client asked nothing");
        }
    }
}

/// Names why a handshake failed, for the audit trail.
fn handshake_code(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        None => "handshake-aborted",
        Some(rustls::Error::NoCertificatesPresented) => "certificate-missing",
        Some(rustls::Error::InvalidCertificate(error)) => certificate_code(error),
        Some(rustls::Error::AlertReceived(_)) => "handshake-refused-by-client",
        Some(rustls::Error::PeerIncompatible(_)) => "handshake-incompatible",
        Some(_) => "handshake-failed",
    }
}

fn certificate_code(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => "certificate-unknown-issuer",
        E::Expired | E::ExpiredContext { .. } => "certificate-expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "certificate-not-yet-valid",
        E::Revoked => "certificate-revoked",
        E::UnknownRevocationStatus => "revocation-unknown",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => "revocation-stale",
        E::BadSignature => "certificate-bad-signature",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "certificate-key-usage",
        E::BadEncoding => "certificate-unreadable",
        // The library has no variant of its own for this one.
        E::Other(other) if other.to_string() == "CaUsedAsEndEntity" => "certificate-ca-as-leaf",
        _ => "certificate-refused",
    }
}
