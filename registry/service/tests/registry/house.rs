//! A registry for tests, and the people around it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use kakehashi_contract::{AuditKey, Event, Identity, Message, PageImage, Role, Zone, objects};
use kakehashi_forms::{Answers, Application, Catalogue, Definition, Kind};
use kakehashi_kernel::{
    Clock, FormKey, Ids, MessageId, Programme, ScanId, Sensitive, Sha256Digest, Timestamp,
};
use kakehashi_platform::{
    Audit, Database,
    blobs::{ObjectFolder, Vault},
    mtls::ClientIdentity,
};
use kakehashi_registry::{AccountRole, MIGRATIONS, NewAccount, Ports, Registry, Settings};
use kakehashi_seal::{Entropy, Key};
use kakehashi_xml::{FormHeader, write_form};
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) const HOSPITAL: &str = "1410000011";
pub(crate) const CITY: &str = "141003";
pub(crate) const OTHER_CITY: &str = "131016";
pub(crate) const PASSWORD: &str = "a long enough password";

/// 2026-06-10 09:00 in Japan.
const START_MS: i64 = 1_781_049_600_000;

pub(crate) struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl MovedClock {
    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

struct Counted(AtomicU64);

impl Ids for Counted {
    fn next(&self) -> Uuid {
        Uuid::from_u128(0x1_0000 + u128::from(self.0.fetch_add(1, Ordering::SeqCst)))
    }
}

impl Entropy for Counted {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            let digest = Sha256Digest::of(&count.to_be_bytes());
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) struct House {
    pub(crate) registry: Registry,
    pub(crate) router: Router,
    pub(crate) clock: Arc<MovedClock>,
    pub(crate) database: Database,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// An answer, read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) cookie: String,
    pub(crate) set_cookie: String,
    pub(crate) body: String,
}

impl House {
    pub(crate) async fn new(folder: &Path) -> Self {
        let house = Self::open(folder, 0).await;
        for (login, role, organisation) in [
            ("isha", AccountRole::Doctor, HOSPITAL),
            ("kyoku", AccountRole::MunicipalStaff, CITY),
            ("shokuin", AccountRole::MunicipalStaff, OTHER_CITY),
            ("betsu", AccountRole::Doctor, "1410000029"),
        ] {
            house.registry.ensure_account(account(login, role, organisation)).await.unwrap();
        }
        house
    }

    /// Opens the registry on a folder; `life` counts restarts, so that ids are not repeated.
    pub(crate) async fn open(folder: &Path, life: u64) -> Self {
        let clock = Arc::new(MovedClock(AtomicI64::new(START_MS)));
        let source = Arc::new(Counted(AtomicU64::new(life * 1_000_000)));
        let database = Database::open(&folder.join("registry.db"), &MIGRATIONS).await.unwrap();
        let objects = Arc::new(ObjectFolder::open(folder.join("objects")).unwrap());
        let keys = [("converted", Key::new([1; 32])), ("released", Key::new([2; 32]))];
        let vault = Vault::new(objects, keys, source.clone());
        let audit = Audit::new("registry", AuditKey::new([3; 32]));
        let catalogue = Arc::new(Catalogue::builtin().unwrap());
        let ports = Ports {
            database: database.clone(),
            vault: vault.clone(),
            audit: audit.clone(),
            catalogue: catalogue.clone(),
            field_key: Key::new([4; 32]),
            index_key: Key::new([5; 32]),
            clock: clock.clone(),
            ids: source.clone(),
            entropy: source,
            relay: Arc::new(Notify::new()),
        };
        let registry = Registry::new(ports, Settings::default());
        let router = registry.router();
        Self { registry, router, clock, database, vault, audit, catalogue }
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        read(response).await
    }

    pub(crate) async fn get(&self, who: &Client, path: &str) -> Answer {
        self.ask(who.request("GET", path, None)).await
    }

    pub(crate) async fn post(
        &self,
        who: &Client,
        path: &str,
        fields: &[(String, String)],
    ) -> Answer {
        self.ask(who.request("POST", path, Some(fields))).await
    }

    /// Signs in and answers the client with its cookie.
    pub(crate) async fn signed_in(&self, identity: Identity, login: &str) -> Client {
        let client = Client { identity, cookie: None };
        let answer = self.sign_in(&client, login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        Client { cookie: Some(answer.cookie), ..client }
    }

    pub(crate) async fn sign_in(&self, who: &Client, login: &str, password: &str) -> Answer {
        let fields = fields(&[("login", login), ("password", password), ("next", "")]);
        self.post(who, "/sign-in", &fields).await
    }

    pub(crate) async fn doctor(&self) -> Client {
        self.signed_in(hospital("pc-1"), "isha").await
    }

    pub(crate) async fn clerk(&self) -> Client {
        self.signed_in(city(CITY, "desk-1"), "kyoku").await
    }

    pub(crate) fn parkinson(&self) -> &Definition {
        self.catalogue.definition(parkinson_key()).unwrap()
    }

    /// Stores a converted document and its one page as ingest and converter would; answers the message.
    pub(crate) async fn accepted(&self, scan: ScanId, city: &str, answers: &Answers) -> Message {
        let header = FormHeader { document: scan, round: 1, application: Application::New };
        let xml = write_form(self.parkinson(), &header, answers).into_bytes();
        let page = page_bytes(scan);
        let digest = Sha256Digest::of(&xml);
        self.vault.put(objects::converted(scan, 1), xml).await.unwrap();
        let image = PageImage {
            number: 1,
            digest: Sha256Digest::of(&page),
            size_bytes: page.len() as u64,
            width: 10,
            height: 14,
        };
        self.vault.put(objects::page(scan, 1), page).await.unwrap();
        message(
            scan.uuid().as_u128(),
            Event::DocumentAccepted {
                scan,
                form: parkinson_key(),
                municipality: city.parse().unwrap(),
                round: 1,
                digest,
                pages: vec![image],
            },
        )
    }

    pub(crate) async fn load(&self, scan: ScanId, city: &str, answers: &Answers) {
        let message = self.accepted(scan, city, answers).await;
        self.registry.handler().handle(&message).await.unwrap();
    }

    /// Posts a valid form and answers the path of its record.
    pub(crate) async fn register(&self, who: &Client, token: u128, items: &Items) -> String {
        let answer = self.post(who, FORM, &items.posted("register", token)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        answer.location
    }

    pub(crate) async fn outbox(&self) -> Vec<Event> {
        let bodies: Vec<(String,)> = sqlx::query_as("SELECT body FROM outbox ORDER BY sequence")
            .fetch_all(self.database.read())
            .await
            .unwrap();
        let event = |(body,): (String,)| serde_json::from_str::<Message>(&body).unwrap().event;
        bodies.into_iter().map(event).collect()
    }

    /// Audit entries as `action outcome`, in order.
    pub(crate) async fn trail(&self) -> Vec<String> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT action, outcome FROM audit_entry ORDER BY sequence")
                .fetch_all(self.database.read())
                .await
                .unwrap();
        rows.into_iter().map(|(action, outcome)| format!("{action} {outcome}")).collect()
    }

    pub(crate) async fn audit_holds(&self) {
        assert!(self.audit.verify(&self.database).await.unwrap() > 0);
    }
}

pub(crate) const FORM: &str = "/forms/nanbyo/6";

pub(crate) fn parkinson_key() -> FormKey {
    FormKey::new(Programme::Nanbyo, 6, 0, 2403).unwrap()
}

pub(crate) fn account(login: &str, role: AccountRole, organisation: &str) -> NewAccount {
    NewAccount {
        login: login.to_owned(),
        password: Sensitive::new(PASSWORD.to_owned()),
        name: Sensitive::new(format!("見本　{login}")),
        role,
        organisation: organisation.to_owned(),
        programmes: vec![Programme::Nanbyo],
    }
}

pub(crate) fn message(n: u128, event: Event) -> Message {
    let id = MessageId::from(Uuid::from_u128(n));
    Message { id, at: Timestamp(START_MS), event }
}

pub(crate) fn scan(n: u128) -> ScanId {
    Uuid::from_u128(0xABCD_0000 + n).into()
}

pub(crate) fn page_bytes(scan: ScanId) -> Vec<u8> {
    format!("\u{89}PNG of {scan}").into_bytes()
}

/// A client behind the gateway.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) identity: Identity,
    pub(crate) cookie: Option<String>,
}

impl Client {
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        fields: Option<&[(String, String)]>,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let body = fields.map(encode).unwrap_or_default();
        request.extension(ClientIdentity(self.identity.clone())).body(Body::from(body)).unwrap()
    }
}

