//! What the gateway is told at start. Paths are relative to the working directory.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use kakehashi_contract::Zone;
use kakehashi_platform::{
    mtls::{Limits, RootFiles, ServerTls, TlsVersions, TrustRules},
    pki::CertificateFiles,
};
use serde::Deserialize;

use crate::{
    guard::config::GuardConfig,
    ledger::LedgerConfig,
    operation::OperationConfig,
    upstream::{Places, UpstreamLimits},
    wire::WireLimits,
};

/// Frames that continue one HTTP/2 header block.
const CONTINUATIONS_MAX: u32 = 8;

/// The gateway's configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeConfig {
    /// One per zone.
    pub listeners: Vec<ListenerConfig>,
    /// Component name to `https://host:port`, or to a list of places that are equal in every respect.
    pub upstreams: BTreeMap<String, Places>,
    /// What the way to each of those places is granted.
    #[serde(default)]
    pub upstream_limits: UpstreamLimits,
    /// How the gateway shows itself to components.
    pub upstream_client: UpstreamClientConfig,
    /// The policy file (TOML). Followed: a new one is in force within seconds, a wrong one never.
    pub policy: PathBuf,
    /// Who is suspended (TOML), written by operators and by the gateway itself. Without this key it lies
    /// beside the audit ledger as `suspended.toml`.
    #[serde(default)]
    pub suspended: Option<PathBuf>,
    /// The audit ledger (JSON lines). Its head lies beside it, with `.head` appended.
    pub audit: PathBuf,
    /// Who is watched, and what follows.
    #[serde(default)]
    pub guard: GuardConfig,
    /// How the ledger is kept.
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// How operators look in: metrics, health, readiness, traces.
    #[serde(default)]
    pub operation: OperationConfig,
    /// What clients are granted.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// A Unix socket (mode 0600) over which the next gateway process takes the listening sockets from this
    /// one, so that a restart refuses no connection. None: it does not.
    #[serde(default)]
    pub handover: Option<PathBuf>,
}

/// One listening address for one zone.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// Who comes here.
    pub zone: Zone,
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// The server certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// The server key, PEM.
    pub key: PathBuf,
    /// The zone's issuing CA, PEM.
    pub client_authority: PathBuf,
    /// The zone's revocation list, PEM.
    pub revocations: PathBuf,
    /// The root above the issuing CA, with its list: a CA on it, or too old a list, and everybody whom
    /// that CA signed is refused. Not set: nobody is asked whether the issuing CA still counts.
    #[serde(default)]
    pub root: Option<RootConfig>,
    /// An OCSP answer (DER) about the server certificate, shown to clients that ask for one. Somebody
    /// else puts it there; nothing is fetched. Without the file nothing is shown.
    #[serde(default)]
    pub ocsp: Option<PathBuf>,
    /// Whether TLS 1.2 is spoken too.
    #[serde(default)]
    pub tls12: bool,
    /// The host names it answers to, `[..]` around an IPv6 address. None takes any, but a name in the TLS
    /// handshake and the requests' host must agree.
    #[serde(default)]
    pub server_names: Vec<String>,
    /// How old a revocation list may be, counted from its own time, although its next update is not due.
    /// Not set: only the next update counts. Beyond it the listener is closed to everybody.
    #[serde(default)]
    pub revocations_age_max_hours: Option<u32>,
    /// Whether the holder of one of our certificates that is of no use (expired, not valid yet, revoked,
    /// off the profile, revocation list too old) may finish the handshake, only to get one page that
    /// explains. Otherwise it meets an alert, as everybody else does.
    #[serde(default = "yes")]
    pub explain_certificate_problems: bool,
    /// TLS sessions kept for resumption, in memory; 0 resumes none. A resumed session's certificate is
    /// judged again, and a change of any file forgets them all.
    #[serde(default = "sessions_max")]
    pub sessions_max: usize,
}

/// The root above a zone's issuing CA.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootConfig {
    /// Its certificate, PEM; several while one root takes another's place.
    pub certificate: PathBuf,
    /// Its revocation list, PEM.
    pub revocations: PathBuf,
}

const fn yes() -> bool {
    true
}

const fn sessions_max() -> usize {
    1_024
}

/// The gateway's own client certificate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamClientConfig {
    /// The certificate with its chain, PEM: zone internal, role gateway.
    pub certificate: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
    /// The root that components' server certificates come from, PEM.
    pub root: PathBuf,
}

