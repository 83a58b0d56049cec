//! A certificate revocation list as delivered: whole, ours, and not older than the one before.

use kakehashi_kernel::{Sha256Digest, Timestamp};
use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::prelude::{CertificateRevocationList, FromDer, ParsedExtension};

use super::{signed::Signed, tls::SIGNATURE_ALGORITHMS};

/// Why a revocation list cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationFault {
    /// No list by RFC 5280.
    #[error("a revocation list cannot be read")]
    Unreadable,
    /// It lacks its number or the time of the next one.
    #[error("a revocation list has no number or no next update")]
    Undated,
    /// It lists some certificates only.
    #[error("a revocation list is not complete")]
    Partial,
    /// None of the CAs it lies beside signed it.
    #[error("a revocation list was not signed by a CA of the listener")]
    Foreign,
    /// A client CA, or a root above one, has no list.
    #[error("a client CA or its root has no revocation list")]
    Missing,
    /// None of the listener's roots signed a client CA.
    #[error("a client CA was not signed by a root of the listener")]
    Rootless,
    /// Its number or its time lies before those of the list in force.
    #[error("a revocation list is older than the one in force")]
    RolledBack,
    /// Two lists have the same number.
    #[error("a revocation list differs from the one in force, which has the same number")]
    Forked,
}

/// One list, not yet known to be signed by anybody.
#[derive(Debug, Clone)]
pub(super) struct RevocationList {
    pub(super) der: CertificateRevocationListDer<'static>,
    issued: Issued,
}

/// Which list it is, to compare with the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    /// Big-endian, without leading zeros.
    number: Vec<u8>,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    digest: Sha256Digest,
}

impl RevocationList {
    pub(super) fn read(
        der: CertificateRevocationListDer<'static>,
    ) -> Result<Self, RevocationFault> {
        let (rest, list) =
            CertificateRevocationList::from_der(&der).map_err(|_| RevocationFault::Unreadable)?;
        if !rest.is_empty() {
            return Err(RevocationFault::Unreadable);
        }
        for extension in list.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::IssuingDistributionPoint(point) => {
                    let is_partial = point.only_contains_ca_certs
                        || point.only_contains_attribute_certs
                        || point.only_some_reasons.is_some()
                        || point.indirect_crl;
                    if is_partial {
                        return Err(RevocationFault::Partial);
                    }
                }
                // A delta list, or something else that changes what the list means.
                parsed if extension.critical && parsed.unsupported() => {
                    return Err(RevocationFault::Partial);
                }
                _ => {}
            }
        }
        let next = list.next_update().ok_or(RevocationFault::Undated)?;
        let number = list.crl_number().ok_or(RevocationFault::Undated)?.to_bytes_be();
        let issued = Issued {
            number,
            this_update: Timestamp(list.last_update().timestamp() * 1000),
            next_update: Timestamp(next.timestamp() * 1000),
            digest: Sha256Digest::of(&der),
        };
        Ok(Self { der, issued })
    }

    pub(super) const fn issued(&self) -> &Issued {
        &self.issued
    }

    /// Answers whether a serial number is on the list.
    pub(super) fn revokes(&self, serial: &[u8]) -> bool {
        let Ok((_, list)) = CertificateRevocationList::from_der(&self.der) else { return true };
        list.iter_revoked_certificates().any(|revoked| revoked.raw_serial() == serial)
    }

    /// Answers whether the holder of this key signed the list.
    pub(super) fn is_signed_by(&self, public_key: &[u8]) -> bool {
        Signed::read(&self.der)
            .is_some_and(|signed| signed.holds(public_key, &SIGNATURE_ALGORITHMS))
    }
}

impl Issued {
    /// Answers whether this list may take the place of `old`.
    pub(super) fn may_follow(&self, old: &Self) -> Result<(), RevocationFault> {
        let (ours, theirs) = ((self.number.len(), &self.number), (old.number.len(), &old.number));
        if ours < theirs || self.this_update < old.this_update {
            return Err(RevocationFault::RolledBack);
        }
        if ours == theirs && self.digest != old.digest {
            return Err(RevocationFault::Forked);
        }
        Ok(())
    }
}
