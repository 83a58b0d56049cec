//! Revocation. Written down here, effective with the next list.

use kakehashi_contract::Zone;
use kakehashi_kernel::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Office;
use crate::pki::{
    Closed, PkiError, Reason, Seat, Serial, Standing, act::Act, authority::leaf_of,
    revocation::Revocations,
};

/// What to revoke.
#[derive(Debug, Clone)]
pub enum Selection {
    /// One certificate, by its PEM. Also one that an authority without journal issued.
    Certificate(String),
    /// One certificate of this folder, by its number.
    Serial(Serial),
    /// Every certificate in force of an organisation, or of one device of it, and their open codes.
    Holder {
        /// Only of this zone.
        zone: Option<Zone>,
        /// The organisation.
        organisation: String,
        /// Only of this device.
        device: Option<String>,
    },
}

impl Office {
    /// Revokes. Answers what was revoked by this act; a second time is no error and answers nothing.
    ///
    /// # Errors
    ///
    /// [`PkiError::Foreign`] for a certificate that no CA here issued, [`PkiError::Unknown`] when nothing
    /// fits.
    pub fn revoke(
        &mut self,
        selection: &Selection,
        reason: Reason,
        now: Timestamp,
    ) -> Result<Vec<(Seat, Serial)>, PkiError> {
        let chosen = match selection {
            Selection::Certificate(pem) => vec![self.issuer_of(pem)?],
            Selection::Serial(serial) => {
                let record = self.inventory.records.get(serial).ok_or(PkiError::Unknown)?;
                vec![(record.seat, serial.clone())]
            }
            Selection::Holder { zone, organisation, device } => {
                self.withdraw_of(*zone, organisation, device.as_deref(), now)?;
                self.held_by(*zone, organisation, device.as_deref(), now)
            }
        };
        let mut revoked = Vec::new();
        for (seat, serial) in chosen {
            if self.inventory.revoked.get(&seat).is_some_and(|known| known.contains_key(&serial)) {
                continue;
            }
            self.tell(now, Act::CertificateRevoke { seat, serial: serial.clone(), reason })?;
            // Also where an authority without journal looks.
            let path = self.revocations(seat);
            let mut stored = Revocations::load(&path)?;
            stored.add(serial.as_str(), now, reason);
            stored.store(&path)?;
            revoked.push((seat, serial));
        }
        Ok(revoked)
    }

    pub(super) fn revocations(&self, seat: Seat) -> std::path::PathBuf {
        seat.folder(&self.folder).join("revoked.json")
    }

    /// Finds which CA here signed a certificate, by its signature.
    fn issuer_of(&self, pem: &str) -> Result<(Seat, Serial), PkiError> {
        let leaf = leaf_of(pem).map_err(|_| PkiError::Foreign)?;
        let (_, found) = X509Certificate::from_der(&leaf).map_err(|_| PkiError::Foreign)?;
        for seat in self.seats() {
            let anchor = leaf_of(&self.certificate(seat)?)?;
            let Ok((_, issuer)) = X509Certificate::from_der(&anchor) else { continue };
            let is_issuer = found.issuer().as_raw() == issuer.subject().as_raw()
                && found.verify_signature(Some(issuer.public_key())).is_ok();
            if is_issuer {
                return Ok((seat, Serial::from_bytes(found.raw_serial())));
            }
        }
        Err(PkiError::Foreign)
    }

    fn held_by(
        &self,
        zone: Option<Zone>,
        organisation: &str,
        device: Option<&str>,
        now: Timestamp,
    ) -> Vec<(Seat, Serial)> {
        self.inventory
            .records
            .values()
            .filter(|record| {
                let subject = &record.subject;
                record.standing(now) == Standing::Valid
                    && subject.organisation() == Some(organisation)
                    && zone.is_none_or(|zone| subject.zone() == zone)
                    && device.is_none_or(|device| subject.device() == device)
            })
            .map(|record| (record.seat, record.serial.clone()))
            .collect()
    }

    fn withdraw_of(
        &mut self,
        zone: Option<Zone>,
        organisation: &str,
        device: Option<&str>,
        now: Timestamp,
    ) -> Result<(), PkiError> {
        let open: Vec<String> = self
            .inventory
            .enrolments
            .values()
            .filter(|found| {
                found.closed.is_none()
                    && found.subject.organisation() == Some(organisation)
                    && zone.is_none_or(|zone| found.subject.zone() == zone)
                    && device.is_none_or(|device| found.subject.device() == device)
            })
            .map(|found| found.id.clone())
            .collect();
        for id in open {
            self.close(&id, Closed::Withdrawn, now)?;
        }
        Ok(())
    }
}
