//! One connection: hello → handshake → identity → requests. What a request goes through is `request.rs`.
//!
//! One function per stage. A stage that refuses names a code, and the connection gets one audit entry.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Request};
use hyper::{body::Incoming, service::service_fn};
use kakehashi_contract::{Identity, Zone, certificate_serial};
use kakehashi_kernel::{Clock, Ids, RequestId};
use kakehashi_platform::mtls::{Current, Limits, Trust, client_cert_value, serve_http};
use rustls::{CertificateError, ProtocolVersion, pki_types::CertificateDer, server::Acceptor};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    audit::{Asker, Audit},
    forward::Forward,
    metrics::{Metrics, OpenConnection},
    note::CertificateNote,
    policy::Rulebook,
    problem::{Occasion, Reader, answer_to},
    refusal::Refusal,
    trace::Traces,
};

/// How often the certificate of a connection that lives is looked at again although no file changed.
const RECHECK_INTERVAL: Duration = Duration::from_mins(1);

/// Everything a listener's connections share.
pub(crate) struct Gate {
    pub(crate) zone: Zone,
    /// The names this listener answers to; none for any.
    pub(crate) server_names: Vec<String>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) policy: Arc<Rulebook>,
    pub(crate) forward: Arc<Forward>,
    pub(crate) audit: Audit,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) traces: Option<Arc<Traces>>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) shutdown: CancellationToken,
}

/// What a client said before the handshake.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    /// The server name it asked for (SNI).
    pub(crate) server_name: Option<Arc<str>>,
}

/// Who is at the other end of a connection, established once.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) identity: Arc<Identity>,
    /// The `Client-Cert` header, written once.
    pub(crate) certificate: HeaderValue,
    pub(crate) peer: SocketAddr,
    pub(crate) hello: Hello,
    /// What every entry of this connection's requests tells.
    pub(crate) asker: Asker,
}

impl Gate {
    /// Takes one connection from accept to its end.
    pub(crate) async fn receive(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.audit.admit().is_err() {
            // What cannot be recorded does not happen; the ledger counts it.
            return;
        }
        let trust = self.trust.watch();
        let greeted = Instant::now() + self.limits.handshake_timeout;
        let shaken = async {
            let start = self.greet(stream).await?;
            let hello = read_hello(&start);
            Ok::<_, &'static str>((self.shake_hands(start, &trust).await?, hello))
        };
        let code = match timeout_at(greeted, shaken).await {
            Ok(Ok((stream, hello))) => return self.welcome(stream, peer, hello, trust).await,
            Ok(Err(code)) => code,
            Err(_) => "handshake-timeout",
        };
        debug!(%peer, zone = %self.zone, code, "handshake refused");
        self.audit.connection_refused(self.zone, None, peer, code);
    }

