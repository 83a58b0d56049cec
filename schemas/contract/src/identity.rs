//! Who is at the other end, read from the client certificate and from nothing else.
//!
//! The profile: an end-entity certificate (not a CA) whose extended key usage allows client
//! authentication and whose subject alternative name holds exactly one URI
//! `kakehashi://<zone>/<role>/<organisation>/<device>`. Chain, validity and revocation are the TLS
//! layer's work and are done before this is asked.

use std::{fmt, str::FromStr};

use kakehashi_kernel::Sha256Digest;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

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

/// Why a certificate that TLS accepted gives no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRefusal {
    /// Not one DER certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// A CA certificate used as a leaf.
    #[error("a CA certificate cannot be a client certificate")]
    CaAsLeaf,
    /// The extended key usage is missing or does not allow client authentication.
    #[error("the certificate's extended key usage does not allow client authentication")]
    WrongKeyUsage,
    /// No subject alternative name, or no URI in it.
    #[error("the certificate names no kakehashi:// URI")]
    UriMissing,
    /// More than one name.
    #[error("the certificate names more than one subject")]
    UriDoubled,
    /// The URI is not `kakehashi://<zone>/<role>/<organisation>/<device>`.
    #[error("the certificate's kakehashi:// URI is malformed")]
    UriMalformed,
}

impl IdentityRefusal {
    /// A stable code for the audit trail.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "certificate-unreadable",
            Self::CaAsLeaf => "certificate-ca-as-leaf",
            Self::WrongKeyUsage => "certificate-key-usage",
            Self::UriMissing => "certificate-uri-missing",
            Self::UriDoubled => "certificate-uri-doubled",
            Self::UriMalformed => "certificate-uri-malformed",
        }
    }
}

impl Identity {
    /// Reads the identity out of a certificate's DER bytes.
    ///
    /// # Errors
    ///
    /// [`IdentityRefusal`] when the certificate does not follow the profile.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityRefusal> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| IdentityRefusal::Unreadable)?;
        if !rest.is_empty() {
            return Err(IdentityRefusal::Unreadable);
        }
        if certificate.is_ca() {
            return Err(IdentityRefusal::CaAsLeaf);
        }
        let usage = certificate.extended_key_usage().map_err(|_| IdentityRefusal::Unreadable)?;
        if !usage.is_some_and(|usage| usage.value.client_auth) {
            return Err(IdentityRefusal::WrongKeyUsage);
        }
        let uri = sole_uri(&certificate)?;
        Self::from_uri(uri, Sha256Digest::of(der))
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
        Ok(Self {
            zone: zone.parse()?,
            role: role.parse()?,
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

fn sole_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, IdentityRefusal> {
    let mut found = None;
    for extension in certificate.extensions() {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
            continue;
        };
        for name in &names.general_names {
            match name {
                GeneralName::URI(_) if found.is_some() => return Err(IdentityRefusal::UriDoubled),
                GeneralName::URI(uri) => found = Some(*uri),
                _ => {}
            }
        }
    }
    found.ok_or(IdentityRefusal::UriMissing)
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
    fn garbage_is_not_a_certificate() {
        assert_eq!(Identity::from_der(b"garbage"), Err(IdentityRefusal::Unreadable));
    }
}
