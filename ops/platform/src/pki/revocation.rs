//! What a zone has revoked, and the list (CRL) that says so.

use std::path::Path;

use kakehashi_kernel::Timestamp;
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use serde::{Deserialize, Serialize};

use super::{PkiError, Reason, folder, profile::instant};

/// A zone's revocations as they are stored beside its key.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revocations {
    /// Lists published so far; the next list carries this number plus one.
    published: u64,
    revoked: Vec<Revoked>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    serial: String,
    at: Timestamp,
    #[serde(default)]
    reason: Reason,
}

impl Revocations {
    pub(super) fn load(path: &Path) -> Result<Self, PkiError> {
        match folder::read(path)? {
            None => Ok(Self::default()),
            Some(text) => {
                serde_json::from_str(&text).map_err(|_| PkiError::Damaged { path: path.to_owned() })
            }
        }
    }

    pub(super) fn store(&self, path: &Path) -> Result<(), PkiError> {
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|_| PkiError::Damaged { path: path.to_owned() })?;
        folder::write_private(path, &bytes)
    }

    /// Adds a serial number in hexadecimal; a second time changes nothing.
    pub(super) fn add(&mut self, serial: &str, at: Timestamp, reason: Reason) {
        if !self.holds(serial) {
            self.revoked.push(Revoked { serial: serial.to_owned(), at, reason });
        }
    }

    pub(super) fn holds(&self, serial: &str) -> bool {
        self.revoked.iter().any(|known| known.serial == serial)
    }

    pub(super) const fn len(&self) -> usize {
        self.revoked.len()
    }

    /// The number that the next list will carry.
    pub(super) const fn next_number(&self) -> u64 {
        self.published + 1
    }

    /// Lets numbers go on behind `published`, whatever the file said.
    pub(super) fn continue_from(&mut self, published: u64) {
        self.published = self.published.max(published);
    }

    /// Signs the next list.
    pub(super) fn sign(
        &mut self,
        issuer: &Issuer<'_, KeyPair>,
        at: Timestamp,
        next_update: Timestamp,
    ) -> Result<String, PkiError> {
        self.published += 1;
        let revoked_certs = self
            .revoked
            .iter()
            .filter_map(|revoked| {
                Some(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&hex::decode(&revoked.serial).ok()?),
                    revocation_time: instant(revoked.at),
                    reason_code: Some(revoked.reason.code()),
                    invalidity_date: None,
                })
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: instant(at),
            next_update: instant(next_update),
            crl_number: SerialNumber::from(self.published),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(issuer)?.pem()?)
    }
}
