//! A converter in a temporary folder, and the people around it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kakehashi_contract::{
    ApplicationKind, AuditKey, Event, Identity, Manifest, Message, PageImage, Role, Zone, objects,
};
use kakehashi_converter::{Converter, MIGRATIONS, Ports, Settings};
use kakehashi_forms::{Answer, Answers, Application, Catalogue, SourceFile, Value};
use kakehashi_kernel::{
    Clock, FormKey, Ids, LotId, LotNumber, ScanId, Sha256Digest, Timestamp, limits,
};
use kakehashi_platform::{
    Audit, Database,
    blobs::{ObjectFolder, Vault},
    mtls::ClientIdentity,
    runtime::SystemEntropy,
};
use kakehashi_seal::Key;
use kakehashi_xml::{FormHeader, ReturnHeader, write_form, write_return};
use sqlx::Row;
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

/// 2026-11-23 09:00 in Japan.
pub(crate) const MORNING: Timestamp = Timestamp(1_795_392_000_000);
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

const FORM: &str = r#"
key = "nanbyo/0006-000/2403"
name = { ja = "試験用", en = "Test" }
pages = 1
valid_from = "2024-04-01"
[[section]]
id = "notes"
ja = "特記事項"
en = "Notes"
page = 1
[[section.item]]
id = "note"
ja = "特記事項"
en = "Note"
type = "text"
length = [1, 10]
required = "both"
class = "medical"
carry = "never"
"#;

pub(crate) struct FixedClock(AtomicI64);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::SeqCst)) + (1 << 64))
    }
}

/// Everything a converter stands on. `converter` can be made anew, as after a restart.
pub(crate) struct House {
    folder: TempDir,
    settings: Settings,
    pub(crate) database: Database,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) clock: Arc<FixedClock>,
    ids: Arc<CountedIds>,
    pub(crate) converter: Converter,
}

pub(crate) fn form() -> FormKey {
    "nanbyo/0006-000/2403".parse().unwrap()
}

pub(crate) fn scan(number: u128) -> ScanId {
    Uuid::from_u128(number).into()
}

pub(crate) fn contractor(name: &str) -> Identity {
    identity(Zone::Conversion, Role::Contractor, name)
}

pub(crate) fn identity(zone: Zone, role: Role, organisation: &str) -> Identity {
    Identity {
        zone,
        role,
        organisation: organisation.to_owned(),
        device: "keying-01".to_owned(),
        certificate: Sha256Digest::of(organisation.as_bytes()),
    }
}

fn catalogue() -> Catalogue {
    let older = FORM.replace("/2403", "/2304").replace(
        "valid_from = \"2024-04-01\"",
        "valid_from = \"2023-04-01\"\nvalid_until = \"2024-04-01\"",
    );
    Catalogue::load(&[
        SourceFile { path: "forms/nanbyo/0006-000/2403.toml", text: FORM },
        SourceFile { path: "forms/nanbyo/0006-000/2304.toml", text: &older },
    ])
    .unwrap()
}

/// What the page of a scan looks like.
pub(crate) fn png(scan: ScanId) -> Vec<u8> {
    format!("png of {scan}").into_bytes()
}

pub(crate) fn answers(note: &str) -> Answers {
    let mut answers = Answers::new();
    if !note.is_empty() {
        answers.set("note", Answer::Given(Value::Text(note.to_owned())));
    }
    answers
}

