//! What the guard counts, from where on it acts, and how. Every number has a sound default.
//!
//! The defaults are far above what people and their systems do (a clerk's page asks for some thirty things
//! at once, a hospital's batch for some hundred in a second) and far below what scanning needs.

use std::{path::PathBuf, time::Duration};

use kakehashi_contract::Role;
use serde::{Deserialize, Serialize};

/// The guard's configuration, `[gateway.guard]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// Rates and counts that hold at every moment.
    pub limits: GuardLimits,
    /// What repeated failures lead to.
    pub lockout: LockoutConfig,
    /// What is suspicious.
    pub detectors: DetectorsConfig,
    /// How an action is carried out.
    pub actions: ActionsConfig,
    /// How much the guard remembers.
    pub tables: TablesConfig,
    /// Where alerts go.
    pub alerts: AlertsConfig,
    /// Where habits, blocks and exceptions are kept over a restart. Without it they are forgotten.
    pub state: Option<PathBuf>,
    /// The operator's socket. Without it there is none.
    pub control: Option<PathBuf>,
}

/// A rate: so many a second for ever, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Sustained, a second. At least 1.
    pub per_second: u32,
    /// At once, after a pause. At least 1.
    pub burst: u32,
}

/// Rates and counts. What is beyond is answered 429 with `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardLimits {
    /// Requests of one certificate.
    pub certificate_requests: Rate,
    /// Requests of all certificates of one organisation.
    pub organisation_requests: Rate,
    /// Requests from one address (IPv6: from one /64). An organisation may sit behind one.
    pub address_requests: Rate,
    /// New connections with one certificate.
    pub certificate_connections: Rate,
    /// New connections from one address.
    pub address_connections: Rate,
    /// Open connections with one certificate.
    pub certificate_open_max: u32,
    /// Open connections from one address.
    pub address_open_max: u32,
    /// Bytes of one organisation in one hour of the clock, both ways. None: no limit.
    pub organisation_bytes_per_hour: Option<u64>,
    /// Whether the limits, lockouts and crowds by address leave out loopback addresses. Whoever is on this machine
    /// is no stranger, and its health checks and its doctor must not lock themselves out.
    pub is_loopback_exempt: bool,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            certificate_requests: Rate { per_second: 200, burst: 2_000 },
            organisation_requests: Rate { per_second: 1_000, burst: 10_000 },
            address_requests: Rate { per_second: 1_000, burst: 10_000 },
            certificate_connections: Rate { per_second: 20, burst: 400 },
            address_connections: Rate { per_second: 100, burst: 1_000 },
            certificate_open_max: 256,
            address_open_max: 2_048,
            organisation_bytes_per_hour: None,
            is_loopback_exempt: true,
        }
    }
}

/// So many within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// From this count on.
    pub count: u32,
    /// Within these seconds, beginning with the first one counted.
    pub window_s: u32,
}

/// What repeated failures lead to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LockoutConfig {
    /// Handshakes and identities refused from one address.
    pub handshakes: Threshold,
    /// How many times more an address may fail from which a good certificate came within the hour: one
    /// broken device must not lock its colleagues out.
    pub known_address_factor: u32,
    /// Requests of one certificate that were refused here.
    pub refusals: Threshold,
    /// Failed sign-ins with one certificate.
    pub certificate_sign_ins: Threshold,
    /// Failed sign-ins with all certificates of one organisation.
    pub organisation_sign_ins: Threshold,
    /// How long the first, the second … lockout lasts, in minutes; the last one repeats.
    pub minutes: Vec<u32>,
    /// Minutes without a lockout after which the first length is used again.
    pub forgotten_after_minutes: u32,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        Self {
            handshakes: Threshold { count: 300, window_s: 600 },
            known_address_factor: 5,
            refusals: Threshold { count: 300, window_s: 600 },
            certificate_sign_ins: Threshold { count: 10, window_s: 900 },
            organisation_sign_ins: Threshold { count: 50, window_s: 900 },
            minutes: vec![1, 2, 5, 15],
            forgotten_after_minutes: 120,
        }
    }
}

