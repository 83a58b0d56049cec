//! The profile a client certificate must follow, checked on its DER bytes.
//!
//! | part | must be | else |
//! |---|---|---|
//! | size | at most 8 KiB (`CERTIFICATE_BYTES_MAX`) | `certificate-oversized` |
//! | version | 3 | `certificate-version` |
//! | serial number | positive, 1 to 20 bytes | `certificate-serial` |
//! | validity | not longer than three years | `certificate-validity-too-long` |
//! | subject | printable ASCII | `certificate-name-malformed` |
//! | public key | RSA from 2048 bits, P-256, P-384 or Ed25519 | `certificate-key-weak` |
//! | signature | SHA-256, 384 or 512 with RSA or ECDSA, RSA-PSS, Ed25519 | `certificate-hash-weak` |
//! | extensions | no critical one we do not know, none twice | `certificate-extension-unknown`, `-doubled` |
//! | basic constraints | absent, or not a CA | `certificate-ca-as-leaf` |
//! | key usage | with digitalSignature, without certificate or list signing | `certificate-no-signing` |
//! | extended key usage | with clientAuth | `certificate-key-usage` |
//! |  | without anyExtendedKeyUsage | `certificate-any-purpose` |
//! | certificate policies | with [`CLIENT_POLICY_OID`] | `certificate-policy-missing` |
//! | subject alternative name | exactly one entry | `certificate-name-doubled`, `certificate-uri-doubled` |
//! |  | and that a URI of printable ASCII | `certificate-uri-missing`, `certificate-name-malformed` |
//! |  | `kakehashi://<zone>/<role>/<organisation>/<device>` | `certificate-uri-malformed` |
//! |  | a role that the zone has | `certificate-role-misplaced` |
//!
//! Chain, validity at this time and revocation are the TLS layer's work.

use x509_parser::{
    der_parser::{Oid, oid},
    prelude::{
        FromDer, GeneralName, ParsedExtension, SubjectPublicKeyInfo, X509Certificate, X509Version,
    },
    public_key::PublicKey,
};

use kakehashi_kernel::limits::CERTIFICATE_BYTES_MAX;

use crate::IdentityRefusal;

/// The policy of our client certificates, under an arc that a UUID gives (ITU-T X.667 §7).
///
/// A placeholder until the operator has an arc of its own: the number behind `2.25.` is the UUID
/// b34b4a17-d0d7-4791-aba0-6c1177b0980d, and `.1` below it stands for client certificates of any zone.
pub const CLIENT_POLICY_OID: &str = "2.25.238322736295081600442834485162028341261.1";

/// The certificate policies extension (RFC 5280 §4.2.1.4) that names [`CLIENT_POLICY_OID`] alone, DER.
pub const CLIENT_POLICIES_DER: [u8; 27] = [
    0x30, 0x19, 0x30, 0x17, 0x06, 0x15, 0x69, 0x82, 0xe6, 0xcb, 0xa5, 0x85, 0xfa, 0x8d, 0xba, 0x9e,
    0xa3, 0xab, 0xd0, 0x9b, 0x82, 0x97, 0xbd, 0xc2, 0xb0, 0x0d, 0x01,
];

/// The bytes of [`CLIENT_POLICY_OID`] itself, behind the three headers.
const POLICY_BYTES: &[u8] = CLIENT_POLICIES_DER.split_at(6).1;

/// Three years, of which one is a leap year, and the minutes by which we begin early.
const VALIDITY_SECONDS_MAX: i64 = (3 * 365 + 2) * 86_400;
/// Bytes of a serial number (RFC 5280 §4.1.2.2).
const SERIAL_BYTES_MAX: usize = 20;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Reads a certificate, refusing what follows no profile of ours. Answers it and its only name.
pub(crate) fn read(der: &[u8]) -> Result<String, IdentityRefusal> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(IdentityRefusal::Oversized);
    }
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|_| IdentityRefusal::Unreadable)?;
    if !rest.is_empty() {
        return Err(IdentityRefusal::Unreadable);
    }
    frame(&certificate)?;
    key(certificate.public_key())?;
    signature(&certificate)?;
    extensions(&certificate)?;
    purpose(&certificate)?;
    Ok(sole_uri(&certificate)?.to_owned())
}

/// Version, serial number, validity and subject.
fn frame(certificate: &X509Certificate<'_>) -> Result<(), IdentityRefusal> {
    if certificate.version() != X509Version::V3 {
        return Err(IdentityRefusal::VersionOld);
    }
    let serial = certificate.raw_serial();
    let is_positive =
        serial.first().is_some_and(|byte| byte & 0x80 == 0) && serial.iter().any(|byte| *byte != 0);
    if !is_positive || serial.len() > SERIAL_BYTES_MAX {
        return Err(IdentityRefusal::SerialMalformed);
    }
    let validity = certificate.validity();
    if validity.not_after.timestamp() - validity.not_before.timestamp() > VALIDITY_SECONDS_MAX {
        return Err(IdentityRefusal::ValidityTooLong);
    }
    let mut words = certificate.subject().iter_attributes();
    if !words.all(|word| is_plain(word.attr_value().data)) {
        return Err(IdentityRefusal::NameMalformed);
    }
    Ok(())
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), IdentityRefusal> {
    let weak = IdentityRefusal::KeyWeak;
    let algorithm = &key.algorithm.algorithm;
    let is_strong = if *algorithm == oid!(1.2.840.113549.1.1.1) {
        matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if RSA_BITS.contains(&rsa.key_size()))
    } else if *algorithm == oid!(1.2.840.10045.2.1) {
        let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        let curves: [Oid<'_>; 2] = [oid!(1.2.840.10045.3.1.7), oid!(1.3.132.0.34)];
        curve.is_some_and(|curve| curves.contains(&curve))
    } else {
        *algorithm == oid!(1.3.101.112)
    };
    if is_strong { Ok(()) } else { Err(weak) }
}

