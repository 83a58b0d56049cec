//! The way to the components: connections kept open, several places, health, and tries that are safe.
//!
//! A request goes to the least busy place that answers. It is tried again only when the component cannot
//! have begun it: no connection came about, or nothing of it was written; and, for a method without side
//! effects and a request without body, when a connection that was kept open ended before any answer
//! (RFC 9110 §9.2.2). A request whose body began is never sent twice.

mod body;
mod config;
mod member;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{Method, Request, Response, Uri, uri::Scheme};
use kakehashi_platform::mtls::ClientTrust;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) use self::body::{Incoming, Outgoing};
pub use self::config::{Places, UpstreamLimits};
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
            components.insert(name.clone(), Component { members, next: AtomicUsize::new(0) });
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

    /// Looks after the places until `shutdown`: follows the gateway's own certificate, tries places nobody
    /// has heard from, closes what idles.
    pub(crate) async fn look_after(&self, shutdown: &CancellationToken) {
        tokio::join!(self.trust.follow_files(shutdown), self.try_places(shutdown));
    }

    async fn try_places(&self, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(self.limits.health_interval() / 4);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            for member in self.components.values().flat_map(|component| &component.members) {
                member.prune(self.limits.idle_timeout());
                if member.is_due(self.limits.health_interval()) {
                    self.try_out(member).await;
                }
            }
        }
    }

    async fn try_out(&self, member: &Member) {
        match member.connect(self.trust.config(), &self.limits).await {
            // Not kept: it was not opened on a connection's lane.
            Ok(_line) => member.succeeded(),
            Err(ConnectError::Busy) => {}
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                debug!(error, place = %member.authority, "health check failed");
                member.failed(self.limits.backoff_max());
            }
        }
    }

    /// Sends a request and answers when the header of the component's answer is there.
    ///
    /// The request's target is rewritten to the place it goes to; everything else is the caller's.
    pub(crate) async fn send(
        &self,
        name: &str,
        mut request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let component = self.components.get(name).ok_or(UpstreamError::Down)?;
        let mut last = UpstreamError::Down;
        for attempt in 0..self.limits.attempts_max.max(1) {
            let Some(member) = component.choose(attempt) else { return Err(last) };
            let (line, running) = match self.line(member).await {
                Ok(line) => (line, member.begin()),
                Err(ConnectError::Busy) => {
                    last = UpstreamError::Busy;
                    continue;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    debug!(error, place = %member.authority, "no connection");
                    member.failed(self.limits.backoff_max());
                    last = UpstreamError::Down;
                    continue;
                }
            };
            match self.exchange(line, running, request).await {
                Ok(response) => return Ok(response),
                Err((error, Some(unsent))) => {
                    last = UpstreamError::Broken(error);
                    request = *unsent;
                }
                Err((error, None)) => return Err(UpstreamError::Broken(error)),
            }
        }
        Err(last)
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
        let request = address(request, &running.0);
        let copy = (line.is_used() && may_repeat(&request)).then(|| repeat(&request));
        match line.sender().try_send_request(request).await {
            Ok(response) => {
                running.0.succeeded();
                let lease = Lease::new(line, running, self.limits.idle_connections_max);
                Ok(response.map(|body| Incoming::new(body, lease)))
            }
            Err(mut error) => {
                let unsent = error.take_message().or(copy);
                Err((error.into_error(), unsent.map(Box::new)))
            }
        }
    }
}

impl Component {
    /// The least busy place that is worth a try; of equals, each in turn. When none is, the one that
    /// failed longest ago is better than no answer, but only for the first try.
    fn choose(&self, attempt: u32) -> Option<&Arc<Member>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.members.len();
        let in_turn = (0..count).map(|step| &self.members[first.wrapping_add(step) % count]);
        let open = in_turn.filter(|member| member.is_open()).min_by_key(|member| member.busy());
        open.or_else(|| self.members.get(first % count).filter(|_| attempt == 0))
    }
}

/// Readdresses the request to a place.
fn address(mut request: Request<Outgoing>, member: &Member) -> Request<Outgoing> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    // HTTP/1.1 wants the origin form; the host is in the header.
    (uri.scheme, uri.authority) = (None, None);
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_else(|_| {
        // A target without path: only `*` or an authority, which no route admits.
        Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(member.authority.clone())
            .path_and_query("/")
            .build()
            .unwrap_or_default()
    });
    request
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
