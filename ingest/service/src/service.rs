//! The service: what it is given and how it runs.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use futures_util::future::join_all;
use kakehashi_contract::books::BookLine;
use kakehashi_kernel::{Clock, FormKey, Ids, ScanId};
use kakehashi_platform::{
    Audit, Database, DatabaseError,
    blobs::{StagedObject, Vault},
    queue::Handler,
    runtime::worker,
};
use kakehashi_seal::{Entropy, Key};
use tokio::sync::{Mutex, Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Settings, books, examine, follow::Follower, http, inspector::Inspector, sweep};

/// Everything ingest stands on.
pub struct Ports {
    /// Its database.
    pub database: Database,
    /// Objects; must hold the keys `original` and `released`.
    pub vault: Vault,
    /// The folder of growing uploads, on the file system of the objects.
    pub staging: PathBuf,
    /// Its audit chain.
    pub audit: Audit,
    /// Seals file names.
    pub field_key: Key,
    /// The sandboxed inspector.
    pub inspector: Inspector,
    /// Tells whether a form version is in the catalogue.
    pub is_known_form: Arc<dyn Fn(&FormKey) -> bool + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Randomness for sealing.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the relay after a commit that emitted.
    pub relay: Arc<Notify>,
}

/// The uploads whose staged object is open, each behind its own lock.
pub(crate) type OpenUploads = Mutex<HashMap<ScanId, Arc<Mutex<Option<StagedObject>>>>>;

pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) open: OpenUploads,
    /// The work of requests that goes on when its client is gone.
    pub(crate) requests: TaskTracker,
    pub(crate) arrived: Notify,
}

/// Receives, examines and follows scans.
#[derive(Clone)]
pub struct Ingest(pub(crate) Arc<Inner>);

impl Ingest {
    /// Joins ports and settings.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let open = Mutex::new(HashMap::new());
        let (requests, arrived) = (TaskTracker::new(), Notify::new());
        Self(Arc::new(Inner { ports, settings, open, requests, arrived }))
    }

    /// The routes, to be served to the gateway alone.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// The consumer of everybody's news.
    pub fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(Follower(self.clone()))
    }

    /// Runs the workers until the token is cancelled, then waits for what requests left to be done.
    pub async fn run(&self, token: CancellationToken) {
        let every = Duration::from_millis(self.0.settings.sweep_every_ms);
        let never = Notify::new();
        let examining = (0..self.0.settings.inspections_max).map(|_| {
            worker::run("examine", Duration::from_secs(2), &self.0.arrived, &token, || {
                examine::round(self)
            })
        });
        sweep::remove_left_over(self).await;
        tokio::join!(
            join_all(examining),
            worker::run("sweep", every, &never, &token, || sweep::round(self)),
        );
        self.0.requests.close();
        self.0.requests.wait().await;
    }

    /// The book of ingest: one line for every scan ever receipted.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`].
    pub async fn books(&self) -> Result<Vec<BookLine>, DatabaseError> {
        books::lines(&self.0.ports.database).await
    }
}
