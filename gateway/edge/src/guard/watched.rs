//! What is known of one certificate, one organisation, one address while the gateway runs.
//!
//! A connection holds all three of its own, so that a request finds them without any shared table. What a
//! good request touches are atomics; the locks are for refusals, misses and arrivals.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

use kakehashi_contract::Identity;
use kakehashi_kernel::Timestamp;
use tokio::sync::Semaphore;

use super::{
    action::Standing,
    config::GuardConfig,
    detector::{Habit, Places, Programs, Use, hour_of},
    limits::{Meter, Open},
    lockout::{Different, Lockout},
    subject::{Organisation, Subject},
    time::{Moment, Ticker},
};

/// One certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) subject: Subject,
    pub(crate) organisation: Organisation,
    pub(crate) standing: Standing,
    pub(crate) requests: Meter,
    pub(crate) connections: Meter,
    pub(crate) open: Arc<Open>,
    /// Requests with ids that may be under way; a miss uses one up until its window is over.
    pub(crate) turns: Arc<Semaphore>,
    past: Mutex<CertificatePast>,
}

/// What a certificate's refusals, misses and arrivals add up to.
#[derive(Debug, Default)]
pub(crate) struct CertificatePast {
    pub(crate) refusals: Lockout,
    pub(crate) sign_ins: Lockout,
    pub(crate) scanned: Different,
    pub(crate) missed: Different,
    pub(crate) missed_daily: Different,
    pub(crate) places: Places,
    pub(crate) programs: Programs,
    /// Turns that misses used up.
    pub(crate) turns_used: usize,
}

impl Certificate {
    pub(crate) fn new(
        identity: &Identity,
        config: &GuardConfig,
        ticker: &Ticker,
        places: Places,
        programs: Programs,
    ) -> Self {
        let turns = config.detectors.enumeration.certificate.count.max(1) as usize;
        Self {
            subject: Subject::Certificate(identity.certificate),
            organisation: Organisation::of(identity),
            standing: Standing::default(),
            requests: Meter::new(config.limits.certificate_requests, ticker),
            connections: Meter::new(config.limits.certificate_connections, ticker),
            open: Arc::default(),
            turns: Arc::new(Semaphore::new(turns)),
            past: Mutex::new(CertificatePast { places, programs, ..CertificatePast::default() }),
        }
    }

    pub(crate) fn past(&self) -> MutexGuard<'_, CertificatePast> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turns back that misses used up.
    pub(crate) fn refill(&self, past: &mut CertificatePast) {
        self.turns.add_permits(std::mem::take(&mut past.turns_used));
    }

    /// Forgets what led to a decision, when an operator lifts it.
    pub(crate) fn forgive(&self) {
        let mut past = self.past();
        past.refusals.clear();
        past.sign_ins.clear();
        past.scanned.clear();
        past.missed.clear();
        past.missed_daily.clear();
        self.refill(&mut past);
    }
}

/// One organisation.
#[derive(Debug)]
pub(crate) struct OrganisationWatch {
    pub(crate) subject: Subject,
    pub(crate) standing: Standing,
    pub(crate) requests: Meter,
    /// The present hour, and what was done in it.
    hour: AtomicI64,
    pub(crate) hour_requests: AtomicU64,
    pub(crate) hour_bytes: AtomicU64,
    /// From where on it is too much; told once, then out of reach until the next hour.
    pub(crate) requests_bound: AtomicU64,
    pub(crate) bytes_bound: AtomicU64,
    /// From where on an unusual hour is told.
    pub(crate) unusual_bound: AtomicU64,
    past: Mutex<OrganisationPast>,
}

/// What an organisation's days, refusals and misses add up to.
#[derive(Debug, Default)]
pub(crate) struct OrganisationPast {
    pub(crate) sign_ins: Lockout,
    pub(crate) scanned: Different,
    pub(crate) missed: Different,
    pub(crate) habit: Habit,
}

