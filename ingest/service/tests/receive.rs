//! The upload's promises, through the whole router: resumed, repeated, refused, never lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kakehashi_contract::{AuditKey, Event, Identity, Message, Role, Zone, books::BookState};
use kakehashi_ingest::{
    Ingest, MIGRATIONS, Ports, Settings, examine, follow, inspector::Inspector, sweep,
};
use kakehashi_kernel::{Clock, Ids, Sha256Digest, Timestamp};
use kakehashi_platform::{
    Audit, Database,
    blobs::{ObjectFolder, Vault},
    mtls::ClientIdentity,
    runtime::{SystemEntropy, worker::Round},
};
use kakehashi_seal::Key;
use tempfile::TempDir;
use tower::ServiceExt;

const OURS: &str = "141003";
const OTHERS: &str = "271004";
/// An examination is cut off after so long; it has no end of its own.
const KILLED_AFTER: Duration = Duration::from_millis(300);
const SCAN: &[u8] = b"%PDF-1.4 not really, but bytes all the same";

#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_400_000_000 + self.0.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> uuid::Uuid {
        uuid::Uuid::from_u64_pair(1, self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct World {
    folder: TempDir,
    clock: Arc<TestClock>,
    ids: Arc<CountingIds>,
    ingest: Ingest,
    router: Router,
}

impl World {
    /// With an inspector that answers nothing: every inspection is a failure of ours.
    async fn new(settings: Settings) -> Self {
        Self::with_inspector(&["/bin/true"], settings).await
    }

    async fn with_inspector(inspector: &[&str], settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, ids) = (Arc::default(), Arc::default());
        let ingest = start(folder.path(), &clock, &ids, inspector, settings).await;
        let router = ingest.router();
        Self { folder, clock, ids, ingest, router }
    }

    /// What a killed process leaves behind, started again.
    async fn restarted(self, settings: Settings) -> Self {
        let Self { folder, clock, ids, .. } = self;
        let ingest = start(folder.path(), &clock, &ids, &["/bin/true"], settings).await;
        let router = ingest.router();
        Self { folder, clock, ids, ingest, router }
    }

    async fn send(&self, municipality: &str, request: Request<Body>) -> Response<Body> {
        let mut request = request;
        request.extensions_mut().insert(ClientIdentity(Identity {
            zone: Zone::Municipal,
            role: Role::MunicipalStaff,
            organisation: municipality.to_owned(),
            device: "scan-01".into(),
            certificate: Sha256Digest::of(b"certificate"),
        }));
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn create(&self, municipality: &str, length: usize, digest: Option<&[u8]>) -> String {
        let response = self.try_create(municipality, length, digest).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        header(&response, "location").unwrap()
    }

    async fn try_create(
        &self,
        municipality: &str,
        length: usize,
        digest: Option<&[u8]>,
    ) -> Response<Body> {
        let mut metadata = format!("filename {}", STANDARD.encode("山田太郎.pdf"));
        if let Some(bytes) = digest {
            let digest = Sha256Digest::of(bytes).to_string();
            metadata.push_str(",sha256 ");
            metadata.push_str(&STANDARD.encode(digest));
        }
        let request = tus(Method::POST, "/uploads")
            .header("upload-length", length)
            .header("upload-metadata", metadata)
            .body(Body::empty());
        self.send(municipality, request.unwrap()).await
    }

    async fn patch(
        &self,
        municipality: &str,
        url: &str,
        offset: usize,
        body: Body,
    ) -> Response<Body> {
        let request = tus(Method::PATCH, url)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset)
            .body(body);
        self.send(municipality, request.unwrap()).await
    }

    async fn head(&self, municipality: &str, url: &str) -> Response<Body> {
        self.send(municipality, tus(Method::HEAD, url).body(Body::empty()).unwrap()).await
    }

    /// Uploads in one part and answers the receipt number.
    async fn upload(&self, municipality: &str, bytes: &'static [u8]) -> String {
        let url = self.create(municipality, bytes.len(), None).await;
        let response = self.patch(municipality, &url, 0, Body::from(bytes)).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        header(&response, "upload-receipt").unwrap()
    }

    async fn states(&self) -> Vec<BookState> {
        self.ingest.books().await.unwrap().iter().map(|line| line.state).collect()
    }
}

