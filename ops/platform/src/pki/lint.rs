//! Looks at a certificate before it is signed, and at any other on demand.
//!
//! Rules of RFC 5280 and of our profiles, each with a code. An error stops the CA. What it does not do:
//! verify a signature, a chain or a revocation list.

use std::{collections::BTreeSet, net::IpAddr};

use x509_parser::{
    extensions::{BasicConstraints, GeneralName, KeyUsage as ParsedUsage, ParsedExtension},
    prelude::{FromDer, X509Certificate, X509Version},
};

use super::{
    ExtendedKeyUsage, KeyAlgorithm, KeyUsage, Profile, Subject,
    profiles::{ANY_POLICY, oid_bytes},
};

const DAY_SECONDS: i64 = 86_400;
/// `2050-01-01T00:00:00Z`: from here on times are written as `GeneralizedTime` (RFC 5280 §4.1.2.5).
const YEAR_2050: i64 = 2_524_608_000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Not to be signed.
    Error,
}

/// Something a certificate does not do as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintFinding {
    /// A stable code.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub text: &'static str,
}

/// What a certificate is compared with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The profile, for an end entity.
    pub profile: Option<&'a Profile>,
    /// Whom it is for.
    pub subject: Option<&'a Subject>,
    /// The issuer's certificate, DER.
    pub issuer: Option<&'a [u8]>,
}

struct Report(Vec<LintFinding>);

impl Report {
    fn error(&mut self, is_wrong: bool, code: &'static str, text: &'static str) {
        if is_wrong {
            self.0.push(LintFinding { code, severity: Severity::Error, text });
        }
    }

    fn warning(&mut self, is_odd: bool, code: &'static str, text: &'static str) {
        if is_odd {
            self.0.push(LintFinding { code, severity: Severity::Warning, text });
        }
    }
}

/// Looks at one certificate, DER. No findings: nothing is wrong.
pub fn lint(der: &[u8], expected: &Expected<'_>) -> Vec<LintFinding> {
    let mut report = Report(Vec::new());
    match X509Certificate::from_der(der) {
        Ok((rest, certificate)) => {
            report.error(!rest.is_empty(), "trailing-bytes", "something follows the certificate");
            frame(&certificate, &mut report);
            validity(&certificate, expected.profile, &mut report);
            key(&certificate, expected.profile, &mut report);
            extensions(&certificate, &mut report);
            if certificate.is_ca() {
                authority(&certificate, &mut report);
            } else {
                end_entity(&certificate, expected, &mut report);
            }
            let is_misplaced = certificate.is_ca() && expected.profile.is_some();
            report.error(is_misplaced, "ca-as-leaf", "an end entity's certificate is a CA's");
            issuer(&certificate, expected.issuer, &mut report);
        }
        Err(_) => report.error(true, "unreadable", "not an X.509 certificate"),
    }
    report.0
}

fn frame(certificate: &X509Certificate<'_>, report: &mut Report) {
    report.error(
        certificate.version() != X509Version::V3,
        "version",
        "not of version 3 (RFC 5280 §4.1.2.1)",
    );
    let serial = certificate.raw_serial();
    let is_positive =
        serial.first().is_some_and(|byte| byte & 0x80 == 0) && serial.iter().any(|byte| *byte != 0);
    report.error(!is_positive, "serial-not-positive", "the serial number is not positive");
    report.error(serial.len() > 20, "serial-too-long", "the serial number has over 20 bytes");
    let is_varied = serial.iter().collect::<BTreeSet<_>>().len() >= 4;
    report.error(
        serial.len() < 8 || !is_varied,
        "serial-entropy",
        "the serial number has less than 64 bits, or the same few bytes",
    );
    let algorithm = &certificate.signature_algorithm.algorithm;
    report.error(
        certificate.signature_algorithm != certificate.tbs_certificate.signature,
        "signature-mismatch",
        "the two signature algorithms differ (RFC 5280 §4.1.1.2)",
    );
    let strong = [
        "1.2.840.10045.4.3.2",
        "1.2.840.10045.4.3.3",
        "1.2.840.113549.1.1.11",
        "1.2.840.113549.1.1.12",
    ];
    report.error(
        !strong.contains(&algorithm.to_id_string().as_str()),
        "signature-weak",
        "not signed by ECDSA or RSA with SHA-256 or SHA-384",
    );
    report.error(
        certificate.issuer().iter_attributes().next().is_none(),
        "issuer-empty",
        "the issuer has no name (RFC 5280 §4.1.2.4)",
    );
    let is_plain = certificate
        .subject()
        .iter_attributes()
        .all(|word| word.attr_value().data.iter().all(|byte| (0x20..0x7f).contains(byte)));
    report.error(!is_plain, "subject-characters", "the subject is not printable ASCII");
    let unique = certificate.tbs_certificate.issuer_uid.is_some()
        || certificate.tbs_certificate.subject_uid.is_some();
    report.error(unique, "unique-identifiers", "unique identifiers must not be used (§4.1.2.8)");
}