/// One thing the guard can do. A rule may ask for several; logging an alert is always done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// An alert, nothing else.
    Log,
    /// Every request of the subject waits a little.
    Slow,
    /// The subject has to prove itself again.
    Challenge,
    /// The subject is refused for a time.
    Block,
    /// The alert asks for a person now.
    Page,
}

/// What a detector does when it is sure enough.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reaction {
    /// What is done.
    pub actions: Vec<Action>,
    /// How long slowing down, a challenge or a block lasts.
    pub minutes: u32,
}

impl Reaction {
    fn new(actions: &[Action], minutes: u32) -> Self {
        Self { actions: actions.to_vec(), minutes }
    }
}

/// What is suspicious.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorsConfig {
    /// Different requests that the policy refuses.
    pub scan: ScanConfig,
    /// Different ids or access keys that are not there.
    pub enumeration: EnumerationConfig,
    /// Far more than the organisation's habit.
    pub volume: VolumeConfig,
    /// Hours at which the organisation never works.
    pub hours: HoursConfig,
    /// One certificate in two places.
    pub places: PlacesConfig,
    /// A client program never seen with this certificate.
    pub fingerprint: FingerprintConfig,
    /// Many organisations' certificates from one address.
    pub crowd: CrowdConfig,
}

/// Scanning: so many different refused targets (method and path, or a parameter the route does not know).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScanConfig {
    /// Different targets of one certificate before it is cut off.
    pub certificate: Threshold,
    /// Different targets of one organisation, whatever the certificate.
    pub organisation: Threshold,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for ScanConfig {
    fn default() -> Self {
        Self {
            certificate: Threshold { count: 40, window_s: 600 },
            organisation: Threshold { count: 120, window_s: 600 },
            reaction: Reaction::new(&[Action::Block, Action::Page], 15),
        }
    }
}

/// Enumeration: so many different ids in flagged parameters that were answered with one of `statuses`.
///
/// `certificate.count` is also how many such requests of one certificate may be under way at once, so that
/// asking in parallel gains nothing: never more than this many misses reach a component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnumerationConfig {
    /// Different ids missed by one certificate before it is cut off.
    pub certificate: Threshold,
    /// The same, for patience: slow enumeration over a day.
    pub certificate_daily: Threshold,
    /// Different ids missed by one organisation.
    pub organisation: Threshold,
    /// The statuses that make a miss.
    pub statuses: Vec<u16>,
    /// How long a request waits for its turn when as many as permitted are under way.
    pub turn_timeout_ms: u64,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for EnumerationConfig {
    fn default() -> Self {
        Self {
            certificate: Threshold { count: 20, window_s: 600 },
            certificate_daily: Threshold { count: 100, window_s: 86_400 },
            organisation: Threshold { count: 60, window_s: 600 },
            statuses: vec![403, 404, 410],
            turn_timeout_ms: 10_000,
            reaction: Reaction::new(&[Action::Block, Action::Page], 60),
        }
    }
}

/// Volume: one hour's or one day's requests or bytes against the organisation's own mean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VolumeConfig {
    /// Days on which the organisation must have worked before anything is concluded.
    pub learning_days: u32,
    /// How many times the mean is too much.
    pub factor: u32,
    /// Requests an hour that are never too much.
    pub floor_requests: u64,
    /// Bytes an hour that are never too much.
    pub floor_bytes: u64,
    /// What is done. A backlog sent in one go is legal: by default nobody is hindered.
    pub reaction: Reaction,
}

impl Default for VolumeConfig {
    fn default() -> Self {
        Self {
            learning_days: 14,
            factor: 10,
            floor_requests: 5_000,
            floor_bytes: 2 << 30,
            reaction: Reaction::new(&[Action::Log], 60),
        }
    }
}