impl OrganisationWatch {
    pub(crate) fn new(
        organisation: Organisation,
        config: &GuardConfig,
        ticker: &Ticker,
        habit: Habit,
    ) -> Self {
        Self {
            subject: Subject::Organisation(organisation),
            standing: Standing::default(),
            requests: Meter::new(config.limits.organisation_requests, ticker),
            hour: AtomicI64::new(i64::MIN),
            hour_requests: AtomicU64::new(0),
            hour_bytes: AtomicU64::new(0),
            requests_bound: AtomicU64::new(u64::MAX),
            bytes_bound: AtomicU64::new(u64::MAX),
            unusual_bound: AtomicU64::new(u64::MAX),
            past: Mutex::new(OrganisationPast { habit, ..OrganisationPast::default() }),
        }
    }

    pub(crate) fn past(&self) -> MutexGuard<'_, OrganisationPast> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the hour when another has begun.
    pub(crate) fn turn_hour(&self, now: Timestamp, config: &GuardConfig) {
        let hour = hour_of(now);
        if self.hour.load(Relaxed) == hour {
            return;
        }
        let mut past = self.past();
        let before = self.hour.load(Relaxed);
        if before == hour {
            return;
        }
        let done = Use {
            requests: self.hour_requests.swap(0, Relaxed),
            bytes: self.hour_bytes.swap(0, Relaxed),
        };
        if before != i64::MIN {
            past.habit.close_hour(before, done);
        }
        let bounds = past.habit.bounds(hour, &config.detectors.volume, &config.detectors.hours);
        self.requests_bound.store(bounds.requests, Relaxed);
        self.bytes_bound.store(bounds.bytes, Relaxed);
        let unusual = if bounds.is_unusual_hour {
            u64::from(config.detectors.hours.requests_min)
        } else {
            u64::MAX
        };
        self.unusual_bound.store(unusual, Relaxed);
        self.hour.store(hour, Relaxed);
    }

    /// Answers the habit with the present hour taken in, as it is kept over a restart.
    pub(crate) fn habit(&self) -> Habit {
        let past = self.past();
        let mut habit = past.habit.clone();
        let hour = self.hour.load(Relaxed);
        if hour != i64::MIN {
            let requests = self.hour_requests.load(Relaxed);
            habit.close_hour(hour, Use { requests, bytes: self.hour_bytes.load(Relaxed) });
        }
        habit
    }

    pub(crate) fn forgive(&self) {
        let mut past = self.past();
        past.sign_ins.clear();
        past.scanned.clear();
        past.missed.clear();
    }
}

/// One address.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) subject: Subject,
    /// Whether limits and lockouts leave it out.
    pub(crate) is_exempt: bool,
    pub(crate) standing: Standing,
    pub(crate) requests: Meter,
    pub(crate) connections: Meter,
    pub(crate) open: Arc<Open>,
    /// When a good certificate last came from here.
    good: AtomicI64,
    past: Mutex<AddressPast>,
}

/// What an address's failures and arrivals add up to.
#[derive(Debug, Default)]
pub(crate) struct AddressPast {
    pub(crate) handshakes: Lockout,
    pub(crate) organisations: Different,
}

impl Address {
    pub(crate) fn new(peer: IpAddr, config: &GuardConfig, ticker: &Ticker) -> Self {
        Self {
            subject: Subject::Address(peer),
            is_exempt: config.limits.is_loopback_exempt && peer.is_loopback(),
            standing: Standing::default(),
            requests: Meter::new(config.limits.address_requests, ticker),
            connections: Meter::new(config.limits.address_connections, ticker),
            open: Arc::default(),
            good: AtomicI64::new(i64::MIN),
            past: Mutex::default(),
        }
    }

    pub(crate) fn past(&self) -> MutexGuard<'_, AddressPast> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a good certificate came from here.
    pub(crate) fn vouch(&self, now: Moment) {
        self.good.store(now.tick, Relaxed);
    }

    /// Tells whether a good certificate came from here within the hour.
    pub(crate) fn is_known(&self, now: Moment) -> bool {
        const HOUR_MS: i64 = 3_600_000;
        now.tick.saturating_sub(self.good.load(Relaxed)) < HOUR_MS
    }

    pub(crate) fn forgive(&self) {
        self.past().handshakes.clear();
    }
}
