//! An OCSP answer about our own certificate, from a file, shown in the handshake (RFC 6960, RFC 6066 §8).
//!
//! Nothing is fetched: whoever asks the responder puts the file there. What cannot be believed is not
//! shown; a good answer is shown until it ends or a better one comes. An answer of no use never holds up
//! the rest of the listener's files: a revocation list matters more.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use kakehashi_kernel::Timestamp;
use rustls::pki_types::CertificateDer;
use tracing::{error, info};
use x509_parser::{
    der_parser::asn1_rs::{Any, Class},
    prelude::{FromDer, X509Certificate},
    time::ASN1Time,
};

use super::{Expiry, signed::Signed, tls::SIGNATURE_ALGORITHMS};

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// Certificates of responders that are looked at in an answer.
const RESPONDERS_MAX: usize = 4;
/// By how much the responder's clock may be ahead of ours.
const AHEAD_MS: i64 = 5 * 60_000;
/// id-pkix-ocsp-basic.
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
const SHA1_OID: &[u8] = &[0x2b, 14, 3, 2, 26];
const SHA256_OID: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const GENERALIZED_TIME: u32 = 24;

/// Why an OCSP answer is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OcspFault {
    /// No successful basic answer in DER, or too large a file.
    #[error("the OCSP answer cannot be read")]
    Unreadable,
    /// About another certificate, or ours stands without its issuer's in the certificate file.
    #[error("the OCSP answer is not about our certificate by its issuer")]
    Foreign,
    /// Neither the issuer signed it nor a responder the issuer appointed for that.
    #[error("the OCSP answer is not signed by the issuer or its responder")]
    Unsigned,
    /// The certificate is revoked, or not known to whoever answered.
    #[error("the OCSP answer does not say that the certificate is good")]
    NotGood,
    /// Its next update is past or missing, or it comes from the future.
    #[error("the OCSP answer is not of the present")]
    Stale,
}

/// An answer that our certificate is good.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// As it lay in the file, DER.
    pub(super) bytes: Vec<u8>,
    /// From then on it is not shown.
    pub(super) until: Timestamp,
}

/// What is shown beside our certificate, and what is wrong with the file.
#[derive(Debug, Default)]
pub(super) struct Staple {
    pub(super) answer: Option<Answer>,
    pub(super) fault: Option<OcspFault>,
}

impl Staple {
    /// Reads the file; without one nothing is shown. If it is of no use, what was shown before is shown
    /// on, as far as it still fits, and that is said once.
    pub(super) fn read(
        path: Option<&PathBuf>,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
        old: Option<&Self>,
    ) -> Self {
        let Some(path) = path else { return Self::default() };
        let file = path.display();
        let fault = match file_bytes(path).transpose() {
            None => return Self::default(),
            Some(Ok(bytes)) => match Answer::check(bytes, chain, now) {
                Ok(answer) => {
                    info!(%file, until = %answer.until.display_japan(), "an OCSP answer is shown");
                    return Self { answer: Some(answer), fault: None };
                }
                Err(fault) => fault,
            },
            Some(Err(_)) => OcspFault::Unreadable,
        };
        let kept = old.and_then(|old| old.answer.clone());
        let kept = kept.and_then(|answer| Answer::check(answer.bytes, chain, now).ok());
        if old.and_then(|old| old.fault) != Some(fault) {
            let shown = if kept.is_some() { "the old answer" } else { "no answer" };
            error!(%file, error = %fault, shown, "the new OCSP answer cannot be used");
        }
        Self { answer: kept, fault: Some(fault) }
    }

    /// When the answer ends, for those who look after it.
    pub(super) fn expiry(&self, certificate: &Expiry) -> Option<Expiry> {
        let at = self.answer.as_ref()?.until;
        Some(Expiry { of: "ocsp", serial: certificate.serial.clone(), at })
    }
}

/// Reads a file of bounded size; `None` when it is not there.
fn file_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(found) if found.len() > ANSWER_BYTES_MAX as u64 => {
            Err(io::ErrorKind::FileTooLarge.into())
        }
        Ok(_) => fs::read(path).map(Some),
    }
}

