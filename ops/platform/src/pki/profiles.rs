//! The profiles as data: what may be signed, for whom, for how long.
//!
//! Built in from `ops/deploy/ca-profiles.toml`; `profiles.toml` in the CA's folder takes its place as a
//! whole. Checked at load: a file that would sign what the gateway refuses does not load.

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use kakehashi_contract::{Role, Zone};
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType,
};
use serde::{Deserialize, Serialize};

use super::{
    KeyAlgorithm, PkiError, Subject, Validity, folder,
    profile::{self, Network},
};

const BUILT_IN: &str = include_str!("../../../deploy/ca-profiles.toml");
/// Bytes of a profile file at most.
const FILE_BYTES_MAX: usize = 256 * 1024;
/// The policy that stands for all: what issuing CAs carry (RFC 5280 §4.2.1.4).
pub(super) const ANY_POLICY: &str = "2.5.29.32.0";

/// Every rule of a certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The root's rules.
    pub root: RootRules,
    /// The issuing CAs' rules.
    pub issuing: IssuingRules,
    /// Rules of one-time codes.
    pub enrolment: EnrolmentRules,
    /// The profiles, in the order they are tried.
    #[serde(rename = "profile")]
    pub profiles: Vec<Profile>,
}

/// The root's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootRules {
    /// Days of validity.
    pub days: u16,
    /// Hours until its revocation list must be replaced.
    pub list_hours: u32,
}

/// The issuing CAs' rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuingRules {
    /// Days of validity.
    pub days: u16,
    /// Hours until a zone's revocation list must be replaced.
    pub list_hours: u32,
    /// DNS names, and everything below them, that servers may bear.
    pub permitted_dns: Vec<String>,
    /// Address ranges that servers may bear.
    pub permitted_addresses: Vec<Network>,
}

/// Rules of one-time codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentRules {
    /// Hours in which a code must be used.
    pub valid_hours: u32,
    /// Wrong codes after which an enrolment is closed.
    pub attempts_max: u32,
}

/// What one kind of certificate is like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name: `[a-z0-9-]`.
    pub name: String,
    /// The zones whose CA signs it.
    pub zones: Vec<Zone>,
    /// What its holders may be. None for servers.
    pub roles: Vec<Role>,
    /// The keys it may have.
    pub keys: Vec<KeyAlgorithm>,
    /// Days of validity when nothing is said.
    pub days: u16,
    /// Days of validity at most.
    pub days_max: u16,
    /// Key usage.
    pub key_usage: Vec<KeyUsage>,
    /// Extended key usage.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// The subject's common name, with `{organisation}`, `{device}`, `{zone}`, `{role}` or `{name}`.
    pub common_name: String,
    /// The only alternative name of a client. Absent for servers, whose names are given one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The policy, an object identifier.
    pub policy: String,
    /// Days before the end in which the old certificate may ask for a new one.
    pub renewal_days: u16,
}

/// A key usage of end entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    /// Signing in the TLS handshake.
    DigitalSignature,
    /// Key transport, of no use with TLS 1.3.
    KeyEncipherment,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUsage {
    /// TLS client authentication.
    ClientAuth,
    /// TLS server authentication.
    ServerAuth,
}

/// Why profiles cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfilesRefusal {
    /// Not TOML of the right shape.
    #[error("the profiles are not TOML of the right shape: {0}")]
    Unreadable(String),
    /// A rule is out of bounds.
    #[error("profile {profile}: {what}")]
    Profile {
        /// Which profile.
        profile: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A rule of the CAs is out of bounds.
    #[error("profiles: {0}")]
    Authority(&'static str),
}

impl Profiles {
    /// Answers the profiles of the program.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in profiles are checked by a test")
    }

    /// Loads `profiles.toml` from the CA's folder, or answers the built-in ones.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`] or [`PkiError::Profiles`].
    pub fn load(authority: &Path) -> Result<Self, PkiError> {
        match folder::read(&authority.join("profiles.toml"))? {
            None => Ok(Self::built_in()),
            Some(text) => Ok(Self::parse(&text)?),
        }
    }

    /// Reads and checks profiles.
    ///
    /// # Errors
    ///
    /// [`ProfilesRefusal`].
    pub fn parse(text: &str) -> Result<Self, ProfilesRefusal> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ProfilesRefusal::Unreadable("larger than 256 KB".to_owned()));
        }
        let profiles: Self = toml::from_str(text)
            .map_err(|error| ProfilesRefusal::Unreadable(error.message().to_owned()))?;
        profiles.check()?;
        Ok(profiles)
    }

    fn check(&self) -> Result<(), ProfilesRefusal> {
        let hours = [self.root.list_hours, self.issuing.list_hours, self.enrolment.valid_hours];
        if hours.iter().any(|hours| !(1..=24 * 400).contains(hours)) {
            return Err(ProfilesRefusal::Authority("hours are 1 to 9600"));
        }
        if !(1..=20).contains(&self.enrolment.attempts_max) {
            return Err(ProfilesRefusal::Authority("attempts_max is 1 to 20"));
        }
        if self.issuing.days == 0 || self.issuing.days > self.root.days {
            return Err(ProfilesRefusal::Authority(
                "an issuing CA ends with its root at the latest",
            ));
        }
        if !self.issuing.permitted_dns.iter().all(|name| super::subject::is_dns(name)) {
            return Err(ProfilesRefusal::Authority("permitted_dns holds DNS names"));
        }
        let mut names = BTreeSet::new();
        for profile in &self.profiles {
            let refused = |what| ProfilesRefusal::Profile { profile: profile.name.clone(), what };
            profile.check().map_err(refused)?;
            if !names.insert(&profile.name) {
                return Err(refused("its name is given twice"));
            }
        }
        Ok(())
    }

    /// Finds the profile called `name`, or, without a name, the first that fits.
    ///
    /// # Errors
    ///
    /// [`PkiError::NoProfile`] when none is so called, or it does not fit the subject.
    pub fn find(&self, name: Option<&str>, subject: &Subject) -> Result<&Profile, PkiError> {
        self.profiles
            .iter()
            .find(|profile| name.is_none_or(|name| profile.name == name) && profile.fits(subject))
            .ok_or(PkiError::NoProfile)
    }
}

