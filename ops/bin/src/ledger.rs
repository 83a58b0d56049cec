//! `kakehashi audit`: verifies every audit chain, anchors the gateway's, and shows its entries.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use kakehashi_contract::{AuditEntry, AuditKey};
use kakehashi_edge::ledger::{Verified, entries, read_anchors, verify_with};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::runtime::{KeyFolder, SystemClock, load_config};

use crate::{
    compose::{Components, Roles},
    config::Config,
};

/// Looks at the audit trail.
#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Verifies every chain: finds any entry changed, removed or moved
    Verify {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Anchors of the gateway's ledger, kept elsewhere: finds a ledger that was rolled back
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Prints where the gateway's ledger stands, sealed, as one line to keep elsewhere
    Anchor {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Print the ends of the closed segments too: what verification needs after they are taken away
        #[arg(long)]
        segments: bool,
        /// Anchors kept before, to verify against
        #[arg(long)]
        anchor: Option<PathBuf>,
    },
    /// Shows entries of the gateway's ledger, without verifying them
    Show(ShowArgs),
}

/// Which entries are shown.
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// From this instant on: 2026-11-23T09:00:00+09:00
    #[arg(long)]
    since: Option<Timestamp>,
    /// Of this organisation only
    #[arg(long)]
    organisation: Option<String>,
    /// Of this request only
    #[arg(long)]
    request: Option<String>,
    /// Entries at most
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// CSV for Excel (UTF-8 with BOM) in place of JSON lines
    #[arg(long)]
    csv: bool,
}

pub(crate) async fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify { config, anchor } => run_verify(&config, anchor.as_deref()).await,
        AuditCommand::Anchor { config, segments, anchor } => {
            print_anchor(&config, segments, anchor.as_deref())
        }
        AuditCommand::Show(args) => show(&args),
    }
}

