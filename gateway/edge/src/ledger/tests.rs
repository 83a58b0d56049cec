//! The ledger on a disk that is full, fails or stalls, and in a process that is killed.

use std::{
    fs::File,
    io,
    net::SocketAddr,
    sync::{
        Condvar,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use kakehashi_contract::{AuditEntry, Identity, Role, Zone};
use kakehashi_kernel::{RequestId, Sha256Digest};
use tempfile::TempDir;

use super::{disk::StoredHead, *};

const DEADLINE: Duration = Duration::from_secs(30);

struct Zero;

impl Clock for Zero {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

/// A disk whose faults are switched on and off.
#[derive(Default)]
struct Faulty {
    is_full: AtomicBool,
    is_reserve_gone: AtomicBool,
    is_sync_failing: AtomicBool,
    is_head_stuck: AtomicBool,
    is_broken: AtomicBool,
    is_stalled: Mutex<bool>,
    moves: Condvar,
}

impl Faulty {
    fn stall(&self, is_stalled: bool) {
        *self.is_stalled.lock().unwrap() = is_stalled;
        self.moves.notify_all();
    }
}

impl Disk for Faulty {
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        use io::Write;
        if self.is_broken.load(Relaxed) {
            return Err(io::Error::other("a broken disk"));
        }
        // The reserve is what is left on a full disk.
        if self.is_full.load(Relaxed) && !self.is_reserve_gone.load(Relaxed) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let stalled = self.is_stalled.lock().unwrap();
        drop(self.moves.wait_while(stalled, |is_stalled| *is_stalled).unwrap());
        if self.is_sync_failing.load(Relaxed) {
            return Err(io::Error::other("a failing disk"));
        }
        file.sync_data()
    }

    fn store_head(&self, path: &Path, head: &StoredHead) -> io::Result<()> {
        if self.is_head_stuck.load(Relaxed) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        RealDisk.store_head(path, head)
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        if self.is_full.load(Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.is_reserve_gone.store(false, Relaxed);
        RealDisk.reserve(path, bytes)
    }

    fn release(&self, path: &Path) -> io::Result<()> {
        self.is_reserve_gone.store(true, Relaxed);
        RealDisk.release(path)
    }
}

struct Bench {
    folder: TempDir,
    disk: Arc<Faulty>,
    ledger: Ledger,
}

fn key() -> AuditKey {
    AuditKey::new([7; 32])
}

fn fact() -> AuditFact {
    AuditFact {
        actor: "a".to_owned(),
        action: "b".to_owned(),
        subject: "c".to_owned(),
        outcome: "ok".to_owned(),
        detail: String::new(),
    }
}

fn config() -> LedgerConfig {
    LedgerConfig {
        reserve_bytes: 4096,
        sync_interval_ms: 1,
        sync_late_ms: 50,
        waiting_max: 100,
        ..LedgerConfig::default()
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(Faulty::default());
        let on: Arc<dyn Disk> = disk.clone();
        let path = folder.path().join("ledger.jsonl");
        let ledger = Ledger::open_on(on, &path, &key(), config(), Arc::new(Zero)).unwrap();
        Self { folder, disk, ledger }
    }

    fn add(&self) {
        self.ledger.append(Timestamp(0), fact()).unwrap();
    }

    fn entries(&self) -> Vec<AuditEntry> {
        let read = entries(&self.folder.path().join("ledger.jsonl")).unwrap();
        read.map(|entry| entry.unwrap()).collect()
    }

    #[track_caller]
    fn becomes(&self, expected: Option<Closed>) {
        let started = Instant::now();
        while self.ledger.closed() != expected {
            let now = self.ledger.closed();
            assert!(started.elapsed() < DEADLINE, "is {now:?}, not {expected:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends, verifies, and answers what the ledger says about itself and how many entries are ours.
    fn end(self) -> (Vec<String>, usize) {
        self.ledger.close();
        let found = self.entries();
        let path = self.folder.path().join("ledger.jsonl");
        assert_eq!(verify(&path, &key()).unwrap(), found.len() as u64);
        let own = found.iter().filter(|entry| entry.fact.action == "ledger");
        let said = own
            .map(|AuditEntry { fact, .. }| {
                format!("{} {} {}", fact.subject, fact.outcome, fact.detail).trim().to_owned()
            })
            .collect();
        (said, found.iter().filter(|entry| entry.fact == fact()).count())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A test that fails must not wait for ever for a disk that it stalled.
        self.disk.stall(false);
    }
}

#[test]
fn a_full_disk_closes_the_ledger_and_says_so_in_it_until_there_is_room() {
    let bench = Bench::new();
    bench.add();
    bench.disk.is_full.store(true, Relaxed);
    bench.add();
    bench.becomes(Some(Closed::DiskFull));
    assert_eq!(bench.ledger.admit(), Err(Closed::DiskFull));
    // What was let in before is taken still.
    bench.add();
    bench.disk.is_full.store(false, Relaxed);
    bench.becomes(None);
    bench.add();
    let (said, entries) = bench.end();
    assert_eq!(said, ["closed disk-full", "opened disk-full turned-away=1"]);
    assert_eq!(entries, 4);
}

#[test]
fn a_ledger_opened_on_a_full_disk_is_closed_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Faulty::default());
    disk.is_full.store(true, Relaxed);
    let on: Arc<dyn Disk> = disk.clone();
    let path = folder.path().join("ledger.jsonl");
    let ledger = Ledger::open_on(on, &path, &key(), config(), Arc::new(Zero)).unwrap();
    assert_eq!(ledger.admit(), Err(Closed::DiskFull));
}

#[test]
fn a_failed_sync_closes_for_good() {
    let bench = Bench::new();
    bench.disk.is_sync_failing.store(true, Relaxed);
    bench.add();
    bench.becomes(Some(Closed::SyncFailed));
    bench.disk.is_sync_failing.store(false, Relaxed);
    bench.add();
    assert_eq!(bench.ledger.admit(), Err(Closed::SyncFailed));
    assert_eq!(bench.end().1, 1, "what came after is not taken");
}

#[test]
fn a_head_that_cannot_be_replaced_closes_until_it_can() {
    let bench = Bench::new();
    bench.disk.is_head_stuck.store(true, Relaxed);
    bench.add();
    bench.becomes(Some(Closed::HeadStuck));
    bench.add();
    bench.disk.is_head_stuck.store(false, Relaxed);
    bench.becomes(None);
    let (said, entries) = bench.end();
    assert_eq!(said, ["closed head-stuck", "opened head-stuck turned-away=0"]);
    assert_eq!(entries, 2);
}

#[test]
fn a_sync_that_takes_too_long_closes_until_it_is_done() {
    let bench = Bench::new();
    bench.disk.stall(true);
    bench.add();
    bench.becomes(Some(Closed::SyncLate));
    bench.disk.stall(false);
    bench.becomes(None);
    assert_eq!(bench.end().1, 1);
}

#[tokio::test]
async fn what_is_new_waits_for_a_late_sync_and_is_turned_away_only_when_it_is_very_late() {
    use futures_util::FutureExt;
    let mut bench = Bench::new();
    bench.disk.stall(true);
    bench.add();
    bench.becomes(Some(Closed::SyncLate));
    {
        let mut waiting = std::pin::pin!(bench.ledger.admit_patiently());
        assert_eq!(
            waiting.as_mut().now_or_never(),
            None,
            "it is let in only when the disk has answered"
        );
        bench.disk.stall(false);
        assert_eq!(waiting.await, Ok(()));
    }
    assert_eq!(bench.ledger.figures().turned_away, 0);
    bench.disk.stall(true);
    bench.add();
    bench.becomes(Some(Closed::SyncLate));
    bench.ledger.patience = Duration::ZERO;
    assert_eq!(bench.ledger.admit_patiently().await, Err(Closed::SyncLate));
    assert_eq!(bench.ledger.figures().turned_away, 1);
    bench.disk.stall(false);
    bench.becomes(None);
    let (said, entries) = bench.end();
    assert!(said.contains(&"opened sync-late turned-away=1".to_owned()), "{said:?}");
    assert_eq!(entries, 2);
}

#[test]
fn the_defaults_add_up_to_one_second() {
    let LedgerConfig { sync_interval_ms, sync_late_ms, .. } = LedgerConfig::default();
    assert!(sync_interval_ms + sync_late_ms <= 1_000, "never lost beyond the last second");
}

#[test]
fn a_full_queue_closes_and_the_gap_is_told() {
    let bench = Bench::new();
    bench.disk.is_broken.store(true, Relaxed);
    bench.add();
    bench.becomes(Some(Closed::WriteFailed));
    let taken = (0..200).filter(|_| bench.ledger.append(Timestamp(0), fact()).is_ok()).count();
    assert_eq!(taken, 100, "the queue is bounded");
    assert_eq!(bench.ledger.figures().lost, 100);
    bench.disk.is_broken.store(false, Relaxed);
    bench.becomes(None);
    let (said, entries) = bench.end();
    assert!(said.contains(&"lost lost entries=100".to_owned()), "{said:?}");
    assert_eq!(entries, 101);
}

#[test]
fn a_queue_that_is_half_full_lets_nobody_in_but_takes_what_was_let_in() {
    let queue = Queue::new(10);
    for _ in 0..4 {
        queue.push(Timestamp(0), Fact::Plain(fact())).unwrap();
        assert_eq!(queue.closed(), None);
    }
    for _ in 4..10 {
        queue.push(Timestamp(0), Fact::Plain(fact())).unwrap();
        assert_eq!(queue.closed(), Some(Closed::QueueFull));
    }
    assert_eq!(queue.push(Timestamp(0), Fact::Plain(fact())), Err(Closed::QueueFull));
    queue.end();
    queue.turn(None);
    assert_eq!(queue.closed(), Some(Closed::Ended), "the end is for good");
}

#[test]
fn an_entry_is_in_the_file_within_the_pause_without_being_waited_for() {
    let bench = Bench::new();
    let started = Instant::now();
    for number in 1..=3 {
        bench.add();
        while bench.entries().len() < number {
            assert!(started.elapsed() < DEADLINE);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_request_is_told_whole() {
    let bench = Bench::new();
    let who = Identity {
        zone: Zone::Municipal,
        role: Role::MunicipalStaff,
        organisation: "141003".to_owned(),
        device: "scan-01".to_owned(),
        certificate: Sha256Digest::of(b""),
    };
    let told = |method: &str, template: Option<&str>, status| RequestFact {
        who: Arc::new(who.clone()),
        serial: "0a1b".into(),
        peer: SocketAddr::from(([192, 0, 2, 1], 5)),
        tls: "1.3",
        id: RequestId::from(uuid::Uuid::nil()),
        method: method.parse().unwrap(),
        template: template.map(Into::into),
        outcome: "ok",
        status,
        bytes_in: 1,
        bytes_out: 2,
        ms: 3,
    };
    let tell = |fact| bench.ledger.append_request(Timestamp(9), fact).unwrap();
    tell(told("GET", Some("/scans/{scan}"), Some(200)));
    tell(told("BREWANDPOURANDDRINK", None, None));
    bench.ledger.close();
    let found = bench.entries();
    let fact = &found[0].fact;
    assert_eq!(fact.actor, "municipal/municipal-staff/141003/scan-01");
    assert_eq!((&*fact.action, &*fact.subject), ("request", "GET /scans/{scan}"));
    let expected = "request=00000000-0000-0000-0000-000000000000 peer=192.0.2.1:5 \
        certificate=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
        serial=0a1b tls=1.3 status=200 in=1 out=2 ms=3";
    assert_eq!(fact.detail, expected);
    assert_eq!(found[1].fact.subject, "BREWANDPOURANDDR -");
}