impl Profile {
    fn check(&self) -> Result<(), &'static str> {
        if self.zones.is_empty() || self.keys.is_empty() || self.key_usage.is_empty() {
            return Err("zones, keys and key_usage must not be empty");
        }
        if self.days == 0 || self.days > self.days_max || self.days_max > 825 {
            return Err("days is 1 to days_max, and that at most 825");
        }
        if self.renewal_days >= self.days {
            return Err("renewal_days is less than days");
        }
        if oid_bytes(&self.policy).is_none() {
            return Err("policy is an object identifier such as 2.25.1.2");
        }
        let is_client = self.extended_key_usage == [ExtendedKeyUsage::ClientAuth];
        let is_server = self.extended_key_usage == [ExtendedKeyUsage::ServerAuth];
        if !self.key_usage.contains(&KeyUsage::DigitalSignature) {
            return Err("key_usage has digital-signature, without which TLS 1.3 does not work");
        }
        match (&self.uri, is_client, is_server) {
            (Some(uri), true, false)
                if uri == "kakehashi://{zone}/{role}/{organisation}/{device}" =>
            {
                if self.roles.is_empty() { Err("a client's profile names roles") } else { Ok(()) }
            }
            (Some(_), true, false) => Err(
                "the gateway reads the uri kakehashi://{zone}/{role}/{organisation}/{device} alone",
            ),
            (None, false, true) if self.zones == [Zone::Internal] && self.roles.is_empty() => {
                Ok(())
            }
            (None, false, true) => {
                Err("a server's profile is of the internal zone and has no roles")
            }
            _ => Err("a profile is client-auth with uri, or server-auth without"),
        }
    }

    /// Whether a certificate for `subject` can be of this profile.
    pub fn fits(&self, subject: &Subject) -> bool {
        let role = match subject {
            Subject::Device { role, .. } => self.roles.contains(role),
            Subject::Server { .. } => self.uri.is_none(),
            Subject::IssuingCa { .. } => false,
        };
        role && self.zones.contains(&subject.zone())
    }

    /// What to sign for a subject.
    pub(super) fn params(
        &self,
        subject: &Subject,
        validity: Validity,
        serial: [u8; 16],
    ) -> Result<CertificateParams, PkiError> {
        let mut params = profile::leaf(&fill(&self.common_name, subject), validity, serial);
        params.key_usages = self.key_usage.iter().map(|usage| usage.purpose()).collect();
        params.extended_key_usages =
            self.extended_key_usage.iter().map(|usage| usage.purpose()).collect();
        params.subject_alt_names = self.names(subject)?;
        params.custom_extensions.push(policies(&self.policy)?);
        Ok(params)
    }

    /// The alternative names of a certificate for a subject.
    fn names(&self, subject: &Subject) -> Result<Vec<SanType>, PkiError> {
        if let Some(uri) = &self.uri {
            return Ok(vec![SanType::URI(fill(uri, subject).try_into()?)]);
        }
        let Subject::Server { names, .. } = subject else { return Err(PkiError::NoProfile) };
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            found.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        Ok(found)
    }
}

impl KeyUsage {
    const fn purpose(self) -> KeyUsagePurpose {
        match self {
            Self::DigitalSignature => KeyUsagePurpose::DigitalSignature,
            Self::KeyEncipherment => KeyUsagePurpose::KeyEncipherment,
        }
    }
}

impl ExtendedKeyUsage {
    const fn purpose(self) -> ExtendedKeyUsagePurpose {
        match self {
            Self::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
            Self::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        }
    }
}

/// What to sign for an issuing CA.
pub(super) fn issuing_params(
    zone: Zone,
    rules: &IssuingRules,
    validity: Validity,
    serial: [u8; 16],
) -> Result<CertificateParams, PkiError> {
    let mut params = profile::issuing(zone, validity, serial);
    if zone == Zone::Internal {
        params.name_constraints =
            Some(profile::permitted(&rules.permitted_dns, &rules.permitted_addresses));
    }
    params.custom_extensions = vec![policies(ANY_POLICY)?];
    Ok(params)
}

