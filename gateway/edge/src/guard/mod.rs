//! 侵入検知・防止: limits, lockouts and detectors on behaviour. In memory, bounded, explained.
//!
//! The positive model (what a request may look like at all) is the policy's; signatures are not used, see
//! decision 0018. Reading order: [`config`], `watched` (what is known of somebody), this file (arrivals),
//! `request` (the way of one request), `decide` (what follows), `operator` (what people may do about it).
//!
//! A good request costs a few atomics of its connection's own certificate, organisation and address; no
//! shared table is asked and no lock of other connections is waited for.

mod action;
mod alert;
pub(crate) mod config;
#[cfg(test)]
mod cost;
mod decide;
mod detector;
mod fingerprint;
mod keeper;
mod limits;
mod lockout;
mod operator;
mod passage;
mod request;
mod state;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod watched;

use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use kakehashi_contract::Identity;
use kakehashi_kernel::{Clock, Ids, Sha256Digest};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{
    action::DecisionId,
    alert::Record,
    fingerprint::Fingerprint,
    operator::ReleaseError,
    request::{Admission, Asked},
    subject::Organisation,
};
use self::{
    action::{Evidence, Exceptions, Kind, Measures},
    alert::Alerts,
    config::GuardConfig,
    decide::Found,
    detector::{Places, Programs},
    keeper::Keeper,
    limits::Entered,
    state::Remembered,
    subject::{Network, Rule, address},
    table::Table,
    time::{Moment, Ticker},
    watched::{Address, Certificate, OrganisationWatch},
};
use crate::refusal::Refusal;

/// What the guard is given by its surroundings.
pub(crate) struct GuardParts {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// Takes facts for the audit ledger, without waiting.
    pub(crate) record: Record,
}

/// The guard of all listeners.
pub(crate) struct Guard {
    config: GuardConfig,
    ticker: Ticker,
    ids: Arc<dyn Ids>,
    certificates: Table<Sha256Digest, Certificate>,
    organisations: Table<Organisation, OrganisationWatch>,
    addresses: Table<IpAddr, Address>,
    measures: Mutex<Measures>,
    exceptions: Mutex<Exceptions>,
    remembered: Mutex<Remembered>,
    alerts: Alerts,
    keeper: Arc<Keeper>,
    sleepers: Semaphore,
    /// Keyed at random: a stranger cannot make two targets look the same.
    hasher: RandomState,
}

/// A connection's place at its address, from accept on.
#[derive(Debug)]
pub(crate) struct Place {
    address: Arc<Address>,
    network: Network,
    _open: Entered,
}

/// A connection whose holder is known. Dropping it ends it.
pub(crate) struct Presence {
    certificate: Arc<Certificate>,
    organisation: Arc<OrganisationWatch>,
    place: Place,
    /// Whether the holder cannot sign in.
    is_machine: bool,
    arrived: i64,
    ticker: Ticker,
    ending: CancellationToken,
    _open: Entered,
}

impl Presence {
    /// Answers what is told how much each request moved: it may outlive the connection by an answer.
    pub(crate) fn observer(&self, guard: &Arc<Guard>) -> Arc<Observer> {
        let (guard, organisation) = (Arc::clone(guard), Arc::clone(&self.organisation));
        Arc::new(Observer { guard, organisation })
    }

    /// Ends with the gateway, or earlier when the connection must be closed after its running answers: a
    /// challenge asks for a new handshake.
    pub(crate) const fn ending(&self) -> &CancellationToken {
        &self.ending
    }
}

/// Counts what one organisation's requests move.
pub(crate) struct Observer {
    guard: Arc<Guard>,
    organisation: Arc<OrganisationWatch>,
}

impl Observer {
    /// Takes in what a request moved, both ways, when the last byte of its answer has gone or nobody is
    /// there any more to take it.
    pub(crate) fn moved(&self, bytes: u64) {
        self.guard.observe(&self.organisation, bytes);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let now = self.ticker.now();
        self.certificate.past().places.leave(self.place.network, now.tick);
    }
}

