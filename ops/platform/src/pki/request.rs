//! What a device sends to be certified: a certification request (CSR, PKCS#10, RFC 2986).
//!
//! Only the public key is taken from it. Whatever names, usages or CA flags it asks for are not read:
//! they come from the operator's command or the enrolment. Its signature proves that who asks has the key.

use std::{fmt, str::FromStr};

use kakehashi_kernel::Sha256Digest;
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use x509_parser::{
    certification_request::X509CertificationRequest, prelude::FromDer, public_key::PublicKey,
    x509::SubjectPublicKeyInfo as ParsedKey,
};

use super::PkiError;

/// Bytes of a request at most, PEM or DER. One with an RSA-4096 key and extensions has about 2 KB.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// A key's algorithm and size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with 2,048 bits.
    Rsa2048,
    /// RSA with 3,072 bits.
    Rsa3072,
    /// RSA with 4,096 bits.
    Rsa4096,
}

/// The text names no algorithm we certify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is one of p256, p384, rsa2048, rsa3072, rsa4096")]
pub struct InvalidKeyAlgorithm;

impl KeyAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] =
        [Self::P256, Self::P384, Self::Rsa2048, Self::Rsa3072, Self::Rsa4096];

    /// The word in profiles and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }

    /// Draws a key.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`].
    pub fn generate(self) -> Result<KeyPair, PkiError> {
        Ok(match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?,
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?,
            Self::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072)?,
            Self::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096)?,
        })
    }

    /// Reads what a public key is; `None` for everything we do not certify.
    pub(super) fn of(key: &ParsedKey<'_>) -> Option<Self> {
        match key.parsed().ok()? {
            // The point's length: 1 + 2 × 32 or 1 + 2 × 48 bytes; compressed points are not taken.
            PublicKey::EC(point) => {
                let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
                match (curve.as_str(), point.data().len()) {
                    ("1.2.840.10045.3.1.7", 65) => Some(Self::P256),
                    ("1.3.132.0.34", 97) => Some(Self::P384),
                    _ => None,
                }
            }
            PublicKey::RSA(rsa) => {
                // Below 2^16 + 1, and even ones, are weak (CA/Browser Forum §6.1.6).
                let exponent = rsa.try_exponent().ok()?;
                if exponent < 65_537 || exponent % 2 == 0 {
                    return None;
                }
                match rsa.key_size() {
                    2048 => Some(Self::Rsa2048),
                    3072 => Some(Self::Rsa3072),
                    4096 => Some(Self::Rsa4096),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = InvalidKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|key| key.as_str() == text).ok_or(InvalidKeyAlgorithm)
    }
}

/// A request whose proof of possession holds.
#[derive(Debug, Clone)]
pub struct SigningRequest {
    key: SubjectPublicKeyInfo,
    algorithm: KeyAlgorithm,
    spki: Sha256Digest,
    der: Vec<u8>,
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// Larger than [`REQUEST_BYTES_MAX`].
    #[error("the request is larger than 16 KB")]
    TooLarge,
    /// Not one PKCS#10 request, PEM or DER.
    #[error("the request is not one PKCS#10 request in PEM or DER")]
    Unreadable,
    /// The signature is not by the key in it.
    #[error("the request is not signed by the key it names: make it again on the device")]
    NoProof,
    /// The key is weak or of a kind we do not certify.
    #[error("the request's key is not ECDSA P-256 or P-384, nor RSA of 2048, 3072 or 4096 bits")]
    Key,
}

impl SigningRequest {
    /// Reads a request, PEM or DER, and checks its signature.
    ///
    /// # Errors
    ///
    /// [`RequestRefusal`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestRefusal> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(RequestRefusal::TooLarge);
        }
        let der = if bytes.first() == Some(&0x30) {
            bytes.to_vec()
        } else {
            let mut found = CertificateSigningRequestDer::pem_slice_iter(bytes);
            let first = found.next().and_then(Result::ok).ok_or(RequestRefusal::Unreadable)?;
            if found.next().is_some() {
                return Err(RequestRefusal::Unreadable);
            }
            first.to_vec()
        };
        // The parser below also takes a sequence that says of itself it has no parts: no DER.
        if der.first() != Some(&0x30) {
            return Err(RequestRefusal::Unreadable);
        }
        let (rest, request) =
            X509CertificationRequest::from_der(&der).map_err(|_| RequestRefusal::Unreadable)?;
        if !rest.is_empty() {
            return Err(RequestRefusal::Unreadable);
        }
        let key = &request.certification_request_info.subject_pki;
        let algorithm = KeyAlgorithm::of(key).ok_or(RequestRefusal::Key)?;
        request.verify_signature().map_err(|_| RequestRefusal::NoProof)?;
        let spki = Sha256Digest::of(key.raw);
        let key = SubjectPublicKeyInfo::from_der(key.raw).map_err(|_| RequestRefusal::Key)?;
        Ok(Self { key, algorithm, spki, der })
    }

    /// Makes a request for a key, PEM. It names nobody: names are the operator's business.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`].
    pub fn make(key: &KeyPair) -> Result<String, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(key)?.pem()?)
    }

    /// Answers what the key is.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Answers the digest of the public key (`SubjectPublicKeyInfo`).
    pub const fn spki(&self) -> Sha256Digest {
        self.spki
    }

    /// Answers the whole request, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) const fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }
}
