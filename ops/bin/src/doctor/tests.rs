//! The examination against servers that refuse in every way.

use std::{
    fs, io::ErrorKind, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc,
};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use kakehashi_contract::{
    Identity, Problem, Role, Zone,
    reception::{Permitted, Reception, Standing, Upstream},
};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{ServerTls, TlsVersions, Trust, TrustRules},
    pki::{Authority, CertificateFiles, Holder, Issued, SystemSerials, Validity},
    runtime::SystemClock,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{Target, check::Diagnosis, check::State, examine, files::Source, report};

const DAY_MS: i64 = 86_400_000;

/// An authority, a municipality's certificate, and a server that stands for the gateway.
struct World {
    folder: TempDir,
    authority: Authority,
    now: Timestamp,
    running: JoinSet<()>,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let now = SystemClock.now();
        let validity =
            Validity { not_before: now.plus_ms(-400 * DAY_MS), ..Validity::days(now, 400) };
        let authority =
            Authority::ensure(&folder.path().join("ca"), validity, &SystemSerials).unwrap();
        let world = Self { folder, authority, now, running: JoinSet::new() };
        world.publish();
        world
    }

    fn publish(&self) {
        let public = self.folder.path().join("public");
        self.authority.publish(&public, self.now, self.now.plus_ms(DAY_MS)).unwrap();
    }

    fn public(&self, name: &str) -> PathBuf {
        self.folder.path().join("public").join(name)
    }

    fn issue(&self, zone: Zone, from: i64, until: i64) -> Issued {
        let validity = Validity {
            not_before: self.now.plus_ms(from * DAY_MS),
            not_after: self.now.plus_ms(until * DAY_MS),
        };
        let role = if zone == Zone::Entry { Role::Institution } else { Role::MunicipalStaff };
        let holder = Holder::new(zone, role, "141003", "scan-01");
        self.authority.issue_client(&holder, validity, &SystemSerials).unwrap()
    }

    fn store(&self, issued: &Issued, name: &str) -> Source {
        let files = issued.store(&self.folder.path().join("clients"), name).unwrap();
        Source::Pair { certificate: files.chain, key: files.key }
    }

    fn good(&self) -> Source {
        self.store(&self.issue(Zone::Municipal, -1, 100), "good")
    }

    /// Starts a gateway of the municipal zone that gives every request this answer.
    async fn gateway(&mut self, status: StatusCode, body: impl Into<Bytes>) -> SocketAddr {
        let validity = Validity::days(self.now, 30);
        let server = self.authority.issue_server("gateway", validity, &SystemSerials).unwrap();
        let files = server.store(&self.folder.path().join("server"), "gateway").unwrap();
        self.gateway_of(files, status, body).await
    }

    async fn gateway_of(
        &mut self,
        server: CertificateFiles,
        status: StatusCode,
        body: impl Into<Bytes>,
    ) -> SocketAddr {
        let files = ServerTls {
            server,
            client_authority: self.public("municipal.pem"),
            revocations: self.public("municipal.crl.pem"),
            root: None,
            ocsp: None,
            versions: TlsVersions::Tls13,
            rules: TrustRules::default(),
        };
        let trust = Trust::load(files, Arc::new(SystemClock)).unwrap();
        self.serve(TlsAcceptor::from(trust.config()), status, body).await
    }

    /// A server whose certificate a gateway of ours would not even start with.
    async fn stale_gateway(&mut self, server: &Issued) -> SocketAddr {
        let chain = CertificateDer::pem_slice_iter(server.chain_pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        self.serve(TlsAcceptor::from(Arc::new(config)), StatusCode::OK, "").await
    }

    async fn serve(
        &mut self,
        acceptor: TlsAcceptor,
        status: StatusCode,
        body: impl Into<Bytes>,
    ) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let body = body.into();
        self.running.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let body = body.clone();
                let service = service_fn(move |_| {
                    let mut response = Response::new(Full::new(body.clone()));
                    *response.status_mut() = status;
                    std::future::ready(Ok::<_, std::convert::Infallible>(response))
                });
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
            }
        });
        address
    }

    fn reception(&self, change: impl FnOnce(&mut Reception)) -> Vec<u8> {
        let leaf = self.issue(Zone::Municipal, -1, 100).leaf().unwrap();
        let named = |name: &str, is_well| Upstream { name: name.to_owned(), is_well };
        let mut reception = Reception {
            identity: Identity::from_der(&leaf).unwrap(),
            serial: "01".to_owned(),
            not_after: self.now.plus_ms(100 * DAY_MS),
            server_time: self.now,
            request: "r".to_owned(),
            standing: Standing::Open,
            opens: None,
            permitted: vec![Permitted { method: "GET".to_owned(), path: "/scans".to_owned() }],
            upstreams: vec![named("ingest", true), named("registry", true)],
        };
        change(&mut reception);
        serde_json::to_vec(&reception).unwrap()
    }

    async fn ask(&self, address: SocketAddr, source: &Source) -> Diagnosis {
        self.ask_as("localhost", address, source).await
    }

    async fn ask_as(&self, host: &str, address: SocketAddr, source: &Source) -> Diagnosis {
        let target = Target { host: host.to_owned(), port: address.port() };
        let diagnosis = examine(&target, source, &self.public("root.pem"), &SystemClock).await;
        // Whatever happens, the report can be written, and nothing after a failure is claimed.
        let report = report::render("https://localhost", &diagnosis);
        assert_eq!(diagnosis.blocked().is_some(), report.contains("で止まっています"), "{report}");
        diagnosis
    }
}

