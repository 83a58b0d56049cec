//! What is measured, in alternation: one round of every gateway, then the next round.

use std::{path::Path, process::ChildStdin, thread, time::Duration};

use anyhow::{Context, ensure};

use super::{
    Options, Part,
    ground::Ground,
    load::{Figures, GO, Work},
    peer::{Listening, Peer},
    process::{Group, another_of_us, line},
    report::{Goal, Report, What},
    upstream::PAGE_BYTES,
};

/// How long freed memory may take to go back to the system.
const GIVING_BACK: Duration = Duration::from_secs(12);
/// Requests per second of the good client beside the slow crowd.
const GOOD_RATE: f64 = 400.0;
/// How long a load tool may take beyond its measured time.
const GRACE: Duration = Duration::from_mins(2);

/// Measures every part that is asked for.
pub(crate) fn all(ground: &Ground, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let listening = start(ground, options)?;
    let bench = Bench { ground, options, listening };
    if options.measures(Part::Http1) {
        bench.requests(Work::Http1, report)?;
    }
    if options.measures(Part::Http2) {
        bench.requests(Work::Http2, report)?;
    }
    if options.measures(Part::Handshake) {
        bench.handshakes(report)?;
    }
    if options.measures(Part::Latency) {
        bench.latency(report)?;
    }
    if options.measures(Part::Transfer) {
        bench.transfers(report)?;
    }
    drop(bench);
    // Memory is compared from a fresh start.
    for round in 0..options.rounds.min(3) {
        for peer in &options.peers {
            if options.measures(Part::Idle) {
                idle(ground, options, *peer, report).with_context(|| format!("round {round}"))?;
            }
            if options.measures(Part::Slow) {
                slow(ground, options, *peer, report).with_context(|| format!("round {round}"))?;
            }
        }
    }
    Ok(())
}

fn start(ground: &Ground, options: &Options) -> anyhow::Result<Vec<Listening>> {
    let busy = [Part::Http1, Part::Http2, Part::Handshake, Part::Latency, Part::Transfer];
    if !busy.into_iter().any(|part| options.measures(part)) {
        return Ok(Vec::new());
    }
    options.peers.iter().map(|peer| peer.start(ground)).collect()
}

struct Bench<'a> {
    ground: &'a Ground,
    options: &'a Options,
    listening: Vec<Listening>,
}

impl Bench<'_> {
    fn rounds(&self) -> impl Iterator<Item = &Listening> {
        (0..self.options.rounds).flat_map(|_| &self.listening)
    }

    /// Requests a second and processor time of one, by size.
    fn requests(&self, work: Work, report: &mut Report) -> anyhow::Result<()> {
        let h1 = work == Work::Http1;
        let name = if h1 { "HTTP/1.1" } else { "HTTP/2" };
        let sizes = [
            ("small", "/small", 0),
            ("64 KB answer", "/page", 0),
            ("64 KB upload", "/page", PAGE_BYTES),
        ];
        for (size, path, body) in sizes {
            let goal = match (h1, body) {
                (true, 0) if path == "/small" => Goal::TimesBetter(1.2),
                (false, 0) if path == "/small" => Goal::TimesOf(Peer::Haproxy, 1.0),
                _ => Goal::None,
            };
            let speed = What::more(format!("{name} {size}"), "requests/s", goal);
            let cost = What::less(format!("{name} {size}, processor"), "µs/request", Goal::None);
            let p99 = What::less(format!("{name} {size}, p99 at full load"), "µs", Goal::None);
            for at in self.rounds() {
                let connections = if h1 { "32" } else { "4" };
                let body = body.to_string();
                let order = ["--path", path, "--body", &body, "--connections", connections];
                let (figures, cpu) = self.load(at, work, &order)?;
                report.add(&speed, at.peer, figures.done as f64 / figures.seconds);
                report.add(&cost, at.peer, cpu * 1e6 / figures.done as f64);
                report.add(&p99, at.peer, f64::from(figures.p99_us));
            }
        }
        Ok(())
    }

    fn handshakes(&self, report: &mut Report) -> anyhow::Result<()> {
        let speed = What::more("full mutual handshakes", "1/s", Goal::TimesBetter(2.5));
        let cost = What::less("full mutual handshake, processor", "µs", Goal::None);
        for at in self.rounds() {
            let (figures, cpu) = self.load(at, Work::Handshake, &["--connections", "16"])?;
            ensure!(
                figures.failed == 0,
                "{}: {} handshakes failed",
                at.peer.as_str(),
                figures.failed
            );
            report.add(&speed, at.peer, figures.done as f64 / figures.seconds);
            report.add(&cost, at.peer, cpu * 1e6 / figures.done as f64);
        }
        Ok(())
    }

    /// The same rate for all: half of what the better of the others can do.
    fn latency(&self, report: &mut Report) -> anyhow::Result<()> {
        let mut peak = 0.0_f64;
        for at in &self.listening {
            let (figures, _) = self.load(at, Work::Http1, &[])?;
            if at.peer != Peer::Ours || self.listening.len() == 1 {
                peak = peak.max(figures.done as f64 / figures.seconds);
            }
        }
        let rate = (peak / 2.0).to_string();
        let p50 = What::less(format!("p50 at {:.0} requests/s", peak / 2.0), "µs", Goal::None);
        let p99 = What::less("p99 at half the peak rate", "µs", Goal::TimesBetter(1.0));
        for at in self.rounds() {
            let (figures, _) = self.load(at, Work::Http1, &["--rate", &rate])?;
            report.add(&p50, at.peer, f64::from(figures.p50_us));
            report.add(&p99, at.peer, f64::from(figures.p99_us));
        }
        Ok(())
    }

    fn transfers(&self, report: &mut Report) -> anyhow::Result<()> {
        let kinds = [
            ("upload", Work::Upload, "/upload", 1.4),
            ("download", Work::Download, "/download", 1.1),
        ];
        for (name, work, path, times) in kinds {
            let speed = What::more(name, "MB/s", Goal::TimesBetter(times));
            let cost = What::less(format!("{name}, processor"), "ms/MB", Goal::None);
            for at in self.rounds() {
                let (figures, cpu) =
                    self.load(at, work, &["--path", path, "--connections", "4"])?;
                let megabytes = figures.bytes as f64 / 1e6;
                report.add(&speed, at.peer, megabytes / figures.seconds);
                report.add(&cost, at.peer, cpu * 1e3 / megabytes);
            }
        }
        Ok(())
    }

    fn load(&self, at: &Listening, work: Work, more: &[&str]) -> anyhow::Result<(Figures, f64)> {
        load(self.ground, at, work, self.options.length(), more)
    }
}

