//! What a monitoring system is told: counts, sizes and states, by zone, route template and code.
//!
//! No label holds what a stranger sends. A request costs one look-up of its route's handles.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use kakehashi_contract::Zone;
use kakehashi_kernel::Timestamp;
use kakehashi_platform::mtls::{Expiry, Trust};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    ledger::{Ledger, LedgerFigures},
    policy::PolicyReloads,
    upstream::{Connections, PlaceFigures},
};

/// Stands for a request without a route.
const NO_TEMPLATE: &str = "-";
/// Seconds; the bounds of request durations.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Values one label may take before further ones are counted together: nothing a stranger does may
/// make the page grow.
const VALUES_MAX: usize = 512;

type Labels<const N: usize> = [(&'static str, Arc<str>); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// What a request came to, coarsely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Answered.
    Ok,
    /// The component refused it.
    ClientError,
    /// The component failed.
    ServerError,
    /// The gateway refused it.
    Refused,
    /// The client, or the component in the midst of its answer, went away.
    BrokenOff,
}

impl Class {
    const ALL: [Self; 5] =
        [Self::Ok, Self::ClientError, Self::ServerError, Self::Refused, Self::BrokenOff];

    /// Classes an outcome of the ledger.
    pub(crate) fn of(outcome: &str, status: Option<u16>) -> Self {
        match (outcome, status) {
            ("ok", _) => Self::Ok,
            ("client-gone" | "answer-broken", _) => Self::BrokenOff,
            ("component-refused", Some(500..)) => Self::ServerError,
            ("component-refused", _) => Self::ClientError,
            _ => Self::Refused,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client-error",
            Self::ServerError => "server-error",
            Self::Refused => "refused",
            Self::BrokenOff => "broken-off",
        }
    }
}

/// The handles of one route.
struct RouteMetrics {
    classes: [Counter; Class::ALL.len()],
    seconds: Histogram,
    bytes_in: Counter,
    bytes_out: Counter,
}

type Routes = HashMap<(Zone, Arc<str>), Arc<RouteMetrics>>;

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    routes: RwLock<Routes>,
    requests: Counters<3>,
    seconds: Family<Labels<2>, Histogram, fn() -> Histogram>,
    bytes: Counters<3>,
    refusals: Counters<2>,
    handshakes: Counters<2>,
    connections: Gauges<1>,
    protocols: Counters<3>,
    upstreams: Gauges<2>,
    upstream_connections: Gauges<3>,
    upstream_answers: Gauges<2>,
    upstream_retries: Gauges<1>,
    guard: Counters<2>,
    reloads: Gauges<2>,
    expiries: Gauges<3>,
    ocsp_refused: Gauges<1>,
    policy_reloads: Gauges<1>,
    policy_loaded: Gauge,
    ledger: LedgerGauges,
    no_template: Arc<str>,
    /// One page at a time: figures of the moment are set while it is written.
    writing: Mutex<()>,
}

/// What is found at the moment a page is written.
pub(crate) struct Found<'a> {
    pub(crate) listeners: &'a [(Zone, Arc<Trust>)],
    pub(crate) policy: PolicyReloads,
    pub(crate) ledger: &'a Ledger,
    pub(crate) now: Timestamp,
}

#[derive(Default)]
struct LedgerGauges {
    is_open: Gauge,
    is_broken: Gauge,
    waiting: Gauge,
    lost: Gauge,
    turned_away: Gauge,
    entries: Gauge,
    segment: Gauge,
}

