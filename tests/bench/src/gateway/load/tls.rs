//! TLS of the load tool and the upstream: TLS 1.3, X25519, ECDSA P-256, no resumption.
//!
//! X25519 alone, because nginx and `HAProxy` of Debian do not speak the hybrid exchange that our gateway
//! prefers: all three do the same work.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use super::Work;
use crate::gateway::ground;

/// The name in the servers' certificate.
pub(crate) const SERVER_NAME: &str = "localhost";

/// The cryptography of load tool and upstream.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![aws_lc_rs::kx_group::X25519];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Reads every certificate of a PEM file.
pub(crate) fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    found.with_context(|| format!("no certificate in {}", path.display()))
}

/// Reads a key.
pub(crate) fn key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let found = PrivateKeyDer::from_pem_file(path);
    found.with_context(|| format!("no key in {}", path.display()))
}

/// The client's settings for one kind of work.
pub(crate) fn client(folder: &Path, work: Work) -> anyhow::Result<ClientConfig> {
    let mut config = client_as(folder, ground::CLIENT, ground::SERVER)?;
    config.alpn_protocols =
        vec![if work == Work::Http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Ok(config)
}

/// The settings of a client with one certificate for the server with another.
pub(crate) fn client_as(folder: &Path, us: &str, server: &str) -> anyhow::Result<ClientConfig> {
    let pinned = certificates(&folder.join(format!("{server}.pem")))?;
    let pinned = pinned.into_iter().next().context("a server certificate")?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(pinned)))
        .with_client_auth_cert(
            certificates(&folder.join(format!("{us}.pem")))?,
            key(&folder.join(format!("{us}.key.pem")))?,
        )?;
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Expects one certificate and verifies no signature: what the client spends is not measured, and would
/// only make servers look more alike.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.0 {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General("not the server's certificate".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
