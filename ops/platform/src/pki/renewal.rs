//! Renewal: a device asks for its next certificate by its present one.
//!
//! The envelope is JSON: the old certificate, a request for a **new** key, and the old key's signature over
//! both. Not CMS (RFC 5652) as EST and SCEP have it: one signature over two byte strings needs no grammar
//! of a thousand pages, and no parser that meets strangers.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use kakehashi_kernel::Sha256Digest;
use rcgen::{KeyPair, SigningKey};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Issued, KeyAlgorithm, PkiError, SigningRequest,
    envelope::{self, Version},
};

const CONTEXT: &[u8] = b"kakehashi renewal, version 1\0";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    KakehashiRenewal,
}

/// A request for the next certificate, signed by the present one's key. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalEnvelope {
    kind: Kind,
    version: Version,
    /// The present certificate, PEM; certificates after the first are not read.
    certificate: String,
    /// The request, PEM.
    request: String,
    /// Base64 of the signature by the present key: ECDSA (ASN.1) with the hash of its curve, or RSA
    /// PKCS#1 with SHA-256, over the context, the certificate's length (8 bytes, big endian), the
    /// certificate and the request, both DER.
    signature: String,
}

impl RenewalEnvelope {
    /// Signs a request for a new key with the present certificate's key.
    ///
    /// # Errors
    ///
    /// [`PkiError::Envelope`] when certificate and key do not belong together.
    pub fn make(present: &Issued, request_pem: &str) -> Result<Self, PkiError> {
        let leaf = present.leaf()?;
        let request = SigningRequest::parse(request_pem.as_bytes())?;
        let key = KeyPair::from_pem(&present.key_pem)?;
        let signature = key.sign(&message(&leaf, request.der()))?;
        let envelope = Self {
            kind: Kind::KakehashiRenewal,
            version: Version,
            certificate: present.chain_pem.clone(),
            request: request_pem.to_owned(),
            signature: STANDARD.encode(signature),
        };
        envelope.open()?;
        Ok(envelope)
    }

    /// Reads an envelope. Its signature is checked by [`RenewalEnvelope::open`].
    ///
    /// # Errors
    ///
    /// [`PkiError::Envelope`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PkiError> {
        envelope::parse(bytes)
    }

    /// Writes it as a file.
    pub fn to_json(&self) -> String {
        envelope::to_json(self)
    }

    /// Answers the digests of certificate and requested key if the envelope opens. For the fuzz targets:
    /// who issues certificates needs more than digests.
    ///
    /// # Errors
    ///
    /// As [`RenewalEnvelope::open`] has them.
    #[doc(hidden)]
    pub fn opened(&self) -> Result<(Sha256Digest, Sha256Digest), PkiError> {
        let (leaf, request) = self.open()?;
        Ok((Sha256Digest::of(&leaf), request.spki()))
    }

    /// Answers certificate and request if the certificate's key signed both. Whether the certificate is
    /// worth anything is the CA's to say.
    ///
    /// # Errors
    ///
    /// [`PkiError::Envelope`], [`PkiError::Request`], or [`PkiError::RenewalUnsigned`].
    pub(super) fn open(&self) -> Result<(CertificateDer<'static>, SigningRequest), PkiError> {
        let leaf = CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .next()
            .and_then(Result::ok)
            .ok_or(PkiError::Envelope)?;
        let request = SigningRequest::parse(self.request.as_bytes())?;
        let signature = STANDARD.decode(&self.signature).map_err(|_| PkiError::Envelope)?;
        let unreadable = |_| PkiError::Envelope;
        let (rest, certificate) = X509Certificate::from_der(&leaf).map_err(unreadable)?;
        if !rest.is_empty() {
            return Err(PkiError::Envelope);
        }
        let key = certificate.public_key();
        let algorithm: &dyn VerificationAlgorithm =
            match KeyAlgorithm::of(key).ok_or(PkiError::RenewalUnsigned)? {
                KeyAlgorithm::P256 => &ECDSA_P256_SHA256_ASN1,
                KeyAlgorithm::P384 => &ECDSA_P384_SHA384_ASN1,
                KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                    &RSA_PKCS1_2048_8192_SHA256
                }
            };
        UnparsedPublicKey::new(algorithm, key.subject_public_key.data.as_ref())
            .verify(&message(&leaf, request.der()), &signature)
            .map_err(|_| PkiError::RenewalUnsigned)?;
        Ok((leaf, request))
    }
}

fn message(certificate: &[u8], request: &[u8]) -> Vec<u8> {
    [CONTEXT, &(certificate.len() as u64).to_be_bytes(), certificate, request].concat()
}
