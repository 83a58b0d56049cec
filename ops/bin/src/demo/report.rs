//! What the run came to: counts, the balance of the books, addresses to look around.

use anyhow::Context;
use kakehashi_contract::{Zone, books::Balance};

use super::doctor::Entered;
use crate::{
    books,
    cli::DemoArgs,
    compose::Running,
    ledger,
    prepare::{DemoAccounts, Prepared},
};

/// What the run came to.
pub(super) struct Outcome {
    balance: Balance,
    scan_records: u64,
    online_records: u64,
    linked: u64,
    corrections: u64,
    audit: Vec<(&'static str, anyhow::Result<u64>)>,
    dead_letters: u64,
    expected_scans: u64,
    expected_online: u64,
    pub(super) seconds: f64,
}

impl Outcome {
    /// Whether every scan is accounted for, the books balance and the audit trail is whole.
    pub(super) fn is_good(&self) -> bool {
        self.balance.holds()
            && self.balance.in_progress.scans == 0
            && self.balance.received.scans == self.expected_scans
            && self.online_records == self.expected_online
            && self.scan_records == self.balance.loaded.scans
            && self.dead_letters == 0
            && self.audit.iter().all(|(_, verdict)| verdict.is_ok())
    }

    fn audit_entries(&self) -> u64 {
        self.audit.iter().filter_map(|(_, verdict)| verdict.as_ref().ok()).sum()
    }
}

/// Counts.
pub(super) async fn count(
    running: &Running,
    args: &DemoArgs,
    entered: Entered,
) -> anyhow::Result<Outcome> {
    let components = &running.components;
    let counts = components.registry()?.counts().await?;
    let (_, dead_letters) = running.queue.depth().await?;
    Ok(Outcome {
        balance: books::of(components).await?,
        scan_records: counts.scan,
        online_records: counts.online,
        linked: counts.linked,
        corrections: components.converter()?.corrections().await?,
        audit: ledger::verify(&running.config, components)
            .await
            .context("audit trail could not be verified")?,
        dead_letters,
        expected_scans: u64::from(args.scans),
        expected_online: entered.forms,
        seconds: 0.0,
    })
}

/// The one JSON object of the last line.
pub(super) fn json(outcome: &Outcome) -> String {
    let balance = &outcome.balance;
    serde_json::json!({
        "scans": {
            "received": balance.received.scans,
            "refused": balance.refused.scans,
            "withdrawn": balance.withdrawn.scans,
            "loaded": balance.loaded.scans,
            "in_progress": balance.in_progress.scans,
            "lost": balance.lost.scans,
        },
        "pages": {
            "received": balance.received.pages,
            "refused": balance.refused.pages,
            "loaded": balance.loaded.pages,
        },
        "records": {
            "scan": outcome.scan_records,
            "online": outcome.online_records,
            "linked": outcome.linked,
        },
        "corrections": outcome.corrections,
        "audit": {
            "entries": outcome.audit_entries(),
            "verified": outcome.audit.iter().all(|(_, verdict)| verdict.is_ok()),
        },
        "balanced": balance.holds(),
        "dead_letters": outcome.dead_letters,
        "seconds": (outcome.seconds * 10.0).round() / 10.0,
    })
    .to_string()
}

/// The table at the end.
pub(super) fn table(outcome: &Outcome) -> String {
    let verdict = if outcome.is_good() {
        "すべての書類の行方が確かめられました / every scan is accounted for"
    } else {
        "帳尻が合いません / THE BOOKS DO NOT BALANCE"
    };
    let audit: Vec<String> = outcome
        .audit
        .iter()
        .map(|(chain, verdict)| match verdict {
            Ok(entries) => format!("{chain} {entries}"),
            Err(error) => format!("{chain} BROKEN ({error:#})"),
        })
        .collect();
    let differences: Vec<String> = outcome
        .balance
        .differences
        .iter()
        .map(|difference| format!("\n{}: {}", difference.scan, difference.what))
        .collect();
    format!(
        "{}{}\n\
         紙からの登録 records from scans   {}\n\
         オンライン登録 online records      {}\n\
         突き合わせ済 linked               {}\n\
         再入力 corrections                {}\n\
         監査記録 audit entries            {}\n\
         所要時間 seconds                  {:.1}\n\
         {verdict}",
        books::table(&outcome.balance),
        differences.concat(),
        outcome.scan_records,
        outcome.online_records,
        outcome.linked,
        outcome.corrections,
        audit.join(", "),
        outcome.seconds,
    )
}

/// Where to look around, and as whom.
pub(super) fn addresses(prepared: &Prepared, running: &Running) {
    let port = |zone| running.addresses.get(&zone).map_or(0, std::net::SocketAddr::port);
    let clients = prepared.root.join("clients");
    let accounts = &prepared.accounts;
    println!(
        "\n見てまわる / look around (import the certificate into the browser first, password {bundle}):\n\
         \n  自治体 municipality   https://localhost:{municipal}/scans      {municipality}\n\
         {indent}sign in for /records: {clerk} / {clerk_password}\n\
         \n  指定医 doctor         https://localhost:{entry}/           {institution}\n\
         {indent}sign in: {doctor} / {doctor_password}\n\
         \n  CA root to trust      {root}\n\
         \n  books   {program} books --config {config}\n  audit   {program} audit verify --config {config}\n\
         \nCtrl-C で終了 / Ctrl-C ends",
        program = std::env::current_exe().unwrap_or_default().display(),
        bundle = prepared.clients.bundle_password.expose(),
        municipal = port(Zone::Municipal),
        entry = port(Zone::Entry),
        municipality = clients.join("municipality.p12").display(),
        institution = clients.join("institution.p12").display(),
        clerk = DemoAccounts::CLERK,
        clerk_password = accounts.clerk_password.expose(),
        doctor = DemoAccounts::DOCTOR,
        doctor_password = accounts.doctor_password.expose(),
        root = prepared.clients.root.display(),
        config = prepared.root.join("kakehashi.toml").display(),
        indent = " ".repeat(24),
    );
}
