//! A component's door: open to the gateway, closed to everybody else, and to a gateway that was revoked.

use std::{convert::Infallible, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, routing::get};
use futures_util::stream;
use http::Request;
use http_body_util::BodyExt;
use kakehashi_contract::{CLIENT_CERT_HEADER, REQUEST_ID_HEADER, Role, Zone};
use kakehashi_kernel::RequestId;
use kakehashi_platform::{
    mtls::{
        Client, ClientError, ClientIdentity, ClientLimits, ClientTls, Limits, Protocol, Trust,
        client_cert_value, empty_body, serve,
    },
    pki::{Authority, Holder, Issued, SystemSerials, Validity},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::ground::{DAY_MS, Fixed, NOW, authority, listener};

const ID: &str = "018f3a3a-0000-7000-8000-000000000001";
/// What the project promises.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

struct House {
    folder: TempDir,
    authority: Authority,
    address: SocketAddr,
    trust: Arc<Trust>,
    shutdown: CancellationToken,
    server: JoinSet<()>,
}

impl House {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = authority(folder.path(), "ca");
        let public = folder.path().join("public");
        authority.publish(&public, NOW, NOW.plus_ms(DAY_MS)).unwrap();
        let validity = Validity::days(NOW, 30);
        let server = authority
            .ensure_server(folder.path(), "component", NOW, validity, &SystemSerials)
            .unwrap();
        let files = listener(&public, "internal", server);
        let trust = Arc::new(Trust::load(files, Arc::new(Fixed)).unwrap());
        let who = async |ClientIdentity(who): ClientIdentity,
                         Extension(id): Extension<RequestId>| {
            format!("{who} {id}")
        };
        let router = Router::new().route("/who", get(who)).route("/endless", get(endless));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let following = Arc::clone(&trust);
        let serving = serve(listener, following, router, shutdown.clone(), Limits::default());
        let server = JoinSet::from_iter([serving]);
        Self { folder, authority, address, trust, shutdown, server }
    }

    fn issue(&self, holder: &Holder) -> Issued {
        self.authority.issue_client(holder, Validity::days(NOW, 30), &SystemSerials).unwrap()
    }

    fn client(&self, holder: Option<&Holder>, protocol: Protocol) -> Client {
        let client = holder
            .map(|holder| self.issue(holder).store(self.folder.path(), &holder.device).unwrap());
        let root = self.public("root.pem");
        let limits = ClientLimits { protocol, ..ClientLimits::default() };
        Client::new(&ClientTls { client, root }, Arc::new(Fixed), limits).unwrap()
    }

    fn public(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("public").join(name)
    }

    fn who(&self) -> http::request::Builder {
        self.asks("who")
    }

    fn asks(&self, path: &str) -> http::request::Builder {
        Request::builder()
            .uri(format!("https://localhost:{}/{path}", self.address.port()))
            .header(REQUEST_ID_HEADER, ID)
    }

    fn publish(&self) {
        self.authority.publish(&self.public("."), NOW, NOW.plus_ms(2 * DAY_MS)).unwrap();
    }
}

/// An answer that never ends, as fast as it is taken.
async fn endless() -> Body {
    let piece = || Ok::<_, Infallible>(bytes::Bytes::from_static(&[0x5a; 16 * 1024]));
    Body::from_stream(stream::repeat_with(piece))
}

fn gateway() -> Holder {
    Holder::new(Zone::Internal, Role::Gateway, "kakehashi", "edge")
}

fn municipality() -> Holder {
    Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01")
}

#[tokio::test]
async fn a_component_learns_the_outside_client_from_the_gateway() {
    let house = House::start().await;
    let certificate = client_cert_value(&house.issue(&municipality()).leaf().unwrap());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = house.client(Some(&gateway()), protocol);
        let request = house.who().header(CLIENT_CERT_HEADER, &certificate).body("").unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.status, 200);
        let text = std::str::from_utf8(&answer.body).unwrap();
        assert_eq!(text, format!("municipal/municipal-staff/141003/scan-01 {ID}"));
    }
}

