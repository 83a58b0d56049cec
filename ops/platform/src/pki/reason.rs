//! Why a certificate is revoked (RFC 5280 §5.3.1).

use std::{fmt, str::FromStr};

use rcgen::RevocationReason;
use serde::{Deserialize, Serialize};

/// The reasons an operator may give. `certificateHold` is not among them: revoked is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Not said.
    #[default]
    Unspecified,
    /// Somebody else may have the key: device stolen, file copied.
    KeyCompromise,
    /// The CA's own key may be known.
    CaCompromise,
    /// The organisation or the device's use changed.
    AffiliationChanged,
    /// A new certificate takes its place.
    Superseded,
    /// The device is out of use.
    CessationOfOperation,
    /// The right to take part was withdrawn.
    PrivilegeWithdrawn,
}

/// The text names no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reason is one of unspecified, key-compromise, ca-compromise, affiliation-changed, superseded, \
     cessation-of-operation, privilege-withdrawn"
)]
pub struct InvalidReason;

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// The word in commands and in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::CaCompromise => "ca-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }

    pub(super) const fn code(self) -> RevocationReason {
        match self {
            Self::Unspecified => RevocationReason::Unspecified,
            Self::KeyCompromise => RevocationReason::KeyCompromise,
            Self::CaCompromise => RevocationReason::CaCompromise,
            Self::AffiliationChanged => RevocationReason::AffiliationChanged,
            Self::Superseded => RevocationReason::Superseded,
            Self::CessationOfOperation => RevocationReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = InvalidReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Also as RFC 5280 writes it: keyCompromise.
        let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
        Self::ALL
            .into_iter()
            .find(|reason| plain(reason.as_str()) == plain(text))
            .ok_or(InvalidReason)
    }
}
