//! One connection: hello → handshake → identity → requests. What a request goes through is `request.rs`.
//!
//! One function per stage. A stage that refuses names a code, and the connection gets one audit entry.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Version, header::CONNECTION};
use hyper::{body::Incoming, service::service_fn};
use kakehashi_contract::{Identity, Zone};
use kakehashi_kernel::{Clock, Ids, RequestId};
use kakehashi_platform::mtls::{Limits, ReadAhead, Trust, handshake_code};
use rustls::{ProtocolVersion, server::Acceptor};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    audit::{Asker, Audit, Stranger},
    forward::Forward,
    guard::{Fingerprint, Guard, Observer, Place, Presence},
    identify::{Known, identify},
    metrics::{Metrics, OpenConnection},
    note::{CertificateNote, serial_of},
    policy::Rulebook,
    problem::{Occasion, Reader, answer_to},
    refusal::Refusal,
    serve::{Ended, Grants, Secured, Socket, serve},
    trace::Traces,
    wire::{Pulse, WireLimits},
};

/// Everything a listener's connections share.
pub(crate) struct Gate {
    pub(crate) zone: Zone,
    /// The names this listener answers to; none for any.
    pub(crate) server_names: Vec<String>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) policy: Arc<Rulebook>,
    pub(crate) forward: Arc<Forward>,
    pub(crate) audit: Audit,
    pub(crate) guard: Arc<Guard>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) traces: Option<Arc<Traces>>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    /// How long a connection may still ask when the gateway ends.
    pub(crate) linger: Duration,
    pub(crate) wire: Arc<WireLimits>,
    pub(crate) shutdown: CancellationToken,
}

/// What a client said before the handshake.
#[derive(Debug, Clone)]
pub(crate) struct Hello {
    /// The server name it asked for (SNI).
    pub(crate) server_name: Option<Arc<str>>,
    /// What kind of program it is.
    pub(crate) fingerprint: Fingerprint,
}

/// Who is at the other end of a connection, established once.
pub(crate) struct Guest {
    pub(crate) identity: Arc<Identity>,
    /// The `Client-Cert` header, written once.
    pub(crate) certificate: HeaderValue,
    pub(crate) peer: SocketAddr,
    pub(crate) hello: Hello,
    /// What the guard knows of them.
    pub(crate) presence: Presence,
    /// What every entry of this connection's requests tells.
    pub(crate) asker: Asker,
}

impl Guest {
    fn new(
        known: &Known,
        (peer, tls): (SocketAddr, &'static str),
        hello: Hello,
        (presence, observer): (Presence, Arc<Observer>),
    ) -> Self {
        let credential = known.credential();
        let identity = Arc::clone(&credential.identity);
        let serial = Arc::clone(&credential.serial);
        let asker = Asker { who: Arc::clone(&identity), serial, peer, tls, observer };
        Self { identity, certificate: credential.header.clone(), peer, hello, presence, asker }
    }
}

impl Gate {
    /// Takes one connection from accept to its end.
    pub(crate) async fn receive(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        if self.audit.admit().await.is_err() {
            // What cannot be recorded does not happen; the ledger counts it.
            return;
        }
        let place = match self.guard.connection(peer.ip()) {
            Ok(place) => place,
            Err(refusal) => {
                let code = refusal.code();
                return self.audit.connection_refused(self.zone, &Stranger::at(peer), code);
            }
        };
        let greeted = Instant::now() + self.limits.handshake_timeout;
        // In boxes of their own, here and below: what a handshake or a refusal needs would otherwise stay
        // part of every connection as long as it lives.
        let shaken = Box::pin(async {
            let start = self.greet(ReadAhead::new(stream)).await?;
            let hello = read_hello(&start);
            Ok::<_, &'static str>((self.shake_hands(start).await?, hello))
        });
        let traces = self.traces.as_ref();
        let span = traces.and_then(|on| on.handshake(RequestId::generate(&*self.ids), self.zone));
        let shaken = timeout_at(greeted, shaken).await.unwrap_or(Err("handshake-timeout"));
        if let Some(span) = span {
            span.finish(None, shaken.as_ref().map_or_else(|code| *code, |_| "ok"), None);
        }
        let code = match shaken {
            Ok((stream, hello)) => {
                return Box::pin(self.welcome(stream, (peer, place), hello)).await;
            }
            Err(code) => code,
        };
        self.guard.handshake_failed(peer.ip(), code);
        debug!(%peer, zone = %self.zone, code, "handshake refused");
        self.audit.connection_refused(self.zone, &Stranger::at(peer), code);
    }

