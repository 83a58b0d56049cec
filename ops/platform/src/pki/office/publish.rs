//! Publishing: trust anchors and revocation lists for servers and clients.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use kakehashi_kernel::Timestamp;

use super::Office;
use crate::pki::{
    PkiError, Reason, Seat, Serial, act::Act, folder, revocation::Revocations, signer::key_path,
};

const HOUR_MS: i64 = 3_600_000;

/// A revocation list that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Whose.
    pub seat: Seat,
    /// Its number, one more than the last.
    pub number: u64,
    /// Entries.
    pub revoked: u64,
    /// Until when it must be replaced.
    pub next_update: Timestamp,
    /// Where it lies.
    pub path: PathBuf,
}

impl Office {
    /// Signs the next list of every CA whose key is here, or of `only`, and writes `<seat>.pem` and
    /// `<seat>.crl.pem` into `out`, and `root.pem`. Each file is replaced as a whole.
    ///
    /// # Errors
    ///
    /// [`PkiError::KeyMissing`] when there is no key to sign with.
    pub fn publish(
        &mut self,
        out: &Path,
        only: Option<Seat>,
        hours: Option<u32>,
        now: Timestamp,
    ) -> Result<Vec<Published>, PkiError> {
        let has_key = |seat: &Seat| key_path(&seat.folder(&self.folder)).exists();
        let seats: Vec<Seat> = self
            .seats()
            .into_iter()
            .filter(|seat| only.is_none_or(|only| only == *seat) && has_key(seat))
            .collect();
        if seats.is_empty() {
            return Err(PkiError::KeyMissing { path: self.folder.clone() });
        }
        if let Some(root) = self.root()? {
            folder::write_public(&out.join("root.pem"), root.as_bytes())?;
        }
        let mut published = Vec::new();
        for seat in seats {
            let default = match seat {
                Seat::Root => self.profiles.root.list_hours,
                Seat::Zone(_) => self.profiles.issuing.list_hours,
            };
            let hours = hours.unwrap_or(default);
            let next_update = now.plus_ms(i64::from(hours) * HOUR_MS);
            let path = out.join(format!("{seat}.crl.pem"));
            let (list, number, revoked) = self.list(seat, now, next_update)?;
            folder::write_public(
                &out.join(format!("{seat}.pem")),
                self.certificate(seat)?.as_bytes(),
            )?;
            folder::write_public(&path, list.as_bytes())?;
            published.push(Published { seat, number, revoked, next_update, path });
        }
        Ok(published)
    }

    /// Signs a seat's next list. The journal has the last word on number and entries: what somebody took
    /// out of `revoked.json` is on the list all the same.
    fn list(
        &mut self,
        seat: Seat,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<(String, u64, u64), PkiError> {
        let signer = self.signer(seat)?;
        let path = self.revocations(seat);
        let mut stored = Revocations::load(&path)?;
        let empty = BTreeMap::<Serial, (Timestamp, Reason)>::new();
        for (serial, (at, reason)) in self.inventory.revoked.get(&seat).unwrap_or(&empty) {
            stored.add(serial.as_str(), *at, *reason);
        }
        stored.continue_from(self.inventory.lists.get(&seat).map_or(0, |lists| lists.published));
        let number = stored.next_number();
        let revoked = stored.len() as u64;
        // The number is used up before a list bears it.
        self.tell(now, Act::ListPublish { seat, number, revoked, next_update })?;
        let list = stored.sign(&signer.issuer, now, next_update)?;
        stored.store(&path)?;
        Ok((list, number, revoked))
    }
}