fn signature(certificate: &X509Certificate<'_>) -> Result<(), IdentityRefusal> {
    let strong: [Oid<'_>; 8] = [
        oid!(1.2.840.10045.4.3.2),
        oid!(1.2.840.10045.4.3.3),
        oid!(1.2.840.10045.4.3.4),
        oid!(1.2.840.113549.1.1.10),
        oid!(1.2.840.113549.1.1.11),
        oid!(1.2.840.113549.1.1.12),
        oid!(1.2.840.113549.1.1.13),
        oid!(1.3.101.112),
    ];
    if strong.contains(&certificate.signature_algorithm.algorithm) {
        Ok(())
    } else {
        Err(IdentityRefusal::HashWeak)
    }
}

fn extensions(certificate: &X509Certificate<'_>) -> Result<(), IdentityRefusal> {
    let all = certificate.extensions();
    for (index, extension) in all.iter().enumerate() {
        if all.iter().skip(index + 1).any(|other| other.oid == extension.oid) {
            return Err(IdentityRefusal::ExtensionDoubled);
        }
        let parsed = extension.parsed_extension();
        if parsed.error().is_some() {
            return Err(IdentityRefusal::Unreadable);
        }
        if extension.critical && parsed.unsupported() {
            return Err(IdentityRefusal::ExtensionUnknown);
        }
    }
    Ok(())
}

/// Basic constraints, key usage, extended key usage and policy.
fn purpose(certificate: &X509Certificate<'_>) -> Result<(), IdentityRefusal> {
    let mut signs = false;
    let mut is_client = false;
    let mut is_ours = false;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(basic) if basic.ca => {
                return Err(IdentityRefusal::CaAsLeaf);
            }
            ParsedExtension::KeyUsage(usage) => {
                signs = usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign();
            }
            ParsedExtension::ExtendedKeyUsage(usage) if usage.any => {
                return Err(IdentityRefusal::AnyPurpose);
            }
            ParsedExtension::ExtendedKeyUsage(usage) => is_client = usage.client_auth,
            ParsedExtension::CertificatePolicies(policies) => {
                is_ours = policies.iter().any(|policy| policy.policy_id.as_bytes() == POLICY_BYTES);
            }
            // What an extension of no interest says does not matter; critical ones are known by now.
            _ => {}
        }
    }
    match (is_client, signs, is_ours) {
        (false, _, _) => Err(IdentityRefusal::WrongKeyUsage),
        (true, false, _) => Err(IdentityRefusal::NoSigning),
        (true, true, false) => Err(IdentityRefusal::PolicyMissing),
        (true, true, true) => Ok(()),
    }
}

fn sole_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, IdentityRefusal> {
    let names =
        certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
    let names = names.ok_or(IdentityRefusal::UriMissing)?;
    let is_uri = |name: &GeneralName<'_>| matches!(name, GeneralName::URI(_));
    match names.as_slice() {
        [GeneralName::URI(uri)] if is_plain(uri.as_bytes()) => Ok(uri),
        [GeneralName::URI(_) | GeneralName::Invalid(..)] => Err(IdentityRefusal::NameMalformed),
        [] | [_] => Err(IdentityRefusal::UriMissing),
        several if several.iter().all(is_uri) => Err(IdentityRefusal::UriDoubled),
        _ => Err(IdentityRefusal::NameDoubled),
    }
}

/// Printable ASCII and nothing else: what is shown is what was checked.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
}

#[cfg(test)]
mod tests {
    use x509_parser::extensions::X509ExtensionParser;
    use x509_parser::nom::Parser;

    use super::*;

    #[test]
    fn the_policy_in_bytes_is_the_policy_in_words() {
        // An extension of the policies' kind, as it stands in a certificate.
        let mut der = vec![0x30, 34, 0x06, 3, 0x55, 0x1d, 0x20, 0x04, 27];
        der.extend(CLIENT_POLICIES_DER);
        let (rest, extension) = X509ExtensionParser::new().parse(&der).unwrap();
        assert!(rest.is_empty());
        let ParsedExtension::CertificatePolicies(policies) = extension.parsed_extension() else {
            panic!("{extension:?}");
        };
        let [policy] = policies.as_slice() else { panic!("{policies:?}") };
        assert_eq!(policy.policy_id.as_bytes(), POLICY_BYTES);
        assert_eq!(written(POLICY_BYTES), CLIENT_POLICY_OID);
    }

    /// The arcs of an object identifier below 2.25, each of any length.
    fn written(bytes: &[u8]) -> String {
        let mut arcs = Vec::new();
        let mut arc = 0_u128;
        for byte in bytes {
            arc = arc << 7 | u128::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                arcs.push(std::mem::take(&mut arc));
            }
        }
        assert_eq!(arcs.remove(0), 2 * 40 + 25);
        let arcs: Vec<String> = arcs.iter().map(u128::to_string).collect();
        format!("2.25.{}", arcs.join("."))
    }
}
