//! A real gateway in front of a real component, with certificates of every kind.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{any, post},
};
use kakehashi_contract::{AuditEntry, AuditKey, Role, Zone};
use kakehashi_edge::{
    Edge, EdgeConfig, EdgeParts, GuardConfig, LimitsConfig, ListenerConfig, Rate, RootConfig,
    UpstreamClientConfig, UpstreamLimits, ledger::LedgerConfig, operation::OperationConfig,
};
use kakehashi_kernel::{Clock, Ids, Timestamp};
use kakehashi_platform::{
    mtls::{
        Client, ClientIdentity, ClientLimits, ClientTls, Limits, Protocol, ServerTls, TlsVersions,
        Trust, TrustRules, serve,
    },
    pki::{Authority, CertificateFiles, Holder, Issued, SystemSerials, Validity},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::flow::{self, Flow};

pub(crate) const NOW: Timestamp = Timestamp(1_795_400_000_000);
const DAY_MS: i64 = 86_400_000;

pub(crate) const POLICY: &str = r#"
    [type.name]
    kind = "word"
    characters = "a-z"
    length_max = 20
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET", "POST"]
    path = "/echo"
    upstream = "component"
    body = "any"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["POST"]
    path = "/count/{name}"
    upstream = "component"
    body = "any"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["POST"]
    path = "/small"
    upstream = "component"
    body = "any"
    body_bytes_max = 1000
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET"]
    path = "/away"
    upstream = "away"
    [[route]]
    zone = "municipal"
    role = "municipal-staff"
    methods = ["GET", "POST"]
    path = "/flow/{name}"
    upstream = "component"
    body = "any"
"#;

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) edge: BTreeMap<Zone, SocketAddr>,
    pub(crate) component: SocketAddr,
    /// Where operators look in.
    pub(crate) operation: Option<SocketAddr>,
    /// Told when the component is asked what it never answers.
    pub(crate) asked: Arc<Notify>,
    /// What the component sends and takes under `/flow`.
    pub(crate) flow: Arc<Flow>,
    shutdown: CancellationToken,
    running: JoinSet<()>,
    gateway: CancellationToken,
    gateways: JoinSet<()>,
}

pub(crate) fn key() -> AuditKey {
    AuditKey::new([7; 32])
}

/// A guard that holds nobody up for being fast: the clock of these tests stands still.
fn roomy() -> GuardConfig {
    let mut guard = GuardConfig::default();
    let rate = Rate { per_second: 1_000_000, burst: 1_000_000 };
    guard.limits.certificate_requests = rate;
    guard.limits.organisation_requests = rate;
    guard.limits.certificate_connections = rate;
    guard.limits.certificate_open_max = 100_000;
    guard
}