fn fill(template: &str, subject: &Subject) -> String {
    let name = match subject {
        Subject::Server { names, .. } => names.first().map_or("", String::as_str),
        Subject::Device { device, .. } => device,
        Subject::IssuingCa { zone } => zone.as_str(),
    };
    let role = subject.role().map_or("", Role::as_str);
    template
        .replace("{zone}", subject.zone().as_str())
        .replace("{role}", role)
        .replace("{organisation}", subject.organisation().unwrap_or_default())
        .replace("{device}", subject.device())
        .replace("{name}", name)
}

/// The certificate policies extension with one policy and no qualifier.
fn policies(oid: &str) -> Result<CustomExtension, PkiError> {
    let bytes = oid_bytes(oid).ok_or(PkiError::NoProfile)?;
    let content = sequence(0x30, &sequence(0x30, &sequence(0x06, &bytes)));
    Ok(CustomExtension::from_oid_content(&profile::POLICIES_OID, content))
}

/// One DER element of under 128 bytes, which [`oid_bytes`] sees to.
fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag, u8::try_from(content.len()).unwrap_or(0x7f)];
    bytes.extend_from_slice(content);
    bytes
}

/// The content bytes of an object identifier (X.690 §8.19), at most 64 of them.
pub(super) fn oid_bytes(text: &str) -> Option<Vec<u8>> {
    let mut arcs = text.split('.').map(str::parse::<u128>);
    let (first, second) = (arcs.next()?.ok()?, arcs.next()?.ok()?);
    if first > 2 || (first < 2 && second > 39) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut push = |mut arc: u128| {
        let mut digits = vec![(arc & 0x7f) as u8];
        arc >>= 7;
        while arc > 0 {
            digits.push((arc & 0x7f) as u8 | 0x80);
            arc >>= 7;
        }
        bytes.extend(digits.iter().rev());
    };
    push((first * 40).checked_add(second)?);
    for arc in arcs {
        push(arc.ok()?);
    }
    (bytes.len() <= 64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_hold_and_cover_every_zone_and_role() {
        let profiles = Profiles::parse(BUILT_IN).unwrap();
        for (zone, role) in [
            (Zone::Entry, Role::Institution),
            (Zone::Municipal, Role::MunicipalStaff),
            (Zone::National, Role::NationalStaff),
            (Zone::Conversion, Role::Contractor),
            (Zone::Internal, Role::Gateway),
            (Zone::Internal, Role::Component),
        ] {
            let subject = Subject::Device {
                zone,
                role,
                organisation: "o".to_owned(),
                device: "d".to_owned(),
            };
            assert!(profiles.find(None, &subject).is_ok(), "{subject}");
        }
        let misplaced = Subject::Device {
            zone: Zone::Entry,
            role: Role::NationalStaff,
            organisation: "o".to_owned(),
            device: "d".to_owned(),
        };
        assert!(matches!(profiles.find(None, &misplaced), Err(PkiError::NoProfile)));
    }

    #[test]
    fn a_profile_the_gateway_would_refuse_does_not_load() {
        for (from, to) in [
            ("[\"client-auth\"]", "[\"client-auth\", \"server-auth\"]"),
            (
                "uri = \"kakehashi://{zone}/{role}/{organisation}/{device}\"",
                "uri = \"https://{device}\"",
            ),
            ("days_max = 398", "days_max = 4000"),
            ("renewal_days = 60", "renewal_days = 365"),
            ("key_usage = [\"digital-signature\"]", "key_usage = [\"key-encipherment\"]"),
            ("key_usage = [\"digital-signature\"]", "key_usage = [\"key-cert-sign\"]"),
            (".1\"", ".x\""),
            ("list_hours = 168", "list_hours = 0"),
            ("attempts_max = 5", "attempts_max = 500"),
            ("[root]", "[root]\nunknown = 1"),
            ("name = \"municipality\"", "name = \"institution\""),
            ("zones = [\"internal\"]\nroles = []", "zones = [\"entry\"]\nroles = []"),
            ("permitted_dns = [\"localhost\"", "permitted_dns = [\"*\""),
            ("\"::1/128\"", "\"::1/129\""),
        ] {
            assert!(BUILT_IN.contains(from), "{from}");
            assert!(Profiles::parse(&BUILT_IN.replacen(from, to, 1)).is_err(), "{to}");
        }
    }

    #[test]
    fn object_identifiers_are_encoded_as_x690_has_it() {
        assert_eq!(oid_bytes("2.5.29.32.0"), Some(vec![0x55, 29, 32, 0]));
        assert_eq!(oid_bytes("1.2.840.113549"), Some(vec![42, 0x86, 0x48, 0x86, 0xf7, 0x0d]));
        for odd in ["", "2", "3.1", "1.40", "2.25.x", "2.25.-1", "2.25..1"] {
            assert_eq!(oid_bytes(odd), None, "{odd}");
        }
        let ours = kakehashi_contract::CLIENT_POLICIES_DER;
        let found = policies(kakehashi_contract::CLIENT_POLICY_OID).unwrap();
        assert_eq!(found.content(), ours);
    }
}
