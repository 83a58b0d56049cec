//! The ledger: what was tampered with is found, what a crash tore is mended.
#![expect(clippy::unwrap_used, reason = "a test helper may fail the test")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use kakehashi_contract::{AuditFact, AuditKey};
use kakehashi_edge::ledger::{
    Anchor, Ledger, LedgerBroken, LedgerConfig, entries, read_anchors, verify, verify_with,
};
use kakehashi_kernel::{Clock, Timestamp};
use tempfile::TempDir;

const DAY_MS: i64 = 86_400_000;

/// A clock that stands where it was put.
#[derive(Default)]
struct Put(AtomicI64);

impl Clock for Put {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Book {
    _folder: TempDir,
    path: PathBuf,
    config: LedgerConfig,
}

fn key() -> AuditKey {
    AuditKey::new([7; 32])
}

fn fact(number: usize) -> AuditFact {
    AuditFact {
        actor: "municipal/municipal-staff/141003/scan-01".to_owned(),
        action: "request".to_owned(),
        subject: "GET /scans/{scan}".to_owned(),
        outcome: "ok".to_owned(),
        detail: format!("request={number}"),
    }
}

fn anchored(anchors: &[&Anchor]) -> Vec<Anchor> {
    let lines = anchors.iter().map(|anchor| serde_json::to_string(anchor).unwrap() + "\n");
    read_anchors(&lines.collect::<String>(), &key()).unwrap()
}

impl Book {
    fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit/gateway.jsonl");
        let config = LedgerConfig { reserve_bytes: 4096, ..LedgerConfig::default() };
        Self { _folder: folder, path, config }
    }

    fn of(entries: usize) -> Self {
        let book = Self::empty();
        book.add(entries);
        book
    }

    /// A segment for about every three entries.
    fn of_segments(entries: usize) -> Self {
        let mut book = Self::empty();
        book.config.segment_bytes_max = 700;
        for _ in 0..entries.div_ceil(3) {
            book.add(3);
        }
        assert!(book.segments().len() > 3, "{:?}", book.segments());
        book
    }

    fn open(&self) -> Result<Ledger, LedgerBroken> {
        Ledger::open(&self.path, &key(), self.config.clone(), Arc::new(Put::default()))
    }

    fn add(&self, entries: usize) {
        self.add_at(entries, Timestamp(0));
    }

    fn add_at(&self, entries: usize, at: Timestamp) {
        let ledger = self.open().unwrap();
        for number in 0..entries {
            ledger.append(at, fact(number)).unwrap();
        }
        ledger.close();
    }

    /// The closed segments, in order.
    fn segments(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl") && *path != self.path)
            .collect();
        found.sort();
        found
    }

