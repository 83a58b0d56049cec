//! Processes of ours, and what they use, from `/proc`.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// Ticks of a second in `/proc/PID/stat` (`sysconf(_SC_CLK_TCK)`, 100 on every Linux of ours).
const TICKS_PER_SECOND: f64 = 100.0;
/// How long a process may take to end by itself.
const END: Duration = Duration::from_secs(10);

/// A process at the head of a group of its own. Dropping it ends the group.
pub(crate) struct Group {
    child: Child,
    group: Pid,
}

impl Group {
    /// Starts a command.
    pub(crate) fn start(mut command: Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} does not start: is it installed?"))?;
        let group = Pid::from_child(&child);
        Ok(Self { child, group })
    }

    /// Takes the pipes to it.
    pub(crate) fn pipes(&mut self) -> anyhow::Result<(ChildStdin, BufReader<ChildStdout>)> {
        let stdin = self.child.stdin.take().context("its standard input is piped")?;
        let stdout = self.child.stdout.take().context("its standard output is piped")?;
        Ok((stdin, BufReader::new(stdout)))
    }

    /// Fails if it has ended.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("a process ended early: {status}"),
        }
    }

    /// Waits for its end, for at most `deadline`.
    pub(crate) fn wait(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("a process failed: {status}"),
                None if started.elapsed() > deadline => bail!("a process did not end in time"),
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Processor seconds of the whole group so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let ticks = self.members().into_iter().filter_map(|pid| {
            let fields = stat(pid)?;
            // After the command: state is field 3 of proc(5), user and system time are 14 and 15.
            Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
        });
        ticks.sum::<f64>() / TICKS_PER_SECOND
    }

    /// Memory of the whole group in KiB; pages that several share count once.
    pub(crate) fn memory_kib(&self) -> f64 {
        let memory = self.members().into_iter().filter_map(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
        });
        memory.sum()
    }

    fn members(&self) -> Vec<u32> {
        let group = self.group.as_raw_nonzero().get().to_string();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| stat(*pid).is_some_and(|fields| fields.get(2) == Some(&group))).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Gone already is as good as ended.
        kill_process_group(self.group, Signal::TERM).unwrap_or_default();
        let started = Instant::now();
        while started.elapsed() < END && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        kill_process_group(self.group, Signal::KILL).unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// The fields after the command, which stands in parentheses and may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(ToOwned::to_owned).collect())
}

/// Starts this program in another part, with pipes.
pub(crate) fn another_of_us(arguments: &[String]) -> anyhow::Result<Group> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    Group::start(command)
}

/// Reads one line; fails at the end.
pub(crate) fn line(from: &mut BufReader<ChildStdout>) -> anyhow::Result<String> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        bail!("a process ended without an answer");
    }
    Ok(text.trim_end().to_owned())
}
