//! The guard from outside: honest work passes, scans and enumerations are cut off, operators release.

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use kakehashi_contract::{AuditEntry, Role, Zone};
use kakehashi_edge::{EdgeParts, GuardConfig, LimitsConfig, control};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    mtls::{Answer, Client, Protocol},
    pki::{Holder, Issued},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::house::{House, NOW, municipality};

const DEPLOYED: &str = include_str!("../../../../ops/deploy/policy.toml");
/// What hospitals' systems would send, which no deployed route takes yet.
const FHIR_ROUTE: &str = r#"
    [[route]]
    zone = "entry"
    role = "institution"
    methods = ["POST"]
    path = "/fhir"
    body = "application/fhir+json"
    upstream = "registry"
"#;
const BENIGN: &str = include_str!("benign.txt");
const RECORDS: &str = r#"
    [type.id]
    kind = "integer"
    min = 0
    max = 1000000
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET"]
    path = "/missing/{id}"
    enumerates = ["id"]
    upstream = "component"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET"]
    path = "/echo"
    upstream = "component"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["POST"]
    path = "/sign-in"
    body = "text/plain"
    signs_in = true
    upstream = "component"
"#;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct MovedClock(AtomicI64);

impl MovedClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOW.0)))
    }

    fn pass_minutes(&self, minutes: i64) {
        self.0.fetch_add(minutes * 60_000, Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Relaxed))
    }
}

/// A gateway with a policy of the test's and an operator's socket.
async fn guarded(policy: &str, clock: &Arc<MovedClock>) -> House {
    let mut house = House::build().await;
    std::fs::write(house.folder.path().join("policy.toml"), policy).unwrap();
    open(&mut house, clock).await;
    house
}

async fn open(house: &mut House, clock: &Arc<MovedClock>) {
    open_with(house, clock, GuardConfig::default()).await;
}

pub(crate) async fn open_with(house: &mut House, clock: &Arc<MovedClock>, guard: GuardConfig) {
    let mut config = house.config(LimitsConfig::default());
    let component = config.upstreams["component"].clone();
    for name in ["ingest", "converter", "registry"] {
        config.upstreams.insert(name.to_owned(), component.clone());
    }
    let mut conversion = config.listeners[0].clone();
    conversion.zone = Zone::Conversion;
    conversion.client_authority = house.public("conversion.pem");
    conversion.revocations = house.public("conversion.crl.pem");
    config.listeners.push(conversion);
    config.guard = GuardConfig {
        state: Some(house.folder.path().join("guard.json")),
        control: Some(socket(house)),
        ..guard
    };
    let parts = EdgeParts { clock: clock.clone(), ..House::parts() };
    house.open_with(config, parts).await;
}

fn socket(house: &House) -> PathBuf {
    house.folder.path().join("gateway.sock")
}

async fn operator(house: &House, question: Value) -> Value {
    let socket = socket(house);
    let asked = tokio::task::spawn_blocking(move || control::ask(&socket, &question));
    asked.await.unwrap().unwrap()
}

pub(crate) fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

pub(crate) fn guard_facts(entries: &[AuditEntry]) -> Vec<String> {
    let facts = entries.iter().map(|entry| &entry.fact);
    facts
        .filter(|fact| fact.action.starts_with("guard."))
        .map(|fact| format!("{} {}", fact.action, fact.outcome))
        .collect()
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn as_json(line: &str) -> String {
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            { "resource": { "resourceType": "Condition", "code": { "text": line } } },
            { "resource": {
                "resourceType": "Observation",
                "valueQuantity": { "value": 0.5, "comparator": "<", "unit": "mg/dL" },
                "note": [{ "text": line }],
            } },
        ],
    })
    .to_string()
}