    fn verify_with(&self, anchors: &[Anchor]) -> Result<u64, String> {
        let verified = verify_with(&self.path, &key(), anchors, Timestamp(0));
        verified.map(|found| found.entries).map_err(|error| error.to_string())
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.path).unwrap().lines().map(ToOwned::to_owned).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut lines = self.lines();
        change(&mut lines);
        fs::write(&self.path, lines.join("\n") + "\n").unwrap();
    }

    fn head(&self) -> PathBuf {
        PathBuf::from(format!("{}.head", self.path.display()))
    }

    /// Both the check and the next start must say the same.
    #[track_caller]
    fn check(&self, expected: &str) {
        let found = match verify(&self.path, &key()) {
            Ok(entries) => format!("{entries} entries"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
        let opened = self.open().map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(opened.err().unwrap_or_else(|| found.clone()), expected);
    }
}

#[test]
fn a_ledger_holds() {
    Book::of(0).check("0 entries");
    Book::of(5).check("5 entries");
}

#[test]
fn a_ledger_continues_after_it_was_opened_again() {
    let book = Book::of(3);
    book.add(2);
    book.check("5 entries");
}

#[test]
fn a_changed_entry_is_found() {
    for line in [0, 2, 4] {
        let book = Book::of(5);
        book.change(|lines| lines[line] = lines[line].replace("141003", "141004"));
        let sequence = line + 1;
        book.check(&format!(
            "audit entry {sequence} was changed, or an entry before it was removed or moved"
        ));
    }
}

#[test]
fn a_removed_entry_is_found_in_the_middle_and_at_the_end() {
    let book = Book::of(5);
    book.change(|lines| drop(lines.remove(2)));
    book.check("audit entry 3 was changed, or an entry before it was removed or moved");
    let book = Book::of(5);
    book.change(|lines| drop(lines.pop()));
    book.check("the audit ledger ends at entry 4, but at least 5 were written");
    let book = Book::of(5);
    fs::remove_file(&book.path).unwrap();
    fs::write(&book.path, "").unwrap();
    book.check("the audit ledger ends at entry 0, but at least 5 were written");
}

#[test]
fn swapped_entries_are_found() {
    let book = Book::of(5);
    book.change(|lines| lines.swap(1, 2));
    book.check("audit entry 2 was changed, or an entry before it was removed or moved");
}

#[test]
fn a_missing_or_forged_head_is_found() {
    let broken = "the head of the audit ledger is missing or was changed";
    let book = Book::of(5);
    fs::remove_file(book.head()).unwrap();
    book.check(broken);
    let book = Book::of(5);
    book.change(|lines| drop(lines.pop()));
    let head = fs::read_to_string(book.head()).unwrap();
    fs::write(book.head(), head.replace("\"entries\":5", "\"entries\":4")).unwrap();
    book.check(broken);
}

#[test]
fn another_key_does_not_verify() {
    let book = Book::of(1);
    let found = verify(&book.path, &AuditKey::new([8; 32]));
    assert!(matches!(found, Err(LedgerBroken::Entry { sequence: 1 })), "{found:?}");
}

#[test]
fn a_torn_tail_is_cut_and_the_ledger_continues() {
    for torn in ["{\"sequence\":6,\"at\":", "\0\0\0\0\n", "{\"sequence\":6}\n"] {
        let book = Book::of(5);
        let whole = fs::read_to_string(&book.path).unwrap();
        fs::write(&book.path, format!("{whole}{torn}")).unwrap();
        let verified = verify_with(&book.path, &key(), &[], Timestamp(0)).unwrap();
        assert_eq!((verified.entries, verified.torn_bytes), (5, torn.len() as u64), "{torn:?}");
        book.add(1);
        assert!(fs::read_to_string(&book.path).unwrap().starts_with(&whole));
        // The ledger tells of it, before anything new.
        let told = entries(&book.path).unwrap().nth(5).unwrap().unwrap().fact;
        assert_eq!((&*told.subject, &*told.outcome), ("torn", "cut"), "{told:?}");
        assert_eq!(told.detail, format!("bytes={}", torn.len()));
        book.check("7 entries");
        assert_eq!(verify_with(&book.path, &key(), &[], Timestamp(0)).unwrap().torn_bytes, 0);
    }
}

#[test]
fn a_torn_entry_that_the_head_knows_is_missed() {
    let book = Book::of(5);
    let whole = fs::read_to_string(&book.path).unwrap();
    fs::write(&book.path, &whole[..whole.len() - 10]).unwrap();
    book.check("the audit ledger ends at entry 4, but at least 5 were written");
}

#[test]
fn rubbish_before_the_end_is_not_taken_for_a_torn_tail() {
    let book = Book::of(5);
    book.change(|lines| lines.insert(2, "rubbish".to_owned()));
    book.check("audit entry 3 was changed, or an entry before it was removed or moved");
}

#[test]
fn entries_after_the_head_are_accepted_when_they_follow_from_it() {
    let book = Book::of(3);
    let killed = fs::read(book.head()).unwrap();
    book.add(2);
    fs::write(book.head(), killed).unwrap();
    book.check("5 entries");
}

#[test]
fn a_ledger_has_one_writer() {
    let book = Book::empty();
    let _first = book.open().unwrap();
    assert!(matches!(book.open(), Err(LedgerBroken::InUse)));
}

#[test]
fn a_closed_ledger_takes_nothing() {
    let book = Book::empty();
    let ledger = book.open().unwrap();
    ledger.append(Timestamp(0), fact(0)).unwrap();
    ledger.admit().unwrap();
    ledger.close();
    ledger.admit().unwrap_err();
    ledger.append(Timestamp(1), fact(1)).unwrap_err();
    drop(ledger);
    book.check("1 entries");
}

#[test]
fn many_write_at_once() {
    let book = Book::empty();
    let ledger = book.open().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..500 {
                    ledger.append(Timestamp(0), fact(number)).unwrap();
                }
            });
        }
    });
    drop(ledger);
    book.check("2000 entries");
}