/// What clients are granted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Open connections of one listener; one more is closed at once (`connections-full`).
    pub connections_max: usize,
    /// Concurrent requests of one HTTP/2 connection.
    pub streams_max: u32,
    /// Bytes of a request's header.
    pub header_bytes_max: usize,
    /// Bytes of a request's body, unless the route says less.
    pub body_bytes_max: u64,
    /// From accept to the finished handshake.
    pub handshake_timeout_ms: u64,
    /// For a request's header as a whole, from its first byte.
    pub header_timeout_ms: u64,
    /// Without a request: an idle connection is closed.
    pub keep_alive_timeout_ms: u64,
    /// Without the client taking a byte of what we have for it.
    pub stall_timeout_ms: u64,
    /// For one request and its answer as a whole.
    pub exchange_timeout_ms: u64,
    /// Of a connection; then it answers what is running and closes.
    pub connection_lifetime_ms: u64,
    /// Requests of a connection; then as above.
    pub connection_requests_max: u64,
    /// Bytes per second that a client sending a body must reach on average of half a minute; 0 for any.
    pub upload_bytes_per_second_min: u64,
    /// Fields of a request's header.
    pub header_fields_max: usize,
    /// HTTP/2: streams that a client may reset within ten seconds.
    pub resets_max: u32,
    /// HTTP/2: frames of each kind that moves nothing (ping, settings, empty data, …) within ten seconds.
    pub control_frames_max: u32,
    /// Without a byte of a body or an answer.
    pub idle_timeout_ms: u64,
    /// For one request as a whole, up to the header of its answer.
    pub total_timeout_ms: u64,
    /// From not being ready to not taking connections any more, for whoever spreads connections over several
    /// gateways to notice. Not waited for when a successor takes over.
    pub drain_notice_ms: u64,
    /// How long a connection on which nothing runs may still ask after that. It is answered with
    /// `Connection: close`, or GOAWAY before the answer.
    pub drain_linger_ms: u64,
    /// For running requests after that.
    pub drain_timeout_ms: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            streams_max: 64,
            header_bytes_max: 32 * 1024,
            body_bytes_max: 128 * 1024 * 1024,
            handshake_timeout_ms: 10_000,
            header_timeout_ms: 20_000,
            keep_alive_timeout_ms: 75_000,
            stall_timeout_ms: 60_000,
            exchange_timeout_ms: 60 * 60_000,
            connection_lifetime_ms: 60 * 60_000,
            connection_requests_max: 1_000_000,
            upload_bytes_per_second_min: 1_024,
            header_fields_max: 100,
            resets_max: 100,
            control_frames_max: 50,
            idle_timeout_ms: 60_000,
            total_timeout_ms: 30 * 60_000,
            drain_notice_ms: 0,
            drain_linger_ms: 500,
            drain_timeout_ms: 10_000,
        }
    }
}

impl EdgeConfig {
    /// Answers where the suspensions lie.
    pub fn suspensions(&self) -> PathBuf {
        let beside_the_ledger = || self.audit.with_file_name("suspended.toml");
        self.suspended.clone().unwrap_or_else(beside_the_ledger)
    }
}

impl LimitsConfig {
    pub(crate) fn connection(&self) -> Limits {
        Limits {
            connections_max: self.connections_max,
            handshake_timeout: Duration::from_millis(self.handshake_timeout_ms),
            header_timeout: Duration::from_millis(self.header_timeout_ms),
            header_bytes_max: self.header_bytes_max,
            streams_max: self.streams_max,
            drain_timeout: Duration::from_millis(self.drain_timeout_ms),
        }
    }

    pub(crate) const fn wire(&self) -> WireLimits {
        WireLimits {
            head_bytes_max: self.header_bytes_max,
            fields_max: self.header_fields_max,
            resets_max: self.resets_max,
            control_frames_max: self.control_frames_max,
            continuations_max: CONTINUATIONS_MAX,
            header: Duration::from_millis(self.header_timeout_ms),
            idle: Duration::from_millis(self.keep_alive_timeout_ms),
            stall: Duration::from_millis(self.stall_timeout_ms),
            total: Duration::from_millis(self.exchange_timeout_ms),
            lifetime: Duration::from_millis(self.connection_lifetime_ms),
            requests_max: self.connection_requests_max,
        }
    }

    pub(crate) const fn drain_notice(&self) -> Duration {
        Duration::from_millis(self.drain_notice_ms)
    }

    pub(crate) const fn drain_linger(&self) -> Duration {
        Duration::from_millis(self.drain_linger_ms)
    }

    /// Answers how long the gateway may take to end its work, without closing its ledger.
    pub const fn ending(&self) -> Duration {
        Duration::from_millis(self.drain_notice_ms.saturating_add(self.drain_timeout_ms))
    }

    pub(crate) const fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(crate) const fn total(&self) -> Duration {
        Duration::from_millis(self.total_timeout_ms)
    }
}

impl ListenerConfig {
    pub(crate) fn tls(&self) -> ServerTls {
        ServerTls {
            server: CertificateFiles { chain: self.certificate.clone(), key: self.key.clone() },
            client_authority: self.client_authority.clone(),
            revocations: self.revocations.clone(),
            root: self.root.as_ref().map(|root| RootFiles {
                certificate: root.certificate.clone(),
                revocations: root.revocations.clone(),
            }),
            ocsp: self.ocsp.clone(),
            versions: if self.tls12 { TlsVersions::Tls12And13 } else { TlsVersions::Tls13 },
            rules: TrustRules {
                revocations_age_max: self
                    .revocations_age_max_hours
                    .map(|hours| Duration::from_hours(hours.into())),
                explains: self.explain_certificate_problems,
                sessions_max: self.sessions_max,
            },
        }
    }
}
