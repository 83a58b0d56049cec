//! SIGHUP: read the files again.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;

/// Tells of every SIGHUP from now on. Any number may listen.
#[derive(Debug)]
pub struct Hangup {
    signal: Option<Signal>,
}

impl Hangup {
    /// Begins to listen. Where the handler cannot be installed that is said, and no signal ever comes.
    pub fn new() -> Self {
        let signal = signal(SignalKind::hangup());
        if let Err(error) = &signal {
            error!(%error, "SIGHUP cannot be listened to, files are followed by looking at them");
        }
        Self { signal: signal.ok() }
    }

    /// Waits for the next SIGHUP.
    pub async fn received(&mut self) {
        let told = match &mut self.signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if told.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Hangup {
    fn default() -> Self {
        Self::new()
    }
}
