//! The gateway as a whole: bind, run, drain.

use std::{
    collections::BTreeMap, io, net::SocketAddr, os::fd::AsFd, path::PathBuf, sync::Arc,
    time::Duration,
};

use kakehashi_contract::{AuditKey, Zone};
use kakehashi_kernel::{Clock, Ids};
use kakehashi_platform::{
    mtls::{ClientTls, ClientTrust, Lanes, TlsError, Trust, WhenFull, accept_each_on},
    pki::CertificateFiles,
};
use tokio::{
    net::{TcpListener, UnixListener},
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    accept::Gate,
    audit::Audit,
    config::{EdgeConfig, ListenerConfig},
    control::{self, Control},
    forward::Forward,
    guard::{Guard, GuardParts},
    handover::{Handover, HandoverError, Inherited, Successor},
    ledger::{Ledger, LedgerBroken},
    listen,
    metrics::Metrics,
    operation::{NotLoopback, Operation},
    policy::{PolicyError, Rulebook, SuspensionError, Suspensions},
    trace::{TraceError, Traces},
    upstream::Upstreams,
};

/// Between two looks at a ledger that another process has.
const LEDGER_PAUSE: Duration = Duration::from_millis(50);

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
    /// The gateway that runs does not hand over, or ours cannot later.
    #[error("listening sockets cannot be handed over")]
    Handover(#[from] HandoverError),
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
    handover: Option<Handover>,
    drain_notice: Duration,
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
    /// Checks the configuration, takes or binds every listening socket, ends the gateway before us if there
    /// is one, and opens the ledger. Answers nobody yet.
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
        let traces = Traces::start(config.operation.traces.as_ref())?.map(Arc::new);
        let Doors { sockets, operation, handover, locked } = doors(&config).await?;
        let ledger = Arc::new(ledger(&config, &parts, locked).await?);
        let metrics = Arc::new(Metrics::new());
        let audit = Audit::new(Arc::clone(&ledger), Arc::clone(&parts.clock), Arc::clone(&metrics));
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
        for ((listener, trust), (socket, address)) in trusts.into_iter().zip(sockets) {
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
                linger: config.limits.drain_linger(),
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
            handover,
            drain_notice: config.limits.drain_notice(),
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

    /// Serves until `shutdown`, an operator's word or a successor; then drains, syncs the ledger and returns.
    ///
    /// Readiness is denied first.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut listening = JoinSet::new();
        let ending = CancellationToken::new();
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
                clock: Arc::clone(&self.clock),
                shutdown: ending.clone(),
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
            listening.spawn(listen_at(gate, socket, Arc::clone(&self.lanes)));
        }
        let successor = tokio::select! {
            () = shutdown.cancelled() => None,
            () = self.drain.cancelled() => None,
            successor = succeeded(self.handover.as_ref()) => Some(successor),
            () = every_minute(&self.audit, &self.guard) => None,
        };
        ending.cancel();
        if successor.is_some() {
            let (now, by) = (self.clock.now(), control::own_actor());
            self.guard.act(now, &by, "gateway.handover", "gateway", "ok", String::new());
        } else {
            self.handover.map(Handover::withdraw).unwrap_or_default();
            sleep(self.drain_notice).await;
        }
        self.shutdown.cancel();
        while let Some(ended) = listening.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a listener panicked");
            }
        }
        looking.shutdown().await;
        self.audit.tell_strangers();
        let closing = spawn_blocking(move || {
            self.guard.close();
            self.ledger.close();
            successor.map(Successor::release).unwrap_or_default();
            self.traces.map(|traces| traces.end()).unwrap_or_default();
        });
        if closing.await.is_err() {
            error!("the guard's state and the audit ledger could not be closed");
        }
    }
}

/// Gives what comes at a listener's socket to its gate, and turns back what has no room.
async fn listen_at(gate: Arc<Gate>, socket: TcpListener, lanes: Arc<Lanes>) {
    let receive = |stream, peer| Arc::clone(&gate).receive(stream, peer);
    let turn_back = |peer| gate.turn_back(peer);
    let room = (&gate.limits, WhenFull::TurnAway(&turn_back));
    accept_each_on(Some(&lanes), socket, room, &gate.shutdown, receive).await;
}

/// Never returns without a way to be succeeded.
async fn succeeded(handover: Option<&Handover>) -> Successor {
    match handover {
        Some(handover) => handover.wait().await,
        None => std::future::pending().await,
    }
}

/// Does what is to be done every minute; never returns.
async fn every_minute(audit: &Audit, guard: &Arc<Guard>) {
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    loop {
        minutes.tick().await;
        audit.tell_strangers();
        let guard = Arc::clone(guard);
        if spawn_blocking(move || guard.save()).await.is_err() {
            error!("the guard's state could not be saved");
        }
    }
}

/// What the gateway listens on.
struct Doors {
    /// In the order of the configured listeners.
    sockets: Vec<(TcpListener, SocketAddr)>,
    operation: Option<TcpListener>,
    /// How to pass them on.
    handover: Option<Handover>,
    /// How long the ledger may still be somebody else's.
    locked: Option<Duration>,
}

/// Takes each listening socket from whoever had it, or binds it; then the process before us, if there is
/// one, ends. Everything that can be wrong with the configuration was found before: it is not ended for a
/// successor that does not start.
async fn doors(config: &EdgeConfig) -> Result<Doors, EdgeError> {
    let path = config.handover.clone();
    let gathering = spawn_blocking(move || Inherited::gather(path.as_deref()));
    let mut inherited = gathering.await.map_err(|error| lost(&error))??;
    let mut open = |address: SocketAddr| {
        let opened = match inherited.take(address) {
            Some(socket) => listen::adopt(socket),
            None => listen::bind(address),
        };
        opened.map_err(|source| EdgeError::Bind { address, source })
    };
    let operation = config.operation.loopback()?.map(&mut open).transpose()?;
    let mut sockets = Vec::new();
    for &ListenerConfig { address, .. } in &config.listeners {
        let socket = open(address)?;
        let bound = socket.local_addr().map_err(|source| EdgeError::Bind { address, source })?;
        sockets.push((socket, bound));
    }
    let succeeding = spawn_blocking(move || inherited.succeed());
    let locked = succeeding.await.map_err(|error| lost(&error))??;
    let handover = match &config.handover {
        Some(path) => {
            let all = sockets.iter().map(|(socket, _)| socket).chain(&operation);
            let copies = all.map(|socket| socket.as_fd().try_clone_to_owned());
            let copies = copies.collect::<io::Result<Vec<_>>>().map_err(HandoverError::Socket)?;
            Some(Handover::open(path, copies, config.limits.ending())?)
        }
        None => None,
    };
    Ok(Doors { sockets, operation, handover, locked })
}

fn lost(error: &tokio::task::JoinError) -> HandoverError {
    HandoverError::Socket(io::Error::other(error.to_string()))
}

/// Opens the ledger, waiting for whoever had it if that one is known to end.
async fn ledger(
    config: &EdgeConfig,
    parts: &EdgeParts,
    locked: Option<Duration>,
) -> Result<Ledger, LedgerBroken> {
    let until = Instant::now() + locked.unwrap_or_default();
    loop {
        let (clock, settings) = (Arc::clone(&parts.clock), config.ledger.clone());
        match Ledger::open(&config.audit, &parts.audit_key, settings, clock) {
            Err(LedgerBroken::InUse) if Instant::now() < until => sleep(LEDGER_PAUSE).await,
            opened => return opened,
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
