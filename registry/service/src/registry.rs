//! The registry as its composer sees it: ports in, router, message handler and books out.

use std::{sync::Arc, time::Duration};

use axum::Router;
use kakehashi_contract::books::{BookLine, BookState};
use kakehashi_forms::Catalogue;
use kakehashi_kernel::{Clock, Ids};
use kakehashi_platform::{
    Audit, Database, DatabaseError,
    blobs::Vault,
    queue::Handler,
    runtime::worker::{self, Round},
};
use kakehashi_seal::{Entropy, Key};
use serde::Serialize;
use sqlx::Row;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    accounts::{self, AccountError, NewAccount, Passwords},
    load::Loader,
    routes,
    sealing::Seals,
    settings::Settings,
    store,
};

/// The registry's tables, on top of the ground's.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
/// The registry's name in the queue.
pub const CONSUMER: &str = "registry";
/// The kinds of messages it consumes.
pub const CONSUMES: &[&str] = &["document_accepted"];
/// How often ended sessions and old failures are removed.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// What the registry stands on.
pub struct Ports {
    /// Its own database, opened with [`MIGRATIONS`].
    pub database: Database,
    /// Objects: it reads `converted/…` and `released/…`.
    pub vault: Vault,
    /// Its own audit chain.
    pub audit: Audit,
    /// All form definitions.
    pub catalogue: Arc<Catalogue>,
    /// The zone's key for sealed columns.
    pub field_key: Key,
    /// The zone's key for blind indexes.
    pub index_key: Key,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
    /// Randomness for nonces, salts and session tokens.
    pub entropy: Arc<dyn Entropy>,
    /// Wakes the relay of its outbox after a commit.
    pub relay: Arc<Notify>,
}

/// How many records there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Loaded from scans.
    pub scan: u64,
    /// Entered online.
    pub online: u64,
    /// Pairs of one scan record and one online record.
    pub linked: u64,
}

/// The registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    pub(crate) database: Database,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) seals: Arc<Seals>,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) relay: Arc<Notify>,
    pub(crate) settings: Settings,
}

impl Registry {
    /// Joins ports and settings.
    pub fn new(ports: Ports, settings: Settings) -> Self {
        let seals = Seals::new(ports.field_key, ports.index_key, ports.entropy.clone());
        Self {
            database: ports.database,
            vault: ports.vault,
            audit: ports.audit,
            catalogue: ports.catalogue,
            seals: Arc::new(seals),
            passwords: Arc::new(Passwords::new(settings.password_checks_max)),
            clock: ports.clock,
            ids: ports.ids,
            entropy: ports.entropy,
            relay: ports.relay,
            settings,
        }
    }

    /// All routes, for the gateway alone: every request must carry a client identity.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// Loads accepted documents.
    pub fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(Loader(self.clone()))
    }

    /// Removes ended sessions and old failures until the token is cancelled.
    pub async fn run(&self, token: CancellationToken) {
        let hint = Notify::new();
        worker::run("registry-sweep", SWEEP_EVERY, &hint, &token, || async {
            accounts::sweep(self).await.map(|()| Round::Idle)
        })
        .await;
    }

    /// One line per record of source scan.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`].
    pub async fn books(&self) -> Result<Vec<BookLine>, DatabaseError> {
        let rows = sqlx::query(
            "SELECT id, scan_id, page_count FROM record WHERE source = 'scan' ORDER BY id",
        )
        .fetch_all(self.database.read())
        .await?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get("id")?;
                let corrupt = |column| DatabaseError::corrupt("record", column, &id);
                let scan: String = row.try_get("scan_id")?;
                Ok(BookLine {
                    scan: scan.parse().map_err(|_| corrupt("scan_id"))?,
                    state: BookState::Loaded,
                    pages: row.try_get::<u32, _>("page_count")?,
                })
            })
            .collect()
    }

    /// Counts records by source, and linked pairs.
    ///
    /// # Errors
    ///
    /// [`DatabaseError`].
    pub async fn counts(&self) -> Result<Counts, DatabaseError> {
        store::record::counts(self.database.read()).await
    }

    /// Makes an account unless its organisation has one of that login, which then stays as it is, with
    /// its password.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub async fn ensure_account(&self, account: NewAccount) -> Result<(), AccountError> {
        accounts::ensure(self, account).await
    }
}
