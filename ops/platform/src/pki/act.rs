//! What the journal of a certificate authority tells: one act per entry.

use kakehashi_contract::AuditFact;
use kakehashi_kernel::{Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{KeyAlgorithm, Reason, Seat, Serial, Subject};

/// An act. State is what follows from all acts in order; there is no other index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(super) enum Act {
    /// A CA's key and certificate are here from now on.
    CaInstall { seat: Seat, serial: Serial, certificate: Sha256Digest, not_after: Timestamp },
    /// A zone's key was made and a request for the root written.
    CaRequest { seat: Seat, spki: Sha256Digest },
    /// A certificate is about to be signed. Its serial number is used up, whatever happens next.
    CertificateIntend(Box<Intent>),
    /// It was signed and kept.
    CertificateIssue { serial: Serial, certificate: Sha256Digest },
    /// It was never signed, or nobody ever got it.
    CertificateAbandon { serial: Serial },
    /// Something was refused before anything was signed.
    CertificateRefuse { subject: String, why: String },
    /// A certificate is revoked.
    CertificateRevoke { seat: Seat, serial: Serial, reason: Reason },
    /// A revocation list was signed.
    ListPublish { seat: Seat, number: u64, revoked: u64, next_update: Timestamp },
    /// A one-time code was made.
    EnrolmentOpen(Box<Opened>),
    /// A wrong code was presented.
    EnrolmentFail { enrolment: String },
    /// The code was used up, locked or withdrawn.
    EnrolmentClose { enrolment: String, why: Closed },
}

/// What is about to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    pub(super) seat: Seat,
    pub(super) serial: Serial,
    pub(super) profile: String,
    pub(super) subject: Subject,
    pub(super) key: KeyAlgorithm,
    pub(super) spki: Sha256Digest,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) origin: Origin,
}

/// On whose word a certificate is issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The operator's command alone.
    Command,
    /// A one-time code.
    Enrolment(String),
    /// The certificate it takes the place of.
    Renewal(Serial),
}

/// A one-time code as the CA keeps it: not the code, but the public key that follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opened {
    pub(super) enrolment: String,
    pub(super) profile: String,
    pub(super) subject: Subject,
    pub(super) days: u16,
    pub(super) expires_at: Timestamp,
    pub(super) attempts_max: u32,
    pub(super) verifier: String,
}

/// Why an enrolment takes no code any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closed {
    /// Its code was used.
    Used,
    /// Too many wrong codes.
    Locked,
    /// Withdrawn by an operator, or its organisation was revoked.
    Withdrawn,
}

impl Act {
    pub(super) fn fact(&self, actor: &str) -> Result<AuditFact, serde_json::Error> {
        let (action, subject, outcome) = match self {
            Self::CaInstall { seat, .. } => ("ca.install", seat.to_string(), "ok"),
            Self::CaRequest { seat, .. } => ("ca.request", seat.to_string(), "ok"),
            Self::CertificateIntend(intent) => {
                ("certificate.intend", intent.serial.to_string(), "ok")
            }
            Self::CertificateIssue { serial, .. } => {
                ("certificate.issue", serial.to_string(), "ok")
            }
            Self::CertificateAbandon { serial } => {
                ("certificate.abandon", serial.to_string(), "ok")
            }
            Self::CertificateRefuse { subject, why } => {
                ("certificate.refuse", subject.clone(), why.as_str())
            }
            Self::CertificateRevoke { serial, .. } => {
                ("certificate.revoke", serial.to_string(), "ok")
            }
            Self::ListPublish { seat, .. } => ("list.publish", seat.to_string(), "ok"),
            Self::EnrolmentOpen(opened) => ("enrolment.open", opened.enrolment.clone(), "ok"),
            Self::EnrolmentFail { enrolment } => {
                ("enrolment.fail", enrolment.clone(), "code-wrong")
            }
            Self::EnrolmentClose { enrolment, .. } => ("enrolment.close", enrolment.clone(), "ok"),
        };
        Ok(AuditFact {
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject,
            outcome: outcome.to_owned(),
            detail: serde_json::to_string(self)?,
        })
    }
}
