//! The composition: the only file that says which adapter stands behind which port.
//!
//! Start order: configuration is read, adapters are opened and migrated, ports are bound, workers and
//! servers run, and on shutdown everything drains.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use anyhow::Context;
use kakehashi_contract::{AuditKey, Zone};
use kakehashi_converter::Converter;
use kakehashi_edge::{Edge, EdgeParts};
use kakehashi_forms::Catalogue;
use kakehashi_ingest::{Ingest, inspector::Inspector};
use kakehashi_kernel::{Clock, Ids};
use kakehashi_platform::{
    Audit, Database,
    blobs::{ObjectFolder, Vault},
    mtls::{self, Limits, ServerTls, TlsVersions, Trust},
    pki::CertificateFiles,
    queue::{EmbeddedQueue, Handler, consume, embedded::Bindings, relay},
    runtime::{KeyFolder, Shutdown, SystemClock, SystemEntropy, SystemIds},
};
use kakehashi_registry::Registry;
use kakehashi_seal::{Entropy, Key};
use sqlx::migrate::Migrator;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    cli::{self, RoleArg},
    config::Config,
};

/// Who consumes which messages.
const BINDINGS: Bindings = &[
    (kakehashi_ingest::CONSUMER, kakehashi_ingest::CONSUMES),
    ("converter", kakehashi_converter::CONSUMES),
    ("registry", kakehashi_registry::CONSUMES),
];

/// What a process runs.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each role runs or does not, on its own")]
pub(crate) struct Roles {
    gateway: bool,
    ingest: bool,
    converter: bool,
    registry: bool,
}

impl Roles {
    /// The roles behind a word of the command line.
    pub(crate) fn of(role: RoleArg) -> Self {
        let runs = |one| role == RoleArg::All || role == one;
        Self {
            gateway: runs(RoleArg::Gateway),
            ingest: runs(RoleArg::Ingest),
            converter: runs(RoleArg::Converter),
            registry: runs(RoleArg::Registry),
        }
    }
}

/// The keys of a process.
pub(crate) struct Keys(KeyFolder);

/// Every key there is.
const KEYS: [&str; 12] = [
    "original",
    "released",
    "lot",
    "return",
    "converted",
    "ingest-fields",
    "registry-fields",
    "registry-index",
    "audit-gateway",
    "audit-ingest",
    "audit-converter",
    "audit-registry",
];

impl Keys {
    /// Names the key folder. Keys are drawn only while there is no data they would have to open: a folder
    /// that is missing or not mounted must stop the start, not begin a second set of keys.
    fn open(config: &Config) -> anyhow::Result<Self> {
        let folder = KeyFolder::new(&config.folders.keys);
        if !config.has_data() {
            for name in KEYS {
                folder.load_or_create(name, &SystemEntropy)?;
            }
        }
        Ok(Self(folder))
    }

    fn seal(&self, name: &str) -> anyhow::Result<Key> {
        Ok(self.0.load(name)?)
    }

    /// The key of a component's audit chain.
    pub(crate) fn audit(&self, component: &str) -> anyhow::Result<AuditKey> {
        Ok(AuditKey::new(*self.seal(&format!("audit-{component}"))?.expose()))
    }
}

/// The components with their adapters, open but not running.
pub(crate) struct Components {
    pub(crate) keys: Keys,
    pub(crate) ingest: Ingest,
    pub(crate) converter: Converter,
    pub(crate) registry: Registry,
    pub(crate) stores: [Store; 3],
}

/// A component's database with its audit chain and the hint for its relay.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) database: Database,
    pub(crate) audit: Audit,
    relay: Arc<Notify>,
}

impl Store {
    async fn open(
        name: &'static str,
        config: &Config,
        keys: &Keys,
        migrations: &Migrator,
    ) -> anyhow::Result<Self> {
        let path = config.folders.data.join(format!("{name}.db"));
        let database = Database::open(&path, migrations)
            .await
            .with_context(|| format!("cannot open {}", path.display()))?;
        let audit = Audit::new(name, keys.audit(name)?);
        Ok(Self { name, database, audit, relay: Arc::default() })
    }
}

impl Components {
    /// Opens databases (migrating them), objects and keys.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let data = &config.folders.data;
        let keys = Keys::open(config)?;
        let catalogue = Arc::new(Catalogue::builtin()?);
        let objects = Arc::new(ObjectFolder::open(data.join("objects"))?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let vault = |names: &[&'static str]| {
            let sealing = names
                .iter()
                .map(|name| Ok((*name, keys.seal(name)?)))
                .collect::<anyhow::Result<Vec<_>>>()?;
            anyhow::Ok(Vault::new(Arc::clone(&objects), sealing, Arc::clone(&entropy)))
        };
        let stores = [
            Store::open("ingest", config, &keys, &kakehashi_ingest::MIGRATIONS).await?,
            Store::open("converter", config, &keys, &kakehashi_converter::MIGRATIONS).await?,
            Store::open("registry", config, &keys, &kakehashi_registry::MIGRATIONS).await?,
        ];
        let [ingest_store, converter_store, registry_store] = &stores;
        let known = Arc::clone(&catalogue);
        let ingest = Ingest::new(
            kakehashi_ingest::Ports {
                database: ingest_store.database.clone(),
                vault: vault(&["original", "released"])?,
                staging: data.join("staging"),
                audit: ingest_store.audit.clone(),
                field_key: keys.seal("ingest-fields")?,
                inspector: inspector(config)?,
                is_known_form: Arc::new(move |form| known.definition(*form).is_some()),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                entropy: Arc::clone(&entropy),
                relay: Arc::clone(&ingest_store.relay),
            },
            config.ingest.settings,
        );

        let converter = Converter::new(
            kakehashi_converter::Ports {
                database: converter_store.database.clone(),
                vault: vault(&["released", "lot", "return", "converted"])?,
                audit: converter_store.audit.clone(),
                catalogue: Arc::clone(&catalogue),
                clock: Arc::clone(&clock),
                ids: Arc::clone(&ids),
                relay: Arc::clone(&converter_store.relay),
            },
            config.converter.settings.clone(),
        );

        let registry = Registry::new(
            kakehashi_registry::Ports {
                database: registry_store.database.clone(),
                vault: vault(&["released", "converted"])?,
                audit: registry_store.audit.clone(),
                catalogue,
                field_key: keys.seal("registry-fields")?,
                index_key: keys.seal("registry-index")?,
                clock,
                ids,
                entropy,
                relay: Arc::clone(&registry_store.relay),
            },
            config.registry.settings.clone(),
        );
        Ok(Self { keys, ingest, converter, registry, stores })
    }
}