pub(crate) fn hospital(device: &str) -> Identity {
    identity(Zone::Entry, Role::Institution, HOSPITAL, device)
}

pub(crate) fn city(code: &str, device: &str) -> Identity {
    identity(Zone::Municipal, Role::MunicipalStaff, code, device)
}

pub(crate) fn identity(zone: Zone, role: Role, organisation: &str, device: &str) -> Identity {
    Identity {
        zone,
        role,
        organisation: organisation.to_owned(),
        device: device.to_owned(),
        certificate: Sha256Digest::of(format!("{zone}{organisation}{device}").as_bytes()),
    }
}

pub(crate) fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn encode(fields: &[(String, String)]) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect();
    pairs.join("&")
}

async fn read(response: Response<Body>) -> Answer {
    let header = |name| {
        let value: Option<&http::HeaderValue> = response.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let location = header(header::LOCATION);
    let set_cookie = header(header::SET_COOKIE);
    let cookie = set_cookie.split(';').next().unwrap_or_default().to_owned();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        location,
        cookie,
        set_cookie,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// What is written on a form, item by item.
#[derive(Clone)]
pub(crate) struct Items(pub(crate) Vec<(String, String)>);

impl Items {
    /// A complete new application.
    pub(crate) fn complete(definition: &Definition) -> Self {
        let known = [
            ("name_kanji", "見本　一郎"),
            ("name_kana", "みほん　いちろう"),
            ("postcode", "0000001"),
            ("address", "見本県架橋市本町1丁目"),
            ("birth_date", "1950-01-02"),
            ("birth_prefecture", "見本県"),
            ("birth_city", "架橋市"),
            ("onset_ym", "2024-01"),
            ("diagnosis_date", "2025-02-01"),
            ("severity_judged_date", "2026-05-01"),
            ("entry_date", "2026-06-01"),
            ("inst_postcode", "0000002"),
            ("inst_tel", "0000000000"),
            ("family_history", "2"),
            ("care_need_cert", "3"),
            ("vent_use", "2"),
            ("image_normal", "1"),
            ("hy", "3"),
            ("life", "2"),
        ];
        let mut items = Vec::new();
        for item in definition.items() {
            let known = known.iter().find(|(id, _)| *id == item.id).map(|(_, text)| *text);
            let text = match (known, &item.kind) {
                (Some(text), _) => text.to_owned(),
                _ if !item.is_required(Application::New) => continue,
                (None, Kind::Code(list)) => list.options()[0].code.clone(),
                (None, _) => "見本".to_owned(),
            };
            items.push((item.id.clone(), text));
        }
        Self(items)
    }

    pub(crate) fn with(mut self, item: &str, text: &str) -> Self {
        self.0.retain(|(id, _)| id != item);
        self.0.push((item.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn answers(&self, definition: &Definition) -> Answers {
        let read = |(id, text): &(String, String)| {
            (id.clone(), definition.read(id, text).unwrap_or_else(|_| panic!("{id} does not read")))
        };
        self.0.iter().map(read).collect()
    }

    pub(crate) fn posted(&self, action: &str, token: u128) -> Vec<(String, String)> {
        let token = Uuid::from_u128(token).to_string();
        let mut all = fields(&[
            ("action", action),
            ("entry", &token),
            ("version", "2403"),
            ("application", "new"),
        ]);
        all.extend(self.0.clone());
        all
    }
}