fn validity(certificate: &X509Certificate<'_>, profile: Option<&Profile>, report: &mut Report) {
    let validity = certificate.validity();
    let (from, to) = (validity.not_before, validity.not_after);
    let length = to.timestamp() - from.timestamp();
    report.error(length <= 0, "validity-reversed", "it ends before it begins");
    let is_odd = [from, to].iter().any(|time| (time.timestamp() < YEAR_2050) != time.is_utctime());
    report.error(is_odd, "validity-encoding", "a time is not encoded as RFC 5280 §4.1.2.5 has it");
    let days = profile.map_or(i64::MAX / DAY_SECONDS - 1, |profile| i64::from(profile.days_max));
    // The hour by which a certificate begins early is granted.
    let is_long = length > days * DAY_SECONDS + 3_600;
    report.error(is_long, "validity-too-long", "it is valid for longer than the profile allows");
}

fn key(certificate: &X509Certificate<'_>, profile: Option<&Profile>, report: &mut Report) {
    let Some(found) = KeyAlgorithm::of(certificate.public_key()) else {
        report.error(true, "key-weak", "the key is not P-256, P-384 or RSA of 2048 bits and more");
        return;
    };
    let is_other = profile.is_some_and(|profile| !profile.keys.contains(&found));
    report.error(is_other, "key-not-allowed", "the profile does not allow this kind of key");
}

fn extensions(certificate: &X509Certificate<'_>, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for extension in certificate.extensions() {
        let is_doubled = !seen.insert(extension.oid.as_bytes());
        report.error(is_doubled, "extension-doubled", "an extension is there twice (§4.2)");
        let (is_known, must, must_not) = match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(_)
            | ParsedExtension::SubjectKeyIdentifier(_)
            | ParsedExtension::AuthorityInfoAccess(_) => (true, false, true),
            ParsedExtension::KeyUsage(_) | ParsedExtension::NameConstraints(_) => {
                (true, true, false)
            }
            ParsedExtension::BasicConstraints(found) => (true, found.ca, false),
            ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::SubjectAlternativeName(_)
            | ParsedExtension::ExtendedKeyUsage(_)
            | ParsedExtension::CRLDistributionPoints(_) => (true, false, false),
            _ => (false, false, false),
        };
        let (is_critical, is_fine) = (extension.critical, is_known);
        report.error(
            !is_fine && is_critical,
            "extension-unknown",
            "an extension we do not know is critical",
        );
        report.warning(
            !is_fine && !is_critical,
            "extension-unusual",
            "an extension that our profiles do not have",
        );
        report.error(must && !is_critical, "not-critical", "an extension must be critical");
        report.error(must_not && is_critical, "critical", "an extension must not be critical");
        let is_unread = matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. });
        report.error(is_unread, "extension-unreadable", "an extension cannot be read");
    }
    let has = |wanted: fn(&ParsedExtension<'_>) -> bool| {
        certificate.extensions().iter().any(|extension| wanted(extension.parsed_extension()))
    };
    report.error(
        !has(|found| matches!(found, ParsedExtension::SubjectKeyIdentifier(_))),
        "no-subject-key-identifier",
        "the subject key identifier is missing",
    );
    report.error(
        !has(|found| matches!(found, ParsedExtension::KeyUsage(_))),
        "no-key-usage",
        "the key usage is missing",
    );
    report.error(
        !has(|found| matches!(found, ParsedExtension::BasicConstraints(_))),
        "no-basic-constraints",
        "the basic constraints are missing",
    );
    let is_self_issued = certificate.issuer().as_raw() == certificate.subject().as_raw();
    report.error(
        !is_self_issued
            && !has(|found| matches!(found, ParsedExtension::AuthorityKeyIdentifier(_))),
        "no-authority-key-identifier",
        "the authority key identifier is missing",
    );
}

fn usage<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a ParsedUsage> {
    certificate.key_usage().ok().flatten().map(|found| found.value)
}

fn constraints<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a BasicConstraints> {
    certificate.basic_constraints().ok().flatten().map(|found| found.value)
}