/// Runs the load tool; answers its figures and the gateway's processor seconds in the measured time.
pub(crate) fn load(
    ground: &Ground,
    at: &Listening,
    work: Work,
    length: Duration,
    more: &[&str],
) -> anyhow::Result<(Figures, f64)> {
    let seconds = length.as_secs().to_string();
    let mut arguments = arguments(&ground.certificates(), at, work);
    arguments.extend(["--seconds".to_owned(), seconds]);
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    let told = || format!("{} against {}", work.as_str(), at.peer.as_str());
    let mut tool = another_of_us(&arguments)?;
    let (_, mut output) = tool.pipes()?;
    let first = line(&mut output).with_context(told)?;
    ensure!(first == GO, "the load tool said {first}");
    let before = at.group.cpu_seconds();
    let figures = line(&mut output).with_context(told)?;
    let cpu = at.group.cpu_seconds() - before;
    tool.wait(length + GRACE)?;
    Ok((serde_json::from_str(&figures)?, cpu))
}

fn arguments(certificates: &Path, at: &Listening, work: Work) -> Vec<String> {
    let words = ["load", work.as_str(), "--address"];
    let mut arguments: Vec<String> = words.map(ToOwned::to_owned).to_vec();
    arguments.push(at.address.to_string());
    arguments.push("--certificates".to_owned());
    arguments.push(certificates.display().to_string());
    arguments
}

/// A crowd that has come. Dropping it sends it home.
struct Crowd {
    _stays_while_open: ChildStdin,
    _tool: Group,
}

/// Gathers a crowd.
fn crowd(ground: &Ground, at: &Listening, work: Work, size: usize) -> anyhow::Result<Crowd> {
    let mut arguments = arguments(&ground.certificates(), at, work);
    arguments.extend(["--connections".to_owned(), size.to_string()]);
    let mut tool = another_of_us(&arguments)?;
    let (stdin, mut output) = tool.pipes()?;
    let said = line(&mut output).with_context(|| format!("a crowd at {}", at.peer.as_str()))?;
    ensure!(said == size.to_string(), "only {said} of {size} came to {}", at.peer.as_str());
    Ok(Crowd { _stays_while_open: stdin, _tool: tool })
}

fn idle(ground: &Ground, options: &Options, peer: Peer, report: &mut Report) -> anyhow::Result<()> {
    let at = peer.start(ground)?;
    let warm = ["--connections", "8"];
    load(ground, &at, Work::Http1, Duration::from_secs(1), &warm)?;
    thread::sleep(Duration::from_secs(1));
    let before = at.group.memory_kib();
    let crowd = crowd(ground, &at, Work::Idle, options.crowd)?;
    thread::sleep(Duration::from_secs(2));
    let peak = at.group.memory_kib();
    drop(crowd);
    thread::sleep(GIVING_BACK);
    let after = at.group.memory_kib();
    let each = (peak - before) / options.crowd as f64;
    let goal = Goal::TimesOf(Peer::Nginx, 1.0);
    report.add(&What::less("memory of an idle connection", "KiB", goal), peer, each);
    report.add(&What::less("memory before the crowd", "MiB", Goal::None), peer, before / 1024.0);
    report.add(&What::less("memory at the peak", "MiB", Goal::None), peer, peak / 1024.0);
    report.add(&What::less("memory after the crowd", "MiB", goal), peer, after / 1024.0);
    let kept = (after - before) / (peak - before) * 100.0;
    report.add(&What::less("of the crowd's memory kept", "%", Goal::None), peer, kept);
    Ok(())
}

/// A good client's p99 alone, and beside a crowd of slow ones.
fn slow(ground: &Ground, options: &Options, peer: Peer, report: &mut Report) -> anyhow::Result<()> {
    let at = peer.start(ground)?;
    let rate = GOOD_RATE.to_string();
    let good = ["--connections", "16", "--rate", &rate];
    let (quiet, _) = load(ground, &at, Work::Http1, options.length(), &good)?;
    let crowd = crowd(ground, &at, Work::Slow, options.crowd)?;
    let (beside, _) = load(ground, &at, Work::Http1, options.length(), &good)?;
    drop(crowd);
    let (quiet, beside) = (f64::from(quiet.p99_us), f64::from(beside.p99_us));
    report.add(&What::less("p99 of a good client, quiet", "µs", Goal::None), peer, quiet);
    report.add(&What::less("p99 beside slow clients", "µs", Goal::None), peer, beside);
    let times = What::less("p99 beside slow clients / quiet", "times", Goal::AtMost(2.0));
    report.add(&times, peer, beside / quiet);
    Ok(())
}
