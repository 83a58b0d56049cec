//! The parent side of the sandboxed inspector: starts it, feeds it one PDF, reads its answer.
//!
//! The child is not trusted. It gets an empty environment and three pipes; its time and its output are
//! bounded here too, and an answer is checked before it is believed. What a PDF caused is a
//! [`Refusal`]; what the machine or our own program caused is an [`InspectorFailure`].

use std::{
    ffi::OsString,
    io,
    num::NonZeroUsize,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use kakehashi_ingest_core::inspection::{
    Facts, Refusal,
    frame::{self, Answer, Garbled, Header, Sandbox},
};
use kakehashi_kernel::limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::Semaphore,
    time::timeout,
};

/// The exit code by which the inspector says that it could not lock itself in.
const EXIT_NO_SANDBOX: i32 = 71;
/// Bytes of standard error that are taken and thrown away; it might quote the document.
const NOISE_BYTES_MAX: u64 = 64 * 1024;

/// Starts inspectors, a bounded number at a time.
#[derive(Debug)]
pub struct Inspector {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: InspectorLimits,
    permits: Semaphore,
    is_degradation_told: AtomicBool,
}

/// How long and how much one inspection may take.
#[derive(Debug, Clone, Copy)]
pub struct InspectorLimits {
    /// From start to end of the process.
    pub wall: Duration,
    /// All it may write to standard output.
    pub output_bytes: u64,
}

impl Default for InspectorLimits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(limits::INSPECTION_WALL_SECONDS_MAX),
            output_bytes: limits::INSPECTION_OUTPUT_BYTES_MAX,
        }
    }
}

/// What came of one inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// The PDF is readable. The verdict is not given yet.
    Inspected {
        /// About the PDF as received.
        facts: Facts,
        /// The rebuilt PDF.
        disarmed: Vec<u8>,
        /// The page images, in order.
        pages: Vec<PagePng>,
    },
    /// The PDF is not acceptable, with the facts if there are any.
    Refused(Refusal, Option<Facts>),
}

/// The image of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePng {
    /// 1-based.
    pub number: u32,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The file.
    pub png: Vec<u8>,
}

/// Why an inspection gave no answer. Ours to fix; the scan may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum InspectorFailure {
    /// The program cannot be started.
    #[error("inspector could not be started")]
    Start(#[source] io::Error),
    /// A pipe broke.
    #[error("inspector could not be read")]
    Stream(#[source] io::Error),
    /// Its system call filter could not be installed, so it did not look at the PDF.
    #[error("inspector could not lock itself in")]
    NoSandbox,
    /// It used little CPU but did not end in time.
    #[error("inspector did not end in time")]
    Hung,
    /// It wrote more than it may.
    #[error("inspector wrote more than it may")]
    Flooded,
    /// What it wrote is not an answer.
    #[error("inspector wrote something else than an answer")]
    Garbled(#[from] Garbled),
    /// Something ended it: the system for lack of memory, or its sandbox for a forbidden system call.
    #[error("inspector was ended by signal {signal}")]
    Killed {
        /// The number of the signal.
        signal: i32,
    },
    /// It gave up by itself.
    #[error("inspector ended with exit code {code}")]
    Exited {
        /// The exit code.
        code: i32,
    },
}

impl InspectorFailure {
    /// The stable word to count by.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Stream(_) => "stream",
            Self::NoSandbox => "no-sandbox",
            Self::Hung => "hung",
            Self::Flooded => "flooded",
            Self::Garbled(_) => "garbled",
            Self::Killed { .. } => "killed",
            Self::Exited { .. } => "exited",
        }
    }
}

impl Inspector {
    /// Names the program to start and how many may run at a time.
    ///
    /// `program` is an absolute path: the child has no `PATH`. In the all-in-one program it is the
    /// program itself with the argument `inspect`.
    pub fn new(program: PathBuf, arguments: Vec<OsString>, at_a_time: NonZeroUsize) -> Self {
        Self {
            program,
            arguments,
            limits: InspectorLimits::default(),
            permits: Semaphore::new(at_a_time.get()),
            is_degradation_told: AtomicBool::new(false),
        }
    }

    /// Lowers the limits.
    #[must_use]
    pub fn with_limits(self, lower: InspectorLimits) -> Self {
        let limits = InspectorLimits {
            wall: self.limits.wall.min(lower.wall),
            output_bytes: self.limits.output_bytes.min(lower.output_bytes),
        };
        Self { limits, ..self }
    }

