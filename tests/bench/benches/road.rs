//! What the road costs, beside a peer or a limit in the same run. Only the ratios mean anything.
//!
//! Needs the program (`cargo build --release`) and qpdf (Debian package qpdf).
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kakehashi_kernel::Sha256Digest;
use kakehashi_kit::{Press, filled};
use kakehashi_platform::{
    blobs::{ObjectFolder, StagedObject},
    runtime::SystemEntropy,
};
use kakehashi_seal::{Key, open_object, seal_object};

const SCANS: u32 = 12;
const ROUNDS: usize = 7;

fn main() -> anyhow::Result<()> {
    let mut press = Press::new();
    let scans = (0..SCANS)
        .map(|index| Ok(press.scan(&filled(7, index))?))
        .collect::<anyhow::Result<Vec<_>>>()?;
    println!("{:<34} {:>12} {:>12} {:>8}", "what (median of rounds)", "ours", "beside", "ratio");
    sealing(&scans)?;
    receiving(&scans)?;
    inspecting(&scans)
}

/// Seal and open again, beside one SHA-256 of the same bytes.
fn sealing(scans: &[Vec<u8>]) -> anyhow::Result<()> {
    let key = Key::new([7; 32]);
    let ours = median(|| {
        for scan in scans {
            let sealed = seal_object(&key, "original/1", scan, &SystemEntropy);
            ensure!(open_object(&key, "original/1", &sealed)?.len() == scan.len());
        }
        Ok(())
    })?;
    let beside = median(|| {
        for scan in scans {
            std::hint::black_box(Sha256Digest::of(scan));
        }
        Ok(())
    })?;
    report("seal + open / SHA-256", ours, beside);
    Ok(())
}

/// Seal, sync and publish, beside a plain file written, synced and renamed: the limit of the disk.
fn receiving(scans: &[Vec<u8>]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let objects = ObjectFolder::open(folder.path().join("objects"))?;
    let key = Key::new([7; 32]);
    let mut serial = 0;
    let ours = median(|| {
        for scan in scans {
            serial += 1;
            let name = format!("original/{serial}");
            let mut staged = StagedObject::open(&folder.path().join("staging"), &name, &key)?;
            staged.append(scan, &SystemEntropy)?;
            staged.sync()?;
            staged.publish(&objects, &SystemEntropy)?;
        }
        Ok(())
    })?;
    let beside = median(|| {
        for scan in scans {
            serial += 1;
            plain(folder.path(), serial, scan)?;
        }
        Ok(())
    })?;
    report("receive / write + fsync + rename", ours, beside);
    Ok(())
}

fn plain(folder: &Path, serial: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let (temporary, path) = (folder.join("new"), folder.join(serial.to_string()));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    Ok(fs::File::open(folder)?.sync_all()?)
}

/// Sandbox, inspect, rebuild, render every page and read barcodes, beside `qpdf --check` alone.
fn inspecting(scans: &[Vec<u8>]) -> anyhow::Result<()> {
    let program = program()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("scan.pdf");
    let ours = median(|| {
        for scan in scans {
            let mut child = Command::new(&program)
                .arg("inspect")
                .env_clear()
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            child.stdin.take().context("a pipe")?.write_all(scan)?;
            ensure!(child.wait()?.success(), "the inspector failed");
        }
        Ok(())
    })?;
    let beside = median(|| {
        for scan in scans {
            fs::write(&path, scan)?;
            let status = Command::new("qpdf")
                .arg("--check")
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .context("qpdf does not start: install the Debian package qpdf")?;
            ensure!(status.success(), "qpdf refused a scan of the kit");
        }
        Ok(())
    })?;
    report("inspect + render / qpdf --check", ours, beside);
    Ok(())
}

/// The program, beside this bench in the target folder.
fn program() -> anyhow::Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let release = bench.ancestors().nth(2).context("a target folder")?;
    let program = release.join("kakehashi");
    ensure!(program.exists(), "build the program first: cargo build --release");
    Ok(program)
}

fn median(mut work: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        work()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

fn report(what: &str, ours: Duration, beside: Duration) {
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(SCANS);
    println!(
        "{what:<34} {:>9.2} ms {:>9.2} ms {:>8.2}",
        each(ours),
        each(beside),
        ours.as_secs_f64() / beside.as_secs_f64()
    );
}
