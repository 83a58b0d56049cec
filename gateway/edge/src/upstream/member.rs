//! One place a component runs at: its connections, and whether it answers.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::uri::Authority;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use kakehashi_platform::mtls::{ReadAhead, lane};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::{Outgoing, UpstreamLimits};

/// A connection that ended its last exchange gets this long to say that it is ready for the next.
const READY_TIMEOUT: Duration = Duration::from_millis(100);
/// The first time a place that failed is left alone; doubled with each further failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);

/// One place.
pub(super) struct Member {
    pub(super) authority: Authority,
    server_name: ServerName<'static>,
    /// Open connections without a request, for each lane its own: what a lane opened, it uses.
    idle: Box<[Mutex<Vec<Line>>]>,
    places: Arc<Semaphore>,
    connections_max: usize,
    waiting: AtomicUsize,
    busy: AtomicUsize,
    health: Mutex<Health>,
    tasks: TaskTracker,
}

/// An open connection.
pub(super) struct Line {
    sender: SendRequest<Outgoing>,
    made_with: Arc<ClientConfig>,
    idle_since: Instant,
    is_used: bool,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    /// Exchanges in a row that took too long.
    timeouts: u32,
    closed_until: Option<Instant>,
    heard: Option<Instant>,
}

/// How many connections a place has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Open, whether something runs on them or not.
    pub(crate) open: usize,
    /// Nothing runs on these.
    pub(crate) idle: usize,
    /// Requests that wait for one.
    pub(crate) waiting: usize,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// Every connection is taken and too many wait.
    #[error("every connection is taken")]
    Busy,
    /// It took too long.
    #[error("connecting took too long")]
    Timeout,
    /// TCP or TLS failed.
    #[error("cannot connect")]
    Io(#[from] std::io::Error),
    /// The connection ended at once.
    #[error("the connection ended at once")]
    Http(#[from] hyper::Error),
}

impl Member {
    /// `None` when the host is no server name.
    pub(super) fn new(authority: Authority, limits: &UpstreamLimits, lanes: usize) -> Option<Self> {
        let server_name = ServerName::try_from(authority.host().to_owned()).ok()?;
        Some(Self {
            authority,
            server_name,
            idle: (0..lanes.max(1)).map(|_| Mutex::default()).collect(),
            places: Arc::new(Semaphore::new(limits.connections_max)),
            connections_max: limits.connections_max,
            waiting: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            health: Mutex::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Requests running at this place.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    /// Whether the place is worth a try: it has not failed, or its time-out has passed.
    pub(super) fn is_open(&self) -> bool {
        self.health().closed_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Whether the place answered last time.
    pub(super) fn is_healthy(&self) -> bool {
        self.health().failures == 0
    }

    /// Whether nobody has heard from the place for `interval`, or it failed and may be tried again.
    pub(super) fn is_due(&self, interval: Duration) -> bool {
        let health = self.health();
        let is_silent = health.heard.is_none_or(|heard| heard.elapsed() >= interval);
        is_silent && health.closed_until.is_none_or(|until| Instant::now() >= until)
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> Connections {
        let open = self.connections_max.saturating_sub(self.places.available_permits());
        let waiting = self.waiting.load(Ordering::Relaxed);
        let idle = self.shelves().map(|shelf| shelf.len()).sum();
        Connections { open, idle, waiting }
    }

    /// The place takes connections.
    pub(super) fn connected(&self) {
        let mut health = self.health();
        health.heard = Some(Instant::now());
        if health.failures > 0 {
            info!(place = %self.authority, "a component's place answers again");
            (health.failures, health.closed_until) = (0, None);
        }
    }

    /// The place answered a request.
    pub(super) fn answered(&self) {
        self.connected();
        self.health().timeouts = 0;
    }

    /// A request was not answered in time. One may take long by itself; several in a row are the place's
    /// fault, although it takes connections.
    pub(super) fn timed_out(&self, limits: &UpstreamLimits) {
        let mut health = self.health();
        health.timeouts = health.timeouts.saturating_add(1);
        let is_hanging = health.timeouts >= limits.timeouts_max;
        drop(health);
        if is_hanging {
            self.failed(limits.backoff_max());
        }
    }

    /// A connection that was kept open broke: the others may be as old.
    pub(super) fn distrust(&self) {
        self.shelves().for_each(|mut shelf| shelf.clear());
    }

    /// The place does not answer; it is left alone for a while.
    pub(super) fn failed(&self, backoff_max: Duration) {
        let mut health = self.health();
        let backoff = BACKOFF_MIN.saturating_mul(1 << health.failures.min(16)).min(backoff_max);
        if health.failures == 0 {
            warn!(place = %self.authority, "a component's place does not answer");
        }
        health.failures = health.failures.saturating_add(1);
        health.closed_until = Some(Instant::now() + backoff);
        drop(health);
        self.distrust();
    }

    /// Takes an idle connection that still holds.
    pub(super) async fn take_idle(
        &self,
        config: &Arc<ClientConfig>,
        idle_timeout: Duration,
    ) -> Option<Line> {
        loop {
            let mut line = self.idle().pop()?;
            let is_fresh = line.idle_since.elapsed() < idle_timeout;
            if !is_fresh || line.sender.is_closed() || !Arc::ptr_eq(&line.made_with, config) {
                continue;
            }
            if line.sender.is_ready()
                || matches!(timeout(READY_TIMEOUT, line.sender.ready()).await, Ok(Ok(())))
            {
                return Some(line);
            }
        }
    }

    /// Opens a connection, waiting for a place among the open ones if need be.
    pub(super) async fn connect(
        &self,
        config: Arc<ClientConfig>,
        limits: &UpstreamLimits,
    ) -> Result<Line, ConnectError> {
        let place = self.place(limits).await?;
        let opening = async {
            let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
            let port = self.authority.port_u16().unwrap_or(443);
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            let connector = TlsConnector::from(Arc::clone(&config));
            let stream =
                connector.connect(self.server_name.clone(), ReadAhead::new(stream)).await?;
            Ok::<_, ConnectError>(http1::handshake(TokioIo::new(stream)).await?)
        };
        let (sender, connection) = timeout(limits.connect_timeout(), opening)
            .await
            .map_err(|_| ConnectError::Timeout)??;
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection to a component ended");
            }
        });
        let idle_since = Instant::now();
        Ok(Line { sender, made_with: config, idle_since, is_used: false, _place: place })
    }

    async fn place(&self, limits: &UpstreamLimits) -> Result<OwnedSemaphorePermit, ConnectError> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        // An idle connection may be in the way that suits nobody.
        drop(self.shelves().find_map(|mut shelf| shelf.pop()));
        let waiting = Counted::new(&self.waiting);
        if waiting.before >= limits.queue_max {
            return Err(ConnectError::Busy);
        }
        let place = timeout(limits.queue_timeout(), Arc::clone(&self.places).acquire_owned());
        place.await.ok().and_then(Result::ok).ok_or(ConnectError::Busy)
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, mut line: Line, idle_max: usize) {
        if line.sender.is_closed() {
            return;
        }
        (line.idle_since, line.is_used) = (Instant::now(), true);
        let mut idle = self.idle();
        if idle.len() < (idle_max / self.idle.len()).max(1) {
            idle.push(line);
        }
    }

    /// Closes connections that were idle for too long.
    pub(super) fn prune(&self, idle_timeout: Duration) {
        let is_good =
            |line: &Line| !line.sender.is_closed() && line.idle_since.elapsed() < idle_timeout;
        self.shelves().for_each(|mut shelf| shelf.retain(is_good));
    }

    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// This lane's connections.
    fn idle(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle[lane() % self.idle.len()].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every lane's connections.
    fn shelves(&self) -> impl Iterator<Item = MutexGuard<'_, Vec<Line>>> {
        self.idle.iter().map(|shelf| shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The connection itself.
    pub(super) const fn sender(&mut self) -> &mut SendRequest<Outgoing> {
        &mut self.sender
    }

    /// Whether an exchange went over it before: then the component may close it as we write.
    pub(super) const fn is_used(&self) -> bool {
        self.is_used
    }
}

/// A request that runs at a place, counted until it is dropped.
pub(super) struct Running(pub(super) Arc<Member>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Counted<'a> {
    counter: &'a AtomicUsize,
    before: usize,
}

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        Self { counter, before: counter.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_that_leaves_several_requests_in_a_row_unanswered_is_left_alone() {
        let limits = UpstreamLimits::default();
        let member = Member::new(Authority::from_static("localhost:1"), &limits, 1).unwrap();
        for _ in 0..2 {
            member.timed_out(&limits);
            member.timed_out(&limits);
            assert!(member.is_open());
            // Between two that took long one was answered.
            member.answered();
        }
        for _ in 0..3 {
            member.timed_out(&limits);
        }
        assert!(!member.is_open() && !member.is_healthy());
        let until_open = async {
            while !member.is_open() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), until_open).await.expect("the time-out passes");
        // It takes connections again, but has yet to answer.
        member.connected();
        assert!(member.is_open() && member.is_healthy());
        member.timed_out(&limits);
        assert!(!member.is_open());
    }
}
