//! Who is let in at the gateway, and what the ledger says about those who are not.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kakehashi_contract::{AuditEntry, Role, Zone};
use kakehashi_e2e::{House, Listening, Started, ledger::Ledger, program::run, until};
use kakehashi_kernel::{Clock, MunicipalityCode};
use kakehashi_platform::{
    mtls::{Answer, Client, ClientError, ClientLimits, ClientTls},
    pki::{Authority, CertificateFiles, Holder, SystemSerials, Validity},
    runtime::SystemClock,
};
use tokio::{sync::oneshot, task::JoinSet};

const START: Duration = Duration::from_mins(1);
const DRAIN: Duration = Duration::from_secs(40);
const COMMAND: Duration = Duration::from_secs(30);
const DAY_MS: i64 = 86_400_000;
/// As the demo sets it up.
const MUNICIPALITY: &str = "999997";
/// A page of the municipality that answers with its own totals.
const TOTALS: &str = "/api/scans/summary";

/// A house that serves.
struct Door {
    house: House,
    server: Started,
    ports: BTreeMap<Zone, u16>,
    ledger: Ledger,
}

impl Door {
    #[track_caller]
    fn open() -> Self {
        let house = House::new();
        house.furnish();
        Self::open_in(house)
    }

    /// Serves with every listener on a free port, and reads from the log which.
    #[track_caller]
    fn open_in(house: House) -> Self {
        let Listening { server, ports } = Listening::of(&house);
        let ledger = Ledger::of(&house);
        Self { house, server, ports, ledger }
    }

    fn url(&self, zone: Zone, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[&zone])
    }

    /// One of the demo's parties, or any other certificate by name.
    fn files(&self, name: &str) -> CertificateFiles {
        CertificateFiles::of(&self.house.path("clients"), name)
    }

    fn client(&self, files: Option<CertificateFiles>) -> Client {
        let tls = ClientTls { client: files, root: self.house.path("certificates/root.pem") };
        Client::new(&tls, Arc::new(SystemClock), ClientLimits::default()).expect("a client")
    }

    /// Issues a certificate for a device of a municipality, as an operator would.
    #[track_caller]
    fn issue(&self, organisation: &str, device: &str) -> CertificateFiles {
        let (ca, out) = (self.house.path("ca"), self.house.path("clients"));
        let arguments = ["ca", "issue", "--zone", "municipal", "--role", "municipal-staff"];
        let mut arguments: Vec<PathBuf> = arguments.map(PathBuf::from).to_vec();
        arguments.extend(["--organisation".into(), organisation.into()]);
        arguments.extend(["--device".into(), device.into()]);
        arguments.extend(["--ca".into(), ca, "--out".into(), out]);
        run(arguments, COMMAND).must_succeed();
        self.files(device)
    }

    /// Asks with a certificate that must not be let in, and answers the one entry it leaves.
    async fn is_turned_away(
        &self,
        files: Option<CertificateFiles>,
        zone: Zone,
        outcome: &str,
    ) -> AuditEntry {
        let seen = self.ledger.entries().len();
        let answered = self.client(files).get(&self.url(zone, "/")).await;
        // Whose certificate was one of ours is told so, once.
        if ["certificate-expired", "certificate-not-yet-valid", "certificate-revoked"]
            .contains(&outcome)
        {
            let answer = answered.expect("an answer that explains");
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            assert!(String::from_utf8_lossy(&answer.body).contains(outcome), "{answer:?}");
        } else {
            assert_no_answer(&answered);
        }
        let is_it = |entry: &AuditEntry| entry.fact.outcome == outcome;
        let entry = self.ledger.awaits(seen, outcome, is_it);
        assert_eq!((&*entry.fact.action, &*entry.fact.subject), ("handshake", zone.as_str()));
        assert_eq!(entry.fact.actor, "-", "nobody is named before a handshake is finished");
        entry
    }

    /// Ends the house as an operator does, and answers every entry from the `seen`-th on.
    #[track_caller]
    fn close(self, seen: usize) -> Vec<AuditEntry> {
        self.server.terminate();
        self.server.wait(DRAIN).must_succeed();
        self.house.verify_audit().must_succeed();
        self.ledger.entries().split_off(seen)
    }
}

#[track_caller]
fn assert_no_answer(answered: &Result<Answer, ClientError>) {
    match answered {
        Err(ClientError::Transport(_)) => {}
        Ok(answer) if answer.status == StatusCode::FORBIDDEN => {}
        other => panic!("let in: {other:?}"),
    }
}

fn outcomes(entries: &[AuditEntry]) -> Vec<&str> {
    entries.iter().map(|entry| &*entry.fact.outcome).collect()
}

#[tokio::test]
async fn a_client_without_a_certificate_gets_no_answer() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    for zone in [Zone::Municipal, Zone::Entry, Zone::Conversion] {
        door.is_turned_away(None, zone, "certificate-missing").await;
    }
    assert_eq!(outcomes(&door.close(seen)), ["certificate-missing"; 3]);
}

