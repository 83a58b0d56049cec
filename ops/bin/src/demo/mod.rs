//! The demo: sets everything up in a data folder and drives the main job through the front door, as
//! real clients would, with the right client certificates.
//!
//! It may be killed at any moment and started again on the same folder: everything it does is decided
//! by seed and index, and every step it asks for is idempotent.

pub(crate) mod contractor;
mod doctor;
mod journal;
mod municipality;
mod plan;
mod progress;
mod report;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Instant};

use anyhow::{Context, bail};
use kakehashi_contract::Zone;
use kakehashi_kernel::Sha256Digest;
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls},
    pki::CertificateFiles,
    runtime::{Signals, SystemClock, telemetry},
};

use self::{
    contractor::ContractorProcess, journal::Journal, municipality::Municipality,
    progress::Progress, report::Outcome,
};
use crate::{
    cli::DemoArgs,
    compose::{self, Roles, Running},
    prepare::{self, Prepared},
    serve::DRAIN,
};

/// Runs the demo.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let folder = args.data.clone().unwrap_or_else(|| default_folder(&args));
    if args.fresh && folder.join("kakehashi.toml").exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let progress = Progress::new(args.json);
    progress.say("準備 / preparing: CA、証明書、鍵、データベース …");
    let prepared = prepare::prepare(&folder)?;
    telemetry::start_to_file(&prepared.config.log.filter, &prepared.root.join("kakehashi.log"))?;
    let mut config = prepared.config.clone();
    for listener in &mut config.gateway.listeners {
        // Runs may stand side by side: then every listener takes a free port.
        if args.once || std::net::TcpListener::bind(listener.address).is_err() {
            listener.address.set_port(0);
        }
    }
    let running = Arc::new(compose::start(config, Roles::ALL).await?);
    doctor::ensure_accounts(&running, &prepared).await?;

    let mut signals = Signals::listen()?;
    let journey = tokio::select! {
        outcome = journey(&args, &prepared, &running, &progress) => Some(outcome),
        () = running.shutdown.signalled(&mut signals) => None,
    };
    let mut outcome = match journey {
        None => {
            progress.say("中断しました。同じコマンドで続きから始まります。");
            running.stop(DRAIN).await;
            return Ok(ExitCode::FAILURE);
        }
        Some(result) => result?,
    };
    outcome.seconds = started.elapsed().as_secs_f64();
    if args.json {
        eprintln!("{}", report::table(&outcome));
        if !args.once {
            report::addresses(&prepared, &running);
        }
        println!("{}", report::json(&outcome));
    } else {
        println!("{}", report::table(&outcome));
        if !args.once {
            report::addresses(&prepared, &running);
        }
    }
    if !args.once {
        running.shutdown.signalled(&mut signals).await;
        progress.say("終了しています / draining …");
    }
    let is_drained = running.stop(DRAIN).await;
    Ok(if outcome.is_good() && is_drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One folder per seed, size and choice of forms, so that one run's books are not mixed with another's.
fn default_folder(args: &DemoArgs) -> PathBuf {
    let run = format!("seed-{}-scans-{}", args.seed, args.scans);
    let keys: Vec<String> = args.forms.iter().map(ToString::to_string).collect();
    let folder = if args.forms == DemoArgs::default().forms {
        run
    } else {
        let digest = Sha256Digest::of(keys.join(",").as_bytes()).to_string();
        format!("{run}-forms-{}", &digest[..8])
    };
    PathBuf::from("kakehashi-data").join(folder)
}

/// The main job: send, enter, convert, load; then count.
async fn journey(
    args: &DemoArgs,
    prepared: &Prepared,
    running: &Arc<Running>,
    progress: &Progress,
) -> anyhow::Result<Outcome> {
    let mut contractor = ContractorProcess::spawn(args, prepared, running)?;
    let journal = Journal::open(&prepared.root.join("demo-journal.jsonl"), args)?;
    let municipality = Municipality::new(
        client(prepared, &prepared.clients.municipality)?,
        base(running, Zone::Municipal)?,
    );
    let doctor = doctor::Doctor::new(
        client(prepared, &prepared.clients.institution)?,
        base(running, Zone::Entry)?,
    );
    let (sent, entered) = tokio::try_join!(
        municipality::send_all(&municipality, args, journal, progress),
        doctor.enter_all(args, &prepared.accounts, progress),
    )?;
    progress::follow(&municipality, args, &mut contractor, progress).await?;
    contractor.stop().await?;
    if sent.receipts_that_differ > 0 {
        bail!("a scan sent twice got two receipts");
    }
    report::count(running, args, entered).await
}

/// A client of the front door.
fn client(prepared: &Prepared, files: &CertificateFiles) -> anyhow::Result<Client> {
    let tls = ClientTls { client: Some(files.clone()), root: prepared.clients.root.clone() };
    Ok(Client::new(&tls, Arc::new(SystemClock), ClientLimits::default())?)
}

fn base(running: &Running, zone: Zone) -> anyhow::Result<String> {
    let address =
        running.addresses.get(&zone).with_context(|| format!("no listener for {zone}"))?;
    Ok(format!("https://localhost:{}", address.port()))
}
