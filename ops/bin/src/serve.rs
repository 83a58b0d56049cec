//! `kakehashi serve`: components as configured, until a signal, then drained.

use std::{path::Path, process::ExitCode, time::Duration};

use kakehashi_platform::runtime::{Signals, load_config, telemetry};

use crate::{
    cli::RoleArg,
    compose::{self, Roles},
    config::Config,
};

/// How long running work may take to end.
pub(crate) const DRAIN: Duration = Duration::from_secs(20);
/// Beyond what its clients are granted, for the gateway to close its ledger.
const CLOSE: Duration = Duration::from_secs(10);

pub(crate) async fn run(path: &Path, role: RoleArg) -> anyhow::Result<ExitCode> {
    let config: Config = load_config(path)?;
    telemetry::start(&config.log.filter, config.log.format);
    let mut signals = Signals::listen()?;
    let running = tokio::select! {
        started = compose::start(config, Roles::of(role)) => started?,
        // Nobody has been answered yet.
        () = signals.wait() => return Ok(ExitCode::SUCCESS),
    };
    running.shutdown.signalled(&mut signals).await;
    tracing::info!("draining");
    let drain = DRAIN.max(running.config.gateway.limits.ending() + CLOSE);
    let is_drained = running.stop(drain).await;
    Ok(if is_drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
