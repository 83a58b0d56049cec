//! Stable codes for handshakes that fail, for audit trail and metrics.

use std::{io, sync::Arc};

use rustls::{CertificateError, Error, InvalidMessage, OtherError};

/// A certificate refused in the handshake for a reason of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Named(pub(super) &'static str);

impl From<Named> for Error {
    fn from(named: Named) -> Self {
        CertificateError::Other(OtherError(Arc::new(named))).into()
    }
}

/// Names why a handshake failed.
pub fn handshake_code(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        None => "handshake-aborted",
        Some(Error::NoCertificatesPresented) => "certificate-missing",
        Some(Error::InvalidCertificate(error)) => certificate_code(error),
        Some(Error::InvalidMessage(InvalidMessage::CertificatePayloadTooLarge)) => {
            "certificate-chain-oversized"
        }
        Some(Error::AlertReceived(_)) => "handshake-refused-by-client",
        Some(Error::PeerIncompatible(_)) => "handshake-incompatible",
        Some(_) => "handshake-failed",
    }
}

/// Names why a certificate was refused.
pub(super) fn certificate_code(error: &CertificateError) -> &'static str {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => "certificate-unknown-issuer",
        E::Expired | E::ExpiredContext { .. } => "certificate-expired",
        E::NotValidYet | E::NotValidYetContext { .. } => "certificate-not-yet-valid",
        E::Revoked => "certificate-revoked",
        E::UnknownRevocationStatus => "revocation-unknown",
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => "revocation-stale",
        E::BadSignature => "certificate-bad-signature",
        E::UnsupportedSignatureAlgorithmContext { .. } => "certificate-hash-weak",
        E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => "certificate-key-weak",
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => "certificate-key-usage",
        E::BadEncoding => "certificate-unreadable",
        E::Other(other) => other_code(other),
        _ => "certificate-refused",
    }
}

/// What the library has no variants of its own for; it shows the name of the cause.
fn other_code(other: &OtherError) -> &'static str {
    if let Some(named) = other.0.downcast_ref::<Named>() {
        return named.0;
    }
    match other.to_string().as_str() {
        "CaUsedAsEndEntity" => "certificate-ca-as-leaf",
        "NameConstraintViolation" => "certificate-name-constraint",
        "UnsupportedCriticalExtension" => "certificate-extension-unknown",
        "UnsupportedCertVersion" => "certificate-version",
        "InvalidSerialNumber" => "certificate-serial",
        "PathLenConstraintViolated" | "EndEntityUsedAsCa" => "certificate-chain-malformed",
        "MaximumSignatureChecksExceeded"
        | "MaximumPathBuildCallsExceeded"
        | "MaximumPathDepthExceeded"
        | "MaximumNameConstraintComparisonsExceeded" => "certificate-chain-oversized",
        _ => "certificate-refused",
    }
}