#[tokio::test]
async fn a_request_without_client_certificate_is_refused() {
    let house = House::start().await;
    let client = house.client(Some(&gateway()), Protocol::Http1);
    let answer = client.send(house.who().body("").unwrap()).await.unwrap();
    assert_eq!(answer.status, 403);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn malformed_gateway_headers_are_refused() {
    let house = House::start().await;
    let client = house.client(Some(&gateway()), Protocol::Http1);
    for (name, value, status) in [
        (CLIENT_CERT_HEADER, "not a byte sequence", 400),
        (CLIENT_CERT_HEADER, ":Z2FyYmFnZQ==:", 403),
    ] {
        let request = house.who().header(name, value).body("").unwrap();
        assert_eq!(client.send(request).await.unwrap().status, status, "{value}");
    }
    let url = format!("https://localhost:{}/who", house.address.port());
    assert_eq!(client.get(&url).await.unwrap().status, 400);
}

#[tokio::test]
async fn nobody_but_the_gateway_is_answered() {
    let house = House::start().await;
    let component = Holder::new(Zone::Internal, Role::Component, "kakehashi", "ingest");
    let certificate = client_cert_value(&house.issue(&municipality()).leaf().unwrap());
    for holder in [None, Some(&municipality()), Some(&component)] {
        let client = house.client(holder, Protocol::Http1);
        let request = house.who().header(CLIENT_CERT_HEADER, &certificate).body("").unwrap();
        let refused = client.send(request).await;
        assert!(matches!(refused, Err(ClientError::Transport(_))), "{holder:?} {refused:?}");
    }
}

#[tokio::test]
async fn a_revoked_gateway_is_refused_without_a_restart() {
    let house = House::start().await;
    let ours = house.client(Some(&gateway()), Protocol::Http1);
    assert_eq!(ours.send(house.who().body("").unwrap()).await.unwrap().status, 403);
    let other = Holder::new(Zone::Internal, Role::Gateway, "kakehashi", "stolen");
    let stolen = house.issue(&other).store(house.folder.path(), "revoked").unwrap();
    let pem = std::fs::read_to_string(&stolen.chain).unwrap();
    house.authority.revoke(Zone::Internal, &pem, NOW).unwrap();
    house.publish();
    assert!(house.trust.files().reload_now());
    let files = ClientTls { client: Some(stolen), root: house.public("root.pem") };
    let client = Client::new(&files, Arc::new(Fixed), ClientLimits::default()).unwrap();
    let refused = client.send(house.who().body("").unwrap()).await;
    assert!(matches!(refused, Err(ClientError::Transport(_))), "{refused:?}");
}

/// Takes from an endless answer, by both protocols, while `withdraw` withdraws whom it is for.
async fn are_cut_off(house: &House, withdraw: impl FnOnce(&Issued)) {
    let issued = house.issue(&gateway());
    let files = ClientTls {
        client: Some(issued.store(house.folder.path(), "cut-off").unwrap()),
        root: house.public("root.pem"),
    };
    let certificate = client_cert_value(&house.issue(&municipality()).leaf().unwrap());
    let mut taking = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let limits = ClientLimits { protocol, ..ClientLimits::default() };
        let client = Client::new(&files, Arc::new(Fixed), limits).unwrap();
        let request = house.asks("endless").header(CLIENT_CERT_HEADER, &certificate);
        let answer = client.request(request.body(empty_body()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        // It is under way.
        body.frame().await.unwrap().unwrap();
        taking.push((protocol, body));
    }
    withdraw(&issued);
    for (protocol, mut body) in taking {
        let cut = async { while let Some(Ok(_)) = body.frame().await {} };
        timeout(CLOSED_WITHIN, cut).await.unwrap_or_else(|_| panic!("{protocol:?} goes on"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_revoked_while_it_takes_an_answer_is_cut_off() {
    let house = House::start().await;
    are_cut_off(&house, |issued| {
        house.authority.revoke(Zone::Internal, &issued.chain_pem, NOW).unwrap();
        house.publish();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_issuing_authority_is_revoked_is_cut_off() {
    let house = House::start().await;
    are_cut_off(&house, |_| {
        house.authority.revoke_zone(Zone::Internal, NOW).unwrap();
        house.publish();
    })
    .await;
}

#[tokio::test]
async fn a_client_trusts_our_root_alone() {
    let house = House::start().await;
    let other = TempDir::new().unwrap();
    let stranger =
        Authority::ensure(other.path(), Validity::days(NOW, 30), &SystemSerials).unwrap();
    std::fs::write(house.public("root.pem"), stranger.root_pem()).unwrap();
    let client = house.client(Some(&gateway()), Protocol::Http1);
    let refused = client.send(house.who().body("").unwrap()).await;
    assert!(matches!(refused, Err(ClientError::Transport(_))), "{refused:?}");
}

#[tokio::test]
async fn shutdown_ends_the_server_although_a_client_keeps_its_connection() {
    let house = House::start().await;
    let client = house.client(Some(&gateway()), Protocol::Http1);
    client.send(house.who().body("").unwrap()).await.unwrap();
    house.shutdown.cancel();
    house.server.join_all().await;
}