pub(crate) fn municipality() -> Holder {
    Holder::new(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01")
}

impl House {
    pub(crate) async fn start() -> Self {
        Self::start_with(LimitsConfig::default()).await
    }

    pub(crate) async fn start_with(limits: LimitsConfig) -> Self {
        let mut house = Self::build().await;
        house.open(limits).await;
        house
    }

    /// Everything but the gateway.
    pub(crate) async fn build() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::ensure(
            &folder.path().join("ca"),
            Validity { not_before: Timestamp(NOW.0 - 3650 * DAY_MS), ..Validity::days(NOW, 3650) },
            &SystemSerials,
        )
        .unwrap();
        let public = folder.path().join("public");
        authority.publish(&public, NOW, NOW.plus_ms(DAY_MS)).unwrap();
        fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        let shutdown = CancellationToken::new();
        let mut house = Self {
            folder,
            authority,
            edge: BTreeMap::new(),
            component: ([127, 0, 0, 1], 0).into(),
            operation: None,
            asked: Arc::default(),
            flow: Arc::default(),
            shutdown,
            running: JoinSet::new(),
            gateway: CancellationToken::new(),
            gateways: JoinSet::new(),
        };
        house.start_component().await;
        house
    }

    /// Starts the gateway.
    pub(crate) async fn open(&mut self, limits: LimitsConfig) {
        self.open_as(self.config(limits), Self::parts()).await;
    }

    /// Starts the gateway with a configuration or surroundings of one's own.
    pub(crate) async fn open_as(&mut self, config: EdgeConfig, parts: EdgeParts) {
        let edge = Edge::bind(config, parts).await.unwrap();
        self.edge = edge.addresses();
        self.operation = edge.operation_address();
        self.running.spawn(edge.run(self.shutdown.clone()));
    }

    /// Starts a gateway of the test's own making.
    pub(crate) async fn open_with(&mut self, config: EdgeConfig, parts: EdgeParts) {
        let edge = Edge::bind(config, parts).await.unwrap();
        self.edge = edge.addresses();
        self.run(edge);
    }

    /// Runs a gateway of the test's own making until [`House::close`].
    pub(crate) fn run(&mut self, edge: Edge) {
        self.gateway = self.shutdown.child_token();
        self.gateways.spawn(edge.run(self.gateway.clone()));
    }

    /// Ends the gateway that [`House::open_with`] started, and nothing else.
    pub(crate) async fn close(&mut self) {
        self.gateway.cancel();
        while let Some(ended) = self.gateways.join_next().await {
            ended.unwrap();
        }
    }

    pub(crate) fn parts() -> EdgeParts {
        EdgeParts {
            audit_key: key(),
            clock: Arc::new(FixedClock),
            ids: Arc::new(CountedIds::default()),
        }
    }

    async fn start_component(&mut self) {
        let files = ServerTls {
            server: self.server("component"),
            client_authority: self.public("internal.pem"),
            revocations: self.public("internal.crl.pem"),
            root: None,
            ocsp: None,
            versions: TlsVersions::Tls13,
            rules: TrustRules::default(),
        };
        let trust = Arc::new(Trust::load(files, Arc::new(FixedClock)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.component = listener.local_addr().unwrap();
        let asked = Arc::clone(&self.asked);
        let router = Router::new()
            .route("/echo", any(echo))
            .route("/count/never", post(move || never(asked)))
            .route("/count/{name}", post(count))
            .route("/small", post(count))
            .route("/unmeasured", any(unmeasured))
            .route("/missing/{id}", any(async || http::StatusCode::NOT_FOUND))
            .route("/sign-in", post(sign_in))
            .merge(flow::routes(Arc::clone(&self.flow)))
            .fallback(count);
        let serving = serve(listener, trust, router, self.shutdown.clone(), Limits::default());
        self.running.spawn(serving);
    }

    pub(crate) fn config(&self, limits: LimitsConfig) -> EdgeConfig {
        let server = self.server("edge");
        let gateway = Holder::new(Zone::Internal, Role::Gateway, "kakehashi", "edge");
        let client = self.issue(&gateway).store(self.folder.path(), "gateway").unwrap();
        let listener = |zone: Zone| ListenerConfig {
            zone,
            address: ([127, 0, 0, 1], 0).into(),
            certificate: server.chain.clone(),
            key: server.key.clone(),
            client_authority: self.public(&format!("{zone}.pem")),
            revocations: self.public(&format!("{zone}.crl.pem")),
            root: Some(RootConfig {
                certificate: self.public("root.pem"),
                revocations: self.public("root.crl.pem"),
            }),
            ocsp: None,
            tls12: false,
            server_names: Vec::new(),
            revocations_age_max_hours: None,
            explain_certificate_problems: true,
            sessions_max: 1_024,
        };
        EdgeConfig {
            listeners: vec![listener(Zone::Municipal), listener(Zone::Entry)],
            upstreams: BTreeMap::from([
                (
                    "component".to_owned(),
                    format!("https://localhost:{}", self.component.port()).into(),
                ),
                ("away".to_owned(), "https://localhost:1".to_owned().into()),
            ]),
            upstream_limits: UpstreamLimits::default(),
            upstream_client: UpstreamClientConfig {
                certificate: client.chain,
                key: client.key,
                root: self.public("root.pem"),
            },
            policy: self.folder.path().join("policy.toml"),
            suspended: None,
            audit: self.ledger(),
            guard: roomy(),
            ledger: LedgerConfig { reserve_bytes: 4096, ..LedgerConfig::default() },
            operation: OperationConfig {
                address: Some(([127, 0, 0, 1], 0).into()),
                ..OperationConfig::default()
            },
            limits,
            handover: None,
        }
    }

    pub(crate) fn server(&self, name: &str) -> CertificateFiles {
        let validity = Validity::days(NOW, 30);
        let folder = self.folder.path();
        self.authority.ensure_server(folder, name, NOW, validity, &SystemSerials).unwrap()
    }

    pub(crate) fn public(&self, name: &str) -> PathBuf {
        self.folder.path().join("public").join(name)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.path().join("audit/gateway.jsonl")
    }

    pub(crate) fn issue(&self, holder: &Holder) -> Issued {
        self.authority.issue_client(holder, Validity::days(NOW, 30), &SystemSerials).unwrap()
    }

    pub(crate) fn client(&self, issued: &Issued) -> Client {
        self.client_of(Some(issued), Protocol::Http1)
    }

    pub(crate) fn client_of(&self, issued: Option<&Issued>, protocol: Protocol) -> Client {
        let folder = self.folder.path().join("clients");
        let client = issued.map(|issued| issued.store(&folder, "client").unwrap());
        let root = self.public("root.pem");
        let limits = ClientLimits { protocol, ..ClientLimits::default() };
        Client::new(&ClientTls { client, root }, Arc::new(FixedClock), limits).unwrap()
    }

    /// Answers what makes clients of one certificate, each with connections of its own.
    pub(crate) fn maker(&self, issued: &Issued) -> impl Fn() -> Client + Send + Sync + 'static {
        let files = ClientTls {
            client: Some(issued.store(&self.folder.path().join("clients"), "made").unwrap()),
            root: self.public("root.pem"),
        };
        let limits = ClientLimits::default();
        move || Client::new(&files, Arc::new(FixedClock), limits.clone()).unwrap()
    }

    /// Publishes the revocation lists of now.
    pub(crate) fn publish(&self) {
        let public = self.folder.path().join("public");
        self.authority.publish(&public, NOW, NOW.plus_ms(DAY_MS)).unwrap();
    }

    pub(crate) fn url(&self, zone: Zone, path: &str) -> String {
        format!("https://localhost:{}{path}", self.edge[&zone].port())
    }

    /// Ends everything and answers the ledger's entries, verified.
    pub(crate) async fn end(self) -> Vec<AuditEntry> {
        self.shutdown.cancel();
        self.gateways.join_all().await;
        self.running.join_all().await;
        let path = self.folder.path().join("audit/gateway.jsonl");
        let entries = read(&path);
        assert_eq!(kakehashi_edge::ledger::verify(&path, &key()).unwrap(), entries.len() as u64);
        entries
    }
}

pub(crate) fn read(path: &Path) -> Vec<AuditEntry> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn codes(entries: &[AuditEntry]) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let fact = &entry.fact;
            format!("{} {} {} {}", fact.actor, fact.action, fact.subject, fact.outcome)
        })
        .collect()
}

