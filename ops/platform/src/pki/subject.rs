//! Whom a certificate is for.

use std::{fmt, net::IpAddr};

use kakehashi_contract::{Role, Zone};
use serde::{Deserialize, Serialize};

use super::Holder;

/// Whom a certificate is for, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subject {
    /// A client: a device of an organisation.
    Device {
        /// The zone, whose CA signs.
        zone: Zone,
        /// What the holder may be.
        role: Role,
        /// `[a-z0-9-]`, 1 to 64 characters.
        organisation: String,
        /// `[a-z0-9-]`, 1 to 64 characters.
        device: String,
    },
    /// A server: the gateway towards its clients, or a component.
    Server {
        /// What operators call it: `[a-z0-9-]`, 1 to 64 characters.
        name: String,
        /// DNS names and addresses under which it is reached, the first of them in the subject.
        names: Vec<String>,
    },
    /// A zone's issuing CA.
    IssuingCa {
        /// The zone.
        zone: Zone,
    },
}

/// Why a name cannot stand in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not a word of ours.
    #[error("organisation, device and server names are 1 to 64 of a-z, 0-9 and -")]
    Word,
    /// Not a DNS name or address.
    #[error(
        "a server's name is a DNS name in lower case without wildcard and at most 253 characters, or \
         an address"
    )]
    Dns,
    /// None, or more than 32.
    #[error("a server has 1 to 32 names")]
    Count,
}

/// Names of one server at most.
const NAMES_MAX: usize = 32;

impl Subject {
    /// Checks the words. Zone and role are the profile's business.
    ///
    /// # Errors
    ///
    /// [`InvalidName`].
    pub fn check(&self) -> Result<(), InvalidName> {
        let words = match self {
            Self::Device { organisation, device, .. } => vec![organisation, device],
            Self::Server { name, .. } => vec![name],
            Self::IssuingCa { .. } => Vec::new(),
        };
        if !words.into_iter().all(|word| is_word(word)) {
            return Err(InvalidName::Word);
        }
        let Self::Server { names, .. } = self else { return Ok(()) };
        if names.is_empty() || names.len() > NAMES_MAX {
            return Err(InvalidName::Count);
        }
        if names.iter().all(|name| name.parse::<IpAddr>().is_ok() || is_dns(name)) {
            Ok(())
        } else {
            Err(InvalidName::Dns)
        }
    }

    /// Answers the zone whose CA signs; servers are the internal zone's, an issuing CA the root's.
    pub const fn zone(&self) -> Zone {
        match self {
            Self::Device { zone, .. } | Self::IssuingCa { zone } => *zone,
            Self::Server { .. } => Zone::Internal,
        }
    }

    /// Answers what the certificate may be, for a client.
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Device { role, .. } => Some(*role),
            Self::Server { .. } | Self::IssuingCa { .. } => None,
        }
    }

    /// Answers the organisation, for a client.
    pub fn organisation(&self) -> Option<&str> {
        match self {
            Self::Device { organisation, .. } => Some(organisation),
            Self::Server { .. } | Self::IssuingCa { .. } => None,
        }
    }

    /// Answers the device's or server's word: what its files are called.
    pub fn device(&self) -> &str {
        match self {
            Self::Device { device, .. } => device,
            Self::Server { name, .. } => name,
            Self::IssuingCa { zone } => zone.as_str(),
        }
    }
}

impl From<Holder> for Subject {
    fn from(holder: Holder) -> Self {
        let Holder { zone, role, organisation, device } = holder;
        Self::Device { zone, role, organisation, device }
    }
}

impl fmt::Display for Subject {
    /// `municipal/municipal-staff/141003/scan-01`, `server/gateway` or `ca/entry`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { zone, role, organisation, device } => {
                write!(f, "{zone}/{role}/{organisation}/{device}")
            }
            Self::Server { name, .. } => write!(f, "server/{name}"),
            Self::IssuingCa { zone } => write!(f, "ca/{zone}"),
        }
    }
}

fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A host name of letters, digits and hyphens (RFC 1123 §2.1); the last label is not all digits.
pub(super) fn is_dns(name: &str) -> bool {
    let is_label = |label: &str| {
        is_word(label) && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(is_label)
        && !name.rsplit('.').next().is_none_or(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tls_cannot_compare_are_refused() {
        for good in ["localhost", "gateway.example.lg.jp", "a-1.b"] {
            assert!(is_dns(good), "{good}");
        }
        for odd in ["", ".", "a..b", "*.example.jp", "-a.b", "a-.b", "A.b", "a_b", "1.2.3", "例.jp"]
        {
            assert!(!is_dns(odd), "{odd}");
        }
    }
}
