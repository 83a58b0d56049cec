//! Shutdown: one token that everybody watches, one tracker that knows who still works.

use std::{future::Future, time::Duration};

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

    /// Waits for SIGINT or SIGTERM, or for somebody else to begin the shutdown.
    ///
    /// # Errors
    ///
    /// When the signal handlers cannot be installed.
    pub async fn signalled(&self) -> std::io::Result<()> {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
            () = self.token.cancelled() => {}
        }
        self.token.cancel();
        Ok(())
    }
}
