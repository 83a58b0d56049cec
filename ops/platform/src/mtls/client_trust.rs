//! A client's own certificate, key and root, followed as one set.

use std::sync::Arc;

use kakehashi_kernel::Clock;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    ClientTls, Reloads, TlsError, client_config,
    follow::FileSet,
    tls::{chain, check_validity},
};

/// What a client shows and whom it trusts, at present and later.
pub struct ClientTrust {
    set: Arc<FileSet<ClientConfig>>,
}

impl ClientTrust {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn load(files: ClientTls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let mut paths = vec![files.root.clone()];
        if let Some(client) = &files.client {
            paths.extend([client.chain.clone(), client.key.clone()]);
        }
        let name = paths.last().map(|path| path.display().to_string()).unwrap_or_default();
        let read = move |_: Option<&ClientConfig>| {
            if let Some(client) = &files.client {
                check_validity(&client.chain, &chain(&client.chain)?, clock.now())?;
            }
            client_config(&files, Arc::clone(&clock))
        };
        Ok(Self { set: Arc::new(FileSet::load(name, paths, Box::new(read))?) })
    }

    /// Answers what a new connection is made with. ALPN is left to the caller.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.set.current()
    }

    /// Follows the present settings and every later one. A connection made with earlier ones should not
    /// be used for new requests.
    pub fn watch(&self) -> watch::Receiver<Arc<ClientConfig>> {
        self.set.watch()
    }

    /// Looks at the files twice a second until `shutdown`, and reads them at once on SIGHUP.
    pub async fn follow_files(&self, shutdown: &CancellationToken) {
        self.set.follow(shutdown).await;
    }

    /// Reads the files again, changed or not. Answers whether what lies there is in force.
    pub fn reload_now(&self) -> bool {
        self.set.reload_now()
    }

    /// How reading the files again has gone so far.
    pub fn reloads(&self) -> Reloads {
        self.set.reloads()
    }
}
