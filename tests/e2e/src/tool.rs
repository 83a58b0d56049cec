//! Other people's programs as clients of ours: bounded in time, killed when they hang.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// How one of them ended.
#[derive(Debug, Clone)]
pub struct Told {
    /// The exit status.
    pub status: ExitStatus,
    /// Everything it said, standard output first, then errors.
    pub text: String,
}

/// Runs a program with `input` on its standard input; kills it with everything it started and panics
/// after `deadline`.
#[track_caller]
pub fn told(command: &mut Command, input: &str, deadline: Duration) -> Told {
    let mut said = [0; 2].map(|_| tempfile::tempfile().expect("a temporary file"));
    let copy = |file: &File| Stdio::from(file.try_clone().expect("a descriptor"));
    command.stdin(Stdio::piped()).stdout(copy(&said[0])).stderr(copy(&said[1])).process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{} does not start ({error}): ops/test installs it", command.get_program().display())
    });
    // Held open to the end: some clients hang up when their input ends, before the answer is there.
    let mut given = child.stdin.take().expect("standard input is a pipe");
    // Who ends without reading does not want it.
    given.write_all(input.as_bytes()).unwrap_or_default();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child can be waited for") {
            break status;
        }
        if started.elapsed() > deadline {
            kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
            panic!("{command:?} did not end within {} s:\n{}", deadline.as_secs(), read(&mut said));
        }
        std::thread::sleep(crate::POLL);
    };
    Told { status, text: read(&mut said) }
}

fn read(files: &mut [File; 2]) -> String {
    let mut text = Vec::new();
    for file in files {
        file.rewind().expect("a temporary file is rewound");
        file.read_to_end(&mut text).expect("a temporary file is read");
    }
    String::from_utf8_lossy(&text).into_owned()
}