    /// Waits for the client's first message.
    async fn greet(&self, stream: TcpStream) -> Result<StartHandshake<TcpStream>, &'static str> {
        let mut accepting = std::pin::pin!(LazyConfigAcceptor::new(Acceptor::default(), stream));
        accepting.as_mut().await.map_err(|error| handshake_code(&error))
    }

    /// Ends the handshake: the client's certificate holds, by chain, time and revocation list.
    async fn shake_hands(
        &self,
        start: StartHandshake<TcpStream>,
        trust: &watch::Receiver<Current>,
    ) -> Result<TlsStream<TcpStream>, &'static str> {
        let config = Arc::clone(&trust.borrow().config);
        start.into_stream(config).await.map_err(|error| handshake_code(&error))
    }

    /// Lets in whom the certificate names, turns away whom it does not.
    async fn welcome(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        peer: SocketAddr,
        hello: Hello,
        trust: watch::Receiver<Current>,
    ) {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default().to_vec();
        match self.identify(&chain, peer, hello, tls_version(&stream)) {
            Ok(guest) => self.serve(stream, Arc::new(guest), chain, trust).await,
            Err(code) => {
                self.audit.connection_refused(self.zone, None, peer, code);
                self.turn_away(stream, code, chain.first()).await;
            }
        }
    }

    fn identify(
        &self,
        chain: &[CertificateDer<'_>],
        peer: SocketAddr,
        hello: Hello,
        tls: &'static str,
    ) -> Result<Guest, &'static str> {
        let leaf = chain.first().ok_or("certificate-missing")?;
        let is_ours =
            |asked: &str| self.server_names.iter().any(|our| our.eq_ignore_ascii_case(asked));
        let asked = hello.server_name.as_deref();
        if !self.server_names.is_empty() && !asked.is_none_or(is_ours) {
            return Err("server-name-unknown");
        }
        let identity =
            Identity::from_der(leaf).map_err(kakehashi_contract::IdentityRefusal::code)?;
        if identity.zone != self.zone {
            return Err("certificate-other-zone");
        }
        let certificate = client_cert_value(leaf);
        let serial = certificate_serial(leaf).unwrap_or_default().into();
        let identity = Arc::new(identity);
        let told = Asker { who: Arc::clone(&identity), serial, peer, tls };
        Ok(Guest { identity, certificate, peer, hello, asker: told })
    }

    /// Serves until the connection ends, or the certificate no longer holds.
    async fn serve(
        self: Arc<Self>,
        stream: TlsStream<TcpStream>,
        guest: Arc<Guest>,
        chain: Vec<CertificateDer<'static>>,
        trust: watch::Receiver<Current>,
    ) {
        let _open = self.count(&stream);
        let (gate, served) = (Arc::clone(&self), Arc::clone(&guest));
        let service = service_fn(move |request| {
            let (gate, guest) = (Arc::clone(&gate), Arc::clone(&served));
            async move { Ok::<_, Infallible>(gate.answer(&guest, request).await) }
        });
        tokio::select! {
            ended = serve_http(stream, service, &self.limits, &self.shutdown) => match ended {
                Ok(()) => {}
                Err(error) => debug!(error, peer = %guest.peer, "connection ended"),
            },
            () = self.expelled(&chain, trust) => {
                let who = Some(&*guest.identity);
                let code = "certificate-no-longer-valid";
                warn!(peer = %guest.peer, who = %guest.identity, "connection closed: {code}");
                self.audit.connection_refused(self.zone, who, guest.peer, code);
            }
            () = self.policy.suspended(&guest.identity) => {
                let who = Some(&*guest.identity);
                warn!(peer = %guest.peer, who = %guest.identity, "connection closed: suspended");
                self.audit.connection_refused(self.zone, who, guest.peer, "suspended");
            }
        }
    }

    /// Counts a connection that was accepted, until the answer is dropped.
    fn count(&self, stream: &TlsStream<TcpStream>) -> OpenConnection {
        let alpn = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => "h2",
            Some(b"http/1.1") => "http/1.1",
            _ => "none",
        };
        self.metrics.handshake(self.zone, "ok");
        self.metrics.connection(self.zone, tls_version(stream), alpn)
    }

    /// Returns when the certificate no longer holds: files change, and what was valid expires.
    async fn expelled(&self, chain: &[CertificateDer<'_>], mut trust: watch::Receiver<Current>) {
        while !matches!(timeout(RECHECK_INTERVAL, trust.changed()).await, Ok(Err(_))) {
            let current = trust.borrow_and_update().clone();
            if !self.trust.holds(&current, chain) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Tells a client whose certificate we could read but not use; the handshake's entry stands for all.
    async fn turn_away(
        &self,
        stream: TlsStream<TcpStream>,
        code: &'static str,
        leaf: Option<&CertificateDer<'_>>,
    ) {
        let note = leaf.and_then(|leaf| CertificateNote::of(leaf));
        let told = CancellationToken::new();
        let (ids, answered, now) = (Arc::clone(&self.ids), told.clone(), self.clock.now());
        let service = service_fn(move |request: Request<Incoming>| {
            // One answer, then the connection ends.
            answered.cancel();
            let (request, reader) = (RequestId::generate(&*ids), Reader::of(request.headers()));
            let occasion = Occasion { request, reader, now, certificate: note.as_ref() };
            let answer = answer_to(&occasion, Refusal::Identity(code));
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let serving = serve_http(stream, service, &self.limits, &told);
        if timeout(self.limits.handshake_timeout, serving).await.is_err() {
            debug!(code, "a refused client asked nothing");
        }
    }
}

fn tls_version(stream: &TlsStream<TcpStream>) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "-",
    }
}

/// Reads what the client said first.
fn read_hello(start: &StartHandshake<TcpStream>) -> Hello {
    Hello { server_name: start.client_hello().server_name().map(Arc::from) }
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