    /// Closes a connection for which there is no place.
    pub(crate) fn turn_back(&self, peer: SocketAddr) {
        debug!(%peer, zone = %self.zone, "no place for a connection");
        self.audit.connection_refused(self.zone, &Stranger::at(peer), "connections-full");
    }

    /// Waits for the client's first message.
    async fn greet(&self, stream: Socket) -> Result<StartHandshake<Socket>, &'static str> {
        let mut accepting = std::pin::pin!(LazyConfigAcceptor::new(Acceptor::default(), stream));
        accepting.as_mut().await.map_err(|error| handshake_code(&error))
    }

    /// Ends the handshake: the client's certificate holds, by chain, time and revocation list.
    async fn shake_hands(&self, start: StartHandshake<Socket>) -> Result<Secured, &'static str> {
        start.into_stream(self.trust.config()).await.map_err(|error| handshake_code(&error))
    }

    /// Lets in whom the certificate names, turns away whom it does not.
    async fn welcome(
        self: Arc<Self>,
        stream: Secured,
        (peer, place): (SocketAddr, Place),
        hello: Hello,
    ) {
        let known = self
            .check_name(&hello)
            .and_then(|()| identify(&self.trust, self.zone, stream.get_ref().1));
        let refusal = match known {
            Ok(known) => match self.arrive(place, &known, &hello) {
                Ok(presence) => {
                    let from = (peer, tls_version(&stream));
                    let observer = presence.observer(&self.guard);
                    let guest = Arc::new(Guest::new(&known, from, hello, (presence, observer)));
                    return Box::pin(self.serve(stream, guest, known)).await;
                }
                Err(refusal) => {
                    let credential = known.credential();
                    let stranger = Stranger {
                        peer,
                        who: Some(&credential.identity),
                        serial: Some(&credential.serial),
                        tls: Some(tls_version(&stream)),
                    };
                    self.audit.connection_refused(self.zone, &stranger, refusal.code());
                    refusal
                }
            },
            Err(code) => {
                self.guard.handshake_failed(peer.ip(), code);
                let (serial, tls) = (shown_serial(&stream), Some(tls_version(&stream)));
                let stranger = Stranger { peer, who: None, serial: serial.as_deref(), tls };
                self.audit.connection_refused(self.zone, &stranger, code);
                Refusal::Identity(code)
            }
        };
        Box::pin(self.turn_away(stream, refusal)).await;
    }

    /// Asks the guard about whoever came.
    fn arrive(&self, place: Place, known: &Known, hello: &Hello) -> Result<Presence, Refusal> {
        let (identity, ending) = (&known.credential().identity, self.shutdown.child_token());
        self.guard.arrived(place, identity, Some(hello.fingerprint), ending)
    }

    /// Refuses who asked for a name that is not this listener's.
    fn check_name(&self, hello: &Hello) -> Result<(), &'static str> {
        let is_ours =
            |asked: &str| self.server_names.iter().any(|our| our.eq_ignore_ascii_case(asked));
        let asked = hello.server_name.as_deref();
        if self.server_names.is_empty() || asked.is_none_or(is_ours) {
            Ok(())
        } else {
            Err("server-name-unknown")
        }
    }

    /// Serves until the connection ends, or the certificate no longer holds.
    async fn serve(self: Arc<Self>, stream: Secured, guest: Arc<Guest>, known: Known) {
        let _open = self.count(&stream);
        let pulse = Pulse::new(Arc::clone(&self.wire));
        let served = Arc::new((Arc::clone(&self), Arc::clone(&guest), Arc::clone(&pulse)));
        let service = service_fn(move |request| {
            let served = Arc::clone(&served);
            async move {
                let (gate, guest, pulse) = &*served;
                let version = request.version();
                // HTTP/1.1 keeps room for one answer's future as long as the connection lives: a pointer.
                let mut answer = Box::pin(gate.answer(guest, pulse, request)).await;
                if version == Version::HTTP_11 && gate.shutdown.is_cancelled() {
                    // So that the client does not ask again on a connection that ends.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::select! {
            biased;
            ended = serve(stream, service, self.grants(), &pulse, guest.presence.ending()) => {
                if let Ended::Refused(code) = ended {
                    debug!(peer = %guest.peer, code, "connection closed");
                    self.guard.connection_broken(&guest.presence, code);
                    self.audit.connection_refused(self.zone, &Stranger::of(&guest.asker), code);
                }
            },
            code = known.withdrawn(&self.trust) => {
                warn!(peer = %guest.peer, who = %guest.identity, "connection closed: {code}");
                self.audit.connection_refused(self.zone, &Stranger::of(&guest.asker), code);
            }
            () = self.policy.suspended(&guest.identity) => {
                warn!(peer = %guest.peer, who = %guest.identity, "connection closed: suspended");
                let stranger = Stranger::of(&guest.asker);
                self.audit.connection_refused(self.zone, &stranger, "suspended");
            }
        }
    }

    /// Counts a connection that was accepted, until the answer is dropped.
    fn count(&self, stream: &Secured) -> OpenConnection {
        let alpn = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => "h2",
            Some(b"http/1.1") => "http/1.1",
            _ => "none",
        };
        self.metrics.handshake(self.zone, "ok");
        self.metrics.connection(self.zone, tls_version(stream), alpn)
    }

    const fn grants(&self) -> Grants {
        let Limits { streams_max, header_bytes_max, .. } = self.limits;
        Grants { streams_max, head_bytes_max: header_bytes_max, linger: self.linger }
    }

    /// Tells a client whose certificate we could read but not use; the handshake's entry stands for all.
    async fn turn_away(&self, stream: Secured, refusal: Refusal) {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let note = chain.first().and_then(|leaf| CertificateNote::of(leaf));
        let told = CancellationToken::new();
        let (ids, answered, now) = (Arc::clone(&self.ids), told.clone(), self.clock.now());
        let service = service_fn(move |request: Request<Incoming>| {
            // One answer, then the connection ends.
            answered.cancel();
            let (request, reader) = (RequestId::generate(&*ids), Reader::of(request.headers()));
            let occasion = Occasion { request, reader, now, certificate: note.as_ref() };
            let answer = answer_to(&occasion, refusal);
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let pulse = Pulse::new(Arc::clone(&self.wire));
        let grants = Grants { linger: Duration::ZERO, ..self.grants() };
        let serving = serve(stream, service, grants, &pulse, &told);
        if timeout(self.limits.handshake_timeout, serving).await.is_err() {
            debug!(code = refusal.code(), "a refused client asked nothing");
        }
    }
}

fn tls_version(stream: &Secured) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        _ => "-",
    }
}

/// The serial number of the certificate that was shown.
fn shown_serial(stream: &Secured) -> Option<String> {
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    serial_of(chain.first()?)
}

/// Reads what the client said first.
fn read_hello(start: &StartHandshake<Socket>) -> Hello {
    let hello = start.client_hello();
    let server_name = hello.server_name().map(Arc::from);
    Hello { server_name, fingerprint: Fingerprint::of(&hello) }
}