/// Answers what the component saw: the identity and every header.
async fn echo(ClientIdentity(who): ClientIdentity, request: Request) -> Response {
    let mut text = format!("identity: {who}\n");
    for (name, value) in request.headers() {
        let value = value.to_str().unwrap_or("?");
        let shown = if name == "client-cert" { "present" } else { value };
        text.extend([name.as_str(), ": ", shown, "\n"]);
    }
    ([("connection", "x-inner"), ("x-inner", "1"), ("x-outer", "1")], text).into_response()
}

/// Answers the body's length, and sends as many bytes back.
async fn count(body: Body) -> Response {
    use http_body_util::BodyExt;
    let mut body = body;
    let mut bytes = 0_u64;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Err(_) => return http::StatusCode::BAD_REQUEST.into_response(),
        }
    }
    bytes.to_string().into_response()
}

/// Answers 64 KiB without saying how many.
async fn unmeasured() -> Body {
    let pieces = (0..64).map(|_| Ok::<_, std::convert::Infallible>(vec![b'x'; 1024]));
    Body::from_stream(futures_util::stream::iter(pieces))
}

/// Lets in whoever says the right word.
async fn sign_in(word: String) -> http::StatusCode {
    if word == "right" { http::StatusCode::SEE_OTHER } else { http::StatusCode::UNAUTHORIZED }
}

async fn never(asked: Arc<Notify>) -> Response {
    asked.notify_one();
    std::future::pending().await
}