fn authority(certificate: &X509Certificate<'_>, report: &mut Report) {
    let may_sign =
        usage(certificate).is_some_and(|usage| usage.key_cert_sign() && usage.crl_sign());
    report.error(!may_sign, "ca-key-usage", "a CA signs certificates and lists");
    let is_bounded = constraints(certificate).is_some_and(|c| c.path_len_constraint.is_some());
    report.error(!is_bounded, "ca-path-length", "a CA of ours has a path length");
    let is_empty = certificate.subject().iter_attributes().next().is_none();
    report.error(is_empty, "subject-empty", "a CA has a name (RFC 5280 §4.1.2.6)");
}

fn end_entity(certificate: &X509Certificate<'_>, expected: &Expected<'_>, report: &mut Report) {
    let has_path = constraints(certificate).is_some_and(|c| c.path_len_constraint.is_some());
    report.error(has_path, "path-length", "only a CA has a path length (RFC 5280 §4.2.1.9)");
    let found = usage(certificate);
    let may_sign = found.is_some_and(|usage| usage.key_cert_sign() || usage.crl_sign());
    report.error(may_sign, "leaf-signs", "an end entity may not sign certificates or lists");
    let purposes = certificate.extended_key_usage().ok().flatten().map(|found| found.value);
    report.error(purposes.is_none(), "no-extended-key-usage", "it does not say what it is for");
    let is_any = purposes.is_some_and(|purposes| purposes.any);
    report.error(is_any, "any-purpose", "it is for any purpose");
    let names = certificate.subject_alternative_name().ok().flatten();
    report.error(names.is_none(), "no-alternative-name", "it has no alternative name");
    if let Some(profile) = expected.profile {
        let wanted = |usage| profile.key_usage.contains(&usage);
        let is_exact = found.is_some_and(|found| {
            found.digital_signature() == wanted(KeyUsage::DigitalSignature)
                && found.key_encipherment() == wanted(KeyUsage::KeyEncipherment)
                && found.flags & !0b101 == 0
        });
        report.error(!is_exact, "key-usage", "its key usage is not the profile's");
        let wanted = |usage| profile.extended_key_usage.contains(&usage);
        let is_exact = purposes.is_some_and(|found| {
            found.client_auth == wanted(ExtendedKeyUsage::ClientAuth)
                && found.server_auth == wanted(ExtendedKeyUsage::ServerAuth)
                && !(found.code_signing || found.email_protection)
                && !(found.time_stamping || found.ocsp_signing)
                && found.other.is_empty()
        });
        report.error(!is_exact, "extended-key-usage", "its purposes are not the profile's");
        policy(certificate, &profile.policy, report);
    }
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    alternative_names(names, expected, report);
}

fn policy(certificate: &X509Certificate<'_>, wanted: &str, report: &mut Report) {
    let wanted = oid_bytes(wanted).unwrap_or_default();
    let is_exact = certificate.extensions().iter().any(|extension| {
        let ParsedExtension::CertificatePolicies(found) = extension.parsed_extension() else {
            return false;
        };
        matches!(found.as_slice(), [only] if only.policy_id.as_bytes() == wanted)
    });
    report.error(!is_exact, "policy", "it is not issued under the profile's policy alone");
}

fn alternative_names(names: &[GeneralName<'_>], expected: &Expected<'_>, report: &mut Report) {
    for name in names {
        let is_plain = match name {
            GeneralName::DNSName(name) => super::subject::is_dns(name),
            GeneralName::URI(uri) => uri.bytes().all(|byte| (0x21..0x7f).contains(&byte)),
            GeneralName::IPAddress(bytes) => matches!(bytes.len(), 4 | 16),
            _ => false,
        };
        report.error(
            !is_plain,
            "name-malformed",
            "an alternative name is malformed or of odd kind",
        );
    }
    let texts: Vec<String> = names.iter().filter_map(text).collect();
    let is_exact = match expected.subject {
        None => true,
        Some(Subject::Device { zone, role, organisation, device }) => {
            texts == [kakehashi_contract::Identity::uri(*zone, *role, organisation, device)]
        }
        Some(Subject::Server { names, .. }) => {
            let normal = |name: &String| match name.parse::<IpAddr>() {
                Ok(address) => address.to_string(),
                Err(_) => name.clone(),
            };
            texts == names.iter().map(normal).collect::<Vec<_>>()
        }
        Some(Subject::IssuingCa { .. }) => texts.is_empty(),
    };
    report.error(!is_exact, "name-mismatch", "its alternative names are not the holder's");
}

fn text(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| IpAddr::from(bytes).to_string()),
            _ => None,
        },
        _ => Some("?".to_owned()),
    }
}

