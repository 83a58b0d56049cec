//! The root, the issuing CAs and what they sign.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use kakehashi_contract::{Identity, Zone};
use kakehashi_kernel::Timestamp;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Holder, PkiError, Reason, Seat, Serial, Serials, Validity, folder, profile,
    revocation::Revocations, signer::Signer,
};

/// One root and one issuing CA per zone, with their keys.
pub struct Authority {
    folder: PathBuf,
    root: Signer,
    zones: BTreeMap<Zone, Signer>,
}

/// A new certificate with its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate and its issuing CA's, PEM, leaf first. The root is not in it.
    pub chain_pem: String,
    /// The private key, PKCS#8 PEM.
    pub key_pem: String,
}

/// Where a certificate with its key lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and its issuing CA's, PEM, leaf first.
    pub chain: PathBuf,
    /// The private key, PKCS#8 PEM, mode 0600.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// Answers where the certificate called `name` lies in `folder`.
    pub fn of(folder: &Path, name: &str) -> Self {
        Self {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key.pem")),
        }
    }
}

impl Authority {
    /// Loads the authority from `folder`, making what is not there yet.
    ///
    /// A second call finds the same CAs, also after a crash half-way through the first.
    ///
    /// # Errors
    ///
    /// [`PkiError`] when a file cannot be read or written, or is damaged.
    pub fn ensure(
        folder: &Path,
        validity: Validity,
        serials: &dyn Serials,
    ) -> Result<Self, PkiError> {
        let root = Signer::ensure(&folder.join("root"), || {
            Ok((profile::root(validity, serials.draw()?), None))
        })?;
        let mut zones = BTreeMap::new();
        for zone in Zone::ALL.iter().copied() {
            let signer = Signer::ensure(&folder.join(zone.as_str()), || {
                Ok((profile::issuing(zone, validity, serials.draw()?), Some(&root)))
            })?;
            zones.insert(zone, signer);
        }
        Ok(Self { folder: folder.to_owned(), root, zones })
    }

    /// Answers the root certificate, PEM.
    pub fn root_pem(&self) -> &str {
        &self.root.pem
    }

    /// Answers the certificate of a zone's issuing CA, PEM: the trust anchor of that zone's listener.
    pub fn zone_pem(&self, zone: Zone) -> &str {
        &self.signer(zone).pem
    }

    /// Issues a server certificate for `localhost`, 127.0.0.1 and `<name>.kakehashi.internal`.
    ///
    /// # Errors
    ///
    /// [`PkiError`] when the name is not a DNS label or the certificate cannot be made.
    pub fn issue_server(
        &self,
        name: &str,
        validity: Validity,
        serials: &dyn Serials,
    ) -> Result<Issued, PkiError> {
        issue(self.signer(Zone::Internal), &profile::server(name, validity, serials.draw()?)?)
    }

    /// Issues a client certificate, signed by the CA of the holder's zone.
    ///
    /// # Errors
    ///
    /// [`PkiError::Profile`] when the holder's words make no identity, [`PkiError::Make`] otherwise.
    pub fn issue_client(
        &self,
        holder: &Holder,
        validity: Validity,
        serials: &dyn Serials,
    ) -> Result<Issued, PkiError> {
        let params = profile::client(holder, validity, serials.draw()?)?;
        let issued = issue(self.signer(holder.zone), &params)?;
        Identity::from_der(&issued.leaf()?)?;
        Ok(issued)
    }

    /// Keeps a server certificate in `folder` as `<name>.pem` and `<name>.key.pem`.
    ///
    /// Issues a new one only when there is none, or the one there has expired at `now` or comes from
    /// another authority.
    ///
    /// # Errors
    ///
    /// As [`Authority::issue_server`], and [`PkiError::File`].
    pub fn ensure_server(
        &self,
        folder: &Path,
        name: &str,
        now: Timestamp,
        validity: Validity,
        serials: &dyn Serials,
    ) -> Result<CertificateFiles, PkiError> {
        let issue = || self.issue_server(name, validity, serials);
        self.ensure_files(folder, name, Zone::Internal, now, issue)
    }