fn as_xml(line: &str) -> String {
    let line = line.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    format!(
        "<?xml version=\"1.0\"?><return><item name=\"{line}\"><value>{line}</value></item></return>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_clinical_text_passes_untouched_in_every_form() {
    let clock = MovedClock::new();
    let house = guarded(&format!("{DEPLOYED}\n{FHIR_ROUTE}"), &clock).await;
    let doctor = Holder::new(Zone::Entry, Role::Institution, "1312345", "desk-1");
    let doctor = house.client_of(Some(&house.issue(&doctor)), Protocol::Http2);
    let contractor = Holder::new(Zone::Conversion, Role::Contractor, "datax", "system-1");
    let contractor = house.client(&house.issue(&contractor));
    let form = house.url(Zone::Entry, "/forms/nanbyo/0006-000");
    let returns = "/api/v1/lots/01890a5d-ac96-774b-bcce-b302099a8057/returns";
    let returns = house.url(Zone::Conversion, returns);
    let lines: Vec<&str> = BENIGN.lines().collect();
    assert!(lines.len() >= 200);
    let mut blocked = Vec::new();
    for line in &lines {
        let search: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
        let url = house.url(Zone::Entry, &format!("/?form={}", encoded(&search)));
        let answers = join_all([
            send(&doctor, "GET", &url, "", String::new()),
            send(
                &doctor,
                "POST",
                &form,
                "application/x-www-form-urlencoded",
                format!("finding={}&note={}", encoded(line), encoded(line)),
            ),
            send(
                &doctor,
                "POST",
                &house.url(Zone::Entry, "/fhir"),
                "application/fhir+json",
                as_json(line),
            ),
            send(&contractor, "POST", &returns, "application/xml", as_xml(line)),
        ])
        .await;
        for (answer, length) in answers {
            if answer.status != 200 || text(&answer) != length.to_string() {
                blocked.push(format!("{line}: {} {}", answer.status, text(&answer)));
            }
        }
    }
    assert!(blocked.is_empty(), "{} blocked: {blocked:#?}", blocked.len());
    assert_eq!(guard_facts(&house.end().await), [""; 0]);
}

/// Sends and answers the answer with the body's length: the component counts what it got.
async fn send(
    client: &Client,
    method: &str,
    url: &str,
    media: &str,
    body: String,
) -> (Answer, usize) {
    let length = body.len();
    let mut request = Request::builder().method(method).uri(url);
    if !media.is_empty() {
        request = request.header("content-type", media);
    }
    let answer = client.send(request.body(Bytes::from(body)).unwrap()).await.unwrap();
    (answer, length)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_cut_off_after_forty_targets() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let house = guarded(RECORDS, &MovedClock::new()).await;
        let client = house.client_of(Some(&house.issue(&municipality())), protocol);
        let mut looked = 0;
        loop {
            let url = house.url(Zone::Municipal, &format!("/wp-admin/{looked}"));
            let answer = client.get(&url).await.unwrap();
            assert_eq!(answer.status, 403);
            if text(&answer).contains("urn:kakehashi:problem:blocked") {
                assert!(answer.headers.contains_key("retry-after"));
                assert!(text(&answer).contains("g-"), "the decision to quote: {}", text(&answer));
                break;
            }
            looked += 1;
            assert!(looked <= 40);
        }
        assert_eq!(looked, 40);
        let answer = client.get(&house.url(Zone::Municipal, "/echo")).await.unwrap();
        assert_eq!(answer.status, 403);
        assert_eq!(guard_facts(&house.end().await), ["guard.block scan"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enumeration_brings_twenty_misses_to_the_component_however_it_is_done() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for connections in [1, 8] {
            let house = guarded(RECORDS, &MovedClock::new()).await;
            let issued = house.issue(&municipality());
            let clients: Vec<Client> =
                (0..connections).map(|_| house.client_of(Some(&issued), protocol)).collect();
            let asking = (0..160).map(|id| {
                let url = house.url(Zone::Municipal, &format!("/missing/{id}"));
                let client = &clients[id % connections];
                async move { client.get(&url).await.map(|answer| answer.status.as_u16()) }
            });
            let statuses = join_all(asking).await;
            let of = |wanted: u16| statuses.iter().flatten().filter(move |&&found| found == wanted);
            // The rest was refused, by us or by the client's own count of streams.
            assert_eq!(of(404).count(), 20, "{protocol:?} over {connections}");
            assert_eq!(of(200).count(), 0, "{protocol:?} over {connections}");
            assert!(of(403).count() > 60, "{protocol:?} over {connections}");
            assert_eq!(guard_facts(&house.end().await), ["guard.block enumeration"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_explained_outlives_a_restart_and_is_released_by_an_operator() {
    let clock = MovedClock::new();
    let mut house = guarded(RECORDS, &clock).await;
    let client = house.client(&house.issue(&municipality()));
    let scan = async |house: &House, client: &Client| {
        for n in 0..45 {
            let url = house.url(Zone::Municipal, &format!("/phpmyadmin/{n}"));
            client.get(&url).await.unwrap();
        }
        let url = house.url(Zone::Municipal, "/echo");
        client.get(&url).await.unwrap().status
    };
    assert_eq!(scan(&house, &client).await, 403);
    house.close().await;
    open(&mut house, &clock).await;
    let echo = house.url(Zone::Municipal, "/echo");
    assert_eq!(client.get(&echo).await.unwrap().status, 403, "a restart lifts no block");
    let blocks = operator(&house, json!({ "command": "blocks" })).await;
    let measure = &blocks["measures"][0];
    assert_eq!(measure["rule"], "scan", "{blocks}");
    assert_eq!(measure["counted"], 40);
    let malformed = operator(&house, json!({ "command": "release", "id": "1" })).await;
    assert_eq!(malformed["error"], "id-malformed");
    let unknown = operator(&house, json!({ "command": "release", "id": "g-ffffffffff" })).await;
    assert_eq!(unknown["error"], "decision-unknown");
    let released =
        operator(&house, json!({ "command": "release", "id": measure["id"], "days": 7 })).await;
    assert_eq!(released["ok"], true, "{released}");
    let answer = client.get(&echo).await.unwrap();
    assert_eq!(answer.status, 200, "{}", text(&answer));
    assert_eq!(scan(&house, &client).await, 200, "what was a false positive is none again");
    clock.pass_minutes(8 * 24 * 60);
    assert_eq!(operator(&house, json!({ "command": "status" })).await["guard"]["exceptions"], 0);
    let entries = house.end().await;
    assert_eq!(
        guard_facts(&entries),
        ["guard.block scan", "guard.release decision-unknown", "guard.release ok"]
    );
    let acts = entries.iter().filter(|entry| entry.fact.action == "guard.release");
    assert!(acts.into_iter().all(|entry| entry.fact.actor.starts_with("operator/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_for_its_owner_and_takes_no_nonsense() {
    use std::os::unix::fs::PermissionsExt;
    let house = guarded(RECORDS, &MovedClock::new()).await;
    let mode = std::fs::metadata(socket(&house)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for question in [json!({}), json!([]), json!({ "command": "shell" }), json!({ "command": 1 })] {
        assert_eq!(operator(&house, question).await["error"], "question-malformed");
    }
    let long = operator(&house, json!({ "command": "x".repeat(20_000) })).await;
    assert_eq!(long["error"], "question-too-long");
    let path = socket(&house);
    house.end().await;
    assert!(!path.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_sign_ins_lock_the_sign_in_for_a_minute() {
    let clock = MovedClock::new();
    let house = guarded(RECORDS, &clock).await;
    let client = house.client(&house.issue(&municipality()));
    let url = house.url(Zone::Municipal, "/sign-in");
    let sign_in = async |word: &str| {
        let (answer, _) = send(&client, "POST", &url, "text/plain", word.to_owned()).await;
        (answer.status.as_u16(), answer.headers.get("retry-after").cloned())
    };
    for _ in 0..10 {
        assert_eq!(sign_in("wrong").await.0, 401);
    }
    let (status, retry_after) = sign_in("right").await;
    assert_eq!((status, retry_after.unwrap().to_str().unwrap()), (429, "60"));
    let echo = house.url(Zone::Municipal, "/echo");
    assert_eq!(client.get(&echo).await.unwrap().status, 200);
    clock.pass_minutes(1);
    assert_eq!(sign_in("right").await.0, 303);
    assert_eq!(guard_facts(&house.end().await), ["guard.sign-in-lock sign-in"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_certificate_from_two_networks_must_sign_in_anew() {
    let clock = MovedClock::new();
    let house = guarded(RECORDS, &clock).await;
    let issued = house.issue(&municipality());
    let mut office = connect(&house, &issued, [127, 0, 0, 1]).await;
    assert!(ask(&mut office, "GET", "/echo", "").await.contains("cookie: session=1"));
    clock.pass_minutes(1);
    let mut elsewhere = connect(&house, &issued, [127, 0, 1, 1]).await;
    // Whoever comes second is the one that is noticed; both have to prove themselves.
    let refused = ask(&mut elsewhere, "GET", "/echo", "").await;
    assert!(refused.contains("urn:kakehashi:problem:challenged"), "{refused}");
    let refused = ask(&mut office, "GET", "/echo", "").await;
    assert!(refused.contains("urn:kakehashi:problem:challenged"), "{refused}");
    clock.pass_minutes(1);
    let mut rest = Vec::new();
    office.read_to_end(&mut rest).await.unwrap_or_default();
    let mut office = connect(&house, &issued, [127, 0, 0, 1]).await;
    let stripped = ask(&mut office, "GET", "/echo", "").await;
    assert!(stripped.starts_with("HTTP/1.1 200") && !stripped.contains("cookie"), "{stripped}");
    assert!(ask(&mut office, "POST", "/sign-in", "right").await.starts_with("HTTP/1.1 303"));
    assert!(ask(&mut office, "GET", "/echo", "").await.contains("cookie: session=1"));
    let mut elsewhere = connect(&house, &issued, [127, 0, 1, 1]).await;
    let stripped = ask(&mut elsewhere, "GET", "/echo", "").await;
    assert!(stripped.starts_with("HTTP/1.1 200") && !stripped.contains("cookie"), "{stripped}");
    drop((office, elsewhere));
    assert_eq!(guard_facts(&house.end().await), ["guard.challenge places"]);
}

#[derive(Debug)]
struct FixedTime;

impl rustls::time_provider::TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(NOW.0 / 1000).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// A connection from an address of our choice.
async fn connect(house: &House, issued: &Issued, from: [u8; 4]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let root = std::fs::read(house.public("root.pem")).unwrap();
    roots.add(CertificateDer::from_pem_slice(&root).unwrap()).unwrap();
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(FixedTime))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.unwrap(), key)
        .unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::from(from), 0).into()).unwrap();
    let stream = socket.connect(house.edge[&Zone::Municipal]).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Asks with a cookie, and reads one answer with a declared length.
async fn ask(stream: &mut TlsStream<TcpStream>, method: &str, path: &str, body: &str) -> String {
    let media = if body.is_empty() { "" } else { "content-type: text/plain\r\n" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncookie: session=1\r\n{media}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse::<usize>().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "{text}");
    }
}
