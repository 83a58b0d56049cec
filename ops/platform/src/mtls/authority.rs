//! One client CA with its revocation lists: whom it signed, until when, and who is still good.
//!
//! Every CA has verifiers of its own, so that an old and a renewed CA of the same name, each with its own
//! list, work side by side. Where the listener names its root, the root's list says whether a CA still
//! counts at all.

use std::sync::Arc;

use kakehashi_kernel::Timestamp;
use rustls::{
    DistinguishedName, Error, RootCertStore,
    pki_types::{CertificateDer, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Expiry, RevocationFault, TlsError, TrustRules, crypto_provider,
    revocation::{Issued, RevocationList},
    root::Root,
};

/// A client CA that is trusted.
#[derive(Debug)]
pub(super) struct ClientAuthority {
    /// The CA's name, DER with its header.
    pub(super) subject: Vec<u8>,
    pub(super) hint: DistinguishedName,
    /// From then on nobody it signed is let in: the CA itself, or a list, is too old.
    pub(super) closes: Closing,
    /// Its own ends, for those who look after it.
    pub(super) expiries: [Expiry; 2],
    /// The list in force.
    pub(super) list: Issued,
    public_key: Vec<u8>,
    /// Chain, validity, purpose and revocation.
    strict: Arc<dyn ClientCertVerifier>,
    /// Chain and purpose only: whether it is one of ours at all.
    genuine: Arc<dyn ClientCertVerifier>,
}

/// When a CA no longer counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    /// Its certificate ends, or its root's.
    pub(super) authority: Timestamp,
    /// Its list, or its root's, is too old.
    pub(super) revocations: Timestamp,
    /// Its root has revoked it.
    pub(super) is_revoked: bool,
}

impl Closing {
    /// The first moment at which it no longer counts; long past for a CA that was revoked.
    pub(super) fn first(&self) -> Timestamp {
        if self.is_revoked { Timestamp(0) } else { self.authority.min(self.revocations) }
    }

    /// Names what has ended at `now`, if anything.
    pub(super) fn reason(&self, now: Timestamp) -> Option<&'static str> {
        if self.is_revoked {
            Some("certificate-authority-revoked")
        } else if now >= self.authority {
            Some("certificate-authority-expired")
        } else if now >= self.revocations {
            Some("revocation-stale")
        } else {
            None
        }
    }
}

impl ClientAuthority {
    /// Takes from `lists` those that this CA signed. `roots` say whether the CA still counts; none, and
    /// nobody is asked.
    fn new(
        certificate: &CertificateDer<'static>,
        lists: &[RevocationList],
        roots: &[Root],
        rules: &TrustRules,
    ) -> Result<Self, TlsError> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| unusable())?;
        let public_key = parsed.tbs_certificate.subject_pki.raw.to_vec();
        let subject = parsed.subject().as_raw().to_vec();
        let newest = newest(lists, &public_key)?;
        let issued = newest.issued().clone();
        let by_age = rules.revocations_age_max.map_or(Timestamp(i64::MAX), |age| {
            issued.this_update.plus_ms(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
        });
        let mut closes = Closing {
            authority: Timestamp((parsed.validity().not_after.timestamp() + 1) * 1000),
            revocations: by_age.min(issued.next_update),
            is_revoked: false,
        };
        let expiries = [
            Expiry::new("authority", parsed.raw_serial(), closes.authority),
            Expiry::new("revocations", parsed.raw_serial(), closes.revocations),
        ];
        if !roots.is_empty() {
            let above = roots.iter().find(|root| root.signed(certificate));
            above.ok_or(RevocationFault::Rootless)?.narrow(&mut closes, parsed.raw_serial());
        }
        let mut anchors = RootCertStore::empty();
        anchors.add(certificate.clone())?;
        let anchors = Arc::new(anchors);
        let builder =
            || WebPkiClientVerifier::builder_with_provider(Arc::clone(&anchors), crypto_provider());
        Ok(Self {
            hint: DistinguishedName::from(subject.clone()),
            subject,
            closes,
            expiries,
            list: issued,
            public_key,
            strict: builder()
                .with_crls([newest.der.clone()])
                .only_check_end_entity_revocation()
                .enforce_revocation_expiration()
                .build()?,
            genuine: builder().build()?,
        })
    }

    /// Checks chain, validity, purpose and revocation at `now`.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        self.strict.verify_client_cert(leaf, rest, now).map(drop)
    }

    /// Answers whether this CA signed the chain, as it was at `then`.
    pub(super) fn signed(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        then: UnixTime,
    ) -> bool {
        self.genuine.verify_client_cert(leaf, rest, then).is_ok()
    }

    /// Answers the list in force of the CA with this key.
    fn list_of(&self, public_key: &[u8]) -> Option<&Issued> {
        (self.public_key == public_key).then_some(&self.list)
    }
}

/// Puts CAs and lists together. Every list must have its CA and every CA its list, and no list may lie
/// before the one of the same CA that is in force.
pub(super) fn authorities(
    certificates: &[CertificateDer<'static>],
    lists: &[RevocationList],
    roots: &[Root],
    rules: &TrustRules,
    in_force: &[ClientAuthority],
) -> Result<Vec<ClientAuthority>, TlsError> {
    let found = certificates
        .iter()
        .map(|certificate| ClientAuthority::new(certificate, lists, roots, rules))
        .collect::<Result<Vec<_>, _>>()?;
    let is_ours = |list: &RevocationList| found.iter().any(|ca| list.is_signed_by(&ca.public_key));
    if !lists.iter().all(is_ours) {
        return Err(RevocationFault::Foreign.into());
    }
    for authority in &found {
        let old = in_force.iter().find_map(|old| old.list_of(&authority.public_key));
        if let Some(old) = old {
            authority.list.may_follow(old)?;
        }
    }
    Ok(found)
}

/// The newest list that the holder of a key signed.
pub(super) fn newest<'a>(
    lists: &'a [RevocationList],
    public_key: &[u8],
) -> Result<&'a RevocationList, RevocationFault> {
    let ours = lists.iter().filter(|list| list.is_signed_by(public_key));
    let newer = |best: &'a RevocationList, next: &'a RevocationList| {
        if next.issued().may_follow(best.issued()).is_ok() { next } else { best }
    };
    ours.reduce(newer).ok_or(RevocationFault::Missing)
}

/// A CA certificate that cannot be read.
pub(super) fn unusable() -> Error {
    Error::InvalidCertificate(rustls::CertificateError::BadEncoding)
}
