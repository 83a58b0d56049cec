//! A root above the client CAs, with its revocation list: which of the CAs still count.
//!
//! A root signs nobody who is let in; it is not a trust anchor of any listener.

use kakehashi_kernel::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Expiry, RevocationFault, TlsError,
    authority::{Closing, newest, unusable},
    revocation::{Issued, RevocationList},
    signed::Signed,
    tls::SIGNATURE_ALGORITHMS,
};

/// A root that is asked whether its CAs still count.
#[derive(Debug)]
pub(super) struct Root {
    public_key: Vec<u8>,
    /// The list in force.
    list: RevocationList,
    /// Its certificate ends.
    ends: Timestamp,
    /// Its ends, for those who look after it.
    pub(super) expiries: [Expiry; 2],
}

impl Root {
    fn new(certificate: &CertificateDer<'_>, lists: &[RevocationList]) -> Result<Self, TlsError> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| unusable())?;
        let public_key = parsed.tbs_certificate.subject_pki.raw.to_vec();
        let list = newest(lists, &public_key)?.clone();
        let ends = Timestamp((parsed.validity().not_after.timestamp() + 1) * 1000);
        let expiries = [
            Expiry::new("root", parsed.raw_serial(), ends),
            Expiry::new("root-revocations", parsed.raw_serial(), list.issued().next_update),
        ];
        Ok(Self { public_key, list, ends, expiries })
    }

    /// Answers whether this root signed a CA.
    pub(super) fn signed(&self, authority: &CertificateDer<'_>) -> bool {
        Signed::read(authority)
            .is_some_and(|signed| signed.holds(&self.public_key, &SIGNATURE_ALGORITHMS))
    }

    /// Puts the root's word about a CA into when that closes.
    pub(super) fn narrow(&self, closes: &mut Closing, serial: &[u8]) {
        closes.authority = closes.authority.min(self.ends);
        closes.revocations = closes.revocations.min(self.list.issued().next_update);
        closes.is_revoked |= self.list.revokes(serial);
    }

    /// The list in force.
    pub(super) const fn list(&self) -> &Issued {
        self.list.issued()
    }
}

/// Puts roots and their lists together. Every list must have its root and every root its list, and no
/// list may lie before the one of the same root that is in force.
pub(super) fn roots(
    certificates: &[CertificateDer<'static>],
    lists: &[RevocationList],
    in_force: &[Root],
) -> Result<Vec<Root>, TlsError> {
    let found = certificates
        .iter()
        .map(|certificate| Root::new(certificate, lists))
        .collect::<Result<Vec<_>, _>>()?;
    let is_ours =
        |list: &RevocationList| found.iter().any(|root| list.is_signed_by(&root.public_key));
    if !lists.iter().all(is_ours) {
        return Err(RevocationFault::Foreign.into());
    }
    for root in &found {
        if let Some(old) = in_force.iter().find(|old| old.public_key == root.public_key) {
            root.list().may_follow(old.list())?;
        }
    }
    Ok(found)
}
