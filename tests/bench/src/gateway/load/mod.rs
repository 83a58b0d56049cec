//! The load tool: a client of its own, in a process of its own, that costs as little as it can.
//!
//! It speaks HTTP by writing prepared bytes and reading no more of an answer than it must, over rustls,
//! with one certificate. An answer that is not 200, or empty, counts as failed.

mod crowd;
mod handshake;
pub(crate) mod http1;
pub(crate) mod http2;
pub(crate) mod tls;
mod transfer;

use std::{
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

/// Time between the first request and the measured ones.
const WARM_UP: Duration = Duration::from_millis(500);
/// What the load tool says when measuring begins.
pub(crate) const GO: &str = "go";

/// One task of the load tool.
#[derive(Debug, Clone, Args)]
pub(crate) struct LoadArgs {
    /// What to do
    #[arg(value_enum)]
    pub(crate) work: Work,
    /// Where the gateway listens
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// The folder of the certificates
    #[arg(long)]
    pub(crate) certificates: PathBuf,
    /// Connections at a time
    #[arg(long, default_value_t = 32)]
    pub(crate) connections: usize,
    /// Requests at a time on one HTTP/2 connection
    #[arg(long, default_value_t = 16)]
    pub(crate) streams: usize,
    /// How long
    #[arg(long, default_value_t = 4)]
    pub(crate) seconds: u64,
    /// What is asked for
    #[arg(long, default_value = "/small")]
    pub(crate) path: String,
    /// Bytes of a request's body; 0 asks with GET
    #[arg(long, default_value_t = 0)]
    pub(crate) body: usize,
    /// Requests per second, whether or not answers come; 0 asks as fast as answers come
    #[arg(long, default_value_t = 0.0)]
    pub(crate) rate: f64,
    /// Threads
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
}

/// Kinds of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Keep-alive requests on HTTP/1.1.
    Http1,
    /// Requests multiplexed on HTTP/2.
    Http2,
    /// Full handshakes, one after the other on each connection.
    Handshake,
    /// 256 MiB downloads, one after the other.
    Download,
    /// 256 MiB uploads, one after the other.
    Upload,
    /// Connections that asked once and stay idle until standard input ends.
    Idle,
    /// Connections that send one byte of a request every five seconds until standard input ends.
    Slow,
}

impl Work {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Handshake => "handshake",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Idle => "idle",
            Self::Slow => "slow",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Requests, handshakes or connections that succeeded within the measured time.
    pub(crate) done: u64,
    /// Those that did not.
    pub(crate) failed: u64,
    /// Body bytes moved within the measured time.
    pub(crate) bytes: u64,
    /// The measured time.
    pub(crate) seconds: f64,
    /// Half of the answers were there within so many microseconds.
    pub(crate) p50_us: u32,
    /// 99 of 100.
    pub(crate) p99_us: u32,
}

/// What one thread of the load tool counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) bytes: u64,
    pub(crate) latencies_us: Vec<u32>,
}

impl Tally {
    /// Counts a success that took from `since` to `now`.
    pub(crate) fn succeeded(&mut self, since: Instant, now: Instant, bytes: u64) {
        self.done += 1;
        self.bytes += bytes;
        self.latencies_us.push(u32::try_from((now - since).as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.failed += other.failed;
        self.bytes += other.bytes;
        self.latencies_us.extend_from_slice(&other.latencies_us);
    }

    fn figures(mut self, seconds: f64) -> Figures {
        self.latencies_us.sort_unstable();
        let at = |percent: usize| {
            let last = self.latencies_us.len().saturating_sub(1);
            self.latencies_us.get(last * percent / 100).copied().unwrap_or_default()
        };
        let (p50_us, p99_us) = (at(50), at(99));
        let Self { done, failed, bytes, .. } = self;
        Figures { done, failed, bytes, seconds, p50_us, p99_us }
    }
}

/// When measuring begins and ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl Window {
    /// Answers a window that begins after the warm-up.
    pub(crate) fn opening(length: Duration) -> Self {
        let from = Instant::now() + WARM_UP;
        Self { from, until: from + length }
    }

    /// Whether something that ended `now` is counted.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        self.from <= now && now < self.until
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// What every thread of the load tool knows.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) args: LoadArgs,
    pub(crate) tls: Arc<ClientConfig>,
}

/// Does what is asked, says [`GO`] when measuring begins, and prints the figures as JSON at its end.
pub(crate) fn run(args: &LoadArgs) -> anyhow::Result<()> {
    super::raise_descriptors()?;
    let order =
        Order { tls: Arc::new(tls::client(&args.certificates, args.work)?), args: args.clone() };
    match args.work {
        Work::Idle | Work::Slow => return crowd::run(&order),
        Work::Http1 | Work::Http2 | Work::Handshake | Work::Download | Work::Upload => {}
    }
    let threads = args.threads.clamp(1, args.connections.max(1));
    let barrier = Arc::new(Barrier::new(threads + 1));
    let workers: Vec<_> = (0..threads)
        .map(|index| {
            let (order, barrier) = (order.clone(), Arc::clone(&barrier));
            // The first threads take what does not divide.
            let rest = usize::from(index < order.args.connections % threads);
            let connections = order.args.connections / threads + rest;
            std::thread::spawn(move || work(&order, connections, &barrier))
        })
        .collect();
    barrier.wait();
    std::thread::sleep(WARM_UP);
    say(GO)?;
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(&worker.join().ok().context("a thread of the load tool panicked")??);
    }
    ensure!(tally.done > 0, "nothing succeeded, {} failed", tally.failed);
    let seconds = Duration::from_secs(args.seconds).as_secs_f64();
    say(&serde_json::to_string(&tally.figures(seconds))?)
}

/// One thread: connects, waits for the others, works.
fn work(order: &Order, connections: usize, barrier: &Barrier) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let length = Duration::from_secs(order.args.seconds);
    // Every thread must come to the barrier, also the one that fails.
    match order.args.work {
        Work::Http1 => {
            let ready = runtime.block_on(http1::connect(order, connections));
            barrier.wait();
            runtime.block_on(http1::run(order, ready?, Window::opening(length)))
        }
        Work::Http2 => {
            let ready = runtime.block_on(http2::connect(order, connections));
            barrier.wait();
            runtime.block_on(http2::run(order, ready?, Window::opening(length)))
        }
        Work::Download | Work::Upload => {
            let ready = runtime.block_on(http1::connect(order, connections));
            barrier.wait();
            runtime.block_on(transfer::run(order, ready?, Window::opening(length)))
        }
        Work::Handshake => {
            barrier.wait();
            runtime.block_on(handshake::run(order, connections, Window::opening(length)))
        }
        Work::Idle | Work::Slow => anyhow::bail!("a crowd is one thread"),
    }
}

/// Writes a line that the bench waits for.
fn say(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{text}")?;
    Ok(output.flush()?)
}
