//! The certificate authority: one root, one issuing CA per zone, certificates, revocation lists, files.
//!
//! The CA's keys lie in a folder of their own, which no server reads. What servers and clients read
//! (roots, revocation lists, their own key and chain) is written elsewhere. Time and serial numbers are
//! passed in. It does not speak over any network.
//!
//! [`Office`] is what operators work with: profiles, requests, one-time codes, renewal, revocation, and a
//! journal of every act from which the inventory follows. [`Authority`] makes everything at once without a
//! word, for the demo and for tests; the office works on its folder too.

mod act;
mod authority;
mod bundle;
mod enrolment;
mod envelope;
mod folder;
mod inventory;
mod journal;
mod key_file;
mod lint;
mod office;
mod profile;
mod profiles;
mod reason;
mod renewal;
mod request;
mod revocation;
mod seat;
mod serial;
mod signer;
mod subject;
#[cfg(test)]
mod tests;

pub use act::{Closed, Origin};
pub use authority::{Authority, CertificateFiles, Issued};
pub use enrolment::{EnrolmentCode, EnrolmentEnvelope, InvalidCode};
pub use envelope::ENVELOPE_BYTES_MAX;
pub use folder::{write_private, write_public};
pub use inventory::{Enrolment, Record, Standing};
pub use key_file::{NoPassphrase, Passphrases};
pub use lint::{Expected, LintFinding, Severity, lint};
pub use office::{Discrepancy, Invitation, Office, Order, Published, Selection};
pub use profile::{Holder, InvalidNetwork, Network, Validity};
pub use profiles::{
    EnrolmentRules, ExtendedKeyUsage, IssuingRules, KeyUsage, Profile, Profiles, ProfilesRefusal,
    RootRules,
};
pub use reason::{InvalidReason, Reason};
pub use renewal::RenewalEnvelope;
pub use request::{
    InvalidKeyAlgorithm, KeyAlgorithm, REQUEST_BYTES_MAX, RequestRefusal, SigningRequest,
};
pub use seat::Seat;
pub use serial::{InvalidSerial, Serial};
pub use subject::{InvalidName, Subject};

use kakehashi_contract::{IdentityRefusal, audit::AuditBroken};
use kakehashi_kernel::Timestamp;

use crate::runtime::KeyFileError;

/// Draws certificate serial numbers.
pub trait Serials: Send + Sync {
    /// Answers 16 bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`PkiError::Random`] when the source fails.
    fn draw(&self) -> Result<[u8; 16], PkiError>;
}

/// Serial numbers from the operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSerials;

impl Serials for SystemSerials {
    fn draw(&self) -> Result<[u8; 16], PkiError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| PkiError::Random)?;
        Ok(bytes)
    }
}