/// Unusual hours, by the clock of Japan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HoursConfig {
    /// Days on which the organisation must have worked before anything is concluded.
    pub learning_days: u32,
    /// An hour is unusual when it and both its neighbours were used on fewer than this many days of a
    /// hundred.
    pub unusual_below_percent: u32,
    /// Requests within the hour before it is told.
    pub requests_min: u32,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for HoursConfig {
    fn default() -> Self {
        Self {
            learning_days: 14,
            unusual_below_percent: 3,
            requests_min: 20,
            reaction: Reaction::new(&[Action::Log], 60),
        }
    }
}

/// One certificate in two places: networks (/24, /56) of one address family. A device with both families
/// is in one place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacesConfig {
    /// A network counts for so long after its last connection.
    pub apart_s: u32,
    /// Roles whose holders cannot sign in: for them a challenge is passed by a fresh full handshake from
    /// the network known longest, instead of a sign-in.
    pub machines: Vec<Role>,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for PlacesConfig {
    fn default() -> Self {
        Self {
            apart_s: 300,
            machines: vec![Role::Contractor],
            reaction: Reaction::new(&[Action::Challenge, Action::Page], 240),
        }
    }
}

/// A new client fingerprint for a known certificate. Programs are updated: by default it is told only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FingerprintConfig {
    /// How many fingerprints of one certificate are remembered; the one unused for longest is forgotten.
    pub remembered_max: usize,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for FingerprintConfig {
    fn default() -> Self {
        Self { remembered_max: 4, reaction: Reaction::new(&[Action::Log], 60) }
    }
}

/// Certificates of many organisations from one address. Loopback addresses are left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrowdConfig {
    /// Different organisations from one address.
    pub organisations: Threshold,
    /// What is done.
    pub reaction: Reaction,
}

impl Default for CrowdConfig {
    fn default() -> Self {
        Self {
            organisations: Threshold { count: 10, window_s: 600 },
            reaction: Reaction::new(&[Action::Log], 60),
        }
    }
}

/// How an action is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ActionsConfig {
    /// How long a slowed request waits.
    pub slow_ms: u64,
    /// How many requests may wait at once; more are answered 429.
    pub sleepers_max: u32,
    /// How many days a released false positive is not found again, unless the operator says otherwise.
    pub exception_days: u32,
}

impl Default for ActionsConfig {
    fn default() -> Self {
        Self { slow_ms: 1_000, sleepers_max: 256, exception_days: 30 }
    }
}

impl ActionsConfig {
    pub(crate) const fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms)
    }
}

/// How much the guard remembers. A full table forgets what was unused for longest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "every one is a bound, and is called so")]
pub struct TablesConfig {
    /// Certificates.
    pub certificates_max: usize,
    /// Organisations.
    pub organisations_max: usize,
    /// Addresses.
    pub addresses_max: usize,
    /// Blocks, slowed subjects and challenges in force; the one ending first makes room.
    pub measures_max: usize,
    /// Exceptions in force; no more can be made beyond.
    pub exceptions_max: usize,
}

impl Default for TablesConfig {
    fn default() -> Self {
        Self {
            certificates_max: 32_768,
            organisations_max: 32_768,
            addresses_max: 32_768,
            measures_max: 4_096,
            exceptions_max: 1_024,
        }
    }
}

/// Where alerts go, besides the log (target `alert`) and the audit ledger.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertsConfig {
    /// A file of JSON lines; the one before is kept beside it with `.1` appended.
    pub file: Option<PathBuf>,
    /// Bytes of that file before the next one is begun.
    pub file_bytes_max: u64,
    /// Alerts of one rule within a minute; more are counted and told with the next one.
    pub per_rule_and_minute: u32,
    /// Alerts kept in memory for the operator.
    pub recent_max: usize,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self { file: None, file_bytes_max: 16 << 20, per_rule_and_minute: 20, recent_max: 256 }
    }
}
