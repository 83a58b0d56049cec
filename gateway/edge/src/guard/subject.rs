//! Whom the guard watches, and under which rule.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use kakehashi_contract::{Identity, Zone};
use kakehashi_kernel::Sha256Digest;
use serde::{Deserialize, Serialize};

/// Somebody or something that is counted and may be hindered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// One certificate, by its digest.
    Certificate(Sha256Digest),
    /// All certificates of one organisation.
    Organisation(Organisation),
    /// One IPv4 address, or the /64 of an IPv6 address.
    Address(IpAddr),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(digest) => write!(f, "certificate:{digest}"),
            Self::Organisation(organisation) => write!(f, "organisation:{organisation}"),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

/// An organisation in its zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Organisation {
    pub(crate) zone: Zone,
    pub(crate) code: Arc<str>,
}

impl Organisation {
    pub(crate) fn of(identity: &Identity) -> Self {
        Self { zone: identity.zone, code: identity.organisation.as_str().into() }
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.zone, self.code)
    }
}

impl FromStr for Organisation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (zone, code) = text.split_once('/').ok_or("an organisation is ZONE/CODE")?;
        let zone = zone.parse().map_err(|_| "no such zone")?;
        let is_code = (1..=64).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_code {
            return Err("an organisation's code is 1 to 64 of a-z, 0-9 and -");
        }
        Ok(Self { zone, code: code.into() })
    }
}

impl Serialize for Organisation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Organisation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Shortens an address to what one holder cannot change at will: an IPv6 host has a whole /64.
pub(crate) fn address(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(masked(address, 64)),
    }
}

/// A place: the /24 or /56 an address lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Network(IpAddr);

impl Network {
    pub(crate) fn of(peer: IpAddr) -> Self {
        Self(match peer.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
            }
            IpAddr::V6(address) => IpAddr::V6(masked(address, 56)),
        })
    }

    /// Tells whether both are of one address family; else they say nothing about each other.
    pub(crate) const fn is_comparable(self, other: Self) -> bool {
        self.0.is_ipv4() == other.0.is_ipv4()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, if self.0.is_ipv4() { 24 } else { 56 })
    }
}

const fn masked(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits)))
}

/// Which rule decided. Its code is what alerts, the ledger and exceptions name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    Rate,
    Handshakes,
    Refusals,
    SignIn,
    Scan,
    Enumeration,
    Volume,
    Hours,
    Places,
    Fingerprint,
    Crowd,
}

impl Rule {
    pub(crate) const ALL: [Self; 11] = [
        Self::Rate,
        Self::Handshakes,
        Self::Refusals,
        Self::SignIn,
        Self::Scan,
        Self::Enumeration,
        Self::Volume,
        Self::Hours,
        Self::Places,
        Self::Fingerprint,
        Self::Crowd,
    ];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Handshakes => "handshakes",
            Self::Refusals => "refusals",
            Self::SignIn => "sign-in",
            Self::Scan => "scan",
            Self::Enumeration => "enumeration",
            Self::Volume => "volume",
            Self::Hours => "hours",
            Self::Places => "places",
            Self::Fingerprint => "fingerprint",
            Self::Crowd => "crowd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shortened_to_what_a_holder_cannot_change() {
        let check = |peer: &str, short: &str, network: &str| {
            let peer = peer.parse().unwrap();
            assert_eq!(address(peer).to_string(), short);
            assert_eq!(Network::of(peer).to_string(), network);
        };
        check("192.0.2.77", "192.0.2.77", "192.0.2.0/24");
        check("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24");
        check("2001:db8:1:2ff:3::4", "2001:db8:1:2ff::", "2001:db8:1:200::/56");
    }

    #[test]
    fn an_organisation_reads_as_it_is_written() {
        let organisation: Organisation = "municipal/141003".parse().unwrap();
        assert_eq!(organisation.to_string(), "municipal/141003");
        for text in ["141003", "moon/141003", "municipal/", "municipal/14\n", "municipal/A"] {
            assert!(text.parse::<Organisation>().is_err(), "{text}");
        }
    }
}
