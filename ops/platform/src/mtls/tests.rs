use std::{net::SocketAddr, path::Path, sync::Arc};

use axum::{Extension, Router, routing::get};
use http::Request;
use kakehashi_contract::{CLIENT_CERT_HEADER, REQUEST_ID_HEADER, Role, Zone};
use kakehashi_kernel::{Clock, RequestId, Timestamp};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::pki::{Authority, Holder, Issued, SystemSerials, Validity};

const NOW: Timestamp = Timestamp(1_795_400_000_000);
const ID: &str = "018f3a3a-0000-7000-8000-000000000001";

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        NOW
    }
}

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
        let ca = folder.path().join("ca");
        let authority = Authority::ensure(&ca, Validity::days(NOW, 3650), &SystemSerials).unwrap();
        let public = folder.path().join("public");
        authority.publish(&public, NOW, NOW.plus_ms(86_400_000)).unwrap();
        let validity = Validity::days(NOW, 30);
        let server = authority
            .ensure_server(folder.path(), "component", NOW, validity, &SystemSerials)
            .unwrap();
        let files = ServerTls {
            server,
            client_authority: public.join("internal.pem"),
            revocations: public.join("internal.crl.pem"),
            versions: TlsVersions::Tls13,
            rules: TrustRules::default(),
        };
        let trust = Arc::new(Trust::load(files, Arc::new(Fixed)).unwrap());
        let router = Router::new().route(
            "/who",
            get(|ClientIdentity(who): ClientIdentity, Extension(id): Extension<RequestId>| async move {
                format!("{who} {id}")
            }),
        );
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
        Request::builder()
            .uri(format!("https://localhost:{}/who", self.address.port()))
            .header(REQUEST_ID_HEADER, ID)
    }
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
    house.authority.publish(&house.public("."), NOW, NOW.plus_ms(2 * 86_400_000)).unwrap();
    assert!(house.trust.reload_now());
    let files = ClientTls { client: Some(stolen), root: house.public("root.pem") };
    let client = Client::new(&files, Arc::new(Fixed), ClientLimits::default()).unwrap();
    let refused = client.send(house.who().body("").unwrap()).await;
    assert!(matches!(refused, Err(ClientError::Transport(_))), "{refused:?}");
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
