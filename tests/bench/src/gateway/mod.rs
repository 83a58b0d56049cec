//! The gateway beside nginx and `HAProxy`: same certificates, same upstream, same load, in alternation.
//!
//! The program plays three parts in processes of their own: the bench (which starts and stops all others
//! and prints the figures), the upstream, and the load tool. Nothing here knows the gateway's insides: it
//! is started as operators start it, `kakehashi serve --role gateway`, with a configuration of its own.

mod ground;
mod load;
mod measure;
mod peer;
mod process;
mod report;
mod soak;
mod upstream;

#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::{ground::Ground, peer::Peer, report::Report};

#[derive(Debug, Parser)]
#[command(name = "gateway", about = "Measures the gateway beside nginx and HAProxy")]
struct Cli {
    #[command(subcommand)]
    part_played: Option<PartPlayed>,
    #[command(flatten)]
    options: Options,
}

/// What this process is, other than the bench itself.
#[derive(Debug, Subcommand)]
enum PartPlayed {
    /// The component behind every gateway
    #[command(hide = true)]
    Upstream {
        /// The folder of the certificates
        #[arg(long)]
        certificates: PathBuf,
    },
    /// The load tool
    #[command(hide = true)]
    Load(load::LoadArgs),
}

/// Options of the bench.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Passed by cargo.
    #[arg(long, hide = true)]
    bench: bool,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Run only these gateways
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ours,nginx,haproxy")]
    peers: Vec<Peer>,
    /// Measurements of each figure and gateway, in alternation; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of one measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Connections of the idle and slow crowds
    #[arg(long, default_value_t = 5_000)]
    crowd: usize,
    /// Neither access log nor client certificate header in the peers
    #[arg(long)]
    bare_peers: bool,
    /// Instead of all else: steady mixed load for so many seconds on ours, memory and p99 by the minute
    #[arg(long)]
    soak: Option<u64>,
    /// The program, if not the one beside this bench
    #[arg(long)]
    program: Option<PathBuf>,
    /// Keep the folder with configurations and logs
    #[arg(long)]
    keep: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Keep-alive requests on HTTP/1.1: small, 64 KB answers, 64 KB requests
    Http1,
    /// The same on HTTP/2
    Http2,
    /// Full mutual handshakes
    Handshake,
    /// p50 and p99 at half the peak rate
    Latency,
    /// Large uploads and downloads
    Transfer,
    /// Memory of idle connections, and what is kept after them
    Idle,
    /// A good client beside thousands of slow ones
    Slow,
}

impl Options {
    fn measures(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    const fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// Plays the part the command line names.
///
/// # Errors
///
/// When nginx or `HAProxy` is not there, a process does not start, or a request fails that must not.
pub fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.part_played {
        Some(PartPlayed::Upstream { certificates }) => upstream::run(&certificates),
        Some(PartPlayed::Load(args)) => load::run(&args),
        None => bench(&cli.options),
    }
}

fn bench(options: &Options) -> anyhow::Result<()> {
    raise_descriptors()?;
    let ground = Ground::lay(options)?;
    if let Some(seconds) = options.soak {
        return soak::run(&ground, Duration::from_secs(seconds));
    }
    let mut report = Report::new(options.peers.clone());
    measure::all(&ground, options, &mut report)?;
    report.print()
}

/// Thousands of connections need thousands of descriptors, here and in every child.
fn raise_descriptors() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .context("cannot raise the number of descriptors")
}

/// Loopback with a port the system chooses.
const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