/// One open connection; dropping it counts it off.
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("kakehashi"),
            routes: RwLock::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            bytes: Family::default(),
            refusals: Family::default(),
            handshakes: Family::default(),
            connections: Family::default(),
            protocols: Family::default(),
            upstreams: Family::default(),
            upstream_connections: Family::default(),
            upstream_answers: Family::default(),
            upstream_retries: Family::default(),
            guard: Family::default(),
            reloads: Family::default(),
            expiries: Family::default(),
            ocsp_refused: Family::default(),
            policy_reloads: Family::default(),
            policy_loaded: Gauge::default(),
            ledger: LedgerGauges::default(),
            no_template: NO_TEMPLATE.into(),
            writing: Mutex::default(),
        };
        metrics.register();
        metrics.register_ledger();
        metrics
    }

    fn register(&mut self) {
        let all = &mut self.registry;
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The program", build);
        all.register("requests", "Requests by zone, route and class", self.requests.clone());
        let help = "From the head of a request to the last byte of its answer";
        all.register_with_unit("request", help, Unit::Seconds, self.seconds.clone());
        let help = "Bytes of bodies by zone, route and direction";
        all.register_with_unit("bodies", help, Unit::Bytes, self.bytes.clone());
        all.register("refusals", "Requests the gateway refused, by code", self.refusals.clone());
        let help = "Handshakes by zone and outcome";
        all.register("handshakes", help, self.handshakes.clone());
        all.register("connections", "Open connections by zone", self.connections.clone());
        let help = "Accepted connections by TLS version and application protocol";
        all.register("protocols", help, self.protocols.clone());
        let help = "Places of a component that answer, and in all";
        all.register("upstream_places", help, self.upstreams.clone());
        let help = "Connections to a place: open, of these idle, and requests waiting for one";
        all.register("upstream_connections", help, self.upstream_connections.clone());
        let help = "Whether a place answered last time";
        all.register("upstream_place_answers", help, self.upstream_answers.clone());
        let help = "Requests tried again since the start";
        all.register("upstream_retries", help, self.upstream_retries.clone());
        let help = "Decisions of the guard by rule and action";
        all.register("guard_decisions", help, self.guard.clone());
        all.register(
            "trust_reloads",
            "Reloads of a listener's files since the start",
            self.reloads.clone(),
        );
        let help =
            "Until a certificate, CA, list or OCSP answer of a listener ends; negative after";
        all.register_with_unit("expiry", help, Unit::Seconds, self.expiries.clone());
        let help = "Whether a listener's file with an OCSP answer cannot be used";
        all.register("ocsp_refused", help, self.ocsp_refused.clone());
        let help = "Reloads of the policy since the start";
        all.register("policy_reloads", help, self.policy_reloads.clone());
        let help = "When the policy in force was read";
        all.register_with_unit("policy_loaded", help, Unit::Seconds, self.policy_loaded.clone());
    }

    fn register_ledger(&mut self) {
        let ledger = self.registry.sub_registry_with_prefix("ledger");
        let gauges = &self.ledger;
        ledger.register("open", "Whether entries are taken", gauges.is_open.clone());
        let help = "Whether the background verification found the chain broken";
        ledger.register("broken", help, gauges.is_broken.clone());
        ledger.register("waiting", "Facts that wait for the writer", gauges.waiting.clone());
        ledger.register("lost", "Entries lost since the start", gauges.lost.clone());
        let help = "Requests turned away while closed, since the start";
        ledger.register("turned_away", help, gauges.turned_away.clone());
        ledger.register("entries", "Entries in the chain", gauges.entries.clone());
        let help = "First entry of the present segment";
        ledger.register("segment", help, gauges.segment.clone());
    }

    /// Counts a request that is over.
    pub(crate) fn request(
        &self,
        zone: Zone,
        template: Option<&Arc<str>>,
        class: Class,
        elapsed: Duration,
        bytes_in: u64,
        bytes_out: u64,
    ) {
        let route = self.route(zone, template.unwrap_or(&self.no_template));
        route.classes[class as usize].inc();
        route.seconds.observe(elapsed.as_secs_f64());
        if bytes_in > 0 {
            route.bytes_in.inc_by(bytes_in);
        }
        if bytes_out > 0 {
            route.bytes_out.inc_by(bytes_out);
        }
    }

    fn route(&self, zone: Zone, template: &Arc<str>) -> Arc<RouteMetrics> {
        let key = (zone, Arc::clone(template));
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(&key) {
            return Arc::clone(route);
        }
        // Templates come from the policy; many reloads of it could still add up.
        let is_full = routes.len() >= VALUES_MAX;
        drop(routes);
        if is_full && **template != *NO_TEMPLATE {
            return self.route(zone, &self.no_template);
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(key).or_insert_with(|| Arc::new(self.handles(zone, template))))
    }

    fn handles(&self, zone: Zone, template: &Arc<str>) -> RouteMetrics {
        let zone: Arc<str> = zone.as_str().into();
        let labelled = |name, value: &str| {
            [("zone", Arc::clone(&zone)), ("template", Arc::clone(template)), (name, value.into())]
        };
        let bytes = |way| self.bytes.get_or_create_owned(&labelled("direction", way));
        let route = [("zone", Arc::clone(&zone)), ("template", Arc::clone(template))];
        RouteMetrics {
            classes: Class::ALL
                .map(|class| self.requests.get_or_create_owned(&labelled("class", class.as_str()))),
            seconds: self.seconds.get_or_create_owned(&route),
            bytes_in: bytes("in"),
            bytes_out: bytes("out"),
        }
    }

    /// Counts a request that the gateway refused. `code` is one of ours.
    pub(crate) fn refusal(&self, zone: Zone, code: &str) {
        let labels = [("zone", zone.as_str().into()), ("code", code.into())];
        self.refusals.get_or_create(&labels).inc();
    }

    /// Counts a handshake: `ok`, or a code of ours that says why not.
    pub(crate) fn handshake(&self, zone: Zone, outcome: &str) {
        let labels = [("zone", zone.as_str().into()), ("outcome", outcome.into())];
        self.handshakes.get_or_create(&labels).inc();
    }

    /// Counts an accepted connection as open until the answer is dropped.
    pub(crate) fn connection(&self, zone: Zone, tls: &str, alpn: &str) -> OpenConnection {
        let zone: Arc<str> = zone.as_str().into();
        let labels = [("zone", Arc::clone(&zone)), ("tls", tls.into()), ("alpn", alpn.into())];
        self.protocols.get_or_create(&labels).inc();
        let open = self.connections.get_or_create_owned(&[("zone", zone)]);
        open.inc();
        OpenConnection(open)
    }

    /// Notes how many places of a component answer, of how many.
    pub(crate) fn upstream(&self, upstream: &str, healthy: usize, places: usize) {
        for (state, count) in [("healthy", healthy), ("configured", places)] {
            let labels = [("upstream", upstream.into()), ("state", state.into())];
            self.upstreams.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Notes how a place of a component stands. Both names come from the configuration.
    pub(crate) fn place(&self, figures: &PlaceFigures<'_>) {
        let of = [("upstream", figures.upstream.into()), ("place", figures.place.into())];
        self.upstream_answers.get_or_create(&of).set(i64::from(figures.is_healthy));
        let Connections { open, idle, waiting } = figures.connections;
        let [upstream, place] = of;
        for (state, count) in [("open", open), ("idle", idle), ("waiting", waiting)] {
            let labels = [upstream.clone(), place.clone(), ("state", state.into())];
            let gauge = self.upstream_connections.get_or_create(&labels);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Notes how often requests to a component were tried again since the start.
    pub(crate) fn retries(&self, upstream: &str, count: u64) {
        let labels = [("upstream", upstream.into())];
        let gauge = self.upstream_retries.get_or_create(&labels);
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a decision of the guard.
    pub(crate) fn guard(&self, rule: &str, action: &str) {
        let labels = [("rule", rule.into()), ("action", action.into())];
        self.guard.get_or_create(&labels).inc();
    }

    /// Notes how reading a listener's files again has gone so far.
    fn reloads(&self, zone: Zone, done: u64, failed: u64) {
        for (outcome, count) in [("ok", done), ("failed", failed)] {
            let labels = [("zone", zone.as_str().into()), ("outcome", outcome.into())];
            self.reloads.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Notes everything of a listener that ends, and whether an OCSP answer for it was refused.
    fn listener(&self, zone: Zone, trust: &Trust, now: Timestamp) {
        let zone: Arc<str> = zone.as_str().into();
        for Expiry { of, serial, at } in trust.expiries() {
            let left = at.0.saturating_sub(now.0) / 1000;
            let labels = [("zone", zone.clone()), ("of", of.into()), ("serial", serial.into())];
            self.expiries.get_or_create(&labels).set(left);
        }
        let is_refused = i64::from(trust.ocsp_fault().is_some());
        self.ocsp_refused.get_or_create(&[("zone", zone)]).set(is_refused);
    }

    /// Notes how reading the policy again has gone so far.
    fn policy(&self, reloads: PolicyReloads) {
        for (outcome, count) in [("ok", reloads.done), ("failed", reloads.failed)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.policy_reloads.get_or_create(&[("outcome", outcome.into())]).set(count);
        }
        self.policy_loaded.set(reloads.read_at.0 / 1000);
    }

    /// Writes everything down in the `OpenMetrics` text format, with what is found at this moment.
    pub(crate) fn page_of(&self, found: &Found<'_>) -> String {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // What was replaced has no end any more.
        self.expiries.clear();
        for (zone, trust) in found.listeners {
            let reloads = trust.files().reloads();
            self.reloads(*zone, reloads.done, reloads.failed);
            self.listener(*zone, trust, found.now);
        }
        self.policy(found.policy);
        self.page(found.ledger)
    }

    fn page(&self, ledger: &Ledger) -> String {
        let LedgerFigures { entries, waiting, lost, turned_away, segment, is_broken } =
            ledger.figures();
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let gauges = &self.ledger;
        gauges.is_open.set(i64::from(ledger.closed().is_none()));
        gauges.is_broken.set(i64::from(is_broken));
        gauges.waiting.set(number(waiting as u64));
        gauges.lost.set(number(lost));
        gauges.turned_away.set(number(turned_away));
        gauges.entries.set(number(entries));
        gauges.segment.set(number(segment));
        let mut page = String::new();
        encode(&mut page, &self.registry).expect("a String takes what is written");
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_their_class() {
        for (outcome, status, class) in [
            ("ok", Some(200), Class::Ok),
            ("component-refused", Some(404), Class::ClientError),
            ("component-refused", Some(503), Class::ServerError),
            ("client-gone", None, Class::BrokenOff),
            ("answer-broken", Some(200), Class::BrokenOff),
            ("route-unknown", None, Class::Refused),
            ("component-down", None, Class::Refused),
        ] {
            assert_eq!(Class::of(outcome, status), class, "{outcome}");
        }
    }

    #[test]
    fn routes_beyond_the_bound_are_counted_together() {
        let metrics = Metrics::new();
        for number in 0..2 * VALUES_MAX {
            let template: Arc<str> = format!("/{number}").into();
            metrics.request(Zone::Entry, Some(&template), Class::Ok, Duration::ZERO, 1, 1);
        }
        assert_eq!(metrics.routes.read().unwrap().len(), VALUES_MAX + 1);
        let together = metrics.route(Zone::Entry, &metrics.no_template);
        assert_eq!(together.classes[0].get(), VALUES_MAX as u64);
    }
}
