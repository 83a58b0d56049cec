//! A bounded run of one target.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Target, mutate::damaged};

/// Samples that are kept; a new word replaces an old one's input beyond that.
const SAMPLES_MAX: usize = 512;

/// How long to go on.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Time.
    pub time: Duration,
    /// Runs, if that is sooner.
    pub runs: u64,
    /// Where chance begins.
    pub seed: u64,
}

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Inputs tried.
    pub runs: u64,
    /// How often each word was answered.
    pub words: BTreeMap<&'static str, u64>,
    /// The longest time one input took.
    pub slowest: Duration,
    /// The input that made the target panic. Nothing was tried after it.
    pub crash: Option<Vec<u8>>,
}

/// Where inputs lie that once made a target panic.
pub fn found_folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target.name)
}

/// Tries everything found before, the samples, and damaged samples until the budget is spent.
pub fn drive(target: &Target, budget: Budget) -> Report {
    let mut report = Report::default();
    for input in found(target).iter().chain(&(target.samples)()) {
        if try_one(target, input, &mut report).is_none() {
            return report;
        }
    }
    let mut samples = (target.samples)();
    assert!(!samples.is_empty(), "{} has no samples", target.name);
    let mut known: BTreeSet<&'static str> = report.words.keys().copied().collect();
    let mut dice = ChaCha8Rng::seed_from_u64(budget.seed);
    let started = Instant::now();
    while report.runs < budget.runs && started.elapsed() < budget.time {
        let one = dice.random_range(0..samples.len());
        let other = dice.random_range(0..samples.len());
        let input =
            damaged(&samples[one], &samples[other], target.words, target.bytes_max, &mut dice);
        let Some(word) = try_one(target, &input, &mut report) else { return report };
        // A word nobody answered before leads deeper; a word seldom heard may.
        let is_new = known.insert(word);
        if is_new || (report.words[word] < 8 && samples.len() < SAMPLES_MAX) {
            if samples.len() >= SAMPLES_MAX {
                samples.swap_remove(one);
            }
            samples.push(input);
        }
    }
    report
}

/// Answers the word; `None` after a panic.
fn try_one(target: &Target, input: &[u8], report: &mut Report) -> Option<&'static str> {
    report.runs += 1;
    let started = Instant::now();
    let answered = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    report.slowest = report.slowest.max(started.elapsed());
    let Ok(word) = answered else {
        report.crash = Some(input.to_vec());
        return None;
    };
    *report.words.entry(word).or_default() += 1;
    Some(word)
}

fn found(target: &Target) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(found_folder(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}