impl Guard {
    /// Makes a guard that remembers what the state file holds.
    ///
    /// # Errors
    ///
    /// When its writing thread cannot be started. A state file that cannot be read is told and kept aside:
    /// what was learned is lost, the gateway is not.
    pub(crate) fn new(config: GuardConfig, parts: GuardParts) -> std::io::Result<Self> {
        let ticker = Ticker::new(Arc::clone(&parts.clock));
        let AlertsFile { file, bytes_max } = AlertsFile::of(&config);
        let keeper = Arc::new(Keeper::start(file, bytes_max, config.state.clone())?);
        let now = ticker.now();
        let mut measures = Measures::new(config.tables.measures_max);
        let mut exceptions = Exceptions::new(config.tables.exceptions_max);
        let stored = config.state.as_deref().map(state::load).unwrap_or_default();
        for measure in stored.measures {
            if measure.until > now.wall {
                measures.put(measure, now.wall);
            }
        }
        for exception in stored.exceptions {
            exceptions.make(exception, now.wall);
        }
        let tables = &config.tables;
        Ok(Self {
            ticker,
            ids: parts.ids,
            certificates: Table::new(tables.certificates_max),
            organisations: Table::new(tables.organisations_max),
            addresses: Table::new(tables.addresses_max),
            measures: Mutex::new(measures),
            exceptions: Mutex::new(exceptions),
            remembered: Mutex::new(Remembered::new(stored.organisations, stored.certificates)),
            alerts: Alerts::new(config.alerts.clone(), Arc::clone(&keeper), parts.record),
            keeper,
            sleepers: Semaphore::new(config.actions.sleepers_max as usize),
            hasher: RandomState::new(),
            config,
        })
    }