/// Answers `step code` of every finding that is neither fine nor missing.
fn findings(diagnosis: &Diagnosis) -> Vec<String> {
    let telling = |state| matches!(state, State::Warning | State::Failed);
    let found = diagnosis.checks.iter().filter(|check| telling(check.state));
    found.map(|check| format!("{} {}", check.step.as_str(), check.code)).collect()
}

#[tokio::test]
async fn a_good_client_gets_through_all_steps() {
    let mut world = World::new();
    let body = world.reception(|_| {});
    let gateway = world.gateway(StatusCode::OK, body).await;
    let diagnosis = world.ask(gateway, &world.good()).await;
    assert_eq!(findings(&diagnosis), [""; 0]);
    assert_eq!(diagnosis.exit_code(), 0);
    assert!(diagnosis.checks.iter().all(|check| check.state == State::Ok), "{diagnosis:?}");
}

#[tokio::test]
async fn a_bundle_does_as_well_as_two_files() {
    let mut world = World::new();
    let body = world.reception(|_| {});
    let gateway = world.gateway(StatusCode::OK, body).await;
    let bundle = world.issue(Zone::Municipal, -1, 100).bundle("scan-01", "ひみつ").unwrap();
    let file = world.folder.path().join("scan-01.p12");
    fs::write(&file, bundle).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let source =
        |password: &str| Source::Bundle { file: file.clone(), password: password.to_owned() };
    assert_eq!(findings(&world.ask(gateway, &source("ひみつ")).await), [""; 0]);
    let wrong = world.ask(gateway, &source("ちがう")).await;
    assert_eq!(findings(&wrong), ["files bundle-password"]);
    assert_eq!(wrong.exit_code(), 2);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_before_anything_is_sent() {
    let world = World::new();
    let nowhere: SocketAddr = ([127, 0, 0, 1], 1).into();
    let folder = world.folder.path();
    let (one, two) = (world.issue(Zone::Municipal, -1, 100), world.issue(Zone::Municipal, -1, 100));
    let crossed = Issued { key_pem: two.key_pem.clone(), ..one.clone() };
    let locked = Issued {
        key_pem: "-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n"
            .to_owned(),
        ..one.clone()
    };
    let empty = Issued { chain_pem: "nothing".to_owned(), ..one.clone() };
    let server = Validity::days(world.now, 30);
    let server = world.authority.issue_server("x", server, &SystemSerials).unwrap();
    let cases = [
        (world.store(&crossed, "crossed"), "files key-mismatch"),
        (world.store(&locked, "locked"), "files key-encrypted"),
        (world.store(&empty, "empty"), "files certificate-not-pem"),
        (world.store(&world.issue(Zone::Municipal, -9, -1), "old"), "files certificate-expired"),
        (
            world.store(&world.issue(Zone::Municipal, 1, 9), "new"),
            "files certificate-not-yet-valid",
        ),
        (world.store(&server, "server"), "files certificate-key-usage"),
        (
            Source::Pair { certificate: folder.join("nowhere"), key: folder.join("nowhere") },
            "files file-missing",
        ),
    ];
    for (source, expected) in cases {
        let diagnosis = world.ask(nowhere, &source).await;
        assert_eq!(findings(&diagnosis), [expected]);
        assert_eq!(diagnosis.checks[1].state, State::NotDone, "{expected}");
    }
}

#[tokio::test]
async fn what_will_soon_trouble_is_a_warning() {
    let mut world = World::new();
    let body = world.reception(|reception| reception.server_time = world.now.plus_ms(-300_000));
    let gateway = world.gateway(StatusCode::OK, body).await;
    let mut issued = world.issue(Zone::Municipal, -1, 10);
    let end = issued.chain_pem.find("-----END CERTIFICATE-----").unwrap() + 26;
    issued.chain_pem.truncate(end);
    let source = world.store(&issued, "soon");
    let Source::Pair { key, .. } = &source else { unreachable!() };
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
    let diagnosis = world.ask(gateway, &source).await;
    let mut found = findings(&diagnosis);
    found.sort();
    let expected = [
        "clock clock-skew",
        "files certificate-expires-soon",
        "files chain-incomplete",
        "files key-permissions",
    ];
    assert_eq!(found, expected);
    assert_eq!(diagnosis.exit_code(), 1);
}

#[tokio::test]
async fn nobody_at_the_port_is_told_from_no_such_name() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(findings(&world.ask(address, &world.good()).await), ["tcp tcp-refused"]);
    let diagnosis = world.ask_as("no such name", address, &world.good()).await;
    assert_eq!(findings(&diagnosis), ["dns dns-unknown"]);
}