async fn start(
    folder: &Path,
    clock: &Arc<TestClock>,
    ids: &Arc<CountingIds>,
    inspector: &[&str],
    settings: Settings,
) -> Ingest {
    let database = Database::open(&folder.join("ingest.db"), &MIGRATIONS).await.unwrap();
    let objects = Arc::new(ObjectFolder::open(folder.join("objects")).unwrap());
    let entropy = Arc::new(SystemEntropy);
    let keys = [("original", Key::new([1; 32])), ("released", Key::new([2; 32]))];
    let one = std::num::NonZeroUsize::MIN;
    let ports = Ports {
        database,
        vault: Vault::new(objects, keys, entropy.clone()),
        staging: folder.join("staging"),
        audit: Audit::new("ingest", AuditKey::new([3; 32])),
        field_key: Key::new([4; 32]),
        inspector: Inspector::new(
            inspector[0].into(),
            inspector[1..].iter().map(Into::into).collect(),
            one,
        ),
        is_known_form: Arc::new(|_| true),
        clock: clock.clone(),
        ids: ids.clone(),
        entropy,
        relay: Arc::default(),
    };
    Ingest::new(ports, settings)
}

fn tus(method: Method, url: &str) -> http::request::Builder {
    Request::builder().method(method).uri(url).header("tus-resumable", "1.0.0")
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().unwrap().to_owned())
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn broken_after(bytes: &'static [u8]) -> Body {
    let parts = [Ok(Bytes::from_static(bytes)), Err(std::io::Error::other("cable pulled"))];
    Body::from_stream(futures_util::stream::iter(parts))
}

#[tokio::test]
async fn an_interrupted_upload_continues_after_a_restart() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, SCAN.len(), Some(SCAN)).await;
    let cut = world.patch(OURS, &url, 0, broken_after(&SCAN[..10])).await;
    assert_eq!(cut.status(), StatusCode::REQUEST_TIMEOUT);

    let world = world.restarted(Settings::default()).await;
    let head = world.head(OURS, &url).await;
    assert_eq!(header(&head, "upload-offset").unwrap(), "10");
    assert_eq!(header(&head, "upload-receipt"), None);
    let wrong = world.patch(OURS, &url, 0, Body::from(SCAN)).await;
    assert_eq!(wrong.status(), StatusCode::CONFLICT);
    let done = world.patch(OURS, &url, 10, Body::from(&SCAN[10..])).await;
    let receipt = header(&done, "upload-receipt").unwrap();
    assert_eq!(receipt, header(&world.head(OURS, &url).await, "upload-receipt").unwrap());
    assert_eq!(world.states().await, [BookState::InProgress]);
}

#[tokio::test]
async fn the_same_bytes_get_the_first_receipt_however_they_come() {
    let world = World::new(Settings::default()).await;
    let first = world.upload(OURS, SCAN).await;
    assert_eq!(world.upload(OURS, SCAN).await, first);
    let declared = world.try_create(OURS, SCAN.len(), Some(SCAN)).await;
    assert_eq!(header(&declared, "upload-receipt").unwrap(), first);
    let other = world.upload(OTHERS, SCAN).await;
    assert_ne!(other, first, "another municipality's scan is another scan");
    assert_eq!(world.states().await.len(), 2);
}

