//! The whole road in one command, and the same command again.

use std::time::Duration;

use kakehashi_e2e::{House, Outcome};

const SCANS: u32 = 24;
const RUN: Duration = Duration::from_mins(4);

#[test]
fn every_scan_arrives_and_nothing_arrives_twice() {
    let house = House::new();
    // Enough mistakes that documents go round again for certain.
    let mistakes = ["--mistakes-permille", "500"];
    let first = Outcome::of(&house.demo(SCANS, 7, &mistakes, RUN));
    first.accounts_for(u64::from(SCANS));
    assert!(first.corrections > 0, "no document went round again: {first:?}");

    let again = Outcome::of(&house.demo(SCANS, 7, &mistakes, RUN));
    assert_eq!(again.scans, first.scans);
    assert_eq!(again.records, first.records);
    assert_eq!(again.corrections, first.corrections);
    assert!(again.audit.verified && again.audit.entries > first.audit.entries, "{again:?}");

    let books = house.books();
    books.must_succeed();
    let books: serde_json::Value = serde_json::from_str(&books.stdout).expect("one JSON object");
    let scans = |of: &str| books[of]["scans"].as_u64();
    assert_eq!(scans("received"), Some(first.scans.received), "{books}");
    assert_eq!(scans("loaded"), Some(first.scans.loaded), "{books}");
    assert_eq!((scans("in_progress"), scans("lost")), (Some(0), Some(0)), "{books}");
    assert_eq!(books["received"]["pages"], books["loaded"]["pages"], "{books}");

    let verified = house.verify_audit();
    verified.must_succeed();
    for chain in ["gateway", "ingest", "converter", "registry"] {
        assert!(verified.stdout.contains(&format!("{chain}: ")), "{}", verified.stdout);
    }
    assert_eq!(verified.stdout.matches("unbroken").count(), 4, "{}", verified.stdout);
}
