//! The issuing office: one CA folder, its journal, and everything an operator does with them.
//!
//! A folder holds the root, or issuing CAs, or both; no act opens a key it does not need, so the root's
//! folder may lie in a safe while a zone issues, revokes and publishes. Order of an issue: intent into the
//! journal (the serial number is used up), rehearsal with a throw-away key, lint, signature, certificate
//! into its file, issue into the journal. A crash in between loses nothing: what was signed and kept is
//! taken up at the next opening, what was not is abandoned.
//!
//! What it does not do: talk over a network. Requests come and certificates leave as files.

mod enrol;
mod examine;
mod issue;
mod publish;
mod renew;
mod revoke;
mod setup;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use kakehashi_kernel::{Sha256Digest, Timestamp};

pub use enrol::Invitation;
pub use examine::Discrepancy;
pub use issue::Order;
pub use publish::Published;
pub use revoke::Selection;

use super::{
    Enrolment, Passphrases, PkiError, Profiles, Record, Seat, Serial,
    act::Act,
    authority::leaf_of,
    folder,
    inventory::Inventory,
    journal::{Journal, Told},
    signer::Signer,
};

/// An open CA folder. Holds its lock: a second operator waits ten seconds and is then refused.
pub struct Office {
    folder: PathBuf,
    operator: String,
    passphrases: Box<dyn Passphrases>,
    profiles: Profiles,
    journal: Journal,
    inventory: Inventory,
}

impl Office {
    /// Opens a CA folder: verifies its journal and takes up what a crash left half done.
    ///
    /// # Errors
    ///
    /// [`PkiError::InUse`], [`PkiError::Journal`] when the journal was changed, [`PkiError::Profiles`].
    pub fn open(
        folder: &Path,
        operator: &str,
        passphrases: Box<dyn Passphrases>,
        now: Timestamp,
    ) -> Result<Self, PkiError> {
        let profiles = Profiles::load(folder)?;
        let (journal, told) = Journal::open(folder)?;
        let inventory = Inventory::of(&told);
        let mut office = Self {
            folder: folder.to_owned(),
            operator: operator.to_owned(),
            passphrases,
            profiles,
            journal,
            inventory,
        };
        office.take_up(now)?;
        Ok(office)
    }

    /// Answers the profiles in force.
    pub const fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    /// Answers every certificate ever issued or begun, by serial number.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.inventory.records.values()
    }

    /// Answers every one-time code ever made.
    pub fn enrolments(&self) -> impl Iterator<Item = &Enrolment> {
        self.inventory.enrolments.values()
    }

    /// Answers when a seat's last revocation list must be replaced.
    pub fn next_update(&self, seat: Seat) -> Option<Timestamp> {
        self.inventory.lists.get(&seat).and_then(|lists| lists.next_update)
    }

    /// Answers the seats whose certificate lies in this folder.
    pub fn seats(&self) -> Vec<Seat> {
        let is_here = |seat: &Seat| seat.folder(&self.folder).join("certificate.pem").exists();
        Seat::all().filter(is_here).collect()
    }

    /// Answers a seat's certificate, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError::KeyMissing`] when it is not here.
    pub fn certificate(&self, seat: Seat) -> Result<String, PkiError> {
        let path = seat.folder(&self.folder);
        folder::read(&path.join("certificate.pem"))?.ok_or(PkiError::KeyMissing { path })
    }

    /// Answers a certificate issued here, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError::Unknown`] when there is none of this number.
    pub fn issued(&self, serial: &Serial) -> Result<String, PkiError> {
        let record = self.inventory.records.get(serial).ok_or(PkiError::Unknown)?;
        folder::read(&self.issued_path(record.seat, serial))?.ok_or(PkiError::Unknown)
    }

    /// Answers how many entries the journal has; it was verified when it was opened.
    pub const fn entries(&self) -> u64 {
        self.journal.entries()
    }

    fn issued_path(&self, seat: Seat, serial: &Serial) -> PathBuf {
        seat.folder(&self.folder).join("issued").join(format!("{serial}.pem"))
    }

    fn signer(&self, seat: Seat) -> Result<Signer, PkiError> {
        Signer::open(&seat.folder(&self.folder), self.passphrases.as_ref())
    }

    fn tell(&mut self, now: Timestamp, act: Act) -> Result<(), PkiError> {
        let told: Told = self.journal.append(&self.operator, now, act)?;
        self.inventory.take(&told);
        Ok(())
    }

    /// Writes a refusal into the journal and hands it on.
    fn refuse(&mut self, now: Timestamp, subject: &str, error: PkiError) -> PkiError {
        let why = error.code().to_owned();
        let act = Act::CertificateRefuse { subject: subject.to_owned(), why };
        self.tell(now, act).err().unwrap_or(error)
    }

    /// Completes or abandons every certificate whose issue was interrupted.
    fn take_up(&mut self, now: Timestamp) -> Result<(), PkiError> {
        let open: Vec<(Seat, Serial)> = self
            .inventory
            .records
            .values()
            .filter(|record| record.issued.is_none() && !record.is_abandoned)
            .map(|record| (record.seat, record.serial.clone()))
            .collect();
        for (seat, serial) in open {
            let act = match folder::read(&self.issued_path(seat, &serial))? {
                Some(pem) => {
                    let certificate = Sha256Digest::of(&leaf_of(&pem)?);
                    Act::CertificateIssue { serial, certificate }
                }
                None => Act::CertificateAbandon { serial },
            };
            self.tell(now, act)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("folder", &self.folder).finish_non_exhaustive()
    }
}
