//! Writes alerts and the state file, on a thread of its own: no request ever waits for this disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use kakehashi_platform::pki::write_private;
use tracing::error;

/// Lines and states that may wait; more are counted as lost. The ledger has them all the same.
const WAITING_MAX: usize = 1_024;

enum Work {
    Alert(Vec<u8>),
    State(Vec<u8>),
}

/// The thread that writes.
pub(crate) struct Keeper {
    queue: Mutex<Option<SyncSender<Work>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    lost: AtomicU64,
}

/// What it writes to.
struct Files {
    alerts: Option<PathBuf>,
    alerts_bytes_max: u64,
    state: Option<PathBuf>,
    open: Option<(File, u64)>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(
        alerts: Option<PathBuf>,
        alerts_bytes_max: u64,
        state: Option<PathBuf>,
    ) -> io::Result<Self> {
        let (queue, work) = sync_channel(WAITING_MAX);
        let files = Files { alerts, alerts_bytes_max, state, open: None };
        let thread = std::thread::Builder::new()
            .name("guard-keeper".to_owned())
            .spawn(move || files.run(&work))?;
        let (queue, thread) = (Mutex::new(Some(queue)), Mutex::new(Some(thread)));
        Ok(Self { queue, thread, lost: AtomicU64::new(0) })
    }

    /// Has an alert's line written.
    pub(crate) fn alert(&self, line: Vec<u8>) {
        self.send(Work::Alert(line));
    }

    /// Has the state file replaced.
    pub(crate) fn state(&self, text: Vec<u8>) {
        self.send(Work::State(text));
    }

    /// Answers how much could not be taken.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Writes what waits and stops. Blocks.
    pub(crate) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            error!("the guard's keeper panicked");
        }
    }

    fn send(&self, work: Work) {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sent = queue.as_ref().is_some_and(|queue| queue.try_send(work).is_ok());
        if !is_sent {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl Files {
    fn run(mut self, work: &Receiver<Work>) {
        while let Ok(next) = work.recv() {
            let written = match next {
                Work::Alert(line) => self.alert(line),
                Work::State(text) => self
                    .state
                    .as_deref()
                    .map_or(Ok(()), |path| write_private(path, &text).map_err(io::Error::other)),
            };
            if let Err(error) = written {
                error!(%error, "the guard's files cannot be written");
                self.open = None;
            }
        }
    }

    fn alert(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        let Some(path) = self.alerts.clone() else { return Ok(()) };
        line.push(b'\n');
        let length = line.len() as u64;
        if self.open.as_ref().is_some_and(|(_, bytes)| bytes + length > self.alerts_bytes_max) {
            self.open = None;
            std::fs::rename(&path, beside(&path))?;
        }
        if self.open.is_none() {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            let bytes = file.metadata()?.len();
            self.open = Some((file, bytes));
        }
        if let Some((file, bytes)) = &mut self.open {
            file.write_all(&line)?;
            *bytes += length;
        }
        Ok(())
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_kept_in_two_files_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.jsonl");
        let keeper = Keeper::start(Some(path.clone()), 1_000, None).unwrap();
        for n in 0..500 {
            keeper.alert(format!("{{\"alert\":{n:04}}}").into_bytes());
        }
        keeper.close();
        assert_eq!(keeper.lost(), 0);
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        let (newest, before) = (read(&path), read(&beside(&path)));
        assert!(newest.len() <= 1_000 && before.len() <= 1_000);
        assert!(newest.ends_with("{\"alert\":0499}\n"));
        assert!(newest.lines().chain(before.lines()).all(|line| line.len() == 14));
        keeper.alert(Vec::new());
        assert_eq!(keeper.lost(), 1, "nothing is taken after the end");
    }
}
