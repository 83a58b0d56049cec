//! What is signed, how, and by whom: the outermost three parts of a certificate, a revocation list or an
//! OCSP answer (RFC 5280 §4.1.1, §5.1.1, RFC 6960 §4.2.1).

use rustls::crypto::WebPkiSupportedAlgorithms;
use x509_parser::der_parser::asn1_rs::{Any, FromDer};

/// `SEQUENCE { what is signed, algorithm, signature }`.
pub(super) struct Signed<'a> {
    content: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Takes the parts apart; `None` when they are not three. What follows is ignored.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let (_, outer) = Any::from_der(der).ok()?;
        let inside = outer.data;
        let (after_content, _) = Any::from_der(inside).ok()?;
        let content = inside.get(..inside.len() - after_content.len())?;
        let (after_algorithm, algorithm) = Any::from_der(after_content).ok()?;
        let (_, signature) = Any::from_der(after_algorithm).ok()?;
        Some(Self { content, algorithm: algorithm.data, signature: bits(signature.data)? })
    }

    /// Answers whether the holder of a `SubjectPublicKeyInfo` signed it.
    pub(super) fn holds(&self, public_key: &[u8], algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let Some((kind, key)) = key_parts(public_key) else { return false };
        algorithms.all.iter().any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == kind
                && algorithm.signature_alg_id().as_ref() == self.algorithm
                && algorithm.verify_signature(key, self.content, self.signature).is_ok()
        })
    }
}

/// `SEQUENCE { algorithm, key }`, the algorithm without its header.
fn key_parts(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, outer) = Any::from_der(public_key).ok()?;
    let (after, kind) = Any::from_der(outer.data).ok()?;
    let (_, key) = Any::from_der(after).ok()?;
    Some((kind.data, bits(key.data)?))
}

/// The content of a bit string of whole bytes.
fn bits(content: &[u8]) -> Option<&[u8]> {
    content.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}