async fn run_verify(path: &Path, anchors: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(path)?;
    config.expect_data()?;
    let components = Components::open(&config, Roles::ALL).await?;
    let mut is_whole = true;
    for (chain, verdict) in verify_all(&config, &components, anchors).await? {
        match verdict {
            Ok(entries) => println!("{chain}: {entries} entries, unbroken"),
            Err(error) => {
                is_whole = false;
                println!("{chain}: BROKEN: {error:#}");
            }
        }
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies each chain: the number of entries, or where it fails.
pub(crate) async fn verify(
    config: &Config,
    components: &Components,
) -> anyhow::Result<Vec<(&'static str, anyhow::Result<u64>)>> {
    verify_all(config, components, None).await
}

async fn verify_all(
    config: &Config,
    components: &Components,
    anchors: Option<&Path>,
) -> anyhow::Result<Vec<(&'static str, anyhow::Result<u64>)>> {
    let key = components.keys.audit("gateway")?;
    let (copy, anchors) = (config.clone(), anchors.map(Path::to_owned));
    let gateway = tokio::task::spawn_blocking(move || {
        let is_there = copy.gateway.audit.exists() || anchors.is_some();
        if is_there { verify_ledger(&copy, &key, anchors.as_deref()) } else { Ok(None) }
    })
    .await
    .context("verification did not finish")?;
    let entries = gateway.map(|found| found.map_or(0, |found| found.entries));
    let mut verdicts = vec![("gateway", entries)];
    for store in &components.stores {
        let verdict = store.audit.verify(&store.database).await;
        verdicts.push((store.name, verdict.map_err(Into::into)));
    }
    Ok(verdicts)
}

/// Verifies the gateway's ledger against the anchors of the configuration and those given.
fn verify_ledger(
    config: &Config,
    key: &AuditKey,
    given: Option<&Path>,
) -> anyhow::Result<Option<Verified>> {
    let mut anchors = Vec::new();
    for path in config.gateway.ledger.anchors.as_deref().into_iter().chain(given) {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the anchors {}", path.display()))?;
        anchors.extend(read_anchors(&text, key)?);
    }
    let now = SystemClock.now();
    let verified = verify_with(&config.gateway.audit, key, &anchors, now)?;
    if verified.torn_bytes > 0 {
        eprintln!(
            "gateway: {} bytes after the last entry are none: torn by a crash, or being written just now. \
             The gateway cuts them when it starts, and says so in the ledger",
            verified.torn_bytes
        );
    }
    Ok(Some(verified))
}

fn print_anchor(path: &Path, segments: bool, given: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(path)?;
    let key = KeyFolder::new(&config.folders.keys).load("audit-gateway")?;
    let key = AuditKey::new(*key.expose());
    let found = verify_ledger(&config, &key, given)?.context("there is no ledger")?;
    if segments {
        for anchor in &found.segment_anchors {
            println!("{}", serde_json::to_string(anchor)?);
        }
    }
    println!("{}", serde_json::to_string(&found.anchor)?);
    Ok(ExitCode::SUCCESS)
}

/// The columns of the CSV, and where each comes from: a field of the entry, or a word of its detail.
const WORDS: [&str; 9] =
    ["request", "peer", "certificate", "serial", "tls", "status", "in", "out", "ms"];

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(&args.config)?;
    let mut output = std::io::stdout().lock();
    if args.csv {
        let head = "sequence,at,at_japan,actor,action,subject,outcome";
        write!(output, "\u{feff}{head},{},detail\r\n", WORDS.join(","))?;
    }
    let mut left = args.limit;
    for entry in entries(&config.gateway.audit).context("cannot read the ledger")? {
        let entry = entry.context("cannot read the ledger")?;
        if !args.wants(&entry) {
            continue;
        }
        if left == 0 {
            eprintln!("kakehashi: there are more than --limit {} entries", args.limit);
            break;
        }
        left -= 1;
        if args.csv {
            write!(output, "{}\r\n", csv_line(&entry))?;
        } else {
            writeln!(output, "{}", serde_json::to_string(&entry)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl ShowArgs {
    fn wants(&self, entry: &AuditEntry) -> bool {
        let organisation = entry.fact.actor.split('/').nth(2);
        self.since.is_none_or(|since| entry.at >= since)
            && self.organisation.as_deref().is_none_or(|wanted| organisation == Some(wanted))
            && self.request.as_deref().is_none_or(|id| word(&entry.fact.detail, "request") == id)
    }
}

fn csv_line(entry: &AuditEntry) -> String {
    let fact = &entry.fact;
    let mut fields = vec![
        entry.sequence.to_string(),
        entry.at.to_string(),
        entry.at.display_japan(),
        fact.actor.clone(),
        fact.action.clone(),
        fact.subject.clone(),
        fact.outcome.clone(),
    ];
    fields.extend(WORDS.iter().map(|name| word(&fact.detail, name).to_owned()));
    fields.push(fact.detail.clone());
    let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    quoted.join(",")
}

/// Quotes a field. One that a spreadsheet would take for a formula becomes text.
fn quote(field: &str) -> String {
    let mark = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{mark}{}\"", field.replace('"', "\"\""))
}

fn word<'a>(detail: &'a str, name: &str) -> &'a str {
    let value = |word: &'a str| word.strip_prefix(name)?.strip_prefix('=');
    detail.split(' ').find_map(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use kakehashi_contract::AuditFact;
    use kakehashi_kernel::Sha256Digest;

    use super::*;

    fn entry() -> AuditEntry {
        AuditEntry {
            sequence: 7,
            at: Timestamp(1_795_359_600_000),
            fact: AuditFact {
                actor: "municipal/municipal-staff/141003/scan-01".to_owned(),
                action: "request".to_owned(),
                subject: "GET /scans/{scan}".to_owned(),
                outcome: "ok".to_owned(),
                detail: "request=abc peer=192.0.2.1:5 in=1 out=2 ms=3".to_owned(),
            },
            digest: Sha256Digest::of(b""),
        }
    }

    #[test]
    fn an_entry_is_found_by_time_organisation_and_request() {
        let all = ShowArgs {
            config: PathBuf::new(),
            since: None,
            organisation: None,
            request: None,
            limit: 1,
            csv: false,
        };
        let check = |args: ShowArgs, wants| assert_eq!(args.wants(&entry()), wants);
        let since = |at| ShowArgs {
            since: Some(Timestamp(at)),
            config: PathBuf::new(),
            organisation: None,
            request: None,
            limit: 1,
            csv: false,
        };
        check(since(1_795_359_600_000), true);
        check(since(1_795_359_600_001), false);
        check(all, true);
        for (organisation, request, wants) in [
            (Some("141003"), None, true),
            (Some("14100"), None, false),
            (None, Some("abc"), true),
            (None, Some("ab"), false),
            (Some("141003"), Some("other"), false),
        ] {
            let args = ShowArgs {
                organisation: organisation.map(str::to_owned),
                request: request.map(str::to_owned),
                ..since(0)
            };
            check(args, wants);
        }
    }

    #[test]
    fn a_line_of_csv_has_every_column_and_no_formula() {
        let line = csv_line(&entry());
        assert_eq!(line.matches("\",\"").count(), 7 + WORDS.len());
        assert!(line.contains("\"2026-11-23 00:00:00\",\"municipal/"), "{line}");
        assert!(
            line.contains("\"abc\",\"192.0.2.1:5\",\"\",\"\",\"\",\"\",\"1\",\"2\",\"3\""),
            "{line}"
        );
        assert_eq!(quote("=1+\"1\""), "\"'=1+\"\"1\"\"\"");
    }
}
