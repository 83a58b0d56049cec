//! The composition: the only file that says which adapter stands behind which port.
//!
//! Start order: configuration is read, adapters are opened and migrated, ports are bound, workers and
//! servers run, and on shutdown everything drains.

use std::{
    collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc,
    time::Duration,
};

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
    mtls::{self, Limits, RootFiles, ServerTls, TlsVersions, Trust, TrustRules},
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
    /// Everything.
    pub(crate) const ALL: Self =
        Self { gateway: true, ingest: true, converter: true, registry: true };

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

    /// For each role: the data it leaves behind, and the keys that open it. It holds no others.
    fn holdings(self, config: &Config) -> Vec<(PathBuf, &'static [&'static str])> {
        let data = |name: &str| config.folders.data.join(name);
        let holdings = [
            (self.gateway, config.gateway.audit.clone(), GATEWAY_KEYS),
            (self.ingest, data("ingest.db"), INGEST_KEYS),
            (self.converter, data("converter.db"), CONVERTER_KEYS),
            (self.registry, data("registry.db"), REGISTRY_KEYS),
        ];
        holdings
            .into_iter()
            .filter(|(runs, ..)| *runs)
            .map(|(_, path, keys)| (path, keys))
            .collect()
    }
}

const GATEWAY_KEYS: &[&str] = &["audit-gateway"];
const INGEST_KEYS: &[&str] = &["original", "released", "ingest-fields", "audit-ingest"];
const CONVERTER_KEYS: &[&str] = &["released", "lot", "return", "converted", "audit-converter"];
const REGISTRY_KEYS: &[&str] =
    &["released", "converted", "registry-fields", "registry-index", "audit-registry"];

/// The keys of a process.
pub(crate) struct Keys(KeyFolder);