#[tokio::test]
async fn a_municipality_sees_nothing_of_another() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, SCAN.len(), None).await;
    assert_eq!(world.head(OTHERS, &url).await.status(), StatusCode::NOT_FOUND);
    let patch = world.patch(OTHERS, &url, 0, Body::from(SCAN)).await;
    assert_eq!(patch.status(), StatusCode::NOT_FOUND);
    world.upload(OURS, SCAN).await;
    let scan = world.ingest.books().await.unwrap()[0].scan;
    for path in [format!("/scans/{scan}"), format!("{url}/receipt")] {
        let get = Request::builder().uri(&path).body(Body::empty()).unwrap();
        assert_eq!(world.send(OTHERS, get).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let withdraw = Request::post(format!("/scans/{scan}/withdraw")).body(Body::empty()).unwrap();
    assert_eq!(world.send(OTHERS, withdraw).await.status(), StatusCode::NOT_FOUND);
    let list = Request::builder().uri("/api/scans").body(Body::empty()).unwrap();
    assert_eq!(text(world.send(OTHERS, list).await).await, "[]");
}

#[tokio::test]
async fn a_wrong_digest_keeps_nothing() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, SCAN.len(), Some(b"something else")).await;
    let response = world.patch(OURS, &url, 0, Body::from(SCAN)).await;
    assert_eq!(response.status().as_u16(), 460);
    assert!(text(response).await.contains("もう一度"));
    assert_eq!(world.head(OURS, &url).await.status(), StatusCode::NOT_FOUND);
    assert!(world.states().await.is_empty());
    let staged = std::fs::read_dir(world.folder.path().join("staging")).unwrap().count();
    assert_eq!(staged, 0);
}

#[tokio::test]
async fn more_bytes_than_declared_are_refused() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, 5, None).await;
    let response = world.patch(OURS, &url, 0, Body::from(SCAN)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(world.states().await.is_empty());
}

#[tokio::test]
async fn requests_that_are_not_tus_are_told_what_is_wrong() {
    let world = World::new(Settings::default()).await;
    let plain = Request::post("/uploads").header("upload-length", 5).body(Body::empty()).unwrap();
    assert_eq!(world.send(OURS, plain).await.status(), StatusCode::PRECONDITION_FAILED);
    let endless = tus(Method::POST, "/uploads").body(Body::empty()).unwrap();
    assert_eq!(world.send(OURS, endless).await.status(), StatusCode::BAD_REQUEST);
    let huge = tus(Method::POST, "/uploads").header("upload-length", 1u64 << 40);
    let huge = world.send(OURS, huge.body(Body::empty()).unwrap()).await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let url = world.create(OURS, 5, None).await;
    let form = tus(Method::PATCH, &url).header("upload-offset", 0).body(Body::from("12345"));
    let form = world.send(OURS, form.unwrap()).await;
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_device_of_another_zone_is_refused() {
    let world = World::new(Settings::default()).await;
    let mut request = Request::builder().uri("/api/scans").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ClientIdentity(Identity {
        zone: Zone::Entry,
        role: Role::Institution,
        organisation: OURS.into(),
        device: "desk".into(),
        certificate: Sha256Digest::of(b"certificate"),
    }));
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let anonymous = Request::builder().uri("/api/scans").body(Body::empty()).unwrap();
    let response = world.router.clone().oneshot(anonymous).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn unfinished_uploads_are_bounded_and_removed_in_time() {
    let settings = Settings { uploads_open_max: 2, ..Settings::default() };
    let world = World::new(settings).await;
    let url = world.create(OURS, 5, None).await;
    world.patch(OURS, &url, 0, Body::from("12")).await;
    world.create(OURS, 5, None).await;
    let third = world.try_create(OURS, 5, None).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    world.create(OTHERS, 5, None).await;

    world.clock.0.store(73 * 60 * 60 * 1000, Ordering::SeqCst);
    assert_eq!(sweep::round(&world.ingest).await.unwrap(), Round::Idle);
    assert_eq!(world.head(OURS, &url).await.status(), StatusCode::NOT_FOUND);
    world.create(OURS, 5, None).await;
}

#[tokio::test]
async fn an_inspector_that_keeps_failing_ends_in_a_refusal_not_in_limbo() {
    let settings = Settings { inspection_attempts_max: 3, ..Settings::default() };
    let world = World::new(settings).await;
    world.upload(OURS, SCAN).await;
    for attempt in 1..=3 {
        assert_eq!(world.states().await, [BookState::InProgress], "before attempt {attempt}");
        assert_eq!(examine::round(&world.ingest).await.unwrap(), Round::Busy);
        assert_eq!(examine::round(&world.ingest).await.unwrap(), Round::Idle, "it is put back");
        world.clock.0.fetch_add(60_000, Ordering::SeqCst);
    }
    assert_eq!(world.states().await, [BookState::Refused]);
}

#[tokio::test]
async fn a_killed_examination_is_taken_up_again_within_seconds() {
    let world = World::with_inspector(&["/bin/sleep", "30"], Settings::default()).await;
    world.upload(OURS, SCAN).await;
    let killed = tokio::time::timeout(KILLED_AFTER, examine::round(&world.ingest)).await;
    assert!(killed.is_err(), "the inspection was under way");
    assert_eq!(examine::round(&world.ingest).await.unwrap(), Round::Idle, "still leased");
    world.clock.0.fetch_add(20_000, Ordering::SeqCst);
    let taken_up = tokio::time::timeout(KILLED_AFTER, examine::round(&world.ingest)).await;
    assert!(taken_up.is_err(), "it is inspected again");
}

#[tokio::test]
async fn a_withdrawn_scan_stays_in_the_books() {
    let world = World::new(Settings::default()).await;
    world.upload(OURS, SCAN).await;
    let scan = world.ingest.books().await.unwrap()[0].scan;
    let withdraw = || Request::post(format!("/scans/{scan}/withdraw")).body(Body::empty()).unwrap();
    assert_eq!(world.send(OURS, withdraw()).await.status(), StatusCode::OK);
    assert_eq!(world.send(OURS, withdraw()).await.status(), StatusCode::CONFLICT);
    assert_eq!(examine::round(&world.ingest).await.unwrap(), Round::Idle);
    assert_eq!(world.states().await, [BookState::Withdrawn]);
}

#[tokio::test]
async fn neither_bytes_nor_file_names_lie_in_the_clear() {
    let world = World::new(Settings::default()).await;
    world.upload(OURS, SCAN).await;
    let page = Request::builder().uri("/scans").header("accept", "text/html");
    let page = text(world.send(OURS, page.body(Body::empty()).unwrap()).await).await;
    assert!(page.contains("山田太郎.pdf"), "the sender's own page shows it");
    let mut files = vec![world.folder.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in ["山田太郎".as_bytes(), &SCAN[..12]] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!is_there, "{}", path.display());
        }
    }
}