#[test]
fn a_segment_is_closed_when_it_is_full_and_the_chain_goes_on() {
    let book = Book::of_segments(12);
    let segments = book.segments();
    let expected = 12 + segments.len() as u64;
    book.check(&format!("{expected} entries"));
    for segment in &segments {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(segment).unwrap().permissions().mode() & 0o777, 0o400);
    }
    assert!(segments[0].ends_with("gateway.0000000000000001.1970-01-01.jsonl"), "{segments:?}");
    let read: Vec<u64> =
        entries(&book.path).unwrap().map(|entry| entry.unwrap().sequence).collect();
    assert_eq!(read, (1..=expected).collect::<Vec<_>>());
    let head = fs::read_to_string(book.head()).unwrap();
    assert!(head.contains("\"segment\":"), "{head}");
}

#[test]
fn every_day_of_japan_has_its_segment() {
    let book = Book::empty();
    let midnight = 1_795_359_600_000;
    for at in [midnight - 1, midnight, midnight + DAY_MS - 1, midnight + DAY_MS] {
        book.add_at(2, Timestamp(at));
    }
    let named: Vec<String> = book
        .segments()
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().into())
        .collect();
    let expected =
        ["gateway.0000000000000001.2026-11-22.jsonl", "gateway.0000000000000003.2026-11-23.jsonl"];
    assert_eq!(named, expected);
    book.check("10 entries");
}

#[test]
fn a_ledger_of_yesterdays_single_file_is_its_first_segment() {
    let mut book = Book::of(9);
    // Nothing but the file and its head was there.
    for extra in [".lock", ".reserve"] {
        fs::remove_file(format!("{}{extra}", book.path.display())).unwrap();
    }
    let head = fs::read_to_string(book.head()).unwrap().replace(",\"segment\":1", "");
    fs::write(book.head(), head).unwrap();
    book.config.segment_bytes_max = 800;
    book.add(1);
    assert_eq!(book.segments().len(), 1);
    book.check("11 entries");
}

#[test]
fn a_segment_that_was_removed_swapped_copied_or_changed_is_found() {
    let check = |change: fn(&[PathBuf]), expected: &str| {
        let book = Book::of_segments(15);
        change(&book.segments());
        assert_eq!(book.verify_with(&[]).unwrap_err(), expected);
    };
    check(|segments| fs::remove_file(&segments[0]).unwrap(), "audit entries 1 to 3 are missing");
    check(|segments| fs::remove_file(&segments[1]).unwrap(), "audit entries 4 to 6 are missing");
    let swap = |segments: &[PathBuf]| {
        let (one, other) = (fs::read(&segments[1]).unwrap(), fs::read(&segments[2]).unwrap());
        replace(&segments[1], &other);
        replace(&segments[2], &one);
    };
    check(swap, "the audit segment named after entry 4 was swapped or copied");
    let copy = |segments: &[PathBuf]| {
        fs::copy(
            &segments[0],
            segments[0].with_file_name("gateway.0000000000000001.2026-01-01.jsonl"),
        )
        .map(drop)
        .unwrap();
    };
    check(copy, "the audit segment named after entry 1 was swapped or copied");
    let change = |segments: &[PathBuf]| {
        let text = fs::read_to_string(&segments[1]).unwrap().replace("request=1\"", "request=2\"");
        replace(&segments[1], text.as_bytes());
    };
    check(change, "audit entry 6 was changed, or an entry before it was removed or moved");
    let tear = |segments: &[PathBuf]| {
        let bytes = fs::read(&segments[1]).unwrap();
        replace(&segments[1], &bytes[..bytes.len() - 3]);
    };
    check(tear, "audit entry 6 was changed, or an entry before it was removed or moved");
    let begin = |segments: &[PathBuf]| {
        let text = fs::read_to_string(&segments[1]).unwrap();
        replace(&segments[1], text.split_once('\n').unwrap().1.as_bytes());
    };
    check(begin, "the audit segment named after entry 4 was swapped or copied");
}

fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_present_segment_cannot_be_emptied_or_removed() {
    for change in [
        |path: &Path| fs::write(path, "").unwrap(),
        |path: &Path| {
            fs::remove_file(path).unwrap();
        },
    ] {
        let book = Book::of_segments(12);
        let whole = book.verify_with(&[]).unwrap();
        change(&book.path);
        let said = book.verify_with(&[]).unwrap_err();
        assert!(said.contains(&format!("but at least {whole} were written")), "{said}");
        assert_eq!(book.open().unwrap_err().to_string(), said);
    }
}