/// Why the authority could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file could not be read or written.
    #[error("{path} could not be {verb}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// `read` or `written`.
        verb: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key or certificate could not be made.
    #[error("the certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// What was issued would not be accepted by our own profile.
    #[error("the certificate would not follow the profile")]
    Profile(#[from] IdentityRefusal),
    /// A stored certificate, key or revocation record is not what was written.
    #[error("{path} is damaged")]
    Damaged {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// The certificate was not issued by this zone's CA.
    #[error("the certificate was not issued by this zone's authority")]
    Foreign,
    /// The random source failed.
    #[error("the random source failed")]
    Random,
    /// The browser bundle could not be made.
    #[error("the PKCS#12 bundle could not be made")]
    Bundle(#[from] p12_keystore::error::Error),
    /// A key or CA that the act needs is not in this folder.
    #[error("{path} holds no CA, or not its key")]
    KeyMissing {
        /// Where it was looked for.
        path: std::path::PathBuf,
    },
    /// Others may read a key.
    #[error("key file {path} is readable by others: somebody may have it; set its mode to 0600")]
    KeyTooOpen {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// A key is encrypted and nobody gave its passphrase.
    #[error("key file {path} needs its passphrase: give --passphrase-file, or run at a terminal")]
    PassphraseMissing {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open {path}")]
    PassphraseWrong {
        /// Which file.
        path: std::path::PathBuf,
    },
    /// What was to be made is there already.
    #[error("{path} holds a CA already, which is not replaced")]
    Exists {
        /// Where.
        path: std::path::PathBuf,
    },
    /// Another process works in this folder.
    #[error("another command works in this CA folder: wait for it to end")]
    InUse,
    /// The journal's chain does not hold.
    #[error(
        "the journal of this CA was changed: stop, keep the folder as it is, and look who did it"
    )]
    Journal(#[from] AuditBroken),
    /// The journal's key cannot be used.
    #[error("the key of this CA's journal cannot be used")]
    JournalKey(#[source] Box<KeyFileError>),
    /// The journal tells of an act that this program does not know.
    #[error("the journal of this CA was written by a newer program: use that one")]
    JournalNewer,
    /// The profiles cannot be used.
    #[error(transparent)]
    Profiles(#[from] ProfilesRefusal),
    /// No profile fits.
    #[error("no profile fits this zone and role: see `kakehashi ca profiles`")]
    NoProfile,
    /// A name cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// A request is not taken.
    #[error(transparent)]
    Request(#[from] RequestRefusal),
    /// The profile does not allow this kind of key.
    #[error("profile {profile} does not allow this kind of key")]
    KeyNotAllowed {
        /// Which profile.
        profile: String,
    },
    /// The key was certified before: every certificate has a key of its own.
    #[error("this key was certified before: make a new key and a new request on the device")]
    KeyUsedBefore,
    /// Longer than the profile allows.
    #[error("the profile allows 1 to {days_max} days")]
    TooLong {
        /// Days at most.
        days_max: u16,
    },
    /// Lint found errors; nothing was signed.
    #[error("not signed, for what would be signed is wrong: {}", codes(.0))]
    Lint(Vec<LintFinding>),
    /// What was signed is not what was looked at.
    #[error("what was signed is not what was looked at")]
    Rehearsal,
    /// Nothing of this number or holder.
    #[error("this CA folder knows no such certificate")]
    Unknown,
    /// An envelope is none.
    #[error(
        "the file is not an envelope of `kakehashi ca request` or `kakehashi ca renew-request`"
    )]
    Envelope,
    /// A code that was never made here.
    #[error("this CA made no such code")]
    CodeUnknown,
    /// A wrong code.
    #[error("the code is wrong; {left} attempts are left")]
    CodeWrong {
        /// Attempts left; none: closed for good.
        left: u32,
    },
    /// Past its time.
    #[error("the code has expired: make a new one with `kakehashi ca invite`")]
    CodeExpired,
    /// Used, locked or withdrawn.
    #[error("the code takes no request any more ({}): make a new one with `kakehashi ca invite`", closed(*.why))]
    CodeClosed {
        /// Why.
        why: Closed,
    },
    /// The renewal is not signed by the key of the certificate in it.
    #[error("the renewal is not signed by the key of the certificate in it")]
    RenewalUnsigned,
    /// The certificate in it was not issued here.
    #[error("the certificate to renew was not issued by this CA")]
    RenewalForeign,
    /// The certificate in it is revoked or expired.
    #[error("the certificate to renew is {}: enrol the device anew", .standing.as_str())]
    RenewalNotValid {
        /// What it is.
        standing: Standing,
    },
    /// Before the renewal window.
    #[error("it is too early to renew: from {opens_at}")]
    RenewalEarly {
        /// From when.
        opens_at: Timestamp,
    },
    /// The certificate was renewed before.
    #[error(
        "this certificate was renewed before: revoke the new one first, or enrol the device anew"
    )]
    RenewalDone,
}

impl PkiError {
    /// A stable code for the journal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Make(_) => "make",
            Self::Profile(refusal) => refusal.code(),
            Self::Damaged { .. } => "damaged",
            Self::Foreign => "foreign",
            Self::Random => "random",
            Self::Bundle(_) => "bundle",
            Self::KeyMissing { .. } => "key-missing",
            Self::KeyTooOpen { .. } => "key-too-open",
            Self::PassphraseMissing { .. } => "passphrase-missing",
            Self::PassphraseWrong { .. } => "passphrase-wrong",
            Self::Exists { .. } => "exists",
            Self::InUse => "in-use",
            Self::Journal(_) | Self::JournalKey(_) | Self::JournalNewer => "journal",
            Self::Profiles(_) => "profiles",
            Self::NoProfile => "no-profile",
            Self::Name(_) => "name",
            Self::Request(_) => "request",
            Self::KeyNotAllowed { .. } => "key-not-allowed",
            Self::KeyUsedBefore => "key-used-before",
            Self::TooLong { .. } => "too-long",
            Self::Lint(_) => "lint",
            Self::Rehearsal => "rehearsal",
            Self::Unknown => "unknown",
            Self::Envelope => "envelope",
            Self::CodeUnknown => "code-unknown",
            Self::CodeWrong { .. } => "code-wrong",
            Self::CodeExpired => "code-expired",
            Self::CodeClosed { .. } => "code-closed",
            Self::RenewalUnsigned => "renewal-unsigned",
            Self::RenewalForeign => "renewal-foreign",
            Self::RenewalNotValid { .. } => "renewal-not-valid",
            Self::RenewalEarly { .. } => "renewal-early",
            Self::RenewalDone => "renewal-done",
        }
    }
}

const fn closed(why: Closed) -> &'static str {
    match why {
        Closed::Used => "used",
        Closed::Locked => "locked after too many wrong codes",
        Closed::Withdrawn => "withdrawn",
    }
}

fn codes(findings: &[LintFinding]) -> String {
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    codes.join(", ")
}
