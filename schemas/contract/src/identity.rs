//! Who is at the other end, read from the client certificate and from nothing else.
//!
//! What the certificate must be like is the [profile](crate::profile); who its holder is stands in its only
//! name, the URI `kakehashi://<zone>/<role>/<organisation>/<device>`. Chain, validity and revocation are
//! the TLS layer's work and are done before this is asked.

use std::{fmt, str::FromStr};

use kakehashi_kernel::Sha256Digest;
use serde::{Deserialize, Serialize};

use crate::profile;

/// Where a client stands. Each zone has its own issuing CA and its own listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// 指定医DB: doctors, clerks, hospital systems.
    Entry,
    /// 自治体DB: municipal staff on LGWAN.
    Municipal,
    /// 国DB.
    National,
    /// The conversion contractor.
    Conversion,
    /// Our own components behind the gateway.
    Internal,
}

/// What a certificate permits its holder to be. Accounts narrow it further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A device of a medical institution.
    Institution,
    /// A device of a municipality.
    MunicipalStaff,
    /// A device of the nation's operators.
    NationalStaff,
    /// A system of the conversion contractor.
    Contractor,
    /// The gateway itself.
    Gateway,
    /// A component behind the gateway.
    Component,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in certificates, policy files and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = IdentityRefusal;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(IdentityRefusal::UriMalformed) }
            }
        }
    };
}

words!(Zone {
    Entry = "entry",
    Municipal = "municipal",
    National = "national",
    Conversion = "conversion",
    Internal = "internal",
});
words!(Role {
    Institution = "institution",
    MunicipalStaff = "municipal-staff",
    NationalStaff = "national-staff",
    Contractor = "contractor",
    Gateway = "gateway",
    Component = "component",
});

/// The holder of a verified client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The zone whose CA issued the certificate.
    pub zone: Zone,
    /// What the holder may be.
    pub role: Role,
    /// Municipality code, institution code or contractor code: `[a-z0-9-]`, 1 to 64 characters.
    pub organisation: String,
    /// The device or system: `[a-z0-9-]`, 1 to 64 characters.
    pub device: String,
    /// Digest of the certificate's DER bytes. Sessions are bound to it.
    pub certificate: Sha256Digest,
}

impl Zone {
    /// The roles that certificates of this zone may carry.
    pub const fn roles(self) -> &'static [Role] {
        match self {
            Self::Entry => &[Role::Institution],
            Self::Municipal => &[Role::MunicipalStaff],
            Self::National => &[Role::NationalStaff],
            Self::Conversion => &[Role::Contractor],
            Self::Internal => &[Role::Gateway, Role::Component],
        }
    }
}

macro_rules! refusals {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal: $text:literal),* $(,)?) => {
        /// Why a certificate that TLS accepted gives no identity.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum IdentityRefusal {
            $($(#[doc = $doc])* #[error($text)] $variant),*
        }

        impl IdentityRefusal {
            /// Every refusal.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// A stable code for the audit trail.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }
        }
    };
}

refusals! {
    /// Not one DER certificate.
    Unreadable = "certificate-unreadable": "the certificate cannot be read",
    /// More bytes than a certificate of ours has.
    Oversized = "certificate-oversized": "the certificate is too large",
    /// Not version 3.
    VersionOld = "certificate-version": "the certificate is not of version 3",
    /// The serial number is zero, negative, or longer than 20 bytes.
    SerialMalformed = "certificate-serial": "the certificate's serial number is malformed",
    /// Valid for longer than three years.
    ValidityTooLong = "certificate-validity-too-long": "the certificate is valid for too long",
    /// A key that is too short or of a kind that is not allowed.
    KeyWeak = "certificate-key-weak": "the certificate's key is too weak",
    /// Signed with a hash that is not allowed.
    HashWeak = "certificate-hash-weak": "the certificate's signature is too weak",
    /// An extension that is critical and not known to us.
    ExtensionUnknown = "certificate-extension-unknown":
        "the certificate has a critical extension that is not known",
    /// The same extension twice.
    ExtensionDoubled = "certificate-extension-doubled": "the certificate has an extension twice",
    /// A CA certificate used as a leaf.
    CaAsLeaf = "certificate-ca-as-leaf": "a CA certificate cannot be a client certificate",
    /// The key may not sign, or may sign certificates.
    NoSigning = "certificate-no-signing":
        "the certificate's key usage is not that of a client's signature",
    /// The extended key usage is missing or does not allow client authentication.
    WrongKeyUsage = "certificate-key-usage":
        "the certificate's extended key usage does not allow client authentication",
    /// The extended key usage allows everything.
    AnyPurpose = "certificate-any-purpose": "the certificate may be used for any purpose",
    /// Not issued under our policy for client certificates.
    PolicyMissing = "certificate-policy-missing":
        "the certificate was not issued under the policy for clients",
    /// No subject alternative name, or one that is no URI.
    UriMissing = "certificate-uri-missing": "the certificate names no kakehashi:// URI",
    /// More than one URI.
    UriDoubled = "certificate-uri-doubled": "the certificate names more than one subject",
    /// More than one name, of different kinds.
    NameDoubled = "certificate-name-doubled": "the certificate names something besides its URI",
    /// A name with control bytes, or with others than ASCII.
    NameMalformed = "certificate-name-malformed": "a name in the certificate is not printable ASCII",
    /// The URI is not `kakehashi://<zone>/<role>/<organisation>/<device>`.
    UriMalformed = "certificate-uri-malformed": "the certificate's kakehashi:// URI is malformed",
    /// The zone has no such role.
    RoleMisplaced = "certificate-role-misplaced": "the certificate's zone has no such role",
}