    /// Keeps a client certificate in `folder` as `<name>.pem` and `<name>.key.pem`.
    ///
    /// Issues a new one under the conditions of [`Authority::ensure_server`].
    ///
    /// # Errors
    ///
    /// As [`Authority::issue_client`], and [`PkiError::File`].
    pub fn ensure_client(
        &self,
        folder: &Path,
        name: &str,
        holder: &Holder,
        now: Timestamp,
        validity: Validity,
        serials: &dyn Serials,
    ) -> Result<CertificateFiles, PkiError> {
        let issue = || self.issue_client(holder, validity, serials);
        // One from before the profile grew would be refused everywhere.
        if let Some(chain) = folder::read(&CertificateFiles::of(folder, name).chain)?
            && leaf(&chain).is_some_and(|leaf| Identity::from_der(&leaf).is_err())
        {
            return issue()?.store(folder, name);
        }
        self.ensure_files(folder, name, holder.zone, now, issue)
    }

    /// Remembers a certificate of `zone` as revoked. Effective with the next [`Authority::publish`].
    ///
    /// # Errors
    ///
    /// [`PkiError::Foreign`] when the zone's CA did not issue it.
    pub fn revoke(&self, zone: Zone, chain_pem: &str, at: Timestamp) -> Result<(), PkiError> {
        let leaf = leaf(chain_pem).ok_or(PkiError::Foreign)?;
        let anchor = leaf_of(self.zone_pem(zone))?;
        let foreign = |_| PkiError::Foreign;
        let (_, certificate) = X509Certificate::from_der(&leaf).map_err(foreign)?;
        let (_, issuer) = X509Certificate::from_der(&anchor).map_err(foreign)?;
        if certificate.issuer() != issuer.subject() {
            return Err(PkiError::Foreign);
        }
        self.remember(Seat::Zone(zone), &certificate, at)
    }

    /// Remembers a zone's issuing CA as revoked by the root. Effective with the next
    /// [`Authority::publish`].
    ///
    /// # Errors
    ///
    /// [`PkiError`] when that cannot be stored.
    pub fn revoke_zone(&self, zone: Zone, at: Timestamp) -> Result<(), PkiError> {
        let anchor = leaf_of(self.zone_pem(zone))?;
        let (_, found) = X509Certificate::from_der(&anchor).map_err(|_| PkiError::Foreign)?;
        self.remember(Seat::Root, &found, at)
    }

    fn remember(
        &self,
        seat: Seat,
        certificate: &X509Certificate<'_>,
        at: Timestamp,
    ) -> Result<(), PkiError> {
        let path = self.revocations(seat);
        let mut revocations = Revocations::load(&path)?;
        let serial = Serial::from_bytes(certificate.raw_serial());
        revocations.add(serial.as_str(), at, Reason::Unspecified);
        revocations.store(&path)
    }

