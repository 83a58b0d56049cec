//! A listener's certificate, client CA and revocation list, read again when a file changes.
//!
//! A set that cannot be used is reported and the old one stays. Whoever is connected learns of the new
//! set and has its certificate looked at again.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use kakehashi_kernel::Clock;
use rustls::{ServerConfig, pki_types::CertificateDer, server::danger::ClientCertVerifier};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{ServerTls, TlsError, client_verifier, server_config_with, unix_time};

/// How often certificates and revocation lists are looked at for changes.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// What is trusted at present.
#[derive(Debug, Clone)]
pub struct Current {
    /// What a new connection is accepted with.
    pub config: Arc<ServerConfig>,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// One listener's trust.
pub struct Trust {
    files: ServerTls,
    clock: Arc<dyn Clock>,
    current: watch::Sender<Current>,
    stamps: Mutex<Stamps>,
}

/// Modification time, length and inode tell whether a file was replaced.
type Stamps = [Option<(SystemTime, u64, u64)>; 4];

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn load(files: ServerTls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let stamps = Mutex::new(stamps(&files));
        let current = watch::Sender::new(read(&files, &clock)?);
        Ok(Self { files, clock, current, stamps })
    }

    /// Follows the present set and every later one.
    pub fn watch(&self) -> watch::Receiver<Current> {
        self.current.subscribe()
    }

    /// Looks at the files every few seconds until `shutdown`.
    pub async fn follow_files(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(RELOAD_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => self.reload_if_changed(),
            }
        }
    }

    /// Reads the files again if one has changed since.
    pub fn reload_if_changed(&self) {
        let found = stamps(&self.files);
        {
            let mut known = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == found {
                return;
            }
            *known = found;
        }
        match read(&self.files, &self.clock) {
            Ok(current) => {
                self.current.send_replace(current);
                info!("a listener's certificates were read again");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "a listener's new certificates cannot be used, the old ones stay");
            }
        }
    }

    /// Answers whether a client that is connected would still be let in.
    pub fn holds(&self, current: &Current, chain: &[CertificateDer<'_>]) -> bool {
        let (Some((leaf, rest)), Some(now)) = (chain.split_first(), unix_time(&*self.clock)) else {
            return false;
        };
        current.verifier.verify_client_cert(leaf, rest, now).is_ok()
    }
}

fn read(files: &ServerTls, clock: &Arc<dyn Clock>) -> Result<Current, TlsError> {
    let verifier = client_verifier(files)?;
    let config = server_config_with(files, Arc::clone(&verifier), Arc::clone(clock))?;
    Ok(Current { config, verifier })
}

fn stamps(files: &ServerTls) -> Stamps {
    [&files.server.chain, &files.server.key, &files.client_authority, &files.revocations]
        .map(|path| stamp(path))
}

fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}
