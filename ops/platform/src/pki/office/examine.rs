//! Compares the folder with its journal.

use std::{collections::BTreeSet, fs, path::Path};

use kakehashi_kernel::Sha256Digest;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Office;
use crate::pki::{PkiError, Seat, Serial, authority::leaf_of, folder, revocation::Revocations};

/// Something in the folder is not what the journal says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Discrepancy {
    /// A certificate that was issued is not there.
    #[error("{seat}: certificate {serial} was issued and its file is missing")]
    Missing {
        /// Whose.
        seat: Seat,
        /// Which.
        serial: Serial,
    },
    /// A certificate is not the one that was issued.
    #[error("{seat}: the file of certificate {serial} was changed")]
    Changed {
        /// Whose.
        seat: Seat,
        /// Which.
        serial: Serial,
    },
    /// A certificate lies there that the journal does not know.
    #[error("{seat}: a file in `issued` is no certificate of the journal")]
    Stray {
        /// Whose.
        seat: Seat,
    },
    /// A revocation was taken out of `revoked.json`.
    #[error("{seat}: the revocation of {serial} is missing in revoked.json")]
    Unrevoked {
        /// Whose.
        seat: Seat,
        /// Which.
        serial: Serial,
    },
    /// The CA's own certificate is not the one that was put in place.
    #[error("{seat}: the CA's certificate was changed")]
    Authority {
        /// Whose.
        seat: Seat,
    },
}

impl Office {
    /// Compares every file with the journal, whose chain was verified when it was opened.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`] when something cannot be read.
    pub fn examine(&self) -> Result<Vec<Discrepancy>, PkiError> {
        let mut found = Vec::new();
        for record in self.records() {
            let Some((_, digest)) = record.issued else { continue };
            let (seat, serial) = (record.seat, record.serial.clone());
            match folder::read(&self.issued_path(seat, &serial))? {
                None => found.push(Discrepancy::Missing { seat, serial }),
                Some(pem) => {
                    if leaf_of(&pem).map(|leaf| Sha256Digest::of(&leaf)).ok() != Some(digest) {
                        found.push(Discrepancy::Changed { seat, serial });
                    }
                }
            }
        }
        for seat in self.seats() {
            self.strays(seat, &mut found)?;
            let stored = Revocations::load(&self.revocations(seat))?;
            for serial in self.inventory.revoked.get(&seat).into_iter().flatten().map(|(s, _)| s) {
                if !stored.holds(serial.as_str()) {
                    found.push(Discrepancy::Unrevoked { seat, serial: serial.clone() });
                }
            }
            self.own(seat, &mut found)?;
        }
        Ok(found)
    }

    fn strays(&self, seat: Seat, found: &mut Vec<Discrepancy>) -> Result<(), PkiError> {
        let path = seat.folder(&self.folder).join("issued");
        for name in names(&path)? {
            let serial = name.strip_suffix(".pem").and_then(|name| name.parse::<Serial>().ok());
            let is_known = serial.is_some_and(|serial| {
                self.inventory.records.get(&serial).is_some_and(|record| record.seat == seat)
            });
            if !is_known {
                found.push(Discrepancy::Stray { seat });
            }
        }
        Ok(())
    }

    /// A CA that was here before the journal is not in it, and not judged.
    fn own(&self, seat: Seat, found: &mut Vec<Discrepancy>) -> Result<(), PkiError> {
        let installed: BTreeSet<Sha256Digest> = self
            .inventory
            .installed
            .values()
            .filter(|(of, ..)| *of == seat)
            .map(|(_, digest, _)| *digest)
            .collect();
        let leaf = leaf_of(&self.certificate(seat)?)?;
        let is_certificate = X509Certificate::from_der(&leaf).is_ok();
        if !is_certificate
            || !(installed.is_empty() || installed.contains(&Sha256Digest::of(&leaf)))
        {
            found.push(Discrepancy::Authority { seat });
        }
        Ok(())
    }
}

fn names(folder: &Path) -> Result<Vec<String>, PkiError> {
    let failed = |source| PkiError::File { path: folder.to_owned(), verb: "read", source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
