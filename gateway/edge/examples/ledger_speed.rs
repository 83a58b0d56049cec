//! How many entries a second the audit ledger takes: `cargo run --release -p kakehashi-edge --example ledger_speed`.
#![expect(clippy::print_stdout, reason = "an example answers on standard output")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kakehashi_contract::{AuditFact, AuditKey};
use kakehashi_edge::ledger::{Ledger, LedgerConfig, verify};
use kakehashi_kernel::{Clock, Timestamp};

const ENTRIES: usize = 1_000_000;

struct Zero;

impl Clock for Zero {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.jsonl");
    let key = AuditKey::new([7; 32]);
    let config = LedgerConfig { waiting_max: ENTRIES * 2, ..LedgerConfig::default() };
    let ledger = Ledger::open(&path, &key, config, Arc::new(Zero))?;
    let started = Instant::now();
    for number in 0..ENTRIES {
        let fact = AuditFact {
            actor: "municipal/municipal-staff/141003/scan-01".to_owned(),
            action: "request".to_owned(),
            subject: "GET /scans/{scan}".to_owned(),
            outcome: "ok".to_owned(),
            detail: format!(
                "request=00000000-0000-0000-0000-{number:012} peer=192.0.2.1:50000 certificate=\
                 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
                 serial=0a1b2c3d tls=1.3 status=200 in=0 out=65536 ms=12"
            ),
        };
        ledger.append(Timestamp(0), fact)?;
    }
    let taken = started.elapsed();
    ledger.close();
    let written = started.elapsed();
    let started = Instant::now();
    let entries = verify(&path, &key)?;
    let rate = |time: Duration| u128::from(entries) * 1000 / time.as_millis().max(1);
    println!("taken:    {} entries/s", rate(taken));
    println!("written:  {} entries/s, synced", rate(written));
    println!("verified: {} entries/s", rate(started.elapsed()));
    Ok(())
}
