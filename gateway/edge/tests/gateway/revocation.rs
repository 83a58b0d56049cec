//! What is withdrawn or ends while its holder is connected, streaming or away.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kakehashi_contract::Zone;
use kakehashi_edge::LimitsConfig;
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{ClientTls, Protocol, client_config},
    pki::{Issued, SystemSerials, Validity},
};
use rustls::{HandshakeKind, client::Resumption, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use crate::house::{FixedClock, House, NOW, codes, municipality};

/// What the project promises.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Stands still at [`NOW`] until it is told to run.
#[derive(Default)]
struct HeldClock(OnceLock<Instant>);

impl HeldClock {
    fn run(&self) {
        self.0.get_or_init(Instant::now);
    }
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        let passed = self.0.get().map_or(0, |since| since.elapsed().as_millis());
        NOW.plus_ms(i64::try_from(passed).unwrap())
    }
}

/// A house whose gateway goes by a clock of ours.
async fn held(change: impl FnOnce(&House)) -> (House, Arc<HeldClock>) {
    let mut house = House::build().await;
    change(&house);
    let clock = Arc::new(HeldClock::default());
    let mut parts = House::parts();
    parts.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    house.open_as(house.config(LimitsConfig::default()), parts).await;
    (house, clock)
}

fn two_seconds(house: &House) -> Issued {
    let validity = Validity { not_after: NOW.plus_ms(2_000), ..Validity::days(NOW, 1) };
    house.authority.issue_client(&municipality(), validity, &SystemSerials).unwrap()
}

