//! The ledger: what was tampered with is found, what a crash tore is mended.
#![expect(clippy::unwrap_used, reason = "a test helper may fail the test")]

use std::{fs, path::PathBuf};

use kakehashi_contract::{AuditFact, AuditKey};
use kakehashi_edge::ledger::{Ledger, LedgerBroken, verify};
use kakehashi_kernel::Timestamp;
use tempfile::TempDir;

struct Book {
    _folder: TempDir,
    path: PathBuf,
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

impl Book {
    fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("audit/gateway.jsonl");
        Self { _folder: folder, path }
    }

    async fn of(entries: usize) -> Self {
        let book = Self::empty();
        book.add(entries).await;
        book
    }

    async fn add(&self, entries: usize) {
        let ledger = Ledger::open(&self.path, key()).unwrap();
        for number in 0..entries {
            ledger.append(Timestamp(0), fact(number)).await.unwrap();
        }
        ledger.close();
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
        let opened = Ledger::open(&self.path, key()).map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(opened.err().unwrap_or_else(|| found.clone()), expected);
    }
}

#[tokio::test]
async fn a_ledger_holds() {
    Book::of(0).await.check("0 entries");
    Book::of(5).await.check("5 entries");
}

#[tokio::test]
async fn a_ledger_continues_after_it_was_opened_again() {
    let book = Book::of(3).await;
    book.add(2).await;
    book.check("5 entries");
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    for line in [0, 2, 4] {
        let book = Book::of(5).await;
        book.change(|lines| lines[line] = lines[line].replace("141003", "141004"));
        let sequence = line + 1;
        book.check(&format!(
            "audit entry {sequence} was changed, or an entry before it was removed or moved"
        ));
    }
}

#[tokio::test]
async fn a_removed_entry_is_found_in_the_middle_and_at_the_end() {
    let book = Book::of(5).await;
    book.change(|lines| drop(lines.remove(2)));
    book.check("audit entry 3 was changed, or an entry before it was removed or moved");
    let book = Book::of(5).await;
    book.change(|lines| drop(lines.pop()));
    book.check("the audit ledger ends at entry 4, but at least 5 were written");
    let book = Book::of(5).await;
    fs::remove_file(&book.path).unwrap();
    fs::write(&book.path, "").unwrap();
    book.check("the audit ledger ends at entry 0, but at least 5 were written");
}

#[tokio::test]
async fn swapped_entries_are_found() {
    let book = Book::of(5).await;
    book.change(|lines| lines.swap(1, 2));
    book.check("audit entry 2 was changed, or an entry before it was removed or moved");
}

#[tokio::test]
async fn a_missing_or_forged_head_is_found() {
    let broken = "the head of the audit ledger is missing or was changed";
    let book = Book::of(5).await;
    fs::remove_file(book.head()).unwrap();
    book.check(broken);
    let book = Book::of(5).await;
    book.change(|lines| drop(lines.pop()));
    let head = fs::read_to_string(book.head()).unwrap();
    fs::write(book.head(), head.replace("\"entries\":5", "\"entries\":4")).unwrap();
    book.check(broken);
}

#[tokio::test]
async fn another_key_does_not_verify() {
    let book = Book::of(1).await;
    let found = verify(&book.path, &AuditKey::new([8; 32]));
    assert!(matches!(found, Err(LedgerBroken::Entry { sequence: 1 })), "{found:?}");
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_the_ledger_continues() {
    for torn in ["{\"sequence\":6,\"at\":", "\0\0\0\0\n", "{\"sequence\":6}\n"] {
        let book = Book::of(5).await;
        let whole = fs::read_to_string(&book.path).unwrap();
        fs::write(&book.path, format!("{whole}{torn}")).unwrap();
        assert_eq!(verify(&book.path, &key()).unwrap(), 5, "{torn:?}");
        book.add(1).await;
        assert!(fs::read_to_string(&book.path).unwrap().starts_with(&whole));
        book.check("6 entries");
    }
}

#[tokio::test]
async fn a_torn_entry_that_the_head_knows_is_missed() {
    let book = Book::of(5).await;
    let whole = fs::read_to_string(&book.path).unwrap();
    fs::write(&book.path, &whole[..whole.len() - 10]).unwrap();
    book.check("the audit ledger ends at entry 4, but at least 5 were written");
}

#[tokio::test]
async fn rubbish_before_the_end_is_not_taken_for_a_torn_tail() {
    let book = Book::of(5).await;
    book.change(|lines| lines.insert(2, "rubbish".to_owned()));
    book.check("audit entry 3 was changed, or an entry before it was removed or moved");
}

#[tokio::test]
async fn entries_after_the_head_are_accepted_when_they_follow_from_it() {
    let book = Book::of(3).await;
    let killed = fs::read(book.head()).unwrap();
    book.add(2).await;
    fs::write(book.head(), killed).unwrap();
    book.check("5 entries");
}

#[tokio::test]
async fn a_ledger_has_one_writer() {
    let book = Book::empty();
    let _first = Ledger::open(&book.path, key()).unwrap();
    assert!(matches!(Ledger::open(&book.path, key()), Err(LedgerBroken::InUse)));
}

#[tokio::test]
async fn a_closed_ledger_takes_nothing() {
    let book = Book::empty();
    let ledger = Ledger::open(&book.path, key()).unwrap();
    ledger.note(Timestamp(0), fact(0)).unwrap();
    ledger.close();
    ledger.append(Timestamp(1), fact(1)).await.unwrap_err();
    drop(ledger);
    book.check("1 entries");
}

#[tokio::test]
async fn many_write_at_once() {
    let book = Book::empty();
    let ledger = std::sync::Arc::new(Ledger::open(&book.path, key()).unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..500 {
        let ledger = std::sync::Arc::clone(&ledger);
        writers.spawn(async move { ledger.append(Timestamp(0), fact(number)).await });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    drop(ledger);
    book.check("500 entries");
}
