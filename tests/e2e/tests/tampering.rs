//! `kakehashi audit verify` finds any entry changed, removed or moved, in every chain.

use std::{fs, path::Path, time::Duration};

use kakehashi_e2e::House;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

const SCANS: u32 = 6;
const RUN: Duration = Duration::from_mins(3);

/// What somebody did to a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tampering {
    Nothing,
    OutcomeChanged,
    DigestChanged,
    MiddleRemoved,
    LastRemoved,
    AllRemoved,
    Swapped,
}

impl Tampering {
    const ALL: [Self; 6] = [
        Self::OutcomeChanged,
        Self::DigestChanged,
        Self::MiddleRemoved,
        Self::LastRemoved,
        Self::AllRemoved,
        Self::Swapped,
    ];
}

#[tokio::test]
async fn any_tampering_with_any_chain_is_found_and_the_chain_is_named() {
    let house = House::new();
    house.demo(SCANS, 3, &[], RUN);
    house.verify_audit().must_succeed();
    // The same steps without tampering change nothing: what is found below is what was done.
    for chain in ["ingest", "converter", "registry"] {
        let copy = house.copy();
        tamper_database(&copy.path(&format!("data/{chain}.db")), Tampering::Nothing).await;
        copy.verify_audit().must_succeed();
    }
    for tampering in Tampering::ALL {
        let copy = house.copy();
        tamper_ledger(&copy.path("data/gateway-audit.jsonl"), tampering);
        finds(&copy, "gateway", tampering);
        for chain in ["ingest", "converter", "registry"] {
            let copy = house.copy();
            tamper_database(&copy.path(&format!("data/{chain}.db")), tampering).await;
            finds(&copy, chain, tampering);
        }
    }
}

#[track_caller]
fn finds(house: &House, chain: &str, tampering: Tampering) {
    let found = house.verify_audit();
    let what = format!("{tampering:?} in {chain}:\n{}\n{}", found.stdout, found.stderr);
    assert!(!found.status.success(), "not found: {what}");
    for line in found.stdout.lines() {
        let is_broken = line.contains("BROKEN");
        assert_eq!(is_broken, line.starts_with(&format!("{chain}: ")), "{what}");
    }
    assert_eq!(found.stdout.lines().count(), 4, "{what}");
}

/// Somebody edits the gateway's ledger with a text editor.
fn tamper_ledger(path: &Path, tampering: Tampering) {
    let text = fs::read_to_string(path).expect("the ledger is there");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(lines.len() > 4, "too few entries to tamper with");
    let middle = lines.len() / 2;
    match tampering {
        Tampering::Nothing => {}
        Tampering::OutcomeChanged => {
            let changed = lines[middle].replace("\"outcome\":\"", "\"outcome\":\"x");
            assert_ne!(changed, lines[middle]);
            lines[middle] = changed;
        }
        Tampering::DigestChanged => {
            let (at, other) = digit_of_digest(&lines[middle]);
            lines[middle].replace_range(at..=at, other);
        }
        Tampering::MiddleRemoved => drop(lines.remove(middle)),
        Tampering::LastRemoved => drop(lines.pop()),
        Tampering::AllRemoved => lines.clear(),
        Tampering::Swapped => lines.swap(middle, middle + 1),
    }
    lines.push(String::new());
    let text = lines.join("\n");
    fs::write(path, text).expect("the ledger is written");
}

/// Where an entry's digest begins, and a digit that is not there.
fn digit_of_digest(line: &str) -> (usize, &'static str) {
    let key = "\"digest\":\"";
    let at = line.find(key).expect("an entry has a digest") + key.len();
    (at, if &line[at..=at] == "0" { "1" } else { "0" })
}

/// Somebody edits a component's database with a database client.
async fn tamper_database(path: &Path, tampering: Tampering) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut database = options.connect().await.expect("the database opens");
    let entries: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit_entry")
        .fetch_one(&mut database)
        .await
        .expect("the chain can be counted");
    assert!(entries > 4, "too few entries to tamper with in {}", path.display());
    let (middle, last) = (entries / 2, entries);
    match tampering {
        Tampering::Nothing => {}
        Tampering::OutcomeChanged => {
            edit(
                &mut database,
                "UPDATE audit_entry SET outcome = outcome || 'x' WHERE sequence = $1",
                middle,
            )
            .await;
        }
        Tampering::DigestChanged => {
            let sql = "UPDATE audit_entry SET digest =
                       (SELECT digest FROM audit_entry WHERE sequence = 1) WHERE sequence = $1";
            edit(&mut database, sql, middle).await;
        }
        Tampering::MiddleRemoved => {
            edit(&mut database, "DELETE FROM audit_entry WHERE sequence = $1", middle).await;
        }
        Tampering::LastRemoved => {
            edit(&mut database, "DELETE FROM audit_entry WHERE sequence = $1", last).await;
        }
        Tampering::AllRemoved => {
            edit(&mut database, "DELETE FROM audit_entry WHERE sequence > $1", 0).await;
        }
        Tampering::Swapped => {
            for sql in [
                "UPDATE audit_entry SET sequence = -1 WHERE sequence = $1",
                "UPDATE audit_entry SET sequence = $1 WHERE sequence = $1 + 1",
                "UPDATE audit_entry SET sequence = $1 + 1 WHERE sequence = -1",
            ] {
                edit(&mut database, sql, middle).await;
            }
        }
    }
    database.close().await.expect("the database closes");
}

async fn edit(database: &mut SqliteConnection, sql: &'static str, sequence: i64) {
    let done = sqlx::query(sql).bind(sequence).execute(database).await.expect("the edit is made");
    assert!(done.rows_affected() > 0, "nothing was changed: {sql}");
}
