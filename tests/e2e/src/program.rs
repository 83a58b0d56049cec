//! The program under test, as separate processes.

use std::{
    ffi::OsStr,
    fs::File,
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{
            fs::FileExt,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{processes, until};

/// Answers where the program lies: built beside the tests, by the command the message names.
#[track_caller]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests lie in target/*/deps");
    let path = folder.join("kakehashi");
    assert!(
        path.is_file(),
        "{} is missing: build it first with `cargo build --release -p kakehashi`",
        path.display()
    );
    path
}

/// A process that runs, at the head of a process group of its own. Dropping it kills the group.
pub struct Started {
    child: Child,
    group: Pid,
    output: File,
    errors: File,
    status: Option<ExitStatus>,
}

/// A process that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

/// Starts the program.
#[track_caller]
pub fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Started {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null());
    start_as(command)
}

/// Starts the program with a socket that listens already, as systemd does.
#[track_caller]
pub fn start_with<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    listener: &TcpListener,
) -> Started {
    let copy = listener.try_clone().expect("a descriptor");
    let mut command = Command::new(program());
    // The first of one descriptor is 0: standard input.
    command.args(arguments).stdin(OwnedFd::from(copy));
    command.env("LISTEN_FDS", "1").env("LISTEN_FDS_FIRST_FD", "0");
    start_as(command)
}

fn start_as(mut command: Command) -> Started {
    let output = tempfile::tempfile().expect("a temporary file");
    let errors = tempfile::tempfile().expect("a temporary file");
    let copy = |file: &File| Stdio::from(file.try_clone().expect("a descriptor"));
    let child = command
        .stdout(copy(&output))
        .stderr(copy(&errors))
        .process_group(0)
        .spawn()
        .expect("the program starts");
    let group = Pid::from_child(&child);
    Started { child, group, output, errors, status: None }
}

/// Runs the program to its end.
#[track_caller]
pub fn run<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    deadline: Duration,
) -> Finished {
    start(arguments).wait(deadline)
}

impl Started {
    /// Waits for the end.
    #[track_caller]
    pub fn wait(mut self, deadline: Duration) -> Finished {
        let started = std::time::Instant::now();
        while self.is_running() && started.elapsed() < deadline {
            std::thread::sleep(crate::POLL);
        }
        let Some(status) = self.status else {
            panic!(
                "the program did not end within {} s; it said:\n{}",
                deadline.as_secs(),
                self.stderr()
            );
        };
        Finished { status, stdout: read(&self.output), stderr: self.stderr() }
    }

    /// Kills the process itself with SIGKILL. What it started must end by itself.
    #[track_caller]
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.status = Some(self.child.wait().expect("our own child can be waited for"));
    }

    /// Whether it was still running when it was killed.
    pub fn was_killed(&self) -> bool {
        self.status.is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()))
    }

    /// Asks it to end, as an operator does (SIGTERM).
    #[track_caller]
    pub fn terminate(&self) {
        kill_process(self.group, Signal::TERM).expect("our own child takes a signal");
    }

    /// Whether it still runs.
    #[track_caller]
    pub fn is_running(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("our own child can be waited for");
        }
        self.status.is_none()
    }

    /// Waits until nothing is left of the process and everything it started.
    #[track_caller]
    pub fn leaves_nobody(&self, deadline: Duration) {
        let mut left = Vec::new();
        let started = std::time::Instant::now();
        while started.elapsed() < deadline {
            left = processes::of_group(self.group);
            if left.is_empty() {
                return;
            }
            std::thread::sleep(crate::POLL);
        }
        panic!("{} s after the end these still run: {left:?}", deadline.as_secs());
    }

    /// Everything written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.errors)
    }

    /// Waits for a text on standard error; panics when the process ends before.
    #[track_caller]
    pub fn says(&mut self, text: &str, deadline: Duration) {
        until(text, deadline, || {
            let is_running = self.is_running();
            let said = self.stderr();
            assert!(is_running || said.contains(text), "ended without saying {text}:\n{said}");
            said.contains(text).then_some(())
        });
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.is_running() || !processes::of_group(self.group).is_empty() {
            // Gone meanwhile is as good as killed.
            kill_process_group(self.group, Signal::KILL).unwrap_or_default();
            self.child.wait().map(drop).unwrap_or_default();
        }
    }
}

impl Finished {
    /// Panics unless the exit code was 0.
    #[track_caller]
    pub fn must_succeed(&self) {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
    }
}

/// Reads from the start without moving the position, which the child shares.
fn read(file: &File) -> String {
    let mut bytes = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        let length = file.read_at(&mut part, bytes.len() as u64).expect("a temporary file is read");
        if length == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        bytes.extend_from_slice(&part[..length]);
    }
}