    /// Shortens anything to what is counted: equal things give equal digests, in this process only.
    pub(crate) fn digest(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    /// Shortens several things in their order.
    pub(crate) fn digest_each(&self, parts: impl Iterator<Item: Hash>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        parts.for_each(|part| part.hash(&mut hasher));
        hasher.finish()
    }

    /// Takes in a connection, before its handshake.
    ///
    /// # Errors
    ///
    /// [`Refusal::Blocked`] or [`Refusal::Limited`]: close it, there is nobody to tell yet.
    pub(crate) fn connection(&self, peer: IpAddr) -> Result<Place, Refusal> {
        let now = self.ticker.now();
        let address = self.address(peer);
        let mut open_max = u32::MAX;
        if !address.is_exempt {
            if let Some((id, left_ms)) = address.standing.held(Kind::Block, now.wall) {
                return Err(blocked(id, left_ms));
            }
            if let Err(wait) = address.connections.take() {
                return Err(self.limited(&address.subject, &address.standing, None, wait, now));
            }
            open_max = self.config.limits.address_open_max;
        }
        let open = address.open.enter(open_max).ok_or(Refusal::Limited { retry_after_s: 1 })?;
        Ok(Place { address, network: Network::of(peer), _open: open })
    }

    /// Counts a handshake or an identity that was refused, unless it was for nothing the client did: our
    /// own stale revocation list, or a connection that ended without a word, as health checks do.
    pub(crate) fn handshake_failed(&self, peer: IpAddr, code: &str) {
        if matches!(code, "handshake-aborted" | "revocation-stale" | "revocation-unknown") {
            return;
        }
        let now = self.ticker.now();
        let address = self.address(peer);
        if address.is_exempt {
            return;
        }
        let config = &self.config.lockout;
        let mut threshold = config.handshakes;
        if address.is_known(now) {
            threshold.count = threshold.count.saturating_mul(config.known_address_factor.max(1));
        }
        let Some(minutes) = address.past().handshakes.fail(threshold, config, now.tick) else {
            return;
        };
        let evidence = evidence(u64::from(threshold.count), threshold);
        let found = Found::new(Rule::Handshakes, &address.subject, &address.standing, evidence);
        self.decide(&found.lasting(&[Kind::Block], minutes), now);
    }

    /// Takes in the holder of a certificate, after the handshake. `ending` is the connection's own end.
    /// Whoever is blocked may come: each request is told, and the first after the release passes.
    ///
    /// # Errors
    ///
    /// [`Refusal::Limited`]: tell them and close.
    pub(crate) fn arrived(
        &self,
        place: Place,
        identity: &Identity,
        fingerprint: Option<Fingerprint>,
        ending: CancellationToken,
    ) -> Result<Presence, Refusal> {
        let now = self.ticker.now();
        let certificate = self.certificate(identity, now);
        let organisation = self.organisation(&certificate.organisation, now);
        place.address.vouch(now);
        if let Err(wait) = certificate.connections.take() {
            let whose = Some(&certificate.organisation);
            let (subject, standing) = (&certificate.subject, &certificate.standing);
            return Err(self.limited(subject, standing, whose, wait, now));
        }
        let open_max = self.config.limits.certificate_open_max;
        let open = certificate.open.enter(open_max).ok_or(Refusal::Limited { retry_after_s: 1 })?;
        let apart_ms = i64::from(self.config.detectors.places.apart_s) * 1000;
        let places = {
            let mut past = certificate.past();
            past.places.arrive(place.network, (now.wall, now.tick), apart_ms)
        };
        let presence = Presence {
            is_machine: self.config.detectors.places.machines.contains(&identity.role),
            certificate,
            organisation,
            place,
            arrived: now.tick,
            ticker: self.ticker.clone(),
            ending,
            _open: open,
        };
        self.look_at_arrival(&presence, places, fingerprint, now);
        Ok(presence)
    }

    fn look_at_arrival(
        &self,
        presence: &Presence,
        places: u64,
        fingerprint: Option<Fingerprint>,
        now: Moment,
    ) {
        let detectors = &self.config.detectors;
        let certificate = &presence.certificate;
        let is_challenged = certificate.standing.held(Kind::Challenge, now.wall).is_some();
        if places > 1 && !is_challenged {
            let window_s = detectors.places.apart_s;
            let evidence = Evidence { counted: places, threshold: 2, window_s };
            let found = Found::of_certificate(Rule::Places, certificate, evidence);
            self.decide(&found.reacting(&detectors.places.reaction), now);
        }
        let is_new_program = fingerprint.is_some_and(|fingerprint| {
            let remembered_max = detectors.fingerprint.remembered_max;
            certificate.past().programs.arrive(fingerprint, remembered_max)
        });
        if is_new_program {
            let evidence = Evidence { counted: 1, threshold: 1, window_s: 0 };
            let found = Found::of_certificate(Rule::Fingerprint, certificate, evidence);
            self.decide(&found.reacting(&detectors.fingerprint.reaction), now);
        }
        let address = &presence.place.address;
        if address.is_exempt {
            return;
        }
        let threshold = detectors.crowd.organisations;
        let digest = self.digest(&certificate.organisation);
        let added = address.past().organisations.add(digest, threshold, now.tick);
        if added == lockout::Added::New(threshold.count) {
            let evidence = evidence(u64::from(threshold.count), threshold);
            let found = Found::new(Rule::Crowd, &address.subject, &address.standing, evidence);
            self.decide(&found.reacting(&detectors.crowd.reaction), now);
        }
    }

    fn address(&self, peer: IpAddr) -> Arc<Address> {
        let peer = address(peer);
        self.addresses.entry(&peer, || {
            let made = Address::new(peer, &self.config, &self.ticker);
            self.restore(&made.subject, &made.standing);
            made
        })
    }

    fn certificate(&self, identity: &Identity, _now: Moment) -> Arc<Certificate> {
        self.certificates.entry(&identity.certificate, || {
            let known = self.remembered().certificate(&identity.certificate);
            let (places, programs) =
                (Places::restore(known.networks), Programs::restore(known.programs));
            let made = Certificate::new(identity, &self.config, &self.ticker, places, programs);
            self.restore(&made.subject, &made.standing);
            made
        })
    }

    fn organisation(&self, organisation: &Organisation, now: Moment) -> Arc<OrganisationWatch> {
        let found = self.organisations.entry(organisation, || {
            let habit = self.remembered().organisation(organisation);
            let organisation = organisation.clone();
            let made = OrganisationWatch::new(organisation, &self.config, &self.ticker, habit);
            self.restore(&made.subject, &made.standing);
            made
        });
        found.turn_hour(now.wall, &self.config);
        found
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the configuration says about the alert file.
struct AlertsFile {
    file: Option<std::path::PathBuf>,
    bytes_max: u64,
}

impl AlertsFile {
    fn of(config: &GuardConfig) -> Self {
        Self { file: config.alerts.file.clone(), bytes_max: config.alerts.file_bytes_max }
    }
}

fn blocked(id: DecisionId, left_ms: i64) -> Refusal {
    Refusal::Blocked { id, retry_after_s: seconds(left_ms) }
}

/// Whole seconds, at least one.
fn seconds(milliseconds: i64) -> u32 {
    u32::try_from(milliseconds.saturating_add(999) / 1000).unwrap_or(u32::MAX).max(1)
}

fn evidence(counted: u64, threshold: config::Threshold) -> Evidence {
    let config::Threshold { count, window_s } = threshold;
    Evidence { counted, threshold: u64::from(count), window_s }
}