#[tokio::test]
async fn news_that_comes_late_or_twice_turns_nothing_back() {
    let world = World::new(Settings::default()).await;
    world.upload(OURS, SCAN).await;
    let scan = world.ingest.books().await.unwrap()[0].scan;
    let lot = kakehashi_kernel::LotId::generate(world.ids.as_ref());
    let record = kakehashi_kernel::RecordId::generate(world.ids.as_ref());
    let handed_over = Event::DocumentHandedOver { scan, lot, round: 1 };
    let sent_back = Event::DocumentSentBack { scan, lot, round: 1, findings: 2 };
    let loaded = Event::RecordLoaded { scan, record, pages: 4, linked: None };
    for event in [&loaded, &sent_back, &handed_over, &sent_back, &loaded] {
        let message = Message::new(world.ids.as_ref(), world.clock.now(), event.clone());
        follow::follow(&world.ingest, &message).await.unwrap();
        follow::follow(&world.ingest, &message).await.unwrap();
    }
    assert_eq!(world.states().await, [BookState::Loaded]);
    let page = Request::get(format!("/scans/{scan}")).header("accept", "text/html");
    let page = text(world.send(OURS, page.body(Body::empty()).unwrap()).await).await;
    assert!(page.contains(&record.to_string()));
    assert_eq!(page.matches("<li><time>").count(), 4, "received and three different news: {page}");
}

#[tokio::test]
async fn a_crash_between_object_and_receipt_is_finished_by_the_senders_next_word() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, SCAN.len(), Some(SCAN)).await;
    world.patch(OURS, &url, 0, broken_after(&SCAN[..10])).await;
    // The object as the dead process published it, and its staged name still there.
    let id = url.rsplit('/').next().unwrap();
    let key = format!("original/{id}");
    let sealed = kakehashi_seal::seal_object(&Key::new([1; 32]), &key, SCAN, &SystemEntropy);
    let objects = ObjectFolder::open(world.folder.path().join("objects")).unwrap();
    objects.put(&key, &sealed).unwrap();

    let world = world.restarted(Settings::default()).await;
    let head = world.head(OURS, &url).await;
    assert!(header(&head, "upload-receipt").is_some());
    assert_eq!(header(&head, "upload-offset").unwrap(), SCAN.len().to_string());
    assert_eq!(world.states().await, [BookState::InProgress]);
}

