//! Shutdown: one token that everybody watches, one tracker that knows who still works.

use std::{future::Future, io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Ends the tasks of a process together.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tracker: TaskTracker,
}

impl Shutdown {
    /// The token tasks watch.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Tells everybody to finish.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Runs a task that ends when the token is cancelled.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(task);
    }

    /// Begins the shutdown and waits for the tasks; answers whether all ended in time.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }

    /// Waits for a signal, or for somebody else to begin the shutdown.
    pub async fn signalled(&self, signals: &mut Signals) {
        tokio::select! {
            () = signals.wait() => {}
            () = self.token.cancelled() => {}
        }
        self.token.cancel();
    }
}

/// SIGINT and SIGTERM. From [`Signals::listen`] on they no longer end the process: somebody has to wait.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// When the signal handlers cannot be installed.
    pub fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for one that came since.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