/// One keyed form: scan, round, form, note. An empty note is an error.
#[derive(Clone, Copy)]
pub(crate) struct Keyed(pub(crate) u128, pub(crate) u32, pub(crate) &'static str);

impl House {
    pub(crate) async fn new() -> Self {
        let lots_of_two = std::num::NonZeroUsize::new(2).unwrap();
        Self::with(Settings { documents_per_lot: lots_of_two, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("c.db"), &MIGRATIONS).await.unwrap();
        let objects = Arc::new(ObjectFolder::open(folder.path().join("objects")).unwrap());
        let keys = ["released", "lot", "return", "converted"].map(|part| (part, Key::new([7; 32])));
        let vault = Vault::new(objects, keys, Arc::new(SystemEntropy));
        let audit = Audit::new("converter", AuditKey::new([3; 32]));
        let catalogue = Arc::new(catalogue());
        let clock = Arc::new(FixedClock(AtomicI64::new(MORNING.0)));
        let ids = Arc::new(CountedIds(AtomicU64::new(1)));
        let ports = Ports {
            database: database.clone(),
            vault: vault.clone(),
            audit: audit.clone(),
            catalogue: catalogue.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            relay: Arc::new(Notify::new()),
        };
        let converter = Converter::new(ports, settings.clone());
        Self { folder, settings, database, vault, audit, catalogue, clock, ids, converter }
    }

    /// Ends the process and starts it again on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.database.close().await;
        let path = self.folder.path().join("c.db");
        self.database = Database::open(&path, &MIGRATIONS).await.unwrap();
        let ports = Ports {
            database: self.database.clone(),
            vault: self.vault.clone(),
            audit: self.audit.clone(),
            catalogue: self.catalogue.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            relay: Arc::new(Notify::new()),
        };
        self.converter = Converter::new(ports, self.settings.clone());
    }

    pub(crate) fn pass(&self, milliseconds: i64) {
        self.clock.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    pub(crate) fn message(&self, event: Event) -> Message {
        Message::new(self.ids.as_ref(), self.clock.now(), event)
    }

    pub(crate) async fn hear(&self, message: &Message) {
        self.converter.handler().handle(message).await.unwrap();
    }

    pub(crate) fn released(number: u128) -> Event {
        let page = png(scan(number));
        Event::ScanReleased {
            scan: scan(number),
            receipt: kakehashi_kernel::ReceiptNumber::new(MORNING.date_in_japan(), 1),
            municipality: "141003".parse().unwrap(),
            form: form(),
            application: ApplicationKind::New,
            pages: vec![PageImage {
                number: 1,
                digest: Sha256Digest::of(&page),
                size_bytes: page.len() as u64,
                width: 10,
                height: 10,
            }],
        }
    }

    /// Stores the page of a scan and says that it is released.
    pub(crate) async fn release(&self, number: u128) {
        let id = scan(number);
        self.vault.put(objects::page(id, 1), png(id)).await.unwrap();
        self.hear(&self.message(Self::released(number))).await;
    }

    /// Releases scans 1 and 2, seals them into one lot and hands it to `denki`.
    pub(crate) async fn lot_of_two_with_denki(&self) -> (LotId, LotNumber) {
        self.release(1).await;
        self.release(2).await;
        self.sealed_and_taken("denki").await
    }

    /// Seals one lot and lets the contractor take it.
    pub(crate) async fn sealed_and_taken(&self, name: &str) -> (LotId, LotNumber) {
        self.pass(5000);
        assert_eq!(self.converter.seal_due().await.unwrap(), 1);
        let (_, lots) = self.get(&contractor(name), "/api/v1/lots").await;
        let lots = lots["lots"].as_array().unwrap();
        let lot = lots.iter().find(|lot| lot["state"] == "sealed").unwrap();
        let id: LotId = lot["lot"].as_str().unwrap().parse().unwrap();
        let (status, _) = self.post(&contractor(name), &format!("/api/v1/lots/{id}/take")).await;
        assert_eq!(status, StatusCode::OK);
        (id, lot["number"].as_str().unwrap().parse().unwrap())
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        who: Option<&Identity>,
        path: &str,
        media: &str,
        body: Vec<u8>,
    ) -> http::Response<Vec<u8>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, media)
            .body(Body::from(body))
            .unwrap();
        if let Some(identity) = who {
            request.extensions_mut().insert(ClientIdentity(identity.clone()));
        }
        let response = self.converter.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        http::Response::from_parts(parts, body.collect().await.unwrap().to_bytes().to_vec())
    }

    pub(crate) async fn get(&self, who: &Identity, path: &str) -> (StatusCode, serde_json::Value) {
        json(self.ask(Method::GET, Some(who), path, "", Vec::new()).await)
    }

    pub(crate) async fn post(&self, who: &Identity, path: &str) -> (StatusCode, serde_json::Value) {
        json(self.ask(Method::POST, Some(who), path, "", Vec::new()).await)
    }

    pub(crate) async fn manifest(&self, who: &Identity, lot: LotId) -> Manifest {
        let (status, manifest) = self.get(who, &format!("/api/v1/lots/{lot}/manifest")).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_value(manifest).unwrap()
    }

    /// The XML of a return.
    pub(crate) fn xml(&self, number: &LotNumber, keyed: &[Keyed]) -> String {
        let definition = self.catalogue.definition(form()).unwrap();
        let forms: Vec<(FormHeader, Answers)> = keyed
            .iter()
            .map(|Keyed(number, round, note)| (header(*number, *round), answers(note)))
            .collect();
        let forms: Vec<_> =
            forms.iter().map(|(header, answers)| (definition, *header, answers)).collect();
        let header = ReturnHeader { lot: number.clone(), contractor: "denki".to_owned() };
        write_return(&header, &forms)
    }

    /// The canonical XML of one form, as it is stored when accepted.
    pub(crate) fn canonical(&self, keyed: Keyed) -> String {
        let definition = self.catalogue.definition(form()).unwrap();
        write_form(definition, &header(keyed.0, keyed.1), &answers(keyed.2))
    }

    /// Delivers XML as `denki`; answers the receipt.
    pub(crate) async fn deliver(&self, lot: LotId, query: &str, xml: &str) -> serde_json::Value {
        let path = format!("/api/v1/lots/{lot}/returns{query}");
        let denki = contractor("denki");
        let response = self
            .ask(Method::POST, Some(&denki), &path, "application/xml", xml.as_bytes().to_vec())
            .await;
        let (status, receipt) = json(response);
        assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
        receipt
    }

    /// Delivers, validates, and answers the return as `denki` sees it.
    pub(crate) async fn return_of(&self, lot: LotId, query: &str, xml: &str) -> serde_json::Value {
        let receipt = self.deliver(lot, query, xml).await;
        self.converter.validate_waiting().await.unwrap();
        self.look(&receipt).await
    }

    pub(crate) async fn look(&self, receipt: &serde_json::Value) -> serde_json::Value {
        let path = format!("/api/v1/returns/{}", receipt["return"].as_str().unwrap());
        let (status, view) = self.get(&contractor("denki"), &path).await;
        assert_eq!(status, StatusCode::OK);
        view
    }

    /// Everything emitted, in order.
    pub(crate) async fn emitted(&self) -> Vec<Message> {
        let rows = sqlx::query("SELECT body FROM outbox ORDER BY sequence")
            .fetch_all(self.database.read())
            .await
            .unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get("body")).unwrap()).collect()
    }

    /// The kinds emitted about a scan, in order.
    pub(crate) async fn told_about(&self, number: u128) -> Vec<&'static str> {
        let messages = self.emitted().await;
        let about = messages.iter().filter(|message| message.event.scan() == scan(number));
        about.map(|message| message.event.kind()).collect()
    }

    pub(crate) async fn state_of(&self, number: u128) -> (String, i64) {
        let row = sqlx::query("SELECT state, round FROM document WHERE scan_id = $1")
            .bind(scan(number).to_string())
            .fetch_one(self.database.read())
            .await
            .unwrap();
        (row.get("state"), row.get("round"))
    }

    pub(crate) async fn lot_state(&self, lot: LotId) -> String {
        let row = sqlx::query("SELECT state FROM lot WHERE id = $1")
            .bind(lot.to_string())
            .fetch_one(self.database.read())
            .await
            .unwrap();
        row.get("state")
    }

    /// Changes the database behind the converter's back.
    pub(crate) async fn change(&self, sql: &'static str) {
        let mut tx = self.database.write().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn corrections(&self) -> u64 {
        self.converter.corrections().await.unwrap()
    }
}

fn header(number: u128, round: u32) -> FormHeader {
    FormHeader { document: scan(number), round, application: Application::New }
}

pub(crate) fn json(response: http::Response<Vec<u8>>) -> (StatusCode, serde_json::Value) {
    let (parts, body) = response.into_parts();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default())
}

/// `document number: verdict`, in the order of the return.
pub(crate) fn verdicts(view: &serde_json::Value) -> Vec<(u128, String)> {
    let documents = view["documents"].as_array().unwrap();
    documents
        .iter()
        .map(|document| {
            let id: ScanId = document["document"].as_str().unwrap().parse().unwrap();
            (id.uuid().as_u128(), document["verdict"].as_str().unwrap().to_owned())
        })
        .collect()
}

pub(crate) fn said(pairs: &[(u128, &str)]) -> Vec<(u128, String)> {
    pairs.iter().map(|(number, verdict)| (*number, (*verdict).to_owned())).collect()
}

/// The limit a test may name.
pub(crate) const ROUNDS_MAX: u32 = limits::CORRECTION_ROUNDS_MAX;
