//! The way to the components: connections kept open, several places, health, and tries that are safe.
//!
//! A request goes to the least busy place that answers. It is tried again, elsewhere if it can be, only when
//! the component cannot have begun it: no connection came about, or nothing of it was written; and, for a
//! method without side effects and a request without body, when a connection that was kept open ended
//! before any answer (RFC 9110 §9.2.2). A request whose body began is never sent twice.

mod body;
mod config;
mod member;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use futures_util::future::join_all;
use http::{Method, Request, Response, Uri};
use kakehashi_platform::mtls::ClientTrust;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) use self::body::{Incoming, Outgoing};
pub use self::config::{Places, UpstreamLimits};
pub(crate) use self::member::Connections;
use self::{
    body::Lease,
    member::{ConnectError, Line, Member, Running},
};

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No place answers.
    #[error("no place of the component answers")]
    Down,
    /// Every connection is taken.
    #[error("every connection to the component is taken")]
    Busy,
    /// The connection broke, or the answer was no HTTP.
    #[error("the exchange broke off")]
    Broken(#[source] hyper::Error),
}

/// Every component by name.
pub(crate) struct Upstreams {
    components: BTreeMap<String, Component>,
    trust: Arc<ClientTrust>,
    limits: Arc<UpstreamLimits>,
}

struct Component {
    members: Vec<Arc<Member>>,
    next: AtomicUsize,
    retries: AtomicU64,
}

/// Where a request is, for whoever gives up waiting for its answer.
#[derive(Default)]
pub(crate) struct Whereabouts(Option<Arc<Member>>);

/// One place at a glance.
pub(crate) struct PlaceFigures<'a> {
    /// The component.
    pub(crate) upstream: &'a str,
    /// `host:port`.
    pub(crate) place: &'a str,
    /// Whether it answered last time.
    pub(crate) is_healthy: bool,
    /// Its connections.
    pub(crate) connections: Connections,
}

impl Upstreams {
    /// Names what is wrong: a component whose places are no `https://host:port`. Connections are kept for
    /// each of `lanes`.
    pub(crate) fn new(
        places: &BTreeMap<String, Places>,
        trust: Arc<ClientTrust>,
        limits: UpstreamLimits,
        lanes: usize,
    ) -> Result<Self, String> {
        let mut components = BTreeMap::new();
        for (name, places) in places {
            let members = places.authorities().and_then(|found| {
                found
                    .into_iter()
                    .map(|one| Member::new(one, &limits, lanes).map(Arc::new))
                    .collect()
            });
            let members = members.ok_or_else(|| name.clone())?;
            components.insert(name.clone(), Component::new(members));
        }
        Ok(Self { components, trust, limits: Arc::new(limits) })
    }

    /// For each component: places that answer, and places in all.
    pub(crate) fn health(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.components.iter().map(|(name, component)| {
            let healthy = component.members.iter().filter(|member| member.is_healthy()).count();
            (name.as_str(), healthy, component.members.len())
        })
    }

    /// For each component: how often a request was tried again since the start.
    pub(crate) fn retries(&self) -> impl Iterator<Item = (&str, u64)> {
        let components = self.components.iter();
        components.map(|(name, of)| (name.as_str(), of.retries.load(Ordering::Relaxed)))
    }