/// Components at work.
pub(crate) struct Running {
    pub(crate) shutdown: Shutdown,
    pub(crate) config: Config,
    pub(crate) components: Components,
    /// Where each zone's listener of the gateway is bound.
    pub(crate) addresses: BTreeMap<Zone, SocketAddr>,
    /// The queue.
    pub(crate) queue: Arc<EmbeddedQueue>,
}

impl Running {
    /// Drains; answers whether everything ended in time.
    pub(crate) async fn stop(&self, deadline: Duration) -> bool {
        let is_drained = self.shutdown.drain(deadline).await;
        for store in &self.components.stores {
            store.database.close().await;
        }
        is_drained
    }
}

/// Starts the roles.
pub(crate) async fn start(mut config: Config, roles: Roles) -> anyhow::Result<Running> {
    let components = Components::open(&config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let queue_path = config.folders.data.join("queue.db");
    let queue = Arc::new(EmbeddedQueue::open(&queue_path, BINDINGS, Arc::clone(&clock)).await?);
    let shutdown = Shutdown::default();
    let token = shutdown.token();

    if roles.ingest {
        let ingest = components.ingest.clone();
        let address = config.ingest.address;
        serve(&mut config, &shutdown, "ingest", address, ingest.router()).await?;
        attend(&shutdown, &queue, kakehashi_ingest::CONSUMER, ingest.handler());
        let stop = token.clone();
        shutdown.spawn(async move { ingest.run(stop).await });
    }
    if roles.converter {
        let converter = components.converter.clone();
        let address = config.converter.address;
        serve(&mut config, &shutdown, "converter", address, converter.router()).await?;
        attend(&shutdown, &queue, "converter", converter.handler());
        let stop = token.clone();
        shutdown.spawn(async move { converter.run(stop).await });
    }
    if roles.registry {
        let registry = components.registry.clone();
        let address = config.registry.address;
        serve(&mut config, &shutdown, "registry", address, registry.router()).await?;
        attend(&shutdown, &queue, "registry", registry.handler());
        let stop = token.clone();
        shutdown.spawn(async move { registry.run(stop).await });
    }
    let runs = [roles.ingest, roles.converter, roles.registry];
    for (store, runs) in components.stores.iter().zip(runs) {
        if runs {
            shutdown.spawn(relay::run(
                store.name,
                store.database.clone(),
                Arc::clone(&queue),
                Arc::clone(&store.relay),
                token.clone(),
            ));
        }
    }
    let mut addresses = BTreeMap::new();
    if roles.gateway {
        let parts = EdgeParts {
            audit_key: components.keys.audit("gateway")?,
            clock,
            ids: Arc::new(SystemIds),
        };
        let edge = Edge::bind(config.gateway.clone(), parts).await?;
        addresses = edge.addresses();
        shutdown.spawn(edge.run(token));
    }
    Ok(Running { shutdown, config, components, addresses, queue })
}

/// Serves a component to the gateway. A port the system chose is put into the gateway's upstreams.
async fn serve(
    config: &mut Config,
    shutdown: &Shutdown,
    name: &str,
    address: SocketAddr,
    router: axum::Router,
) -> anyhow::Result<()> {
    let certificates = &config.folders.certificates;
    let files = ServerTls {
        server: CertificateFiles::of(certificates, name),
        client_authority: certificates.join("internal.pem"),
        revocations: certificates.join("internal.crl.pem"),
        versions: TlsVersions::Tls13,
    };
    let trust = Arc::new(Trust::load(files, Arc::new(SystemClock))?);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{name} cannot listen on {address}"))?;
    if address.port() == 0 {
        let bound = listener.local_addr()?;
        config.gateway.upstreams.insert(name.to_owned(), format!("https://{bound}"));
    }
    shutdown.spawn(mtls::serve(listener, trust, router, shutdown.token(), Limits::default()));
    Ok(())
}

fn attend(
    shutdown: &Shutdown,
    queue: &Arc<EmbeddedQueue>,
    name: &'static str,
    handler: Arc<dyn Handler>,
) {
    shutdown.spawn(consume(name, Arc::clone(queue), handler, shutdown.token()));
}

/// The inspector is this very program in another process, started without any of our surroundings.
fn inspector(config: &Config) -> anyhow::Result<Inspector> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let at_a_time = NonZeroUsize::new(usize::try_from(config.ingest.settings.inspections_max)?)
        .context("ingest.settings.inspections_max must be at least 1")?;
    Ok(Inspector::new(program, vec![cli::INSPECT.into()], at_a_time))
}
