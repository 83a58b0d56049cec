//! The gateway as a whole: bind, run, drain.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use kakehashi_contract::{AuditKey, Zone};
use kakehashi_kernel::{Clock, Ids};
use kakehashi_platform::{
    mtls::{ClientTls, ClientTrust, Lanes, TlsError, Trust, accept_each_on},
    pki::CertificateFiles,
};
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    accept::Gate,
    audit::Audit,
    config::EdgeConfig,
    control::{self, Control},
    forward::Forward,
    guard::{Guard, GuardParts},
    ledger::{Ledger, LedgerBroken},
    metrics::Metrics,
    operation::{NotLoopback, Operation},
    policy::{PolicyError, Rulebook, SuspensionError, Suspensions},
    trace::{TraceError, Traces},
    upstream::Upstreams,
};

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
    /// Operators are to look in from elsewhere.
    #[error("the operation address cannot be used")]
    Operation(#[from] NotLoopback),
    /// Traces cannot be sent where they should.
    #[error("traces cannot be sent")]
    Traces(#[from] TraceError),
    /// The system gives no thread for connections.
    #[error("the threads of connections cannot be started")]
    Lanes(#[source] std::io::Error),
    /// The audit ledger does not hold or cannot be written.
    #[error("the audit ledger cannot be opened")]
    Ledger(#[from] LedgerBroken),
    /// The guard's thread cannot be started.
    #[error("the guard cannot be started")]
    Guard(#[source] std::io::Error),
    /// The operator's socket cannot be made.
    #[error("cannot make the operator's socket {path}")]
    Control {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A gateway that listens.
pub struct Edge {
    gates: Vec<(TcpListener, SocketAddr, Gate)>,
    policy: Arc<Rulebook>,
    upstreams: Arc<Upstreams>,
    audit: Audit,
    guard: Arc<Guard>,
    control: Option<OpenControl>,
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    traces: Option<Arc<Traces>>,
    operation: Option<TcpListener>,
    lanes: Arc<Lanes>,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    /// Cancelled by an operator who wants the gateway to end.
    drain: CancellationToken,
}

impl Edge {
    /// Checks the configuration, opens the ledger and binds every listener. Answers nobody yet.
    ///
    /// # Errors
    ///
    /// [`EdgeError`] naming what is wrong; nothing is left running.
    pub async fn bind(config: EdgeConfig, parts: EdgeParts) -> Result<Self, EdgeError> {
        let policy = Arc::new(rulebook(&config, &parts.clock)?);
        let lanes = Arc::new(Lanes::one_per_core().map_err(EdgeError::Lanes)?);
        let upstreams = Arc::new(upstreams(&config, &parts.clock, lanes.count())?);
        let forward = Arc::new(Forward::new(Arc::clone(&upstreams), config.limits.clone()));
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
        let clock = Arc::clone(&parts.clock);
        let opened = Ledger::open(&config.audit, &parts.audit_key, config.ledger.clone(), clock)?;
        let ledger = Arc::new(opened);
        let metrics = Arc::new(Metrics::new());
        let audit = Audit::new(Arc::clone(&ledger), Arc::clone(&parts.clock), Arc::clone(&metrics));
        let traces = Traces::start(config.operation.traces.as_ref())?.map(Arc::new);
        let operation = match config.operation.loopback()? {
            Some(address) => {
                let bind = |source| EdgeError::Bind { address, source };
                Some(TcpListener::bind(address).await.map_err(bind)?)
            }
            None => None,
        };
        let guard = Arc::new(guard(&config, &parts.clock, &parts.ids, &ledger, &metrics)?);
        let (shutdown, drain) = (CancellationToken::new(), CancellationToken::new());
        let control = Control {
            guard: Arc::clone(&guard),
            suspensions: Arc::clone(policy.suspensions()),
            clock: Arc::clone(&parts.clock),
            drain: drain.clone(),
        };
        let control = open_control(&config, control)?;
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
                guard: Arc::clone(&guard),
                metrics: Arc::clone(&metrics),
                traces: traces.clone(),
                ids: Arc::clone(&parts.ids),
                clock: Arc::clone(&parts.clock),
                limits: config.limits.connection(),
                wire: Arc::new(config.limits.wire()),
                shutdown: shutdown.clone(),
            };
            info!(zone = %listener.zone, %address, "listening");
            gates.push((socket, address, gate));
        }
        Ok(Self {
            gates,
            policy,
            upstreams,
            audit,
            guard,
            control,
            ledger,
            metrics,
            traces,
            operation,
            lanes,
            clock: parts.clock,
            shutdown,
            drain,
        })
    }

    /// Answers where each zone's listener is bound.
    pub fn addresses(&self) -> BTreeMap<Zone, SocketAddr> {
        self.gates.iter().map(|(_, address, gate)| (gate.zone, *address)).collect()
    }

    /// Answers where operators look in.
    pub fn operation_address(&self) -> Option<SocketAddr> {
        self.operation.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `shutdown`, then drains, syncs the ledger and returns.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut listening = JoinSet::new();
        // Looked at until the last moment: a drain is seen from here.
        let mut looking = JoinSet::new();
        if let Some(listener) = self.operation {
            let gates = self.gates.iter();
            let listeners =
                gates.map(|(_, _, gate)| (gate.zone, Arc::clone(&gate.trust))).collect();
            let (ledger, metrics) = (Arc::clone(&self.ledger), Arc::clone(&self.metrics));
            let operation = Operation {
                metrics,
                ledger,
                listeners,
                policy: Arc::clone(&self.policy),
                upstreams: Arc::clone(&self.upstreams),
                clock: self.clock,
                shutdown: self.shutdown.clone(),
            };
            looking.spawn(operation.run(listener));
        }
        let (policy, stop) = (self.policy, self.shutdown.clone());
        listening.spawn(async move { policy.follow_files(&stop).await });
        if let Some((control, listener, path)) = self.control {
            let stop = self.shutdown.clone();
            listening.spawn(async move { control.serve(listener, path, stop).await });
        }
        let (upstreams, stop) = (self.upstreams, self.shutdown.clone());
        listening.spawn(async move { upstreams.look_after(&stop).await });
        for (socket, _, gate) in self.gates {
            let gate = Arc::new(gate);
            let (files, stop) = (Arc::clone(gate.trust.files()), self.shutdown.clone());
            listening.spawn(async move { files.follow_files(&stop).await });
            let lanes = Arc::clone(&self.lanes);
            listening.spawn(async move {
                let (limits, stop) = (gate.limits.clone(), gate.shutdown.clone());
                accept_each_on(Some(&lanes), socket, &limits, &stop, |stream, peer| {
                    Arc::clone(&gate).receive(stream, peer)
                })
                .await;
            });
        }
        let mut minutes = tokio::time::interval(Duration::from_mins(1));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.drain.cancelled() => break,
                _ = minutes.tick() => {
                    self.audit.tell_strangers();
                    let guard = Arc::clone(&self.guard);
                    if tokio::task::spawn_blocking(move || guard.save()).await.is_err() {
                        error!("the guard's state could not be saved");
                    }
                }
            }
        }
        self.shutdown.cancel();
        while let Some(ended) = listening.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a listener panicked");
            }
        }
        self.audit.tell_strangers();
        let (ledger, guard, traces) = (self.ledger, self.guard, self.traces);
        let closing = tokio::task::spawn_blocking(move || {
            guard.close();
            ledger.close();
            if let Some(traces) = traces {
                traces.end();
            }
        });
        if closing.await.is_err() {
            error!("the guard's state and the audit ledger could not be closed");
        }
    }
}

