//! `fuzz TARGET|all SECONDS [SEED]`: a run of one target, or of all in turn; exit code 1 when one panics.
#![expect(clippy::print_stdout, reason = "a command answers on standard output")]

use std::{fs, process::ExitCode, time::Duration};

use anyhow::Context;
use kakehashi_fuzz::{Budget, TARGETS, Target, drive, drive::found_folder, named};

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, seconds, rest @ ..] = &words[..] else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        anyhow::bail!("usage: fuzz TARGET|all SECONDS [SEED]; targets: {}", names.join(" "));
    };
    let seconds: u64 = seconds.parse().context("SECONDS is a number")?;
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse()).context("SEED is a number")?;
    let targets: Vec<&Target> = if name == "all" {
        TARGETS.iter().collect()
    } else {
        vec![named(name).with_context(|| format!("no target {name}"))?]
    };
    let budget = Budget { time: Duration::from_secs(seconds), runs: u64::MAX, seed };
    let mut is_clean = true;
    for target in targets {
        let report = drive(target, budget);
        let slowest = report.slowest.as_millis();
        println!("{}: {} runs, slowest {slowest} ms, {:?}", target.name, report.runs, report.words);
        if let Some(input) = report.crash {
            is_clean = false;
            let folder = found_folder(target);
            fs::create_dir_all(&folder)?;
            let path = folder.join(format!("{seed}-{}.bin", report.runs));
            fs::write(&path, &input)?;
            println!("{}: PANIC, input in {}", target.name, path.display());
        }
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