type Parts = tokio::sync::mpsc::Sender<&'static [u8]>;

/// A body that arrives as the test sends its parts. Two sent parts mean that the first was taken.
fn in_parts() -> (Parts, Body) {
    let (parts, arriving) = tokio::sync::mpsc::channel(1);
    let body = futures_util::stream::unfold(arriving, |mut arriving| async {
        let part: &'static [u8] = arriving.recv().await?;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(part)), arriving))
    });
    (parts, Body::from_stream(body))
}

#[tokio::test]
async fn a_request_whose_client_left_holds_its_upload_until_its_end() {
    let world = World::new(Settings::default()).await;
    let url = world.create(OURS, SCAN.len(), None).await;
    let (parts, body) = in_parts();
    tokio::select! {
        _ = world.patch(OURS, &url, 0, body) => panic!("the body has not ended"),
        () = async {
            parts.send(&SCAN[..5]).await.unwrap();
            parts.send(&SCAN[5..9]).await.unwrap();
        } => {}
    }
    // The request was dropped, as a server drops it when the connection breaks. Whoever asks now waits
    // for it instead of writing to the same file beside it.
    let (head, ()) = tokio::join!(world.head(OURS, &url), async {
        parts.send(&SCAN[9..20]).await.unwrap();
        drop(parts);
    });
    assert_eq!(header(&head, "upload-offset").unwrap(), "20");
    let done = world.patch(OURS, &url, 20, Body::from(&SCAN[20..])).await;
    assert!(header(&done, "upload-receipt").is_some());
}

#[tokio::test]
async fn whoever_waited_for_an_upload_learns_that_it_is_complete() {
    let world = World::new(Settings::default()).await;
    let first = world.upload(OURS, SCAN).await;
    let url = world.create(OURS, SCAN.len(), None).await;
    let (parts, body) = in_parts();
    let patch = world.patch(OURS, &url, 0, body);
    tokio::pin!(patch);
    tokio::select! {
        _ = &mut patch => panic!("the body has not ended"),
        () = async {
            parts.send(&SCAN[..5]).await.unwrap();
            parts.send(&SCAN[5..]).await.unwrap();
        } => {}
    }
    // Now the upload is locked by the request that writes; this one comes in while it is open.
    let (done, head, ()) = tokio::join!(patch, world.head(OURS, &url), async {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        drop(parts);
    });
    assert_eq!(header(&done, "upload-receipt").unwrap(), first);
    assert_eq!(header(&head, "upload-receipt").unwrap(), first);
    let staged = std::fs::read_dir(world.folder.path().join("staging")).unwrap().count();
    assert_eq!(staged, 0);
}

#[tokio::test]
async fn equal_scans_sent_at_the_same_time_are_one_scan() {
    let world = World::new(Settings::default()).await;
    let sending = (0..8).map(|_| world.upload(OURS, SCAN));
    let receipts = futures_util::future::join_all(sending).await;
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]), "{receipts:?}");
    assert_eq!(world.states().await.len(), 1);
}