impl Answer {
    /// Checks that an answer says our certificate is good, now, in the issuer's name.
    pub(super) fn check(
        bytes: Vec<u8>,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Self, OcspFault> {
        let [leaf, issuer, ..] = chain else { return Err(OcspFault::Foreign) };
        let read = |der| X509Certificate::from_der(der).map_err(|_| OcspFault::Foreign);
        let ((_, parsed), (_, issuer)) = (read(leaf)?, read(issuer)?);
        if !is_signed_by(leaf, &issuer) {
            return Err(OcspFault::Foreign);
        }
        let basic = basic(&bytes).ok_or(OcspFault::Unreadable)?;
        if !speaks_for(basic, &issuer, now) {
            return Err(OcspFault::Unsigned);
        }
        let singles = singles(basic).ok_or(OcspFault::Unreadable)?;
        for single in singles {
            let [id, status, times @ ..] = &parts(single.inside).ok_or(OcspFault::Unreadable)?[..]
            else {
                return Err(OcspFault::Unreadable);
            };
            if !names(id.inside, &parsed, &issuer).ok_or(OcspFault::Unreadable)? {
                continue;
            }
            if !status.is_context(0) {
                return Err(OcspFault::NotGood);
            }
            let until = until(times, now).ok_or(OcspFault::Stale)?;
            return Ok(Self { bytes, until });
        }
        Err(OcspFault::Foreign)
    }
}

/// The end of an answer that is of the present.
fn until(times: &[Part<'_>], now: Timestamp) -> Option<Timestamp> {
    let [begin, rest @ ..] = times else { return None };
    // Without a next update nobody could tell how old it is.
    let end = rest.iter().find(|part| part.is_context(0))?;
    let (begin, end) = (time(begin.raw)?, time(end.inside)?);
    (begin.0 <= now.0.saturating_add(AHEAD_MS) && now < end).then_some(end)
}

fn time(der: &[u8]) -> Option<Timestamp> {
    let (_, found) = ASN1Time::from_der(der).ok()?;
    Some(Timestamp(found.timestamp() * 1000))
}

/// Answers whether a `CertID` names our certificate by its issuer.
fn names(
    id: &[u8],
    certificate: &X509Certificate<'_>,
    issuer: &X509Certificate<'_>,
) -> Option<bool> {
    let found = parts(id)?;
    let [algorithm, name, key, serial] = &found[..] else { return None };
    let algorithm = match parts(algorithm.inside)?.first()?.inside {
        SHA1_OID => &SHA1_FOR_LEGACY_USE_ONLY,
        SHA256_OID => &SHA256,
        _ => return Some(false),
    };
    let is = |hash: &[u8], of: &[u8]| digest(algorithm, of).as_ref() == hash;
    Some(
        serial.inside == certificate.raw_serial()
            && is(name.inside, certificate.issuer().as_raw())
            && is(key.inside, &issuer.public_key().subject_public_key.data),
    )
}

/// Answers whether the issuer signed an answer, or somebody the issuer appointed (RFC 6960 §4.2.2.2).
fn speaks_for(basic: &[u8], issuer: &X509Certificate<'_>, now: Timestamp) -> bool {
    let Some(signed) = Signed::read(basic) else { return false };
    let by = |key: &[u8]| signed.holds(key, &SIGNATURE_ALGORITHMS);
    if by(issuer.public_key().raw) {
        return true;
    }
    let responders = responders(basic).unwrap_or_default();
    responders.iter().take(RESPONDERS_MAX).any(|responder| {
        let Ok((_, found)) = X509Certificate::from_der(responder.raw) else { return false };
        let purposes = found.extended_key_usage().ok().flatten();
        let validity = found.validity();
        let seconds = now.0 / 1000;
        purposes.is_some_and(|purposes| purposes.value.ocsp_signing)
            && validity.not_before.timestamp() <= seconds
            && seconds <= validity.not_after.timestamp()
            && found.issuer().as_raw() == issuer.subject().as_raw()
            && is_signed_by(responder.raw, issuer)
            && by(found.public_key().raw)
    })
}

fn is_signed_by(der: &[u8], issuer: &X509Certificate<'_>) -> bool {
    Signed::read(der)
        .is_some_and(|signed| signed.holds(issuer.public_key().raw, &SIGNATURE_ALGORITHMS))
}

/// Unwraps the `BasicOCSPResponse` of a successful answer.
fn basic(answer: &[u8]) -> Option<&[u8]> {
    let outer = one(answer)?;
    let outer = parts(outer.inside)?;
    let [status, wrapped] = &outer[..] else { return None };
    if status.inside != [0] || !wrapped.is_context(0) {
        return None;
    }
    let typed = parts(one(wrapped.inside)?.inside)?;
    let [kind, basic] = &typed[..] else { return None };
    (kind.inside == BASIC).then_some(basic.inside)
}

/// The answers about single certificates.
fn singles(basic: &[u8]) -> Option<Vec<Part<'_>>> {
    let signed = parts(one(basic)?.inside)?;
    let content = parts(signed.first()?.inside)?;
    // Behind an optional version and the responder stands the time, then the answers.
    let at = content
        .iter()
        .position(|part| part.class == Class::Universal && part.tag == GENERALIZED_TIME);
    parts(content.get(at? + 1)?.inside)
}

/// The certificates that came along.
fn responders(basic: &[u8]) -> Option<Vec<Part<'_>>> {
    let found = parts(one(basic)?.inside)?;
    let along = found.get(3).filter(|part| part.is_context(0))?;
    parts(one(along.inside)?.inside)
}

/// One element of DER.
struct Part<'a> {
    /// With its header.
    raw: &'a [u8],
    /// Without.
    inside: &'a [u8],
    class: Class,
    tag: u32,
}

impl Part<'_> {
    fn is_context(&self, tag: u32) -> bool {
        self.class == Class::ContextSpecific && self.tag == tag
    }
}

/// The only element there is.
fn one(data: &[u8]) -> Option<Part<'_>> {
    let mut found = parts(data)?;
    if found.len() == 1 { found.pop() } else { None }
}

/// Elements, one after the other.
fn parts(mut data: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    while !data.is_empty() {
        let (rest, part) = Any::from_der(data).ok()?;
        let raw = data.get(..data.len() - rest.len())?;
        parts.push(Part {
            raw,
            inside: part.data,
            class: part.header.class(),
            tag: part.header.tag().0,
        });
        data = rest;
    }
    Some(parts)
}