    /// Signs the next revocation list of a zone, or of the root, PEM, valid from `now` until `next_update`.
    ///
    /// # Errors
    ///
    /// [`PkiError`] when the list's number cannot be stored or the list not be signed.
    pub fn revocation_list(
        &self,
        seat: Seat,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<String, PkiError> {
        let path = self.revocations(seat);
        let signer = match seat {
            Seat::Root => &self.root,
            Seat::Zone(zone) => self.signer(zone),
        };
        let mut revocations = Revocations::load(&path)?;
        let list = revocations.sign(&signer.issuer, now, next_update)?;
        revocations.store(&path)?;
        Ok(list)
    }

    /// Writes what servers and clients may know: `root.pem` and `root.crl.pem`, and per zone `<zone>.pem`
    /// and `<zone>.crl.pem`.
    ///
    /// # Errors
    ///
    /// As [`Authority::revocation_list`].
    pub fn publish(
        &self,
        folder: &Path,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<(), PkiError> {
        folder::write_public(&folder.join("root.pem"), self.root_pem().as_bytes())?;
        for zone in Zone::ALL.iter().copied() {
            let anchor = folder.join(format!("{zone}.pem"));
            folder::write_public(&anchor, self.zone_pem(zone).as_bytes())?;
        }
        for seat in Seat::all() {
            let list = self.revocation_list(seat, now, next_update)?;
            folder::write_public(&folder.join(format!("{seat}.crl.pem")), list.as_bytes())?;
        }
        Ok(())
    }

    fn ensure_files(
        &self,
        folder: &Path,
        name: &str,
        zone: Zone,
        now: Timestamp,
        issue: impl FnOnce() -> Result<Issued, PkiError>,
    ) -> Result<CertificateFiles, PkiError> {
        let files = CertificateFiles::of(folder, name);
        if let Some(chain) = folder::read(&files.chain)?
            && folder::read(&files.key)?.is_some()
            && chain.ends_with(self.zone_pem(zone))
            && is_valid(&chain, now)
        {
            return Ok(files);
        }
        issue()?.store(folder, name)
    }

    fn signer(&self, zone: Zone) -> &Signer {
        self.zones.get(&zone).expect("ensure makes a CA for every zone")
    }

    fn revocations(&self, seat: Seat) -> PathBuf {
        seat.folder(&self.folder).join("revoked.json")
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Issued {
    /// Reads certificate and key back from where `ensure_*` put them.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`].
    pub fn load(files: &CertificateFiles) -> Result<Self, PkiError> {
        let text = |path: &PathBuf| {
            folder::read(path)?.ok_or_else(|| PkiError::Damaged { path: path.clone() })
        };
        Ok(Self { chain_pem: text(&files.chain)?, key_pem: text(&files.key)? })
    }

    /// Writes `<name>.pem` and `<name>.key.pem` into `folder`, in place of what is there.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`].
    pub fn store(&self, folder: &Path, name: &str) -> Result<CertificateFiles, PkiError> {
        let files = CertificateFiles::of(folder, name);
        // Without its old chain a new key is never taken for the old one's, whenever we are killed.
        remove(&files.chain)?;
        folder::write_private(&files.key, self.key_pem.as_bytes())?;
        folder::write_public(&files.chain, self.chain_pem.as_bytes())?;
        Ok(files)
    }

    /// Answers the certificate itself, DER.
    ///
    /// # Errors
    ///
    /// [`PkiError::Make`] when the chain holds no certificate.
    pub fn leaf(&self) -> Result<CertificateDer<'static>, PkiError> {
        leaf_of(&self.chain_pem)
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("chain_pem", &self.chain_pem).finish_non_exhaustive()
    }
}

fn issue(signer: &Signer, params: &CertificateParams) -> Result<Issued, PkiError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.signed_by(&key, &signer.issuer)?;
    Ok(Issued {
        chain_pem: format!("{}{}", certificate.pem(), signer.pem),
        key_pem: key.serialize_pem(),
    })
}

fn is_valid(chain_pem: &str, now: Timestamp) -> bool {
    let Some(leaf) = leaf(chain_pem) else { return false };
    X509Certificate::from_der(&leaf)
        .is_ok_and(|(_, found)| found.validity().not_after.timestamp() > now.0 / 1000)
}

fn leaf(chain_pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(chain_pem.as_bytes()).next()?.ok()
}

pub(super) fn leaf_of(chain_pem: &str) -> Result<CertificateDer<'static>, PkiError> {
    leaf(chain_pem).ok_or(PkiError::Make(rcgen::Error::CouldNotParseCertificate))
}

fn remove(path: &Path) -> Result<(), PkiError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(PkiError::File { path: path.to_owned(), verb: "written", source })
        }
        _ => Ok(()),
    }
}
