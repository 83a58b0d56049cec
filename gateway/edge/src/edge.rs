//! The gateway as a whole: bind, run, drain.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::uri::{Authority, Scheme, Uri};
use kakehashi_contract::{AuditKey, Zone};
use kakehashi_kernel::{Clock, Ids};
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls, TlsError, Trust, accept_each},
    pki::CertificateFiles,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    accept::Gate,
    audit::Audit,
    config::EdgeConfig,
    forward::Forward,
    ledger::{Ledger, LedgerBroken},
    policy::{PolicyError, Rulebook, SuspensionError, Suspensions},
};

/// Idle connections to a component are given up well before the component does.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// What the gateway is given by its surroundings.
#[derive(Clone)]
pub struct EdgeParts {
    /// The key of the gateway's audit chain.
    pub audit_key: AuditKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where request ids come from.
    pub ids: Arc<dyn Ids>,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The policy cannot be read or is wrong.
    #[error("the policy {path} cannot be used")]
    Policy {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PolicyError,
    },
    /// There is a file of suspensions that cannot be used.
    #[error("the suspensions {path} cannot be used")]
    Suspensions {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: SuspensionError,
    },
    /// An upstream is no `https://host:port`.
    #[error("upstream {name} is not https://host:port")]
    Upstream {
        /// Which one.
        name: String,
    },
    /// A zone has two listeners, or none has any.
    #[error("every zone has at most one listener, and there is at least one")]
    Listeners,
    /// Certificates or revocation lists cannot be used.
    #[error("the certificates of {of} cannot be used")]
    Tls {
        /// A zone, or `upstreams`.
        of: String,
        /// Why.
        #[source]
        source: TlsError,
    },
    /// The address is taken.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which one.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The audit ledger does not hold or cannot be written.
    #[error("the audit ledger cannot be opened")]
    Ledger(#[from] LedgerBroken),
}

/// A gateway that listens.
pub struct Edge {
    gates: Vec<(TcpListener, SocketAddr, Gate)>,
    policy: Arc<Rulebook>,
    audit: Audit,
    ledger: Arc<Ledger>,
    shutdown: CancellationToken,
}

impl Edge {
    /// Checks the configuration, opens the ledger and binds every listener. Answers nobody yet.
    ///
    /// # Errors
    ///
    /// [`EdgeError`] naming what is wrong; nothing is left running.
    pub async fn bind(config: EdgeConfig, parts: EdgeParts) -> Result<Self, EdgeError> {
        let policy = Arc::new(rulebook(&config)?);
        let forward = Arc::new(forward(&config, &parts.clock)?);
        let mut trusts = Vec::new();
        for listener in &config.listeners {
            let tls = |source| EdgeError::Tls { of: listener.zone.to_string(), source };
            let trust = Trust::load(listener.tls(), Arc::clone(&parts.clock)).map_err(tls)?;
            trusts.push((listener, Arc::new(trust)));
        }
        let mut zones: Vec<Zone> = config.listeners.iter().map(|listener| listener.zone).collect();
        zones.sort_unstable();
        zones.dedup();
        if zones.is_empty() || zones.len() != config.listeners.len() {
            return Err(EdgeError::Listeners);
        }
        let ledger = Arc::new(Ledger::open(&config.audit, parts.audit_key)?);
        let audit = Audit::new(Arc::clone(&ledger), Arc::clone(&parts.clock));
        let shutdown = CancellationToken::new();
        let mut gates = Vec::new();
        for (listener, trust) in trusts {
            let bind = |source| EdgeError::Bind { address: listener.address, source };
            let socket = TcpListener::bind(listener.address).await.map_err(bind)?;
            let address = socket.local_addr().map_err(bind)?;
            let gate = Gate {
                zone: listener.zone,
                server_names: listener.server_names.clone(),
                trust,
                policy: Arc::clone(&policy),
                forward: Arc::clone(&forward),
                audit: audit.clone(),
                ids: Arc::clone(&parts.ids),
                clock: Arc::clone(&parts.clock),
                limits: config.limits.connection(),
                wire: Arc::new(config.limits.wire()),
                shutdown: shutdown.clone(),
            };
            info!(zone = %listener.zone, %address, "listening");
            gates.push((socket, address, gate));
        }
        Ok(Self { gates, policy, audit, ledger, shutdown })
    }

    /// Answers where each zone's listener is bound.
    pub fn addresses(&self) -> BTreeMap<Zone, SocketAddr> {
        self.gates.iter().map(|(_, address, gate)| (gate.zone, *address)).collect()
    }

    /// Serves until `shutdown`, then drains, syncs the ledger and returns.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut listening = JoinSet::new();
        let (policy, stop) = (self.policy, self.shutdown.clone());
        listening.spawn(async move { policy.follow_files(&stop).await });
        for (socket, _, gate) in self.gates {
            let gate = Arc::new(gate);
            let followed = Arc::clone(&gate);
            listening.spawn(async move { followed.trust.follow_files(&followed.shutdown).await });
            listening.spawn(async move {
                let (limits, stop) = (gate.limits.clone(), gate.shutdown.clone());
                accept_each(socket, &limits, &stop, |stream, peer| {
                    Arc::clone(&gate).receive(stream, peer)
                })
                .await;
            });
        }
        let mut minutes = tokio::time::interval(Duration::from_mins(1));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = minutes.tick() => self.audit.tell_strangers().await,
            }
        }
        self.shutdown.cancel();
        while let Some(ended) = listening.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a listener panicked");
            }
        }
        self.audit.tell_strangers().await;
        let ledger = self.ledger;
        if tokio::task::spawn_blocking(move || ledger.close()).await.is_err() {
            error!("the audit ledger could not be closed");
        }
    }
}

fn rulebook(config: &EdgeConfig) -> Result<Rulebook, EdgeError> {
    let path = config.suspensions();
    let suspensions = Suspensions::load(&path)
        .map_err(|source| EdgeError::Suspensions { path: path.clone(), source })?;
    let upstreams = config.upstreams.keys().cloned().collect();
    Rulebook::load(&config.policy, upstreams, Arc::new(suspensions))
        .map_err(|source| EdgeError::Policy { path: config.policy.clone(), source })
}

fn forward(config: &EdgeConfig, clock: &Arc<dyn Clock>) -> Result<Forward, EdgeError> {
    let mut upstreams = BTreeMap::new();
    for (name, url) in &config.upstreams {
        let authority = authority(url).ok_or_else(|| EdgeError::Upstream { name: name.clone() })?;
        upstreams.insert(name.clone(), authority);
    }
    let files = ClientTls {
        client: Some(CertificateFiles {
            chain: config.upstream_client.certificate.clone(),
            key: config.upstream_client.key.clone(),
        }),
        root: config.upstream_client.root.clone(),
    };
    let limits = ClientLimits { idle_timeout: POOL_IDLE, ..ClientLimits::default() };
    let client = Client::new(&files, Arc::clone(clock), limits)
        .map_err(|source| EdgeError::Tls { of: "upstreams".to_owned(), source })?;
    Ok(Forward::new(client, upstreams, config.limits.clone()))
}

fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let is_bare =
        uri.scheme() == Some(&Scheme::HTTPS) && uri.path() == "/" && uri.query().is_none();
    uri.authority().filter(|authority| is_bare && authority.port().is_some()).cloned()
}