impl World {
    /// Changes or asks the database behind the service's back.
    async fn sql<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
    {
        let url = format!("sqlite:{}", self.folder.path().join("ingest.db").display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let rows = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
        pool.close().await;
        rows
    }

    async fn withdrawals(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM outbox WHERE kind = 'scan_withdrawn'";
        self.sql::<(i64,)>(sql).await[0].0
    }
}

#[tokio::test]
async fn a_withdrawal_is_announced_again_a_few_times_in_case_it_was_lost() {
    let world = World::new(Settings::default()).await;
    world.upload(OURS, SCAN).await;
    let released = "UPDATE scan SET state = 'released', form = 'nanbyo/0006-000/2403',
                                    stage = 'in_lot', stage_rank = 17 RETURNING id";
    assert_eq!(world.sql::<(String,)>(released).await.len(), 1);
    let scan = world.ingest.books().await.unwrap()[0].scan;
    let withdraw = Request::post(format!("/scans/{scan}/withdraw")).body(Body::empty()).unwrap();
    assert_eq!(world.send(OURS, withdraw).await.status(), StatusCode::OK);
    for expected in [2, 3, 4, 5, 6, 6] {
        sweep::round(&world.ingest).await.unwrap();
        world.clock.0.fetch_add(31 * 60 * 1000, Ordering::SeqCst);
        sweep::round(&world.ingest).await.unwrap();
        assert_eq!(world.withdrawals().await, expected);
    }
}

#[tokio::test]
async fn an_upload_that_lacks_only_its_receipt_becomes_a_scan_without_its_sender() {
    let world = World::new(Settings::default()).await;
    world.upload(OURS, SCAN).await;
    // As if the process had been killed between object and row.
    let forgotten = "UPDATE upload SET state = 'open', scan = NULL RETURNING id";
    assert_eq!(world.sql::<(String,)>(forgotten).await.len(), 1);
    assert_eq!(world.sql::<(String,)>("DELETE FROM scan RETURNING id").await.len(), 1);
    assert!(world.states().await.is_empty());
    world.clock.0.store(73 * 60 * 60 * 1000, Ordering::SeqCst);
    assert_eq!(sweep::round(&world.ingest).await.unwrap(), Round::Idle);
    assert_eq!(world.states().await, [BookState::InProgress]);
}

#[tokio::test]
async fn what_a_killed_process_left_of_an_ended_upload_is_removed_at_start() {
    let world = World::new(Settings::default()).await;
    let going_on = world.create(OURS, SCAN.len(), None).await;
    world.patch(OURS, &going_on, 0, Body::from(&SCAN[..5])).await;
    let url = world.create(OURS, SCAN.len(), None).await;
    world.patch(OURS, &url, 0, Body::from(&SCAN[..5])).await;
    let ended = "UPDATE upload SET state = 'removed'
                 WHERE id = (SELECT MAX(id) FROM upload) RETURNING id";
    assert_eq!(world.sql::<(String,)>(ended).await.len(), 1);
    let world = world.restarted(Settings::default()).await;
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel();
    world.ingest.run(stop).await;
    let staged = std::fs::read_dir(world.folder.path().join("staging")).unwrap().count();
    assert_eq!(staged, 1);
    assert_eq!(header(&world.head(OURS, &going_on).await, "upload-offset").unwrap(), "5");
}

#[tokio::test]
async fn what_was_withdrawn_by_mistake_can_be_sent_again() {
    let world = World::new(Settings::default()).await;
    let first = world.upload(OURS, SCAN).await;
    let scan = world.ingest.books().await.unwrap()[0].scan;
    let withdraw = Request::post(format!("/scans/{scan}/withdraw")).body(Body::empty()).unwrap();
    assert_eq!(world.send(OURS, withdraw).await.status(), StatusCode::OK);
    let declared = world.try_create(OURS, SCAN.len(), Some(SCAN)).await;
    assert_eq!(header(&declared, "upload-receipt"), None, "the bytes are wanted again");
    let second = world.upload(OURS, SCAN).await;
    assert_ne!(second, first);
    assert_eq!(world.upload(OURS, SCAN).await, second);
    let mut states = world.states().await;
    states.sort();
    let mut expected = [BookState::Withdrawn, BookState::InProgress];
    expected.sort();
    assert_eq!(states, expected);

    // Too late: the withdrawn one is loaded all the same, and both are known.
    let record = kakehashi_kernel::RecordId::generate(world.ids.as_ref());
    let loaded = Event::RecordLoaded { scan, record, pages: 1, linked: None };
    let message = Message::new(world.ids.as_ref(), world.clock.now(), loaded);
    follow::follow(&world.ingest, &message).await.unwrap();
    let states = world.states().await;
    assert!(states.contains(&BookState::Loaded) && states.contains(&BookState::InProgress));
}
