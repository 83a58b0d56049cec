//! Renewal of a certificate by its holder, before it expires.

use kakehashi_kernel::{Sha256Digest, Timestamp};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Office, issue::Order};
use crate::pki::{Origin, PkiError, Record, RenewalEnvelope, Serial, Serials, Standing};

const DAY_MS: i64 = 86_400_000;

impl Office {
    /// Issues the next certificate to the holder of a present one. Answers the present certificate's
    /// record and the new chain, PEM.
    ///
    /// The present one stays valid to its end, so that the device can change over without haste.
    ///
    /// # Errors
    ///
    /// [`PkiError::RenewalUnsigned`], [`PkiError::RenewalForeign`], [`PkiError::RenewalNotValid`],
    /// [`PkiError::RenewalEarly`], [`PkiError::RenewalDone`]; and as [`Office::certify`].
    pub fn renew(
        &mut self,
        envelope: &RenewalEnvelope,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<(Record, String), PkiError> {
        let (leaf, request) = match envelope.open() {
            Ok(opened) => opened,
            Err(error) => return Err(self.refuse(now, "renewal", error)),
        };
        let record = match self.renewable(&leaf, now) {
            Ok(record) => record,
            Err(error) => return Err(self.refuse(now, "renewal", error)),
        };
        let order = Order {
            subject: record.subject.clone(),
            profile: Some(record.profile.clone()),
            days: None,
        };
        let origin = Origin::Renewal(record.serial.clone());
        let chain = self.certify_on(&order, &request, origin, now, serials)?;
        Ok((record, chain))
    }

    fn renewable(&self, leaf: &[u8], now: Timestamp) -> Result<Record, PkiError> {
        let (_, found) = X509Certificate::from_der(leaf).map_err(|_| PkiError::Envelope)?;
        let serial = Serial::from_bytes(found.raw_serial());
        let record = self.inventory.records.get(&serial).ok_or(PkiError::RenewalForeign)?;
        // The whole certificate counts: a number alone anybody can write into one of their own.
        if record.issued.is_none_or(|(_, digest)| digest != Sha256Digest::of(leaf)) {
            return Err(PkiError::RenewalForeign);
        }
        let standing = record.standing(now);
        if standing != Standing::Valid {
            return Err(PkiError::RenewalNotValid { standing });
        }
        let profile = self.profiles.find(Some(&record.profile), &record.subject)?;
        let opens_at = record.not_after.plus_ms(-i64::from(profile.renewal_days) * DAY_MS);
        if now < opens_at {
            return Err(PkiError::RenewalEarly { opens_at });
        }
        let is_done = self.inventory.records.values().any(|other| {
            other.origin == Origin::Renewal(serial.clone())
                && matches!(other.standing(now), Standing::Valid | Standing::Expired)
        });
        if is_done { Err(PkiError::RenewalDone) } else { Ok(record.clone()) }
    }
}
