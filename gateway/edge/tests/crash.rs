//! The ledger in a process that is killed, and on a disk that is really full.
//!
//! The process is this test program once more, told by its environment which part it plays.
#![expect(clippy::unwrap_used, reason = "a test helper may fail the test")]
#![expect(clippy::print_stdout, reason = "the parts talk over standard output")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use kakehashi_contract::{AuditFact, AuditKey};
use kakehashi_edge::ledger::{Closed, Ledger, LedgerConfig, entries, verify, verify_with};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::runtime::SystemClock;

const PART: &str = "KAKEHASHI_TEST_LEDGER";
const DEADLINE: Duration = Duration::from_mins(1);
/// What may be lost.
const LAST: Duration = Duration::from_secs(1);
/// A life long enough for several syncs.
const LIFE: Duration = Duration::from_millis(2_500);
const LINES_MIN: usize = 200;

fn key() -> AuditKey {
    AuditKey::new([7; 32])
}

fn fact(number: u64) -> AuditFact {
    AuditFact {
        actor: "municipal/municipal-staff/141003/scan-01".to_owned(),
        action: "request".to_owned(),
        subject: "GET /scans/{scan}".to_owned(),
        outcome: "ok".to_owned(),
        detail: number.to_string(),
    }
}

fn open(path: &Path, reserve_bytes: u64) -> Ledger {
    let config = LedgerConfig { reserve_bytes, ..LedgerConfig::default() };
    Ledger::open(path, &key(), config, Arc::new(SystemClock)).unwrap()
}

/// The ledger this process plays a part with, if it was started to.
fn part() -> Option<PathBuf> {
    std::env::var_os(PART).map(PathBuf::from)
}