fn issuer(certificate: &X509Certificate<'_>, issuer: Option<&[u8]>, report: &mut Report) {
    let Some(der) = issuer else { return };
    let Ok((_, issuer)) = X509Certificate::from_der(der) else {
        report.error(true, "issuer-unreadable", "the issuer's certificate cannot be read");
        return;
    };
    report.error(
        certificate.issuer().as_raw() != issuer.subject().as_raw(),
        "issuer-mismatch",
        "its issuer is not the name of the CA",
    );
    let wanted =
        issuer.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(found) => Some(found.0),
            _ => None,
        });
    let found =
        certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(found) => {
                found.key_identifier.as_ref().map(|identifier| identifier.0)
            }
            _ => None,
        });
    let is_self = certificate.subject().as_raw() == issuer.subject().as_raw();
    report.error(
        wanted.is_none() || (found != wanted && !is_self),
        "key-identifier-mismatch",
        "its authority key identifier is not the CA's",
    );
    report.error(
        certificate.validity().not_after.timestamp() > issuer.validity().not_after.timestamp(),
        "outlives-issuer",
        "it is valid for longer than the CA that signs it",
    );
    report.error(
        certificate.validity().not_before.timestamp() < issuer.validity().not_before.timestamp()
            && !is_self,
        "before-issuer",
        "it begins before the CA that signs it",
    );
    report.error(!issuer.is_ca(), "issuer-no-ca", "the issuer is no CA");
    constrained(certificate, &issuer, report);
}

/// Checks DNS names and addresses against the issuer's name constraints (RFC 5280 §4.2.1.10).
fn constrained(
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
    report: &mut Report,
) {
    let Ok(Some(constraints)) = issuer.name_constraints() else { return };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return };
    let below = |subtrees: Option<&[x509_parser::extensions::GeneralSubtree<'_>]>,
                 name: &GeneralName<'_>| {
        let of_kind: Vec<bool> = subtrees
            .unwrap_or_default()
            .iter()
            .filter_map(|subtree| contains(&subtree.base, name))
            .collect();
        (of_kind.is_empty(), of_kind.contains(&true))
    };
    for name in &names.value.general_names {
        let (is_free, is_permitted) = below(constraints.value.permitted_subtrees.as_deref(), name);
        let (_, is_excluded) = below(constraints.value.excluded_subtrees.as_deref(), name);
        report.error(
            is_excluded || !(is_free || is_permitted),
            "name-constraint",
            "the CA's name constraint does not allow one of its names",
        );
    }
}

/// Whether `name` lies in the subtree; `None` when they are of different kinds.
fn contains(base: &GeneralName<'_>, name: &GeneralName<'_>) -> Option<bool> {
    match (base, name) {
        (GeneralName::DNSName(base), GeneralName::DNSName(name)) => {
            let is_below = name
                .strip_suffix(*base)
                .is_some_and(|rest| rest.is_empty() || base.is_empty() || rest.ends_with('.'));
            Some(is_below)
        }
        (GeneralName::IPAddress(base), GeneralName::IPAddress(address)) => {
            let (network, mask) = base.split_at_checked(address.len())?;
            if mask.len() != address.len() {
                return None;
            }
            let is_inside = address
                .iter()
                .zip(network)
                .zip(mask)
                .all(|((address, network), mask)| address & mask == network & mask);
            Some(is_inside)
        }
        _ => None,
    }
}

/// Looks at an issuing CA before the root signs it.
pub(super) fn lint_issuing(der: &[u8], issuer: &[u8]) -> Vec<LintFinding> {
    let expected = Expected { profile: None, subject: None, issuer: Some(issuer) };
    let mut report = Report(lint(der, &expected));
    if let Ok((_, certificate)) = X509Certificate::from_der(der) {
        let path = constraints(&certificate).and_then(|c| c.path_len_constraint);
        report.error(!certificate.is_ca(), "no-ca", "an issuing CA is a CA");
        report.error(path != Some(0), "ca-path-length", "an issuing CA has a path length of 0");
        let has_constraint = certificate.name_constraints().is_ok_and(|found| found.is_some());
        report.error(!has_constraint, "ca-unconstrained", "an issuing CA has name constraints");
        policy(&certificate, ANY_POLICY, &mut report);
    }
    report.0
}
