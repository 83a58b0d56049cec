//! What our certificates say.
//!
//! | certificate | names | may |
//! |---|---|---|
//! | root | – | sign issuing CAs (path length 1) |
//! | issuing CA of an outer zone | no DNS name, no address allowed below it | sign client certificates |
//! | issuing CA of the internal zone | `localhost`, `kakehashi.internal`, 127.0.0.0/8, `::1` | sign both |
//! | server | DNS name, 127.0.0.1 | server authentication |
//! | client | one URI `kakehashi://zone/role/organisation/device` | client authentication |
//!
//! ECDSA on P-256 throughout. An outer zone's CA can therefore never make a server certificate that
//! anybody of ours accepts.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

use kakehashi_contract::{CLIENT_POLICIES_DER, Identity, Role, Zone};
use kakehashi_kernel::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints, SanType,
    SerialNumber,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::PkiError;

/// From when to when a certificate is valid, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub not_before: Timestamp,
    /// The last instant.
    pub not_after: Timestamp,
}

impl Validity {
    /// Answers a validity of `days` from `now`, begun five minutes early because clocks differ.
    pub const fn days(now: Timestamp, days: u16) -> Self {
        Self {
            not_before: now.plus_ms(-5 * 60 * 1000),
            not_after: now.plus_ms(days as i64 * 86_400_000),
        }
    }
}

/// Whom a client certificate is for. The words become its URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The zone, whose CA will sign.
    pub zone: Zone,
    /// What the holder may be.
    pub role: Role,
    /// `[a-z0-9-]`, 1 to 64 characters.
    pub organisation: String,
    /// `[a-z0-9-]`, 1 to 64 characters.
    pub device: String,
}

impl Holder {
    /// Names a holder. The words are checked when the certificate is issued.
    pub fn new(
        zone: Zone,
        role: Role,
        organisation: impl Into<String>,
        device: impl Into<String>,
    ) -> Self {
        Self { zone, role, organisation: organisation.into(), device: device.into() }
    }
}

/// The certificate policies extension (RFC 5280 §4.2.1.4).
pub(super) const POLICIES_OID: [u64; 4] = [2, 5, 29, 32];

/// A range of addresses, `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    /// Its first address.
    pub(super) address: IpAddr,
    /// Bits that all its addresses share.
    pub(super) prefix: u8,
}

/// The text is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a range of addresses is written 10.1.0.0/16 or 2001:db8::/32, with no bit set behind the prefix"
)]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').ok_or(InvalidNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let prefix: u8 = prefix.parse().map_err(|_| InvalidNetwork)?;
        let (bits, value) = match address {
            IpAddr::V4(address) => (32, u128::from(address.to_bits()) << 96),
            IpAddr::V6(address) => (128, address.to_bits()),
        };
        if prefix > bits || value.checked_shl(u32::from(prefix)).is_some_and(|rest| rest != 0) {
            return Err(InvalidNetwork);
        }
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Network {
    type Error = InvalidNetwork;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", network.address, network.prefix)
    }
}

pub(super) fn root(validity: Validity, serial: [u8; 16]) -> CertificateParams {
    let mut params = base("Kakehashi Root CA", validity, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub(super) fn issuing(zone: Zone, validity: Validity, serial: [u8; 16]) -> CertificateParams {
    let mut params = base(&format!("Kakehashi {zone} issuing CA"), validity, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    let everything = || {
        vec![
            GeneralSubtree::DnsName(String::new()),
            GeneralSubtree::IpAddress(subnet(Ipv4Addr::UNSPECIFIED.into(), 0)),
            GeneralSubtree::IpAddress(subnet(Ipv6Addr::UNSPECIFIED.into(), 0)),
        ]
    };
    let (permitted, excluded, usages) = match zone {
        Zone::Internal => (
            permitted_inside().permitted_subtrees,
            Vec::new(),
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        ),
        Zone::Entry | Zone::Municipal | Zone::National | Zone::Conversion => {
            (Vec::new(), everything(), vec![ExtendedKeyUsagePurpose::ClientAuth])
        }
    };
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
    params.extended_key_usages = usages;
    params
}

fn permitted_inside() -> NameConstraints {
    permitted(
        &["localhost".to_owned(), "kakehashi.internal".to_owned()],
        &[
            Network { address: Ipv4Addr::new(127, 0, 0, 0).into(), prefix: 8 },
            Network { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
        ],
    )
}

/// The name constraint that allows these names, everything below them, and these addresses alone.
///
/// A kind of name without a permitted entry would be free (RFC 5280 §4.2.1.10), so it is excluded.
pub(super) fn permitted(names: &[String], networks: &[Network]) -> NameConstraints {
    let mut permitted: Vec<GeneralSubtree> =
        names.iter().cloned().map(GeneralSubtree::DnsName).collect();
    let mut excluded = Vec::new();
    if names.is_empty() {
        excluded.push(GeneralSubtree::DnsName(String::new()));
    }
    permitted.extend(
        networks
            .iter()
            .map(|network| GeneralSubtree::IpAddress(subnet(network.address, network.prefix))),
    );
    for everything in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        if !networks.iter().any(|network| network.address.is_ipv4() == everything.is_ipv4()) {
            excluded.push(GeneralSubtree::IpAddress(subnet(everything, 0)));
        }
    }
    NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded }
}

pub(super) fn server(
    name: &str,
    validity: Validity,
    serial: [u8; 16],
) -> Result<CertificateParams, PkiError> {
    let mut params = leaf(name, validity, serial);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ];
    if name != "localhost" {
        let inside = format!("{name}.kakehashi.internal");
        params.subject_alt_names.push(SanType::DnsName(inside.try_into()?));
    }
    Ok(params)
}

pub(super) fn client(
    holder: &Holder,
    validity: Validity,
    serial: [u8; 16],
) -> Result<CertificateParams, PkiError> {
    let name = format!("{} {}", holder.organisation, holder.device);
    let mut params = leaf(&name, validity, serial);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let uri = Identity::uri(holder.zone, holder.role, &holder.organisation, &holder.device);
    params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
    let policies = CLIENT_POLICIES_DER.to_vec();
    params.custom_extensions.push(CustomExtension::from_oid_content(&POLICIES_OID, policies));
    Ok(params)
}

pub(super) fn leaf(name: &str, validity: Validity, serial: [u8; 16]) -> CertificateParams {
    let mut params = base(name, validity, serial);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn base(name: &str, validity: Validity, mut serial: [u8; 16]) -> CertificateParams {
    // Positive, never zero, always the same length (RFC 5280 §4.1.2.2).
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Kakehashi");
    subject.push(DnType::CommonName, name);
    let mut params = CertificateParams::default();
    params.not_before = instant(validity.not_before);
    params.not_after = instant(validity.not_after);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = subject;
    params
}

/// Converts to the certificate library's time; what lies before 1970 becomes 1970.
pub(super) fn instant(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_millis(at.0.max(0).unsigned_abs())
}

fn subnet(address: IpAddr, prefix: u8) -> CidrSubnet {
    CidrSubnet::from_addr_prefix(address, prefix)
}