#[test]
fn a_start_does_not_read_old_segments_but_says_what_is_found_broken_behind_it() {
    let book = Book::of_segments(15);
    replace(&book.segments()[1], b"rubbish\n");
    let ledger = book.open().unwrap();
    ledger.append(Timestamp(0), fact(0)).unwrap();
    let started = std::time::Instant::now();
    while !ledger.figures().is_broken {
        assert!(started.elapsed().as_secs() < 30, "the background verification said nothing");
        std::thread::yield_now();
    }
    assert_eq!(ledger.closed(), None);
}

#[test]
fn a_crash_between_two_segments_is_mended() {
    // After the rename, before the new segment; and before its first line was whole.
    for torn in [None, Some(""), Some("{\"sequence\":5,")] {
        let mut book = Book::of(4);
        fs::rename(
            &book.path,
            book.path.with_file_name("gateway.0000000000000001.1970-01-01.jsonl"),
        )
        .unwrap();
        if let Some(torn) = torn {
            fs::write(&book.path, torn).unwrap();
        }
        assert_eq!(book.verify_with(&[]), Ok(4), "{torn:?}");
        book.config.segment_bytes_max = 800;
        book.add(1);
        // What was torn is told.
        let told = u64::from(torn.is_some_and(|torn| !torn.is_empty()));
        book.check(&format!("{} entries", 6 + told));
    }
}

#[test]
fn a_ledger_rolled_back_together_with_its_head_is_found_by_an_anchor() {
    let book = Book::of(3);
    let (old, head) = (fs::read(&book.path).unwrap(), fs::read(book.head()).unwrap());
    book.add(4);
    let anchor = verify_with(&book.path, &key(), &[], Timestamp(60)).unwrap().anchor;
    let anchors = anchored(&[&anchor]);
    book.add(2);
    assert_eq!(book.verify_with(&anchors), Ok(9));

    fs::write(&book.path, old).unwrap();
    fs::write(book.head(), head).unwrap();
    assert_eq!(book.verify_with(&[]), Ok(3), "nothing in the folder tells");
    let rolled = "the audit ledger was rolled back: it ends at entry 3, but 7 is anchored";
    assert_eq!(book.verify_with(&anchors).unwrap_err(), rolled);
    // Written on, it is long enough again, but it is another chain.
    book.add_at(6, Timestamp(5));
    let other = "the audit ledger does not contain what was anchored at entry 7";
    assert_eq!(book.verify_with(&anchors).unwrap_err(), other);

    let mut book = book;
    let kept = book.path.with_file_name("anchors");
    fs::write(&kept, serde_json::to_string(&anchor).unwrap()).unwrap();
    book.config.anchors = Some(kept);
    assert_eq!(book.open().unwrap_err().to_string(), other);
}

#[test]
fn old_segments_may_go_only_where_an_anchor_ends_them() {
    let book = Book::of_segments(15);
    let whole = verify_with(&book.path, &key(), &[], Timestamp(0)).unwrap();
    let segments = book.segments();
    assert_eq!(whole.segment_anchors.len(), segments.len());
    for segment in &segments[..2] {
        fs::remove_file(segment).unwrap();
    }
    assert!(book.verify_with(&[]).is_err());
    assert!(book.verify_with(&anchored(&[&whole.segment_anchors[0]])).is_err());
    let kept = anchored(&[&whole.segment_anchors[0], &whole.segment_anchors[1], &whole.anchor]);
    let rest = verify_with(&book.path, &key(), &kept, Timestamp(0)).unwrap();
    assert_eq!((rest.entries, rest.first), (whole.entries, whole.segment_anchors[1].sequence + 1));
    assert_eq!(rest.anchors, 2, "one is older than what is here");
    book.add(1);
    assert!(book.verify_with(&kept).is_ok());
}

#[test]
fn a_forged_anchor_is_refused() {
    let book = Book::of(3);
    let anchor = verify_with(&book.path, &key(), &[], Timestamp(0)).unwrap().anchor;
    let text = serde_json::to_string(&anchor).unwrap();
    for forged in [
        text.replace("\"sequence\":3", "\"sequence\":2"),
        text.replace("\"at\":0", "\"at\":1"),
        text.replace("gateway", "ingest"),
        "{}".to_owned(),
    ] {
        assert!(matches!(read_anchors(&forged, &key()), Err(LedgerBroken::Anchor)), "{forged}");
    }
    assert!(matches!(read_anchors(&text, &AuditKey::new([8; 32])), Err(LedgerBroken::Anchor)));
    assert_eq!(read_anchors(&format!("{text}\n\n{text}\n"), &key()).unwrap().len(), 2);
}