    /// Every place of every component.
    pub(crate) fn figures(&self) -> impl Iterator<Item = PlaceFigures<'_>> {
        self.components.iter().flat_map(|(upstream, component)| {
            component.members.iter().map(|member| PlaceFigures {
                upstream,
                place: member.authority.as_str(),
                is_healthy: member.is_healthy(),
                connections: member.connections(),
            })
        })
    }

    /// Looks after the places until `shutdown`: follows the gateway's own certificate, tries places nobody
    /// has heard from, closes what idles.
    pub(crate) async fn look_after(&self, shutdown: &CancellationToken) {
        tokio::join!(self.trust.follow_files(shutdown), self.try_places(shutdown));
    }

    /// Every place for itself: one that does not answer holds up none of the others.
    async fn try_places(&self, shutdown: &CancellationToken) {
        let members = self.components.values().flat_map(|component| &component.members);
        let watching = join_all(members.map(|member| self.watch(member)));
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = watching => {}
        }
    }

    async fn watch(&self, member: &Member) {
        let mut ticks = tokio::time::interval(self.limits.health_interval() / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            member.prune(self.limits.idle_timeout());
            if member.is_due(self.limits.health_interval()) {
                self.try_out(member).await;
            }
        }
    }

    async fn try_out(&self, member: &Member) {
        match member.connect(self.trust.config(), &self.limits).await {
            // Not kept: it was not opened on a connection's lane.
            Ok(_line) => member.connected(),
            Err(ConnectError::Busy) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                debug!(error, place = %member.authority, "health check failed");
                member.failed(self.limits.backoff_max());
            }
        }
    }

    /// Sends a request and answers when the header of the component's answer is there. `at` tells where it
    /// was sent to, should the caller not wait that long.
    ///
    /// The request's target becomes the origin form; everything else is the caller's.
    pub(crate) async fn send(
        &self,
        name: &str,
        mut request: Request<Outgoing>,
        at: &mut Whereabouts,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let component = self.components.get(name).ok_or(UpstreamError::Down)?;
        take_origin_form(&mut request);
        let (mut why, mut last) = (UpstreamError::Down, None);
        for _ in 0..self.limits.attempts_max.max(1) {
            let Some(member) = component.choose(last) else { break };
            let is_same = last.is_some_and(|last| Arc::ptr_eq(last, member));
            if is_same && matches!(why, UpstreamError::Busy) {
                break;
            }
            last = Some(member);
            let line = match self.line(member).await {
                Ok(line) => line,
                Err(ConnectError::Busy) => {
                    why = UpstreamError::Busy;
                    continue;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    debug!(error, place = %member.authority, "no connection");
                    member.failed(self.limits.backoff_max());
                    why = UpstreamError::Down;
                    continue;
                }
            };
            at.0 = Some(Arc::clone(member));
            match self.exchange(line, member.begin(), request).await {
                Ok(response) => return Ok(response),
                Err((error, Some(unsent))) => {
                    why = UpstreamError::Broken(error);
                    request = *unsent;
                }
                Err((error, None)) => return Err(UpstreamError::Broken(error)),
            }
        }
        Err(why)
    }

    /// Notes that the answer to a request took too long.
    pub(crate) fn gave_up(&self, at: &Whereabouts) {
        if let Some(member) = &at.0 {
            member.timed_out(&self.limits);
        }
    }

    async fn line(&self, member: &Member) -> Result<Line, ConnectError> {
        let config = self.trust.config();
        match member.take_idle(&config, self.limits.idle_timeout()).await {
            Some(line) => Ok(line),
            None => member.connect(config, &self.limits).await,
        }
    }

    /// One try. The error brings the request back where it may be tried again.
    async fn exchange(
        &self,
        mut line: Line,
        running: Running,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, (hyper::Error, Option<Box<Request<Outgoing>>>)> {
        let is_used = line.is_used();
        let copy = (is_used && may_repeat(&request)).then(|| repeat(&request));
        match line.sender().try_send_request(request).await {
            Ok(response) => {
                running.0.answered();
                let lease = Lease::new(line, running, self.limits.idle_connections_max);
                Ok(response.map(|body| Incoming::new(body, lease)))
            }
            Err(mut error) => {
                let unsent = error.take_message().or(copy);
                let error = error.into_error();
                // A body that broke off is its sender's fault; a connection that was kept may just be old.
                if !error.is_user() && is_used {
                    running.0.distrust();
                } else if !error.is_user() {
                    running.0.failed(self.limits.backoff_max());
                }
                Err((error, unsent.map(Box::new)))
            }
        }
    }
}

impl Component {
    const fn new(members: Vec<Arc<Member>>) -> Self {
        Self { members, next: AtomicUsize::new(0), retries: AtomicU64::new(0) }
    }

    /// The least busy place that is worth a try; of equals, each in turn, and the `last` one only if there is
    /// no other. When none is worth it, the next in turn is better than no answer, but only for a first try.
    fn choose(&self, last: Option<&Arc<Member>>) -> Option<&Arc<Member>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.members.len();
        let in_turn = (0..count).map(|step| &self.members[first.wrapping_add(step) % count]);
        let is_last = |member| last.is_some_and(|last| Arc::ptr_eq(last, member));
        let open = in_turn.filter(|member| member.is_open());
        let open = open.min_by_key(|member| (is_last(member), member.busy()));
        if last.is_none() {
            return open.or_else(|| self.members.get(first % count));
        }
        self.retries.fetch_add(u64::from(open.is_some()), Ordering::Relaxed);
        open
    }
}

/// Leaves the origin form of the target, which is what HTTP/1.1 wants; the host is in the header.
fn take_origin_form(request: &mut Request<Outgoing>) {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
}

fn may_repeat(request: &Request<Outgoing>) -> bool {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    is_safe && matches!(request.body(), Outgoing::Empty)
}

fn repeat(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut copy = Request::new(Outgoing::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