/// An upload that never ends of itself, told by its outcome: whether an answer came.
async fn upload_for_ever(house: &House, issued: &Issued, protocol: Protocol) -> bool {
    let client = house.client_of(Some(issued), protocol);
    let bytes = stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b"0123456789"))));
    let slowly = bytes.then(|frame| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        frame
    });
    let request = Request::post(house.url(Zone::Municipal, "/count/all"));
    let request = request.body(StreamBody::new(slowly).boxed_unsync()).unwrap();
    client.request(request).await.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_revoked_while_uploading_is_closed_within_seconds() {
    let house = House::start().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let issued = house.issue(&municipality());
        let client = house.client_of(Some(&issued), protocol);
        assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
        let uploading = upload_for_ever(&house, &issued, protocol);
        let mut uploading = std::pin::pin!(uploading);
        // It is under way, and nothing is wrong with it.
        assert!(timeout(Duration::from_millis(300), &mut uploading).await.is_err());
        house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
        house.publish();
        assert!(!timeout(CLOSED_WITHIN, uploading).await.expect("closed in time"));
    }
    let who = "municipal/municipal-staff/141003/scan-01";
    let closed = format!("{who} handshake municipal certificate-revoked");
    let found = codes(&house.end().await);
    // In each round the upload's connection and the one that asked before.
    assert_eq!(found.iter().filter(|code| **code == closed).count(), 4, "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_its_certificate() {
    let (house, clock) = held(|_| {}).await;
    let issued = two_seconds(&house);
    let client = house.client(&issued);
    assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
    let uploading = upload_for_ever(&house, &issued, Protocol::Http2);
    let mut uploading = std::pin::pin!(uploading);
    assert!(timeout(Duration::from_millis(200), &mut uploading).await.is_err());
    clock.run();
    assert!(!timeout(2 * CLOSED_WITHIN, uploading).await.expect("closed in time"));
    let answer = house.client(&issued).get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(String::from_utf8_lossy(&answer.body).contains("certificate-expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_that_becomes_too_old_closes_whoever_is_connected() {
    let (house, clock) = held(|house| {
        let public = house.folder.path().join("public");
        house.authority.publish(&public, NOW, NOW.plus_ms(2_000)).unwrap();
    })
    .await;
    let issued = house.issue(&municipality());
    let client = house.client(&issued);
    assert_eq!(client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap().status, 200);
    let uploading = upload_for_ever(&house, &issued, Protocol::Http1);
    let mut uploading = std::pin::pin!(uploading);
    assert!(timeout(Duration::from_millis(200), &mut uploading).await.is_err());
    clock.run();
    assert!(!timeout(2 * CLOSED_WITHIN, uploading).await.expect("closed in time"));
    let answer = house.client(&issued).get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(String::from_utf8_lossy(&answer.body).contains("revocation-stale"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_list_older_than_the_limit_closes_although_its_next_is_not_due() {
    let mut house = House::build().await;
    let public = house.folder.path().join("public");
    house.authority.publish(&public, NOW.plus_ms(-2 * 3_600_000), NOW.plus_ms(86_400_000)).unwrap();
    let mut config = house.config(LimitsConfig::default());
    config.listeners[0].revocations_age_max_hours = Some(1);
    house.open_as(config, House::parts()).await;
    let client = house.client(&house.issue(&municipality()));
    let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
    assert_eq!(answer.status, 403);
    assert!(String::from_utf8_lossy(&answer.body).contains("revocation-stale"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_session_ends_with_its_certificate() {
    let (house, clock) = held(|_| {}).await;
    let issued = two_seconds(&house);
    let files = ClientTls {
        client: Some(issued.store(&house.folder.path().join("resuming"), "client").unwrap()),
        root: house.public("root.pem"),
    };
    let mut config = client_config(&files, Arc::new(FixedClock)).unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    let connector = TlsConnector::from(Arc::new(config));
    let (kind, text) = ask(&house, &connector).await;
    assert_eq!(kind, Some(HandshakeKind::Full));
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let (kind, text) = ask(&house, &connector).await;
    assert_eq!(kind, Some(HandshakeKind::Resumed));
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    clock.run();
    let end = Instant::now() + 4 * CLOSED_WITHIN;
    while clock.now() <= NOW.plus_ms(3_000) {
        assert!(Instant::now() < end);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (kind, text) = ask(&house, &connector).await;
    assert_eq!(kind, Some(HandshakeKind::Resumed));
    assert!(text.starts_with("HTTP/1.1 403") && text.contains("certificate-expired"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_before_the_revocation_helps_nobody() {
    let house = House::start().await;
    let issued = house.issue(&municipality());
    let files = ClientTls {
        client: Some(issued.store(&house.folder.path().join("resuming"), "client").unwrap()),
        root: house.public("root.pem"),
    };
    let mut config = client_config(&files, Arc::new(FixedClock)).unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    let connector = TlsConnector::from(Arc::new(config));
    ask(&house, &connector).await;
    assert_eq!(ask(&house, &connector).await.0, Some(HandshakeKind::Resumed));
    house.authority.revoke(Zone::Municipal, &issued.chain_pem, NOW).unwrap();
    house.publish();
    let end = Instant::now() + 4 * CLOSED_WITHIN;
    loop {
        let (_, text) = ask(&house, &connector).await;
        if text.starts_with("HTTP/1.1 403") {
            break;
        }
        assert!(Instant::now() < end, "still answered");
    }
    // Whatever sessions the client keeps, old or from being told so.
    for _ in 0..4 {
        let (_, text) = ask(&house, &connector).await;
        assert!(text.starts_with("HTTP/1.1 403") && text.contains("certificate-revoked"), "{text}");
    }
}

/// One request on a connection of its own: how the handshake went, and the answer.
async fn ask(house: &House, connector: &TlsConnector) -> (Option<HandshakeKind>, String) {
    let stream = TcpStream::connect(house.edge[&Zone::Municipal]).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let port = house.edge[&Zone::Municipal].port();
    let request =
        format!("GET /echo HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The other side may close without a farewell.
    drop(timeout(CLOSED_WITHIN, stream.read_to_end(&mut answer)).await.expect("answered"));
    let kind = stream.get_ref().1.handshake_kind();
    (kind, String::from_utf8_lossy(&answer).into_owned())
}
