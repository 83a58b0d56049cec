//! Steady mixed load on our gateway alone: memory and p99 by the minute, and whether they grow.
//!
//! Each minute brings handshakes, pages on HTTP/2 and uploads as fast as they go, then small requests at
//! a steady rate, whose p99 counts.

use std::time::{Duration, Instant};

use super::{ground::Ground, load::Work, measure::load, peer::Peer};

/// Requests per second whose p99 counts.
const RATE: &str = "1500";
const BURST: Duration = Duration::from_secs(8);
const STEADY: Duration = Duration::from_secs(30);

pub(crate) fn run(ground: &Ground, length: Duration) -> anyhow::Result<()> {
    let at = Peer::Ours.start(ground)?;
    let started = Instant::now();
    let (mut memory, mut latency) = (Vec::new(), Vec::new());
    println!("{:>8} {:>12} {:>12} {:>10}", "s", "memory MiB", "p99 µs", "p50 µs");
    while started.elapsed() < length {
        load(ground, &at, Work::Handshake, BURST, &["--connections", "16"])?;
        let pages = ["--path", "/page", "--connections", "4"];
        load(ground, &at, Work::Http2, BURST, &pages)?;
        load(ground, &at, Work::Upload, BURST, &["--path", "/upload", "--connections", "4"])?;
        let (figures, _) = load(ground, &at, Work::Http1, STEADY, &["--rate", RATE])?;
        let seconds = started.elapsed().as_secs_f64();
        let mebibytes = at.group.memory_kib() / 1024.0;
        println!("{seconds:>8.0} {mebibytes:>12.1} {:>12} {:>10}", figures.p99_us, figures.p50_us);
        memory.push((seconds / 60.0, mebibytes));
        latency.push((seconds / 60.0, f64::from(figures.p99_us)));
    }
    println!("memory: {:+.3} MiB per minute", slope(&memory));
    println!("p99: {:+.2} µs per minute", slope(&latency));
    Ok(())
}

/// The slope of the line of least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let products: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let squares: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if squares == 0.0 { 0.0 } else { products / squares }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_what_is_gained_per_minute() {
        assert!((slope(&[(1.0, 5.0), (2.0, 7.0), (3.0, 9.0)]) - 2.0).abs() < 1e-9);
        assert!(slope(&[(1.0, 5.0)]).abs() < 1e-9);
    }
}