impl Keys {
    /// Names the key folder. Keys are drawn only while there is no data they would have to open: a folder
    /// that is missing or not mounted must stop the start, not begin a second set of keys.
    fn open(config: &Config, roles: Roles) -> anyhow::Result<Self> {
        let folder = KeyFolder::new(&config.folders.keys);
        for (path, names) in roles.holdings(config) {
            for name in names.iter().filter(|_| !path.exists()) {
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

/// The components of a process with their adapters, open but not running. A role that the process does
/// not run is not opened: neither its database nor its keys are there to be stolen.
pub(crate) struct Components {
    pub(crate) keys: Keys,
    pub(crate) stores: Vec<Store>,
    ingest: Option<Ingest>,
    converter: Option<Converter>,
    registry: Option<Registry>,
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

/// What every component is given.
struct Ground<'a> {
    config: &'a Config,
    keys: &'a Keys,
    catalogue: Arc<Catalogue>,
    objects: Arc<ObjectFolder>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    entropy: Arc<dyn Entropy>,
}

impl Ground<'_> {
    fn vault(&self, names: &[&'static str]) -> anyhow::Result<Vault> {
        let sealing = names
            .iter()
            .map(|name| Ok((*name, self.keys.seal(name)?)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Vault::new(Arc::clone(&self.objects), sealing, Arc::clone(&self.entropy)))
    }

    fn ingest(&self, store: &Store) -> anyhow::Result<Ingest> {
        let known = Arc::clone(&self.catalogue);
        let ports = kakehashi_ingest::Ports {
            database: store.database.clone(),
            vault: self.vault(&["original", "released"])?,
            staging: self.config.folders.data.join("staging"),
            audit: store.audit.clone(),
            field_key: self.keys.seal("ingest-fields")?,
            inspector: inspector(self.config)?,
            is_known_form: Arc::new(move |form| known.definition(*form).is_some()),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            entropy: Arc::clone(&self.entropy),
            relay: Arc::clone(&store.relay),
        };
        Ok(Ingest::new(ports, self.config.ingest.settings))
    }

    fn converter(&self, store: &Store) -> anyhow::Result<Converter> {
        let ports = kakehashi_converter::Ports {
            database: store.database.clone(),
            vault: self.vault(&["released", "lot", "return", "converted"])?,
            audit: store.audit.clone(),
            catalogue: Arc::clone(&self.catalogue),
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            relay: Arc::clone(&store.relay),
        };
        Ok(Converter::new(ports, self.config.converter.settings.clone()))
    }

    fn registry(&self, store: &Store) -> anyhow::Result<Registry> {
        let ports = kakehashi_registry::Ports {
            database: store.database.clone(),
            vault: self.vault(&["released", "converted"])?,
            audit: store.audit.clone(),
            catalogue: Arc::clone(&self.catalogue),
            field_key: self.keys.seal("registry-fields")?,
            index_key: self.keys.seal("registry-index")?,
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            entropy: Arc::clone(&self.entropy),
            relay: Arc::clone(&store.relay),
        };
        Ok(Registry::new(ports, self.config.registry.settings.clone()))
    }
}

impl Components {
    /// Opens the databases (migrating them), objects and keys of some roles.
    pub(crate) async fn open(config: &Config, roles: Roles) -> anyhow::Result<Self> {
        let keys = Keys::open(config, roles)?;
        let ground = Ground {
            config,
            keys: &keys,
            catalogue: Arc::new(Catalogue::builtin()?),
            objects: Arc::new(ObjectFolder::open(config.folders.data.join("objects"))?),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            entropy: Arc::new(SystemEntropy),
        };
        let mut stores = Vec::new();
        let (mut ingest, mut converter, mut registry) = (None, None, None);
        if roles.ingest {
            let tables = &kakehashi_ingest::MIGRATIONS;
            let store = Store::open("ingest", config, &keys, tables).await?;
            ingest = Some(ground.ingest(&store)?);
            stores.push(store);
        }
        if roles.converter {
            let tables = &kakehashi_converter::MIGRATIONS;
            let store = Store::open("converter", config, &keys, tables).await?;
            converter = Some(ground.converter(&store)?);
            stores.push(store);
        }
        if roles.registry {
            let tables = &kakehashi_registry::MIGRATIONS;
            let store = Store::open("registry", config, &keys, tables).await?;
            registry = Some(ground.registry(&store)?);
            stores.push(store);
        }
        Ok(Self { keys, stores, ingest, converter, registry })
    }

    /// Ingest, if this process runs it.
    pub(crate) fn ingest(&self) -> anyhow::Result<&Ingest> {
        self.ingest.as_ref().context("this process does not run ingest")
    }

    /// The converter, if this process runs it.
    pub(crate) fn converter(&self) -> anyhow::Result<&Converter> {
        self.converter.as_ref().context("this process does not run the converter")
    }

    /// The registry, if this process runs it.
    pub(crate) fn registry(&self) -> anyhow::Result<&Registry> {
        self.registry.as_ref().context("this process does not run the registry")
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
    let components = Components::open(&config, roles).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let queue_path = config.folders.data.join("queue.db");
    let queue = Arc::new(EmbeddedQueue::open(&queue_path, BINDINGS, Arc::clone(&clock)).await?);
    let shutdown = Shutdown::default();
    let token = shutdown.token();

    if let Some(ingest) = components.ingest.clone() {
        let address = config.ingest.address;
        serve(&mut config, &shutdown, "ingest", address, ingest.router()).await?;
        attend(&shutdown, &queue, kakehashi_ingest::CONSUMER, ingest.handler());
        let stop = token.clone();
        shutdown.spawn(async move { ingest.run(stop).await });
    }
    if let Some(converter) = components.converter.clone() {
        let address = config.converter.address;
        serve(&mut config, &shutdown, "converter", address, converter.router()).await?;
        attend(&shutdown, &queue, "converter", converter.handler());
        let stop = token.clone();
        shutdown.spawn(async move { converter.run(stop).await });
    }
    if let Some(registry) = components.registry.clone() {
        let address = config.registry.address;
        serve(&mut config, &shutdown, "registry", address, registry.router()).await?;
        attend(&shutdown, &queue, "registry", registry.handler());
        let stop = token.clone();
        shutdown.spawn(async move { registry.run(stop).await });
    }
    for store in &components.stores {
        shutdown.spawn(relay::run(
            store.name,
            store.database.clone(),
            Arc::clone(&queue),
            Arc::clone(&store.relay),
            token.clone(),
        ));
    }
    let mut addresses = BTreeMap::new();
    if roles.gateway {
        let audit_key = components.keys.audit("gateway")?;
        let parts = EdgeParts { audit_key, clock, ids: Arc::new(SystemIds) };
        let edge = Edge::bind(config.gateway.clone(), parts).await?;
        addresses = edge.addresses();
        // An operator or a successor may end the gateway; nobody reaches a process that has none.
        let process = shutdown.clone();
        shutdown.spawn(async move {
            edge.run(token).await;
            process.begin();
        });
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
    let root = RootFiles {
        certificate: certificates.join("root.pem"),
        revocations: certificates.join("root.crl.pem"),
    };
    let files = ServerTls {
        server: CertificateFiles::of(certificates, name),
        client_authority: certificates.join("internal.pem"),
        revocations: certificates.join("internal.crl.pem"),
        // Where nobody has put the root's list, the internal CA is not asked after.
        root: root.revocations.exists().then_some(root),
        ocsp: None,
        versions: TlsVersions::Tls13,
        rules: TrustRules::default(),
    };
    let trust = Arc::new(Trust::load(files, Arc::new(SystemClock))?);
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{name} cannot listen on {address}"))?;
    if address.port() == 0 {
        let bound = listener.local_addr()?;
        config.gateway.upstreams.insert(name.to_owned(), format!("https://{bound}").into());
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