    /// Has one PDF inspected. Waits for a free place first; the time limit starts after that.
    ///
    /// The process is killed when the future is dropped.
    ///
    /// # Errors
    ///
    /// [`InspectorFailure`] when there is no answer and the PDF is not to blame.
    pub async fn inspect(&self, pdf: Vec<u8>) -> Result<Inspection, InspectorFailure> {
        let closed = |_| InspectorFailure::Stream(io::ErrorKind::NotConnected.into());
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let child = self.start().map_err(InspectorFailure::Start)?;
        let ended = timeout(self.limits.wall, self.converse(child, pdf)).await;
        // Dropping the child on the way out kills it.
        let (status, output) = ended.map_err(|_| InspectorFailure::Hung)??;
        if let Some(refusal) = judge_end(status)? {
            return Ok(Inspection::Refused(refusal, None));
        }
        let (header, blobs) = frame::decode(&output)?;
        self.tell_degradation(header.sandbox);
        Ok(unpack(header, &blobs))
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }

    /// Writes and reads at the same time, so that neither side waits for the other, then waits for
    /// the end.
    async fn converse(
        &self,
        mut child: Child,
        pdf: Vec<u8>,
    ) -> Result<(ExitStatus, Vec<u8>), InspectorFailure> {
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(InspectorFailure::Stream(io::ErrorKind::BrokenPipe.into()));
        };
        let feed = async move {
            // It may stop reading when it has seen enough; its answer says why.
            let _is_fed = stdin.write_all(&pdf).await.is_ok();
            Ok::<(), InspectorFailure>(())
        };
        let listen = async {
            let mut output = Vec::new();
            let bound = self.limits.output_bytes.saturating_add(1);
            let read = stdout.take(bound).read_to_end(&mut output).await;
            read.map_err(InspectorFailure::Stream)?;
            if output.len() as u64 > self.limits.output_bytes {
                return Err(InspectorFailure::Flooded);
            }
            Ok(output)
        };
        let ignore = async {
            let mut noise = stderr.take(NOISE_BYTES_MAX);
            let ignored = tokio::io::copy(&mut noise, &mut tokio::io::sink()).await;
            ignored.map(drop).map_err(InspectorFailure::Stream)
        };
        let ((), output, ()) = tokio::try_join!(feed, listen, ignore)?;
        let status = child.wait().await.map_err(InspectorFailure::Stream)?;
        Ok((status, output))
    }

    /// Warns once that a layer of the sandbox is missing; every scan would only repeat it.
    fn tell_degradation(&self, sandbox: Sandbox) {
        if sandbox.is_degraded() && !self.is_degradation_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                landlock = ?sandbox.landlock,
                namespaces = ?sandbox.namespaces,
                "the inspector's sandbox is degraded: this machine lacks a layer"
            );
        }
    }
}

/// What the end of the process says: an answer to read, a refusal, or a failure.
///
/// Signals that a PDF causes by using up a limit or by breaking a parser are refusals. `SIGSYS` means
/// that a parser tried what a parser never needs, and `SIGKILL` comes from outside: a person looks.
fn judge_end(status: ExitStatus) -> Result<Option<Refusal>, InspectorFailure> {
    const SIGILL: i32 = 4;
    const SIGABRT: i32 = 6;
    const SIGBUS: i32 = 7;
    const SIGFPE: i32 = 8;
    const SIGSEGV: i32 = 11;
    const SIGXCPU: i32 = 24;
    const SIGXFSZ: i32 = 25;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(None),
        (Some(EXIT_NO_SANDBOX), _) => Err(InspectorFailure::NoSandbox),
        (Some(code), _) => Err(InspectorFailure::Exited { code }),
        (None, Some(SIGXCPU)) => Ok(Some(Refusal::TimedOut)),
        // Memory or stack used up.
        (None, Some(SIGABRT | SIGXFSZ)) => Ok(Some(Refusal::TooLarge)),
        (None, Some(SIGILL | SIGBUS | SIGFPE | SIGSEGV)) => Ok(Some(Refusal::Unreadable)),
        (None, signal) => Err(InspectorFailure::Killed { signal: signal.unwrap_or(0) }),
    }
}

fn unpack(header: Header, blobs: &[&[u8]]) -> Inspection {
    match header.answer {
        Answer::Refused { refusal } => Inspection::Refused(refusal, None),
        Answer::Inspected { facts, images } => {
            let mut blobs = blobs.iter().map(|blob| blob.to_vec());
            let disarmed = blobs.next().unwrap_or_default();
            let pages = (1_u32..)
                .zip(images)
                .zip(blobs)
                .map(|((number, (width, height)), png)| PagePng { number, width, height, png })
                .collect();
            Inspection::Inspected { facts, disarmed, pages }
        }
    }
}

#[cfg(test)]
mod tests;