#[tokio::test]
async fn a_server_that_is_not_ours_is_named_by_its_issuer() {
    let mut world = World::new();
    // A middlebox: another authority, as any network may have.
    let other = World::new();
    let forged =
        other.authority.issue_server("gateway", Validity::days(world.now, 30), &SystemSerials);
    let files = forged.unwrap().store(&world.folder.path().join("server"), "forged").unwrap();
    let gateway = world.gateway_of(files, StatusCode::OK, "").await;
    let diagnosis = world.ask(gateway, &world.good()).await;
    assert_eq!(findings(&diagnosis), ["tls tls-unknown-issuer"]);
    assert!(diagnosis.blocked().unwrap().found.ja.contains("Kakehashi internal"), "{diagnosis:?}");

    let validity = Validity {
        not_before: world.now.plus_ms(-9 * DAY_MS),
        not_after: world.now.plus_ms(-DAY_MS),
    };
    let old = world.authority.issue_server("gateway", validity, &SystemSerials).unwrap();
    let gateway = world.stale_gateway(&old).await;
    let diagnosis = world.ask(gateway, &world.good()).await;
    assert_eq!(findings(&diagnosis), ["tls tls-server-expired"]);
    let gateway = world.gateway(StatusCode::OK, "").await;
    let diagnosis = world.ask_as("127.0.0.2", gateway, &world.good()).await;
    // Nobody listens there, or it answers under a name that is not its own.
    let telling = [["tls tls-name"], ["tcp tcp-refused"]];
    assert!(telling.iter().any(|one| findings(&diagnosis) == one), "{diagnosis:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_hangs_up() {
    let mut world = World::new();
    for (said, expected) in
        [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "tls tls-not-spoken"), (b"", "tls tls-closed")]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        world.running.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // What the client has sent is read, so that closing is no reset.
            stream.readable().await.unwrap();
            let mut hello = [0; 4096];
            match stream.try_read(&mut hello) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            stream.write_all(said).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        assert_eq!(findings(&world.ask(address, &world.good()).await), [expected]);
    }
}

#[tokio::test]
async fn the_gateway_s_alert_is_put_into_words() {
    let mut world = World::new();
    let revoked = world.issue(Zone::Municipal, -1, 100);
    world.authority.revoke(Zone::Municipal, &revoked.chain_pem, world.now).unwrap();
    world.publish();
    let gateway = world.gateway(StatusCode::OK, "").await;
    let cases = [
        (world.store(&revoked, "revoked"), "certificate certificate-revoked"),
        (
            world.store(&world.issue(Zone::Entry, -1, 100), "entry"),
            "certificate certificate-unknown-issuer",
        ),
    ];
    for (source, expected) in cases {
        let diagnosis = world.ask(gateway, &source).await;
        assert_eq!(findings(&diagnosis), [expected]);
        let words = &diagnosis.blocked().unwrap().found.ja;
        assert_eq!(words.contains("entry"), expected.ends_with("issuer"), "{words}");
    }
}

#[tokio::test]
async fn what_the_gateway_answers_is_the_policy_step() {
    let mut world = World::new();
    let problem = |code: &str| {
        let problem = Problem::new(403, code, "だめです").with_remedy("こうしてください");
        serde_json::to_vec(&problem.with_request("r-1")).unwrap()
    };
    let cases = [
        (
            StatusCode::FORBIDDEN,
            problem("certificate-other-zone"),
            "certificate certificate-refused",
        ),
        (StatusCode::TOO_MANY_REQUESTS, problem("too-many-requests"), "policy refused"),
        (StatusCode::OK, b"<html>sign in</html>".to_vec(), "policy not-the-gateway"),
        (
            StatusCode::OK,
            world.reception(|found| found.standing = Standing::Suspended),
            "policy organisation-suspended",
        ),
        (
            StatusCode::OK,
            world.reception(|found| found.standing = Standing::OutOfHours),
            "policy out-of-hours",
        ),
        (StatusCode::OK, world.reception(|found| found.permitted.clear()), "policy route-none"),
        (
            StatusCode::OK,
            world.reception(|found| found.upstreams[0].is_well = false),
            "upstreams upstream-down",
        ),
    ];
    for (status, body, expected) in cases {
        let gateway = world.gateway(status, body).await;
        let diagnosis = world.ask(gateway, &world.good()).await;
        assert_eq!(findings(&diagnosis), [expected]);
        let is_warning = expected.starts_with("upstreams");
        assert_eq!(diagnosis.exit_code(), if is_warning { 1 } else { 2 });
    }
}
