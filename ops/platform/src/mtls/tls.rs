//! TLS settings from PEM files: our own roots, our own clock, aws-lc-rs.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kakehashi_kernel::Clock;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime, pem::PemObject,
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
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
    /// What is spoken.
    pub versions: TlsVersions,
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
    /// Client CAs and revocation lists do not fit.
    #[error("client authority or revocation list was refused")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// Answers the cryptography of every connection: aws-lc-rs, hybrid post-quantum key exchange first.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let kx_groups = vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Reads a listener's client CAs and revocation lists.
///
/// # Errors
///
/// [`TlsError`] naming the file.
pub fn client_verifier(files: &ServerTls) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let anchors = Arc::new(anchors(&files.client_authority)?);
    let builder = WebPkiClientVerifier::builder_with_provider(anchors, crypto_provider())
        .with_crls(revocations(&files.revocations)?)
        .only_check_end_entity_revocation()
        .enforce_revocation_expiration();
    Ok(builder.build()?)
}

/// Reads a listener's settings, with a verifier the caller keeps a hold of. Client certificates are
/// required, checked and must not be revoked.
///
/// Sessions are not resumed: a resumption could outlive a revocation. ALPN offers HTTP/2, then 1.1.
///
/// # Errors
///
/// [`TlsError`] naming the file.
pub fn server_config_with(
    files: &ServerTls,
    verifier: Arc<dyn ClientCertVerifier>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let time: Arc<dyn TimeProvider> = Arc::new(OurTime(clock));
    let mut config = ServerConfig::builder_with_details(crypto_provider(), time)
        .with_protocol_versions(versions(files.versions))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(&files.server.chain)?, key(&files.server.key)?)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
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

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    list(path, "certificate")
}

fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    list(path, "revocation list")
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

/// Answers the clock's time as the TLS library writes it; `None` before 1970.
pub fn unix_time(clock: &dyn Clock) -> Option<UnixTime> {
    let milliseconds = u64::try_from(clock.now().0).ok()?;
    Some(UnixTime::since_unix_epoch(Duration::from_millis(milliseconds)))
}

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        unix_time(&*self.0)
    }
}

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}
