//! Syncing beside writing: a slow disk must not make the queue fill.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use super::disk::{Disk, StoredHead};

/// How a sync ended.
#[derive(Debug)]
pub(super) enum Synced {
    /// Lines and head are on the disk.
    Whole,
    /// Nobody knows what of the lines is on the disk.
    Failed(io::Error),
    /// The lines are, the head is not.
    HeadStuck(io::Error),
}

/// Syncs one segment at a time on a thread of its own, which ends when this is dropped.
pub(super) struct Syncer {
    jobs: SyncSender<(Arc<File>, StoredHead)>,
    answers: Receiver<Synced>,
    since: Option<Instant>,
}

impl Syncer {
    pub(super) fn start(disk: Arc<dyn Disk>, path: &Path) -> io::Result<Self> {
        let (jobs, todo) = sync_channel::<(Arc<File>, StoredHead)>(1);
        let (answer, answers) = sync_channel(1);
        let path: PathBuf = path.to_owned();
        let work = move || {
            for (file, head) in todo {
                if answer.send(sync(&*disk, &path, &file, &head)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("audit-sync".to_owned()).spawn(work)?;
        Ok(Self { jobs, answers, since: None })
    }

    pub(super) fn is_busy(&self) -> bool {
        self.since.is_some()
    }

    pub(super) fn busy_for(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Begins a sync. Nothing may be under way.
    pub(super) fn begin(&mut self, file: Arc<File>, head: StoredHead) {
        if self.jobs.try_send((file, head)).is_ok() {
            self.since = Some(Instant::now());
        }
    }

    /// Answers how the sync under way ended, if it did.
    pub(super) fn poll(&mut self) -> Option<Synced> {
        let synced = self.answers.try_recv().ok()?;
        self.since = None;
        Some(synced)
    }

    /// Waits for the sync under way.
    pub(super) fn wait(&mut self) -> Option<Synced> {
        self.since.take()?;
        self.answers.recv().ok()
    }
}

/// Syncs the lines, then replaces the head.
pub(super) fn sync(disk: &dyn Disk, path: &Path, file: &File, head: &StoredHead) -> Synced {
    if let Err(error) = disk.sync(file) {
        return Synced::Failed(error);
    }
    disk.store_head(path, head).map_or_else(Synced::HeadStuck, |()| Synced::Whole)
}
