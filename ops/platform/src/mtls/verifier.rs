//! Who a chain of certificates is, judged against one set of trust.
//!
//! The handshake asks it first, and whoever serves the connection asks it again afterwards: after a
//! resumption the handshake asked nobody, and a connection outlives what was true at its beginning. What
//! was found good is remembered until the first moment at which anything in it ends (the certificate, its
//! CA, the revocation list), so that asking again costs a digest. A new set of trust begins with an empty
//! memory. The proof that the client holds its key is never remembered: every full handshake makes it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderValue;
use kakehashi_contract::{Identity, IdentityRefusal};
use kakehashi_kernel::{
    Timestamp,
    limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_CHAIN_BYTES_MAX, CERTIFICATE_CHAIN_MAX},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    authority::ClientAuthority,
    client_cert_value,
    code::{Named, certificate_code},
    tls::SIGNATURE_ALGORITHMS,
};

/// The memory is in so many parts, each behind a lock of its own.
const SHARDS: usize = 16;
/// Chains remembered in one part; a full part is forgotten as a whole.
const REMEMBERED_MAX: usize = 512;

/// What a good client certificate says. One for all connections of its holder.
#[derive(Debug)]
pub struct Credential {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// The certificate as the value of a `Client-Cert` header (RFC 9440).
    pub header: HeaderValue,
    /// The serial number, hexadecimal in lower case.
    pub serial: Arc<str>,
    /// The last second in which the certificate is valid.
    pub not_after: Timestamp,
    /// As the client showed it, leaf first.
    pub(super) chain: Box<[CertificateDer<'static>]>,
}

/// What is found about a chain.
#[derive(Debug, Clone)]
pub(super) enum Verdict {
    /// Good, to be asked again at the time named.
    Good(Arc<Credential>, Timestamp),
    /// One of ours, and its holder may be told why it is of no use.
    Ours(&'static str, Option<Error>),
    /// Anybody's.
    Strange(Error),
}

/// A judge over one set of trust.
pub(super) struct Verifier {
    authorities: Vec<ClientAuthority>,
    hints: Vec<DistinguishedName>,
    explains: bool,
    remembered: [Mutex<Remembered>; SHARDS],
}

/// Digest of a chain to what it says, and until when.
type Remembered = HashMap<[u8; 32], (Arc<Credential>, Timestamp)>;

impl Verifier {
    pub(super) fn new(authorities: Vec<ClientAuthority>, explains: bool) -> Self {
        let hints = authorities.iter().map(|authority| authority.hint.clone()).collect();
        Self { authorities, hints, explains, remembered: Default::default() }
    }

    pub(super) fn authorities(&self) -> &[ClientAuthority] {
        &self.authorities
    }

    /// Judges a certificate and what was shown with it.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Verdict {
        let bytes = rest.iter().fold(leaf.len(), |bytes, certificate| bytes + certificate.len());
        if rest.len() >= CERTIFICATE_CHAIN_MAX || bytes > CERTIFICATE_CHAIN_BYTES_MAX {
            return Verdict::Strange(Named("certificate-chain-oversized").into());
        }
        if leaf.len() > CERTIFICATE_BYTES_MAX {
            return Verdict::Strange(Named(IdentityRefusal::Oversized.code()).into());
        }
        let digest = digest(leaf, rest);
        let shard = &self.remembered[usize::from(digest[0]) % SHARDS];
        let shard = || shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((credential, until)) = shard().get(&digest)
            && now < *until
        {
            return Verdict::Good(Arc::clone(credential), *until);
        }
        let verdict = self.examine(leaf, rest, now);
        if let Verdict::Good(credential, until) = &verdict {
            let mut remembered = shard();
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(digest, (Arc::clone(credential), *until));
        }
        verdict
    }

