//! TLS settings from PEM files: our own roots, our own clock, aws-lc-rs.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use kakehashi_kernel::{Clock, Timestamp};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion,
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs},
    pki_types::{
        CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm, UnixTime, alg_id,
        pem::PemObject,
    },
    server::{NoServerSessionStorage, ServerSessionMemoryCache, danger::ClientCertVerifier},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Expiry, RevocationFault, ocsp::Answer, present::Presented, revocation::RevocationList,
};
use crate::pki::CertificateFiles;

/// Which versions of TLS a listener speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TlsVersions {
    /// TLS 1.3 only.
    #[default]
    Tls13,
    /// Also TLS 1.2 with ECDHE and AEAD, for clients that cannot do better.
    Tls12And13,
}

/// The files behind one listener.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// Our certificate and key.
    pub server: CertificateFiles,
    /// The CA certificates that clients must come from, PEM.
    pub client_authority: PathBuf,
    /// The revocation lists of those CAs, PEM. A client whose CA has no current list is refused.
    pub revocations: PathBuf,
    /// Who says whether those CAs still count; `None` asks nobody.
    pub root: Option<RootFiles>,
    /// An OCSP answer about our certificate, DER, shown in the handshake; there need be no such file.
    pub ocsp: Option<PathBuf>,
    /// What is spoken.
    pub versions: TlsVersions,
    /// How strict the listener is.
    pub rules: TrustRules,
}

/// The files of the root above a listener's client CAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootFiles {
    /// The root's certificate, PEM; several while one root takes another's place.
    pub certificate: PathBuf,
    /// The roots' revocation lists, PEM. A CA on them, and everybody if they are too old, is refused.
    pub revocations: PathBuf,
}

/// How strict a listener is with its clients' certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustRules {
    /// How old a revocation list may be although its next update is not due; `None` leaves it to that.
    pub revocations_age_max: Option<Duration>,
    /// Whether the holder of a certificate of ours that is of no use (expired, revoked, off the profile)
    /// may finish the handshake, to be told so and nothing else. Otherwise the handshake fails.
    pub explains: bool,
    /// Sessions kept for resumption; 0 resumes none.
    pub sessions_max: usize,
}

/// The files behind a client.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// Our certificate and key; `None` shows no certificate, which our servers refuse.
    pub client: Option<CertificateFiles>,
    /// The only root that servers may come from, PEM.
    pub root: PathBuf,
}

/// Why TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds no usable PEM.
    #[error("{path} holds no usable {what}")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why.
        #[source]
        source: Option<rustls::pki_types::pem::Error>,
    },
    /// Key and certificate do not belong together, or the certificate cannot be used.
    #[error("certificate or key was refused by the TLS library")]
    Refused(#[from] rustls::Error),
    /// A CA or a revocation list was refused by the TLS library.
    #[error("client authority or revocation list was refused")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// A revocation list is not whole, not ours or not the newest, or one is missing.
    #[error("the revocation lists cannot be used")]
    Revocations(#[from] RevocationFault),
    /// Our own certificate has expired.
    #[error("the certificate in {path} has expired")]
    Expired {
        /// Which file.
        path: PathBuf,
    },
}

/// Answers the cryptography of every connection: aws-lc-rs, hybrid post-quantum key exchange first, ECDHE
/// with AEAD throughout, no SHA-1, no curve and no key that our certificates may not have.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::{
        cipher_suite::{
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
        },
        kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768},
    };
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            TLS13_AES_256_GCM_SHA384,
            TLS13_AES_128_GCM_SHA256,
            TLS13_CHACHA20_POLY1305_SHA256,
            TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        signature_verification_algorithms: *SIGNATURE_ALGORITHMS,
        ..aws_lc_rs::default_provider()
    })
}

