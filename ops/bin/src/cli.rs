//! The command line.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use kakehashi_kernel::FormKey;

use crate::{books, ca, demo, doctor, forms, gateway, ledger, serve};

/// The word that makes this program the inspector.
pub(crate) const INSPECT: &str = "inspect";

#[derive(Parser)]
#[command(name = "kakehashi", version, about = "Kakehashi (架け橋): gateway and intake pipeline")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Sets everything up on this machine and drives scanned forms down the whole road (the default)
    Demo(DemoArgs),
    /// Runs components as configured until SIGTERM or Ctrl-C
    Serve {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// What to run
        #[arg(long, value_enum, default_value = "all")]
        role: RoleArg,
    },
    /// Proves that every scan ever received is accounted for
    Books {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Looks at the audit trail
    Audit {
        #[command(subcommand)]
        command: ledger::AuditCommand,
    },
    /// Asks the running gateway, and tells it: blocks, alerts, suspensions (運用)
    Gateway {
        #[command(subcommand)]
        command: gateway::GatewayCommand,
    },
    /// Runs the certificate authority: issues, renews, revokes (認証局)
    Ca {
        #[command(subcommand)]
        command: ca::CaCommand,
    },
    /// Checks a client's connection to the gateway step by step (接続確認)
    Doctor(doctor::DoctorArgs),
    /// Says which forms there are, and what of them is judged by machine
    Forms {
        #[command(subcommand)]
        command: forms::FormsCommand,
    },
    /// The demo's conversion contractor, a client of its own
    #[command(hide = true)]
    Contractor(demo::contractor::ContractorArgs),
}

/// What a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// Everything in one process
    All,
    /// The gateway
    Gateway,
    /// Receive and examine
    Ingest,
    /// Lots and returns
    Converter,
    /// Entry and records
    Registry,
}

/// Options of the demo.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Run to the end and exit: 0 only if every scan is accounted for and the books balance
    #[arg(long)]
    pub(crate) once: bool,
    /// How many scans the municipality sends
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) scans: u32,
    /// The seed of everything the demo invents (up to seven digits, as printed on the sheets)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=9_999_999))]
    pub(crate) seed: u64,
    /// Print the result as one JSON object on the last line
    #[arg(long)]
    pub(crate) json: bool,
    /// The data folder; a run that was cut short goes on in the same folder
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Remove the data folder first
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Documents of a thousand that the contractor keys with a mistake
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) mistakes_permille: u32,
    /// Which forms are sent, in turn: keys such as `nanbyo/0049-000/2403`, separated by commas
    #[arg(long, value_delimiter = ',', default_value = PARKINSON)]
    pub(crate) forms: Vec<FormKey>,
    /// Plant this text in every personal field, to look for leaks
    #[arg(long, hide = true)]
    pub(crate) marker: Option<String>,
}

/// What the demo sends unless told otherwise: Parkinson's disease.
const PARKINSON: &str = "nanbyo/0006-000/2403";

impl Default for DemoArgs {
    fn default() -> Self {
        Self {
            once: false,
            scans: 24,
            seed: 1,
            json: false,
            data: None,
            fresh: false,
            mistakes_permille: 150,
            forms: PARKINSON.parse().into_iter().collect(),
            marker: None,
        }
    }
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let command = Cli::parse().command.unwrap_or(Command::Demo(DemoArgs::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Demo(args) => demo::run(args).await,
            Command::Serve { config, role } => serve::run(&config, role).await,
            Command::Gateway { command } => gateway::run(&command),
            Command::Books { config, json } => books::run(&config, json).await,
            Command::Audit { command } => ledger::run(command).await,
            Command::Ca { command } => ca::run(command),
            Command::Doctor(args) => doctor::run(args).await,
            Command::Forms { command } => forms::run(&command),
            Command::Contractor(args) => demo::contractor::run(args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
