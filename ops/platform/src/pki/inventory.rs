//! Every certificate a CA folder ever issued, and every enrolment: what follows from its journal.

use std::collections::{BTreeMap, BTreeSet};

use kakehashi_kernel::{Sha256Digest, Timestamp};
use serde::Serialize;

use super::{
    Closed, KeyAlgorithm, Origin, Reason, Seat, Serial, Subject,
    act::{Act, Intent, Opened},
    journal::Told,
};

const DAY_MS: i64 = 86_400_000;

/// One certificate, from the moment its serial number was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Its serial number.
    pub serial: Serial,
    /// Who signed it.
    pub seat: Seat,
    /// Under which profile.
    pub profile: String,
    /// For whom.
    pub subject: Subject,
    /// What its key is.
    pub key: KeyAlgorithm,
    /// Digest of its public key.
    pub spki: Sha256Digest,
    /// The first instant of its validity.
    pub not_before: Timestamp,
    /// The last instant of its validity.
    pub not_after: Timestamp,
    /// On whose word it was issued.
    pub origin: Origin,
    /// When, and the digest of its DER bytes; `None` until it is signed.
    pub issued: Option<(Timestamp, Sha256Digest)>,
    /// When and why it was revoked.
    pub revoked: Option<(Timestamp, Reason)>,
    /// Whether it was never signed, or nobody ever got it.
    pub is_abandoned: bool,
}

/// What a certificate is worth at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// In force.
    Valid,
    /// Past its end.
    Expired,
    /// Revoked.
    Revoked,
    /// Never issued.
    Abandoned,
}

impl Standing {
    /// The word in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Record {
    /// Answers what the certificate is worth.
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.is_abandoned || self.issued.is_none() {
            Standing::Abandoned
        } else if self.revoked.is_some() {
            Standing::Revoked
        } else if self.not_after < now {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }

    /// Answers whole days until it expires; negative afterwards.
    pub const fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.0.saturating_sub(now.0).div_euclid(DAY_MS)
    }
}

/// A one-time code that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The part of the code that may be said aloud.
    pub id: String,
    /// For whom.
    pub subject: Subject,
    /// Under which profile.
    pub profile: String,
    /// Days of validity of what will be issued.
    pub days: u16,
    /// Until when the code must be used.
    pub expires_at: Timestamp,
    /// Wrong codes so far.
    pub failures: u32,
    /// Wrong codes after which it closes.
    pub attempts_max: u32,
    /// Why no code is taken any more.
    pub closed: Option<Closed>,
    pub(super) verifier: String,
}

/// What is known of one seat's revocation lists.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    pub(super) published: u64,
    pub(super) next_update: Option<Timestamp>,
}

/// The state that follows from the journal.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    pub(super) records: BTreeMap<Serial, Record>,
    pub(super) enrolments: BTreeMap<String, Enrolment>,
    pub(super) revoked: BTreeMap<Seat, BTreeMap<Serial, (Timestamp, Reason)>>,
    pub(super) lists: BTreeMap<Seat, Lists>,
    /// CA certificates that were put in place here, by serial number.
    pub(super) installed: BTreeMap<Serial, (Seat, Sha256Digest, Timestamp)>,
    keys: BTreeSet<Sha256Digest>,
}

impl Inventory {
    pub(super) fn of(told: &[Told]) -> Self {
        let mut inventory = Self::default();
        for told in told {
            inventory.take(told);
        }
        inventory
    }

    pub(super) fn take(&mut self, told: &Told) {
        match &told.act {
            Act::CaInstall { seat, serial, certificate, not_after } => {
                self.installed.insert(serial.clone(), (*seat, *certificate, *not_after));
            }
            Act::CertificateIntend(intent) => {
                self.keys.insert(intent.spki);
                self.records.insert(intent.serial.clone(), Record::of(intent));
            }
            Act::CertificateIssue { serial, certificate } => {
                if let Some(record) = self.records.get_mut(serial) {
                    record.issued = Some((told.at, *certificate));
                }
            }
            Act::CertificateAbandon { serial } => {
                if let Some(record) = self.records.get_mut(serial) {
                    record.is_abandoned = true;
                    // Nothing was issued for the key: it may come again.
                    self.keys.remove(&record.spki);
                }
            }
            Act::CertificateRevoke { seat, serial, reason } => {
                let known = self.revoked.entry(*seat).or_default();
                known.entry(serial.clone()).or_insert((told.at, *reason));
                if let Some(record) = self.records.get_mut(serial) {
                    record.revoked.get_or_insert((told.at, *reason));
                }
            }
            Act::ListPublish { seat, number, next_update, .. } => {
                let lists = self.lists.entry(*seat).or_default();
                lists.published = lists.published.max(*number);
                lists.next_update = Some(*next_update);
            }
            Act::EnrolmentOpen(opened) => {
                self.enrolments.insert(opened.enrolment.clone(), Enrolment::of(opened));
            }
            Act::EnrolmentFail { enrolment } => {
                if let Some(found) = self.enrolments.get_mut(enrolment) {
                    found.failures += 1;
                }
            }
            Act::EnrolmentClose { enrolment, why } => {
                if let Some(found) = self.enrolments.get_mut(enrolment) {
                    found.closed.get_or_insert(*why);
                }
            }
            Act::CaRequest { .. } | Act::CertificateRefuse { .. } => {}
        }
    }

    /// Whether the number was ever taken here.
    pub(super) fn knows(&self, serial: &Serial) -> bool {
        self.records.contains_key(serial) || self.installed.contains_key(serial)
    }

    /// Whether the key was ever certified here.
    pub(super) fn knows_key(&self, spki: &Sha256Digest) -> bool {
        self.keys.contains(spki)
    }
}

impl Record {
    fn of(intent: &Intent) -> Self {
        Self {
            serial: intent.serial.clone(),
            seat: intent.seat,
            profile: intent.profile.clone(),
            subject: intent.subject.clone(),
            key: intent.key,
            spki: intent.spki,
            not_before: intent.not_before,
            not_after: intent.not_after,
            origin: intent.origin.clone(),
            issued: None,
            revoked: None,
            is_abandoned: false,
        }
    }
}

impl Enrolment {
    fn of(opened: &Opened) -> Self {
        Self {
            id: opened.enrolment.clone(),
            subject: opened.subject.clone(),
            profile: opened.profile.clone(),
            days: opened.days,
            expires_at: opened.expires_at,
            failures: 0,
            attempts_max: opened.attempts_max,
            closed: None,
            verifier: opened.verifier.clone(),
        }
    }
}