fn guard(
    config: &EdgeConfig,
    clock: &Arc<dyn Clock>,
    ids: &Arc<dyn Ids>,
    ledger: &Arc<Ledger>,
    metrics: &Arc<Metrics>,
) -> Result<Guard, EdgeError> {
    let (ledger, metrics) = (Arc::clone(ledger), Arc::clone(metrics));
    let parts = GuardParts {
        clock: Arc::clone(clock),
        ids: Arc::clone(ids),
        record: Arc::new(move |at, fact| {
            if fact.actor == "gateway" {
                metrics.guard(&fact.outcome, &fact.action);
            }
            if ledger.append(at, fact).is_err() {
                error!("an act of the guard could not be recorded");
            }
        }),
    };
    Guard::new(config.guard.clone(), parts).map_err(EdgeError::Guard)
}

type OpenControl = (Arc<Control>, UnixListener, PathBuf);

fn open_control(config: &EdgeConfig, control: Control) -> Result<Option<OpenControl>, EdgeError> {
    let Some(path) = config.guard.control.clone() else { return Ok(None) };
    let listener =
        control::bind(&path).map_err(|source| EdgeError::Control { path: path.clone(), source })?;
    Ok(Some((Arc::new(control), listener, path)))
}

fn rulebook(config: &EdgeConfig, clock: &Arc<dyn Clock>) -> Result<Rulebook, EdgeError> {
    let path = config.suspensions();
    let suspensions = Suspensions::load(&path)
        .map_err(|source| EdgeError::Suspensions { path: path.clone(), source })?;
    let upstreams = config.upstreams.keys().cloned().collect();
    Rulebook::load(&config.policy, upstreams, Arc::new(suspensions), Arc::clone(clock))
        .map_err(|source| EdgeError::Policy { path: config.policy.clone(), source })
}

fn upstreams(
    config: &EdgeConfig,
    clock: &Arc<dyn Clock>,
    lanes: usize,
) -> Result<Upstreams, EdgeError> {
    let files = ClientTls {
        client: Some(CertificateFiles {
            chain: config.upstream_client.certificate.clone(),
            key: config.upstream_client.key.clone(),
        }),
        root: config.upstream_client.root.clone(),
    };
    let trust = ClientTrust::load(files, Arc::clone(clock))
        .map_err(|source| EdgeError::Tls { of: "upstreams".to_owned(), source })?;
    let limits = config.upstream_limits.clone();
    Upstreams::new(&config.upstreams, Arc::new(trust), limits, lanes)
        .map_err(|name| EdgeError::Upstream { name })
}