/// Signatures that count: RSA from 2048 bits, ECDSA on P-256 and P-384, Ed25519, with SHA-256 or longer.
pub(super) static SIGNATURE_ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> = LazyLock::new(|| {
    let library = aws_lc_rs::default_provider().signature_verification_algorithms;
    let is_ours = |algorithm: &&'static dyn SignatureVerificationAlgorithm| {
        let key = algorithm.public_key_alg_id();
        [alg_id::RSA_ENCRYPTION, alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ED25519]
            .contains(&key)
    };
    let ours = |all: &'static [&'static dyn SignatureVerificationAlgorithm]| {
        let ours: Vec<_> = all.iter().copied().filter(is_ours).collect();
        &*ours.leak()
    };
    let schemes: Vec<_> = library
        .mapping
        .iter()
        .filter(|(scheme, _)| *scheme != SignatureScheme::ECDSA_NISTP521_SHA512)
        .map(|(scheme, algorithms)| (*scheme, ours(algorithms)))
        .filter(|(_, algorithms)| !algorithms.is_empty())
        .collect();
    WebPkiSupportedAlgorithms { all: ours(library.all), mapping: schemes.leak() }
});

/// Reads a listener's settings: its certificate `chain`, shown with an OCSP `answer` if there is one.
/// Client certificates are required and judged by `verifier`.
///
/// Every set of trust has a store of sessions of its own, so that no session outlives a change of trust;
/// what a resumed session says is judged again by [`super::Trust::settle`]. There are no stateless
/// tickets and no early data. ALPN offers HTTP/2, then 1.1.
pub(super) fn server_config(
    files: &ServerTls,
    chain: Vec<CertificateDer<'static>>,
    answer: Option<&Answer>,
    verifier: Arc<dyn ClientCertVerifier>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let time: Arc<dyn TimeProvider> = Arc::new(OurTime(Arc::clone(clock)));
    let key = key(&files.server.key)?;
    let presented = Presented::new(chain, key, answer, Arc::clone(clock))?;
    let mut config = ServerConfig::builder_with_details(crypto_provider(), time)
        .with_protocol_versions(versions(files.versions))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(presented));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    config.require_ems = true;
    if files.rules.sessions_max == 0 {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.session_storage = ServerSessionMemoryCache::new(files.rules.sessions_max);
        config.send_tls13_tickets = 1;
    }
    Ok(Arc::new(config))
}

/// Our own certificate must not have ended: the one in force is better than that.
pub(super) fn check_validity(
    path: &Path,
    chain: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<(), TlsError> {
    let ended = chain.first().and_then(|leaf| expiry(leaf)).is_none_or(|end| end.at <= now);
    if ended { Err(TlsError::Expired { path: path.to_owned() }) } else { Ok(()) }
}

/// When a certificate of ours ends.
pub(super) fn expiry(certificate: &[u8]) -> Option<Expiry> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let at = Timestamp((parsed.validity().not_after.timestamp() + 1) * 1000);
    Some(Expiry::new("certificate", parsed.raw_serial(), at))
}

/// Reads a client's settings: TLS 1.3, one root, no system roots, no resumption.
///
/// # Errors
///
/// [`TlsError`] naming the file.
pub fn client_config(files: &ClientTls, clock: Arc<dyn Clock>) -> Result<ClientConfig, TlsError> {
    let time: Arc<dyn TimeProvider> = Arc::new(OurTime(clock));
    let builder = ClientConfig::builder_with_details(crypto_provider(), time)
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(anchors(&files.root)?);
    let mut config = match &files.client {
        Some(client) => builder.with_client_auth_cert(chain(&client.chain)?, key(&client.key)?)?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

fn versions(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static NEW: &[&SupportedProtocolVersion] = &[&TLS13];
    static BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    match versions {
        TlsVersions::Tls13 => NEW,
        TlsVersions::Tls12And13 => BOTH,
    }
}

pub(super) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    list(path, "certificate")
}

pub(super) fn revocations(path: &Path) -> Result<Vec<RevocationList>, TlsError> {
    let found = list(path, "revocation list")?.into_iter().map(RevocationList::read);
    Ok(found.collect::<Result<_, _>>()?)
}

fn anchors(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in chain(path)? {
        store.add(certificate)?;
    }
    Ok(store)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        what: "key",
        source: Some(source),
    })
}

fn list<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, TlsError> {
    let broken = |source| TlsError::Pem { path: path.to_owned(), what, source };
    let found: Vec<T> = T::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| broken(Some(source)))?;
    if found.is_empty() { Err(broken(None)) } else { Ok(found) }
}

/// Our clock as the TLS library asks for it.
struct OurTime(Arc<dyn Clock>);

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        let milliseconds = u64::try_from(self.0.now().0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}