#[tokio::test]
async fn a_certificate_of_another_zone_gets_no_answer() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    let attempts = [
        ("municipality", Zone::Entry),
        ("municipality", Zone::Conversion),
        ("institution", Zone::Municipal),
        ("contractor", Zone::Entry),
    ];
    for (name, zone) in attempts {
        door.is_turned_away(Some(door.files(name)), zone, "certificate-unknown-issuer").await;
    }
    assert_eq!(outcomes(&door.close(seen)), ["certificate-unknown-issuer"; 4]);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_s_authority_gets_no_answer() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    let now = SystemClock.now();
    // The same names, another key.
    let folder = door.house.path("stranger");
    let stranger = Authority::ensure(&folder, Validity::days(now, 30), &SystemSerials);
    let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, MUNICIPALITY, "device");
    let issued = stranger
        .and_then(|ca| ca.issue_client(&holder, Validity::days(now, 1), &SystemSerials))
        .and_then(|issued| issued.store(&folder, "device"))
        .expect("a stranger's certificate");
    let seen_before = door.ledger.entries().len();
    assert_no_answer(&door.client(Some(issued)).get(&door.url(Zone::Municipal, TOTALS)).await);
    door.ledger.awaits(seen_before, "the stranger", |entry| entry.fact.action == "handshake");
    let found = door.close(seen);
    assert_eq!(found.len(), 1, "{found:?}");
    let telling = ["certificate-unknown-issuer", "certificate-bad-signature"];
    assert!(telling.contains(&&*found[0].fact.outcome), "{found:?}");
}

#[tokio::test]
async fn an_expired_certificate_is_told_so_and_no_more() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    let now = SystemClock.now();
    let ca = Authority::ensure(&door.house.path("ca"), Validity::days(now, 30), &SystemSerials)
        .expect("the house's authority");
    let cases = [(-20, -1, "certificate-expired"), (1, 20, "certificate-not-yet-valid")];
    for (from, to, outcome) in cases {
        let validity = Validity {
            not_before: now.plus_ms(from * DAY_MS),
            not_after: now.plus_ms(to * DAY_MS),
        };
        let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, MUNICIPALITY, "device");
        let issued = ca.issue_client(&holder, validity, &SystemSerials);
        let files = issued.and_then(|issued| issued.store(&door.house.path("clients"), outcome));
        let files = files.expect("a certificate");
        door.is_turned_away(Some(files), Zone::Municipal, outcome).await;
    }
    assert_eq!(outcomes(&door.close(seen)), ["certificate-expired", "certificate-not-yet-valid"]);
}

#[tokio::test]
async fn a_revoked_certificate_is_told_so_and_open_connections_end() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    let files = door.issue(MUNICIPALITY, "scan-77");
    let client = door.client(Some(files.clone()));
    let url = door.url(Zone::Municipal, TOTALS);
    let before = client.get(&url).await.expect("an answer");
    assert_eq!(before.status, StatusCode::OK);

    let arguments: Vec<PathBuf> = vec![
        "ca".into(),
        "revoke".into(),
        "--ca".into(),
        door.house.path("ca"),
        "--certificates".into(),
        door.house.path("certificates"),
        "--zone".into(),
        "municipal".into(),
        "--certificate".into(),
        files.chain.clone(),
    ];
    run(arguments, COMMAND).must_succeed();
    // The gateway finds the new list by itself and looks at who is connected.
    let expelled = door.ledger.awaits(seen, "the end of the open connection", |entry| {
        entry.fact.outcome == "certificate-revoked"
    });
    assert!(expelled.fact.actor.contains("scan-77"), "{expelled:?}");
    door.is_turned_away(Some(files), Zone::Municipal, "certificate-revoked").await;
    // Nobody else is harmed.
    let other = door.client(Some(door.files("municipality"))).get(&url).await.expect("an answer");
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(
        outcomes(&door.close(seen)),
        ["ok", "certificate-revoked", "certificate-revoked", "ok"]
    );
}

#[tokio::test]
async fn a_route_that_the_policy_does_not_know_is_forbidden() {
    let door = Door::open();
    let seen = door.ledger.entries().len();
    let client = door.client(Some(door.files("municipality")));
    let attempts = [
        (Method::GET, "/api/v1/lots", "route-unknown", 403),
        (Method::DELETE, "/scans", "method-unknown", 405),
        (Method::GET, "/sign-in/../scans", "path-malformed", 403),
        (Method::GET, "/scans/%2e%2e", "path-malformed", 403),
        (Method::GET, "/scans?debug=1", "parameter-unknown", 400),
        (Method::GET, "/scans/1", "parameter-malformed", 400),
    ];
    for (method, path, _, status) in &attempts {
        let request = Request::builder().method(method).uri(door.url(Zone::Municipal, path));
        let answer = client.send(request.body(Bytes::new()).expect("a request")).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status.as_u16(), *status, "{method} {path}");
        let problem: serde_json::Value =
            serde_json::from_slice(&answer.body).expect("a problem document");
        assert_eq!(problem["status"], *status, "{problem}");
    }
    let found = door.close(seen);
    assert_eq!(outcomes(&found), attempts.map(|(_, _, outcome, _)| outcome));
    for entry in &found {
        assert!(entry.fact.actor.contains(MUNICIPALITY), "{entry:?}");
        assert!(!entry.fact.subject.contains("lots"), "paths are not for the ledger: {entry:?}");
    }
}