    fn examine(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Verdict {
        let Ok((_, parsed)) = X509Certificate::from_der(leaf) else {
            return Verdict::Strange(CertificateError::BadEncoding.into());
        };
        let above: Vec<X509Certificate<'_>> = rest
            .iter()
            .filter_map(|der| X509Certificate::from_der(der).ok())
            .map(|(_, parsed)| parsed)
            .collect();
        let mut worst = Verdict::Strange(CertificateError::UnknownIssuer.into());
        for authority in &self.authorities {
            let signs = |of: &X509Certificate<'_>| of.issuer().as_raw() == authority.subject;
            if !signs(&parsed) && !above.iter().any(signs) {
                continue;
            }
            match check(authority, leaf, rest, &parsed, now) {
                Ok(()) => {
                    let until = until(authority, &parsed, &above, now);
                    return credential(leaf, rest, &parsed)
                        .map_or_else(refuse_profile, |found| Verdict::Good(found, until));
                }
                // Of two CAs of one name the one that did sign it knows why it is of no use.
                Err(verdict) if !matches!(worst, Verdict::Ours(..)) => worst = verdict,
                Err(_) => {}
            }
        }
        name_better(worst, leaf)
    }
}

/// Checks the chain against one CA. Where it fails although the CA did sign it, that is said.
fn check(
    authority: &ClientAuthority,
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    parsed: &X509Certificate<'_>,
    now: Timestamp,
) -> Result<(), Verdict> {
    let at = unix(now.0 / 1000);
    let (code, error) = match (authority.check(leaf, rest, at), authority.closes.reason(now)) {
        (Ok(()), None) => return Ok(()),
        (Ok(()), Some(code)) => (code, None),
        (Err(error), _) => {
            let Error::InvalidCertificate(cause) = &error else {
                return Err(Verdict::Strange(error));
            };
            let code = certificate_code(cause);
            let is_matter_of_time = matches!(
                code,
                "certificate-expired"
                    | "certificate-not-yet-valid"
                    | "certificate-revoked"
                    | "revocation-stale"
            );
            if !is_matter_of_time {
                return Err(Verdict::Strange(error));
            }
            (code, Some(error))
        }
    };
    // The library looks at the time first: whether the signature holds is asked for a time that suits.
    let validity = parsed.validity();
    let then = (now.0 / 1000).clamp(
        validity.not_before.timestamp(),
        validity.not_after.timestamp().max(validity.not_before.timestamp()),
    );
    if authority.signed(leaf, rest, unix(then)) {
        Err(Verdict::Ours(code, error))
    } else {
        let forged = || Error::from(CertificateError::BadSignature);
        Err(Verdict::Strange(error.unwrap_or_else(forged)))
    }
}

/// The first moment at which what was found may be otherwise; after `now`.
fn until(
    authority: &ClientAuthority,
    leaf: &X509Certificate<'_>,
    above: &[X509Certificate<'_>],
    now: Timestamp,
) -> Timestamp {
    let ends =
        |of: &X509Certificate<'_>| Timestamp((of.validity().not_after.timestamp() + 1) * 1000);
    let above = above.iter().map(ends).filter(|end| *end > now);
    above.fold(ends(leaf).min(authority.closes.first()), Timestamp::min)
}

fn credential(
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    parsed: &X509Certificate<'_>,
) -> Result<Arc<Credential>, IdentityRefusal> {
    let identity = Identity::from_der(leaf)?;
    let chain = std::iter::once(leaf).chain(rest).map(|der| der.clone().into_owned());
    Ok(Arc::new(Credential {
        identity: Arc::new(identity),
        header: client_cert_value(leaf),
        serial: hex::encode(parsed.raw_serial()).into(),
        not_after: Timestamp(parsed.validity().not_after.timestamp() * 1000),
        chain: chain.collect(),
    }))
}

/// A weak key proves nothing about who holds it: that handshake ends. Any other oddity can be explained.
fn refuse_profile(refusal: IdentityRefusal) -> Verdict {
    match refusal {
        IdentityRefusal::KeyWeak | IdentityRefusal::CaAsLeaf => {
            Verdict::Strange(Named(refusal.code()).into())
        }
        _ => Verdict::Ours(refusal.code(), None),
    }
}

/// Where the library says little, the profile may know the reason's name.
fn name_better(verdict: Verdict, leaf: &CertificateDer<'_>) -> Verdict {
    let Verdict::Strange(Error::InvalidCertificate(cause)) = &verdict else { return verdict };
    let says_little =
        matches!(certificate_code(cause), "certificate-refused" | "certificate-unreadable");
    match Identity::from_der(leaf) {
        Err(refusal) if says_little => Verdict::Strange(Named(refusal.code()).into()),
        _ => verdict,
    }
}

fn unix(seconds: i64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.max(0).unsigned_abs()))
}

/// Lengths are digested too, so that no two chains have the same bytes.
fn digest(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for certificate in std::iter::once(leaf).chain(rest) {
        digest.update((certificate.len() as u64).to_be_bytes());
        digest.update(certificate);
    }
    digest.finalize().into()
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let now = Timestamp(i64::try_from(now.as_secs()).unwrap_or(i64::MAX / 1000) * 1000);
        match self.judge(leaf, rest, now) {
            Verdict::Good(..) => Ok(ClientCertVerified::assertion()),
            // Whoever takes the connection is given `Untrusted` and can serve nobody with that.
            Verdict::Ours(..) if self.explains => Ok(ClientCertVerified::assertion()),
            Verdict::Ours(code, error) => Err(error.unwrap_or_else(|| Named(code).into())),
            Verdict::Strange(error) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &SIGNATURE_ALGORITHMS)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &SIGNATURE_ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURE_ALGORITHMS.supported_schemes()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("explains", &self.explains).finish_non_exhaustive()
    }
}
