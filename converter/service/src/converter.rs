//! The converter as a whole: what it is given, what it consumes, what runs in it.

use std::{sync::Arc, time::Duration};

use kakehashi_contract::{AuditFact, Event, Message, books::BookLine};
use kakehashi_forms::Catalogue;
use kakehashi_kernel::{Clock, Ids, Timestamp};
use kakehashi_platform::{
    Audit, Database, Tx,
    blobs::Vault,
    queue,
    runtime::worker::{self, Round},
};
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{collect, failure::Failure, http, settings::Settings, store};

/// The kinds of messages the converter consumes.
pub const CONSUMES: &[&str] = &["scan_released", "scan_withdrawn", "record_loaded"];

/// The actor of what the converter does by itself.
pub(crate) const SELF: &str = "converter";

/// Returns whose bytes are in memory at once.
const RETURNS_AT_ONCE: usize = 4;

/// What the converter is given.
pub struct Ports {
    /// Its own database, migrated with [`crate::MIGRATIONS`].
    pub database: Database,
    /// Objects, with the keys for `released`, `lot`, `return` and `converted`.
    pub vault: Vault,
    /// Its audit chain.
    pub audit: Audit,
    /// Every form version.
    pub catalogue: Arc<Catalogue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Notified after each commit that emitted, to wake the relay.
    pub relay: Arc<Notify>,
}

/// The converter. Clones share everything.
#[derive(Clone)]
pub struct Converter(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    /// Wakes the sealing worker.
    pub(crate) sealer: Notify,
    /// Wakes the validating worker.
    pub(crate) validator: Notify,
    /// One sealing at a time: the numbers of a day's lots have no gaps.
    pub(crate) sealing: Mutex<()>,
    /// Bounds the returns in memory.
    pub(crate) receiving: Semaphore,
}

impl Converter {
    /// Makes a converter. Nothing runs before [`Converter::run`].
    pub fn new(ports: Ports, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            ports,
            settings,
            sealer: Notify::new(),
            validator: Notify::new(),
            sealing: Mutex::new(()),
            receiving: Semaphore::new(RETURNS_AT_ONCE),
        }))
    }

    /// The contractor's HTTP interface, to be mounted as it is behind the gateway.
    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }

    /// Handles the messages of [`CONSUMES`].
    pub fn handler(&self) -> Arc<dyn queue::Handler> {
        Arc::new(collect::Collector(self.clone()))
    }

    /// Seals lots, looks into returns and takes back lots whose lease ran out, until the token is
    /// cancelled.
    pub async fn run(&self, token: CancellationToken) {
        let seal_every = u64::try_from(self.0.settings.seal_after_ms / 4).unwrap_or(0);
        let seal_every = Duration::from_millis(seal_every.clamp(50, 1000));
        let second = Duration::from_secs(1);
        let never = Notify::new();
        tokio::join!(
            worker::run("seal lots", seal_every, &self.0.sealer, &token, || async {
                self.seal_due().await?;
                Ok::<_, Failure>(Round::Idle)
            }),
            worker::run("validate returns", second, &self.0.validator, &token, || async {
                let found = self.validate_waiting().await?;
                Ok::<_, Failure>(if found > 0 { Round::Busy } else { Round::Idle })
            }),
            worker::run("lapse leases", 10 * second, &never, &token, || async {
                self.lapse_due().await?;
                Ok::<_, Failure>(Round::Idle)
            }),
        );
    }

    /// One line per document the converter knows.
    ///
    /// # Errors
    ///
    /// [`Failure::Store`].
    pub async fn books(&self) -> Result<Vec<BookLine>, Failure> {
        let mut connection = self.0.ports.database.read().acquire().await?;
        Ok(store::document::books(&mut connection).await?)
    }

    /// How often a document came back faulty or not at all.
    ///
    /// # Errors
    ///
    /// [`Failure::Store`].
    pub async fn corrections(&self) -> Result<u64, Failure> {
        let mut connection = self.0.ports.database.read().acquire().await?;
        Ok(store::lot::corrections(&mut connection).await?)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// Asks the database for anything at all.
    pub(crate) async fn is_alive(&self) -> Result<(), Failure> {
        sqlx::query("SELECT 1 AS one").fetch_one(self.ports.database.read()).await?;
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Emits an event and keeps it as the document's latest news.
    pub(crate) async fn tell(
        &self,
        tx: &mut Tx,
        at: Timestamp,
        event: Event,
    ) -> Result<(), Failure> {
        store::document::keep_news(tx, &event, at).await?;
        self.repeat(tx, at, event).await
    }

    /// Emits an event under a new message id.
    pub(crate) async fn repeat(
        &self,
        tx: &mut Tx,
        at: Timestamp,
        event: Event,
    ) -> Result<(), Failure> {
        let message = Message::new(self.ports.ids.as_ref(), at, event);
        Ok(queue::outbox::emit(tx, &message).await?)
    }

    /// Appends to the audit chain.
    pub(crate) async fn note(
        &self,
        tx: &mut Tx,
        at: Timestamp,
        actor: &str,
        action: &str,
        subject: impl ToString + Send,
        detail: impl Into<String> + Send,
    ) -> Result<(), Failure> {
        let fact = AuditFact {
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_string(),
            outcome: "ok".to_owned(),
            detail: detail.into(),
        };
        Ok(self.ports.audit.append(tx, at, fact).await?)
    }

    /// Commits and wakes the relay.
    pub(crate) async fn commit(&self, tx: Tx) -> Result<(), Failure> {
        tx.commit().await?;
        self.ports.relay.notify_one();
        Ok(())
    }
}