impl Identity {
    /// Reads the identity out of a certificate's DER bytes.
    ///
    /// # Errors
    ///
    /// [`IdentityRefusal`] when the certificate does not follow the profile.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityRefusal> {
        let uri = profile::read(der)?;
        Self::from_uri(&uri, Sha256Digest::of(der))
    }

    /// The URI a certificate must carry for this identity.
    pub fn uri(zone: Zone, role: Role, organisation: &str, device: &str) -> String {
        format!("kakehashi://{zone}/{role}/{organisation}/{device}")
    }

    fn from_uri(uri: &str, certificate: Sha256Digest) -> Result<Self, IdentityRefusal> {
        let path = uri.strip_prefix("kakehashi://").ok_or(IdentityRefusal::UriMalformed)?;
        let parts: Vec<&str> = path.split('/').collect();
        let [zone, role, organisation, device] = parts[..] else {
            return Err(IdentityRefusal::UriMalformed);
        };
        if !is_name(organisation) || !is_name(device) {
            return Err(IdentityRefusal::UriMalformed);
        }
        let (zone, role): (Zone, Role) = (zone.parse()?, role.parse()?);
        if !zone.roles().contains(&role) {
            return Err(IdentityRefusal::RoleMisplaced);
        }
        Ok(Self {
            zone,
            role,
            organisation: organisation.to_owned(),
            device: device.to_owned(),
            certificate,
        })
    }
}

impl fmt::Display for Identity {
    /// `municipal/municipal-staff/141003/scan-01`: how the audit trail names an actor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.zone, self.role, self.organisation, self.device)
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<Identity, IdentityRefusal> {
        Identity::from_uri(uri, Sha256Digest::of(b""))
    }

    #[test]
    fn a_uri_names_the_holder() {
        let uri = Identity::uri(Zone::Municipal, Role::MunicipalStaff, "141003", "scan-01");
        assert_eq!(read(&uri).unwrap().to_string(), "municipal/municipal-staff/141003/scan-01");
    }

    #[test]
    fn odd_uris_are_refused() {
        for uri in [
            "https://municipal/municipal-staff/141003/scan-01",
            "kakehashi://municipal/municipal-staff/141003",
            "kakehashi://municipal/municipal-staff/141003/scan-01/x",
            "kakehashi://moon/municipal-staff/141003/scan-01",
            "kakehashi://municipal/municipal-staff/14 003/scan-01",
            "kakehashi://municipal/municipal-staff//scan-01",
            "kakehashi://municipal/municipal-staff/141003/scan\0-01",
        ] {
            assert_eq!(read(uri), Err(IdentityRefusal::UriMalformed), "{uri}");
        }
    }

    #[test]
    fn a_role_belongs_to_one_zone() {
        for zone in Zone::ALL.iter().copied() {
            for role in Role::ALL.iter().copied() {
                let found = read(&Identity::uri(zone, role, "141003", "scan-01"));
                let expected = zone.roles().contains(&role);
                assert_eq!(found.is_ok(), expected, "{zone} {role}");
                assert_eq!(found == Err(IdentityRefusal::RoleMisplaced), !expected);
            }
        }
    }

    #[test]
    fn every_refusal_has_a_code_of_its_own() {
        let codes: std::collections::HashSet<_> =
            IdentityRefusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), IdentityRefusal::ALL.len());
    }

    #[test]
    fn garbage_is_not_a_certificate() {
        assert_eq!(Identity::from_der(b"garbage"), Err(IdentityRefusal::Unreadable));
    }
}
