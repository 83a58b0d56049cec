//! What a batch costs to read, check, calculate and judge, beside `xmllint --schema --stream` on the same
//! file. Only the ratio means anything.
//!
//! Needs xmllint (Debian package libxml2-utils).
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    fs::{self, File},
    io::BufWriter,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kakehashi_forms::{Catalogue, Edition};
use kakehashi_kernel::Timestamp;
use kakehashi_kit::{FilledForm, definition, filled};
use kakehashi_xml::{
    BatchHeader, BatchReader, BatchWriter, Sent, SentHeader, batch_xsd, write_sent_form,
};

const BATCH_BYTES: usize = 100_000_000;
const DIFFERENT: u32 = 500;
const ROUNDS: usize = 3;
/// How this program is told to be the one that is measured.
const MEASURED: &str = "--examine-batch";
/// The same, reading alone.
const READ_ALONE: &str = "--read-batch";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, path] = &arguments[..]
        && [MEASURED, READ_ALONE].contains(&word.as_str())
    {
        return read(Path::new(path), word == MEASURED);
    }
    let folder = tempfile::tempdir()?;
    let (batch, schema) = (folder.path().join("batch.xml"), folder.path().join("batch.xsd"));
    let forms = write(&batch)?;
    fs::write(&schema, batch_xsd(&[definition()]))?;
    let size = fs::metadata(&batch)?.len();
    println!("{forms} Parkinson forms, {:.1} MB", megabytes(size));
    let mut ours = Vec::new();
    let mut reading = Vec::new();
    let mut beside = Vec::new();
    for _ in 0..ROUNDS {
        // In turn, so that whatever else the machine does hits both.
        ours.push(measure(Command::new(std::env::current_exe()?).arg(MEASURED).arg(&batch))?);
        reading.push(measure(Command::new(std::env::current_exe()?).arg(READ_ALONE).arg(&batch))?);
        let mut xmllint = Command::new("xmllint");
        xmllint.args(["--noout", "--nonet", "--huge", "--stream", "--schema"]);
        beside.push(measure(xmllint.arg(&schema).arg(&batch))?);
    }
    println!(
        "{:<44} {:>9} {:>10} {:>10}",
        "one core, median of rounds", "MB/s", "forms/s", "peak MB"
    );
    let ours = report("ours: read, check, calculate, judge", ours, size, forms);
    report("ours: read alone", reading, size, forms);
    let beside = report("xmllint --schema --stream", beside, size, forms);
    println!("ours / xmllint: {:.2} times as fast", beside.as_secs_f64() / ours.as_secs_f64());
    Ok(())
}

/// Writes the batch; answers how many forms it holds.
fn write(path: &Path) -> anyhow::Result<u32> {
    let filled: Vec<FilledForm> = (0..DIFFERENT).map(|index| filled(7, index)).collect();
    let header = |form: &FilledForm, number: u32| -> anyhow::Result<SentHeader> {
        let reference = format!("2026-{number:08}").parse()?;
        Ok(SentHeader { reference, application: form.application, is_partial: false })
    };
    let sample = filled
        .iter()
        .map(|form| Ok(write_sent_form(definition(), &header(form, 0)?, &form.answers).len()))
        .sum::<anyhow::Result<usize>>()?;
    let count = u32::try_from(BATCH_BYTES / (sample / filled.len()))?;
    let envelope = BatchHeader {
        sender: "1310000123".to_owned(),
        created: Timestamp(1_795_359_600_000),
        tool: "kakehashi-bench".to_owned(),
        tool_version: "1".to_owned(),
        definitions: Edition::builtin().digest,
        count,
    };
    let mut writer = BatchWriter::begin(BufWriter::new(File::create(path)?), &envelope)?;
    for (number, form) in (0..count).zip(filled.iter().cycle()) {
        writer.form(definition(), &header(form, number)?, &form.answers)?;
    }
    writer.finish()?.into_inner()?.sync_all()?;
    Ok(count)
}

/// The work that is measured, in a process of its own.
fn read(path: &Path, is_whole: bool) -> anyhow::Result<()> {
    let catalogue = Catalogue::builtin()?;
    let started = Instant::now();
    let (mut forms, mut findings, mut outcomes) = (0u32, 0usize, 0usize);
    for sent in BatchReader::new(File::open(path)?, &catalogue)? {
        let Sent::Form(form) = sent? else { continue };
        ensure!(form.defects.is_empty(), "the bench wrote a form that does not read");
        let definition = catalogue.definition(form.key).context("a form version")?;
        forms += 1;
        if !is_whole {
            continue;
        }
        let circumstances = definition.circumstances(&form.answers, form.header.application);
        let examined = definition.examine(&form.answers, &circumstances);
        findings += examined.findings.len();
        outcomes += usize::from(examined.judgement.outcome == kakehashi_forms::Outcome::Met);
    }
    std::hint::black_box((findings, outcomes));
    println!("{forms} {} {}", started.elapsed().as_millis(), peak_kilobytes("self")?);
    Ok(())
}

/// Time and peak memory of one run.
struct Run {
    time: Duration,
    peak_kilobytes: u64,
}

/// Runs a program to its end, looking at its memory while it runs. Its time is what it says itself on
/// standard output, if it does (ours does not count the loading of the catalogue).
fn measure(command: &mut Command) -> anyhow::Result<Run> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut peak = watch(&mut child)?;
    let mut time = started.elapsed();
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", said.lines().last().unwrap_or_default());
    let words = String::from_utf8(output.stdout)?;
    if let [_, milliseconds, kilobytes] = &words.split_whitespace().collect::<Vec<_>>()[..] {
        time = Duration::from_millis(milliseconds.parse()?);
        peak = kilobytes.parse()?;
    }
    Ok(Run { time, peak_kilobytes: peak })
}

fn watch(child: &mut Child) -> anyhow::Result<u64> {
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak_kilobytes(&child.id().to_string()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(peak)
}

/// The most memory a process has held, as the kernel tells.
fn peak_kilobytes(process: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn report(what: &str, mut runs: Vec<Run>, bytes: u64, forms: u32) -> Duration {
    runs.sort_by_key(|run| run.time);
    let Run { time, .. } = &runs[runs.len() / 2];
    let peak = runs.iter().map(|run| run.peak_kilobytes).max().unwrap_or_default();
    let seconds = time.as_secs_f64();
    println!(
        "{what:<44} {:>9.1} {:>10.0} {:>10.1}",
        megabytes(bytes) / seconds,
        f64::from(forms) / seconds,
        megabytes(peak * 1024)
    );
    *time
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