/// This program with one test only.
fn played(test: &str) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    [&program, "--exact", test, "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

/// The part: tells every number after the ledger took it, until it is killed.
#[test]
fn plays_a_gateway_that_will_be_killed() {
    let Some(path) = part() else { return };
    let ledger = open(&path, 4096);
    let mut output = std::io::stdout().lock();
    for number in 0.. {
        if ledger.admit().is_err() {
            // A disk that hesitates: nobody is let in, nothing is told.
            std::thread::park_timeout(Duration::from_millis(10));
            continue;
        }
        ledger.append(SystemClock.now(), fact(number)).unwrap();
        // A gateway that is asked now and then, so that every moment has its entry.
        writeln!(output, "told {number}").unwrap();
        output.flush().unwrap();
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_process_loses_nothing_older_than_a_second_and_the_torn_end_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let command = played("plays_a_gateway_that_will_be_killed");
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env(PART, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = Instant::now();
    while started.elapsed() < LIFE || told.len() < LINES_MIN {
        assert!(started.elapsed() < DEADLINE, "{} lines only", told.len());
        let line = lines.next().expect("it lives").unwrap();
        told.extend(number_of(&line).map(|number| (number, Instant::now())));
    }
    child.kill().unwrap();
    let killed = Instant::now();
    child.wait().unwrap();
    // What it told before it died and we had not heard yet is not older.
    told.extend(lines.map_while(Result::ok).filter_map(|line| Some((number_of(&line)?, killed))));

    let whole = verify_with(&path, &key(), &[], Timestamp(0)).unwrap();
    let kept: BTreeSet<u64> = entries(&path)
        .unwrap()
        .map_while(Result::ok)
        .map(|entry| entry.fact.detail.parse().unwrap())
        .collect();
    assert_eq!(kept.len() as u64, whole.entries);
    let lost: Vec<_> = told.iter().filter(|(number, _)| !kept.contains(number)).collect();
    let oldest = lost.iter().map(|(_, at)| killed.duration_since(*at)).max().unwrap_or_default();
    println!(
        "{} told, {} lost, the oldest {} ms before",
        told.len(),
        lost.len(),
        oldest.as_millis()
    );
    assert!(oldest <= LAST, "lost: {lost:?}");

    // A power cut may leave half a line.
    let torn = b"{\"sequence\":12345,\"at\":17";
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
    let verified = verify_with(&path, &key(), &[], Timestamp(0)).unwrap();
    let there = whole.torn_bytes + torn.len() as u64;
    assert_eq!((verified.entries, verified.torn_bytes), (whole.entries, there));
    drop(open(&path, 4096));
    let told_last = entries(&path).unwrap().last().unwrap().unwrap().fact;
    assert_eq!((&*told_last.subject, told_last.detail), ("torn", format!("bytes={there}")));
    assert_eq!(verify(&path, &key()).unwrap(), whole.entries + 1, "the chain goes on after it");
}

fn number_of(line: &str) -> Option<u64> {
    // The harness may have begun the first line.
    line.rsplit_once("told ")?.1.parse().ok()
}

/// Fills the disk until nobody is let in any more; answers why, and how many entries were taken.
fn fill(ledger: &Ledger) -> (Closed, u64) {
    let started = Instant::now();
    for number in 0.. {
        match ledger.admit() {
            Ok(()) => {}
            // For a moment: the disk hesitates, or we are faster than it.
            Err(Closed::SyncLate | Closed::QueueFull) => {
                std::thread::park_timeout(Duration::from_millis(10));
                continue;
            }
            Err(closed) => return (closed, number),
        }
        ledger.append(SystemClock.now(), fact(number)).unwrap();
        if number % 50 == 49 {
            // Less than the disk has room for is written at once.
            std::thread::park_timeout(Duration::from_millis(25));
        }
        assert!(started.elapsed() < DEADLINE, "the disk is never full");
    }
    unreachable!("a disk has an end");
}

/// The part: may write small files only, as if the disk had no more room.
#[test]
fn plays_a_gateway_without_room() {
    let Some(path) = part() else { return };
    let ledger = open(&path, 4096);
    let (closed, taken) = fill(&ledger);
    println!("closed {} after {taken}", closed.code());
    ledger.close();
}

/// The limit on a file's size holds everywhere, without any right: what is beyond cannot be written.
#[test]
fn a_ledger_that_has_no_room_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.jsonl");
    let limit = "trap '' XFSZ; ulimit -f 128; exec \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limit, "sh"])
        .args(played("plays_a_gateway_without_room"))
        .env(PART, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("closed write-failed after"), "{output:?}");
    let size = fs::metadata(&path).unwrap().len();
    assert!((1..=256 * 1024).contains(&size), "{size} bytes");
    let kept = verify(&path, &key()).unwrap();
    assert!(kept > 0, "what was written before holds");
    // With room again it goes on where it was.
    let ledger = open(&path, 4096);
    ledger.admit().unwrap();
    ledger.append(SystemClock.now(), fact(0)).unwrap();
    drop(ledger);
    assert_eq!(verify(&path, &key()).unwrap(), kept + 1);
}

/// The part: on a disk of one megabyte, of which somebody else has taken a part.
#[test]
fn plays_a_gateway_on_a_full_disk() {
    let Some(path) = part() else { return };
    let filler = path.with_file_name("filler");
    fs::write(&filler, vec![0; 256 * 1024]).unwrap();
    let ledger = open(&path, 64 * 1024);
    let (closed, taken) = fill(&ledger);
    println!("closed {} after {taken}", closed.code());
    assert_eq!(ledger.admit(), Err(closed));
    fs::remove_file(filler).unwrap();
    let started = Instant::now();
    while ledger.closed().is_some() {
        assert!(started.elapsed() < DEADLINE, "it does not open again");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    ledger.append(SystemClock.now(), fact(u64::MAX)).unwrap();
    ledger.close();
    verify(&path, &key()).unwrap();
    let own: Vec<String> = entries(&path)
        .unwrap()
        .map(|entry| entry.unwrap().fact)
        .filter(|fact| fact.action == "ledger")
        .map(|fact| format!("{} {}", fact.subject, fact.outcome))
        .collect();
    assert_eq!(own, ["closed disk-full", "opened disk-full"]);
    println!("opened and whole");
}

#[test]
fn a_full_disk_lets_nobody_in_until_there_is_room_and_the_ledger_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        "mount -t tmpfs -o size=1m none \"$0\" || { echo no-mount; exit 0; }; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["sh", "-c", mounted]).arg(folder.path());
    command.args(played("plays_a_gateway_on_a_full_disk"));
    command.env(PART, folder.path().join("ledger.jsonl"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    if said.contains("no-mount") || complaint.contains("unshare") {
        println!("SKIPPED: no file system may be mounted here; the limit on file sizes was tried");
        return;
    }
    assert!(output.status.success(), "{output:?}");
    assert!(said.contains("closed disk-full after") && said.contains("opened and whole"), "{said}");
}