#[tokio::test]
async fn a_forged_client_cert_header_changes_nothing() {
    let house = House::new();
    house.demo(6, 5, &[], Duration::from_mins(3));
    let door = Door::open_in(house);
    let seen = door.ledger.entries().len();
    let demo = door.files("municipality");
    // A second municipality, with a code whose check digit is right, that has sent nothing.
    let code = (0..10)
        .map(|digit| format!("99998{digit}"))
        .find(|code| code.parse::<MunicipalityCode>().is_ok())
        .expect("one of ten check digits is right");
    let stranger = door.client(Some(door.issue(&code, "scan-01")));
    let chain = std::fs::read_to_string(&demo.chain).expect("the demo's certificate");
    let pem = chain.split("-----END").next().unwrap_or_default();
    let leaf: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(STANDARD.decode(&leaf).is_ok());

    let ask = async |client: &Client, forged: &[(&str, String)]| {
        let mut request = Request::builder().uri(door.url(Zone::Municipal, TOTALS));
        for (name, value) in forged {
            request = request.header(*name, value);
        }
        let request = request.body(Bytes::new()).expect("a request");
        let answer = client.send(request).await.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK);
        let totals: serde_json::Value = serde_json::from_slice(&answer.body).expect("totals");
        totals["received"].as_u64().expect("a count")
    };
    assert_eq!(ask(&door.client(Some(demo)), &[]).await, 6);
    for forged in [
        vec![],
        vec![("client-cert", format!(":{leaf}:"))],
        vec![("Client-Cert", format!(":{leaf}:")), ("Client-Cert", format!(":{leaf}:"))],
        vec![("client-cert", "nonsense".to_owned())],
        vec![("client-cert-chain", format!(":{leaf}:")), ("client-cert", format!(":{leaf}:"))],
    ] {
        assert_eq!(ask(&stranger, &forged).await, 0, "{forged:?} opened another's house");
    }
    let found = door.close(seen);
    assert_eq!(outcomes(&found), ["ok"; 6]);
    assert!(found[1..].iter().all(|entry| entry.fact.actor.contains(&code)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_a_running_upload_finish() {
    const SIZE: usize = 400_000;
    let mut door = Door::open();
    let seen = door.ledger.entries().len();
    let client = door.client(Some(door.files("municipality")));
    let tus = |method, url: &str| {
        Request::builder().method(method).uri(url).header("tus-resumable", "1.0.0")
    };
    let metadata =
        format!("filename {},application {}", STANDARD.encode("scan.pdf"), STANDARD.encode("new"));
    let create = tus(Method::POST, &door.url(Zone::Municipal, "/uploads"))
        .header("upload-length", SIZE)
        .header("upload-metadata", metadata)
        .body(Bytes::new())
        .expect("a request");
    let created = client.send(create).await.expect("an answer");
    assert_eq!(created.status, StatusCode::CREATED);
    let location = created.headers["location"].to_str().expect("a path").to_owned();

    let (rest, awaited) = oneshot::channel::<Bytes>();
    let first = stream::once(async { Ok(Frame::data(Bytes::from(vec![b'a'; SIZE / 2]))) });
    let second = stream::once(async { Ok(Frame::data(awaited.await?)) });
    let body = BodyExt::boxed_unsync(StreamBody::new(first.chain(second)));
    let patch = tus(Method::PATCH, &door.url(Zone::Municipal, &location))
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", 0)
        .header("content-length", SIZE)
        .body(body)
        .expect("a request");
    let mut uploading = JoinSet::new();
    uploading.spawn(async move { client.request(patch).await.map(|answer| answer.status()) });
    let staging = door.house.path("data/staging");
    until("the first half on the disk", START, || {
        let files = std::fs::read_dir(&staging).ok()?.flatten();
        let sizes = files.filter_map(|file| Some(file.metadata().ok()?.len()));
        (sizes.sum::<u64>() > 0).then_some(())
    });
    door.server.terminate();
    door.server.says("draining", DRAIN);
    assert!(door.server.is_running(), "it did not wait for the upload");
    rest.send(Bytes::from(vec![b'b'; SIZE / 2])).expect("the upload still runs");
    let status = uploading.join_next().await.expect("a task").expect("no panic");
    assert_eq!(status.expect("an answer"), StatusCode::NO_CONTENT);

    door.server.wait(DRAIN).must_succeed();
    assert_eq!(outcomes(&door.ledger.entries()[seen..]), ["ok", "ok"]);
    let books = door.house.books();
    assert!(books.stdout.contains("\"received\":{\"scans\":1"), "{}", books.stdout);
}
