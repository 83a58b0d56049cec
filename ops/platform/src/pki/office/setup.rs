//! Setting up: a root, and zones whose CAs are certified by files carried to it and back.

use kakehashi_contract::Zone;
use kakehashi_kernel::{Sensitive, Sha256Digest, Timestamp};
use rcgen::PKCS_ECDSA_P256_SHA256;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Office, issue::Plan};
use crate::pki::{
    Network, Origin, PkiError, Seat, Serial, Serials, SigningRequest, Subject, Validity,
    act::Act,
    authority::leaf_of,
    folder, key_file, profile,
    profiles::issuing_params,
    signer::{Signer, certificate_path, key_path},
};

const REQUEST: &str = "request.pem";

impl Office {
    /// Makes the root: key, self-signed certificate, both in `root/`. Answers the certificate, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError::Exists`] when there is one.
    pub fn make_root(
        &mut self,
        days: Option<u16>,
        passphrase: Option<&Sensitive<String>>,
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<String, PkiError> {
        let path = Seat::Root.folder(&self.folder);
        if certificate_path(&path).exists() || key_path(&path).exists() {
            return Err(PkiError::Exists { path });
        }
        let validity = Validity::days(now, days.unwrap_or(self.profiles.root.days));
        let serial = Serial::draw(serials)?;
        let params = profile::root(validity, serial.bytes().ok_or(PkiError::Random)?);
        let signer = Signer::make_root(&path, params, passphrase)?;
        self.installed(Seat::Root, &signer.pem, now)?;
        Ok(signer.pem)
    }

    /// Makes a zone's key, or takes the one a first attempt made, and answers the request for the root, PEM.
    ///
    /// # Errors
    ///
    /// [`PkiError::Exists`] when the zone's CA is complete.
    pub fn request_zone(
        &mut self,
        zone: Zone,
        passphrase: Option<&Sensitive<String>>,
        now: Timestamp,
    ) -> Result<String, PkiError> {
        let path = Seat::Zone(zone).folder(&self.folder);
        if certificate_path(&path).exists() {
            return Err(PkiError::Exists { path });
        }
        if let Some(request) = folder::read(&path.join(REQUEST))? {
            return Ok(request);
        }
        let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let request = SigningRequest::make(&key)?;
        let spki = SigningRequest::parse(request.as_bytes())?.spki();
        key_file::store(&key_path(&path), &key, passphrase)?;
        folder::write_public(&path.join(REQUEST), request.as_bytes())?;
        self.tell(now, Act::CaRequest { seat: Seat::Zone(zone), spki })?;
        Ok(request)
    }

    /// Certifies a zone's CA with the root's key. Answers its certificate, PEM.
    ///
    /// `dns` and `networks` are added to the names that servers below the internal zone's CA may bear.
    ///
    /// # Errors
    ///
    /// [`PkiError::KeyMissing`] without the root's key, [`PkiError::Lint`].
    pub fn sign_zone(
        &mut self,
        zone: Zone,
        request: &SigningRequest,
        dns: &[String],
        networks: &[Network],
        now: Timestamp,
        serials: &dyn Serials,
    ) -> Result<String, PkiError> {
        let mut rules = self.profiles.issuing.clone();
        if !dns.iter().all(|name| crate::pki::subject::is_dns(name)) {
            return Err(crate::pki::InvalidName::Dns.into());
        }
        rules.permitted_dns.extend_from_slice(dns);
        rules.permitted_addresses.extend_from_slice(networks);
        let subject = Subject::IssuingCa { zone };
        if self.inventory.knows_key(&request.spki()) {
            return Err(self.refuse(now, &subject.to_string(), PkiError::KeyUsedBefore));
        }
        let plan = Plan {
            seat: Seat::Root,
            profile: "issuing-ca".to_owned(),
            subject,
            key: request.algorithm(),
            spki: request.spki(),
            validity: Validity::days(now, rules.days),
            origin: Origin::Command,
        };
        let build = |serial| issuing_params(zone, &rules, plan.validity, serial);
        let chain = self.sign(&plan, request.key(), &build, None, now, serials)?;
        let root = self.certificate(Seat::Root)?;
        Ok(chain.strip_suffix(&root).unwrap_or(&chain).to_owned())
    }

    /// Puts a zone's certificate beside its key after checking that they belong together and that the
    /// root signed it. The root's certificate, PEM, is kept for publishing.
    ///
    /// # Errors
    ///
    /// [`PkiError::Foreign`] when certificate, key and root do not belong together.
    pub fn install_zone(
        &mut self,
        zone: Zone,
        certificate_pem: &str,
        root_pem: &str,
        now: Timestamp,
    ) -> Result<(), PkiError> {
        let seat = Seat::Zone(zone);
        let path = seat.folder(&self.folder);
        if certificate_path(&path).exists() {
            return Err(PkiError::Exists { path });
        }
        let request = folder::read(&path.join(REQUEST))?
            .ok_or_else(|| PkiError::KeyMissing { path: path.clone() })?;
        let wanted = SigningRequest::parse(request.as_bytes())?.spki();
        let (leaf, root) = (leaf_of(certificate_pem)?, leaf_of(root_pem)?);
        let foreign = |_| PkiError::Foreign;
        let (_, found) = X509Certificate::from_der(&leaf).map_err(foreign)?;
        let (_, issuer) = X509Certificate::from_der(&root).map_err(foreign)?;
        found.verify_signature(Some(issuer.public_key())).map_err(|_| PkiError::Foreign)?;
        let is_ours = found.is_ca()
            && found.issuer().as_raw() == issuer.subject().as_raw()
            && Sha256Digest::of(found.public_key().raw) == wanted
            && found.subject().to_string().contains(&format!("Kakehashi {zone} issuing CA"));
        if !is_ours {
            return Err(PkiError::Foreign);
        }
        let trusted = self.folder.join("root.pem");
        if let Some(known) = self.root()?
            && leaf_of(&known)? != root
        {
            return Err(PkiError::Foreign);
        }
        folder::write_public(&trusted, root_pem.as_bytes())?;
        folder::write_public(&certificate_path(&path), certificate_pem.as_bytes())?;
        self.installed(seat, certificate_pem, now)
    }

    /// Answers the root's certificate, PEM, wherever it lies in this folder.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`].
    pub fn root(&self) -> Result<Option<String>, PkiError> {
        match folder::read(&certificate_path(&Seat::Root.folder(&self.folder)))? {
            Some(pem) => Ok(Some(pem)),
            None => folder::read(&self.folder.join("root.pem")),
        }
    }

    fn installed(&mut self, seat: Seat, pem: &str, now: Timestamp) -> Result<(), PkiError> {
        let leaf = leaf_of(pem)?;
        let (_, found) = X509Certificate::from_der(&leaf).map_err(|_| PkiError::Foreign)?;
        let act = Act::CaInstall {
            seat,
            serial: Serial::from_bytes(found.raw_serial()),
            certificate: Sha256Digest::of(&leaf),
            not_after: Timestamp(found.validity().not_after.timestamp() * 1000),
        };
        self.tell(now, act)
    }
}
