//! Sessions that are resumed: none outlives a revocation, an expiry or a change of whom we trust.

use std::{fmt, sync::Arc, time::Duration};

use kakehashi_contract::Zone;
use kakehashi_kernel::Clock;
use kakehashi_platform::{mtls::crypto_provider, pki::Issued};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsConnector;

use crate::{
    house::{House, NOW, municipality},
    revocation::{CLOSED_WITHIN, ends_soon, held, renew_authority},
};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

struct Now;

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(NOW.0.unsigned_abs())))
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

/// A client that speaks one version of TLS and keeps its sessions.
pub(crate) fn resuming(
    house: &House,
    issued: &Issued,
    version: &'static SupportedProtocolVersion,
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(house.public("root.pem")).unwrap()).unwrap();
    let chain = CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    let mut config = ClientConfig::builder_with_details(crypto_provider(), Arc::new(Now))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    TlsConnector::from(Arc::new(config))
}

/// One request on a connection of its own: how the handshake went, and the answer, if any came.
pub(crate) async fn ask(
    house: &House,
    zone: Zone,
    connector: &TlsConnector,
) -> (Option<HandshakeKind>, String) {
    let address = house.edge[&zone];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let asking = async {
        let mut stream = match connector.connect(name, stream).await {
            Ok(stream) => stream,
            Err(error) => return (None, error.to_string()),
        };
        let port = address.port();
        let request =
            format!("GET /echo HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        // The other side may close without a farewell.
        if stream.write_all(request.as_bytes()).await.is_ok() {
            drop(stream.read_to_end(&mut answer).await);
        }
        (stream.get_ref().1.handshake_kind(), String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(6 * CLOSED_WITHIN, asking).await.expect("answered or closed")
}

/// Asks until a session is resumed: the second time, unless another test's SIGHUP has just let this
/// gateway read its files again, and forget its sessions.
async fn is_resumed(house: &House, connector: &TlsConnector) {
    for _ in 0..20 {
        let (kind, text) = ask(house, Zone::Municipal, connector).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        if kind == Some(HandshakeKind::Resumed) {
            return;
        }
    }
    panic!("no session is resumed");
}

/// Asks until nobody is served any more, then again with whatever sessions the client kept.
async fn is_served_no_more(house: &House, connector: &TlsConnector, is_refusal: fn(&str) -> bool) {
    let end = Instant::now() + 6 * CLOSED_WITHIN;
    while ask(house, Zone::Municipal, connector).await.1.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < end, "still answered");
    }
    for _ in 0..4 {
        let (_, text) = ask(house, Zone::Municipal, connector).await;
        assert!(is_refusal(&text), "{text}");
    }
}

fn speak_both(config: &mut kakehashi_edge::EdgeConfig) {
    config.listeners[0].tls12 = true;
}

/// Answers how the handshake went that was made with a session from before the certificate's end.
async fn after_the_end(version: &'static SupportedProtocolVersion) -> Option<HandshakeKind> {
    let (house, clock) = held(|_| {}, speak_both).await;
    let connector = resuming(&house, &ends_soon(&house), version);
    is_resumed(&house, &connector).await;
    clock.run();
    let end = Instant::now() + 6 * CLOSED_WITHIN;
    while clock.now() <= NOW.plus_ms(3_000) {
        assert!(Instant::now() < end);
        sleep(Duration::from_millis(20)).await;
    }
    let (kind, text) = ask(&house, Zone::Municipal, &connector).await;
    assert!(text.starts_with("HTTP/1.1 403") && text.contains("certificate-expired"), "{text}");
    house.end().await;
    kind
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_ends_with_its_certificate() {
    for version in VERSIONS {
        let mut kinds = Vec::new();
        while !kinds.contains(&Some(HandshakeKind::Resumed)) {
            kinds.push(after_the_end(version).await);
            // As above.
            assert!(kinds.len() < 5, "{kinds:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_the_revocation_helps_nobody() {
    for version in VERSIONS {
        let (house, _) = held(|_| {}, speak_both).await;
        let issued = house.issue(&municipality());
        let connector = resuming(&house, &issued, version);
        is_resumed(&house, &connector).await;
        house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
        house.publish();
        let is_refusal =
            |text: &str| text.starts_with("HTTP/1.1 403") && text.contains("certificate-revoked");
        is_served_no_more(&house, &connector, is_refusal).await;
        house.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_an_authority_that_is_no_longer_trusted_helps_nobody() {
    for version in VERSIONS {
        let (house, _) = held(|_| {}, speak_both).await;
        let connector = resuming(&house, &house.issue(&municipality()), version);
        is_resumed(&house, &connector).await;
        renew_authority(&house);
        // Not even an answer that says so: an alert, in the handshake or right behind it.
        is_served_no_more(&house, &connector, |text| !text.starts_with("HTTP/1.1")).await;
        house.end().await;
    }
}
