//! A client's own certificate, key and root, followed as one set.

use std::sync::Arc;

use kakehashi_kernel::Clock;
use rustls::ClientConfig;

use super::{
    ClientTls, TlsError, client_config,
    follow::Followed,
    tls::{chain, check_validity},
};

/// What a client shows and whom it trusts, at present and later. A connection made with earlier settings
/// should not be used for new requests.
pub type ClientTrust = Followed<ClientConfig>;

impl Followed<ClientConfig> {
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
        Self::first(name, paths, Box::new(read))
    }

    /// Answers what a new connection is made with. ALPN is left to the caller.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.current()
    }
}
