//! A CA's certificate together with its key: what signs.

use std::path::{Path, PathBuf};

use kakehashi_kernel::Sensitive;
use rcgen::{CertificateParams, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{PkiError, authority::leaf_of, folder, key_file, key_file::Passphrases};

pub(super) struct Signer {
    pub(super) pem: String,
    pub(super) issuer: Issuer<'static, KeyPair>,
}

pub(super) fn certificate_path(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

pub(super) fn key_path(folder: &Path) -> PathBuf {
    folder.join("key.pem")
}

impl Signer {
    /// Opens a CA that is there.
    pub(super) fn open(folder: &Path, passphrases: &dyn Passphrases) -> Result<Self, PkiError> {
        let path = certificate_path(folder);
        let pem =
            folder::read(&path)?.ok_or_else(|| PkiError::KeyMissing { path: folder.to_owned() })?;
        let key = key_file::load(&key_path(folder), passphrases)?;
        let damaged = || PkiError::Damaged { path: path.clone() };
        let der = leaf_of(&pem).map_err(|_| damaged())?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
        if certificate.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            return Err(damaged());
        }
        let issuer = Issuer::from_ca_cert_pem(&pem, key).map_err(|_| damaged())?;
        Ok(Self { pem, issuer })
    }

    /// Makes a root: key first, so that the certificate's presence says that both are complete.
    pub(super) fn make_root(
        folder: &Path,
        params: CertificateParams,
        passphrase: Option<&Sensitive<String>>,
    ) -> Result<Self, PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pem = params.self_signed(&key)?.pem();
        key_file::store(&key_path(folder), &key, passphrase)?;
        folder::write_public(&certificate_path(folder), pem.as_bytes())?;
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// Opens a CA, or makes it without a passphrase when it is not there yet.
    pub(super) fn ensure<'a>(
        folder: &Path,
        profile: impl FnOnce() -> Result<(CertificateParams, Option<&'a Self>), PkiError>,
    ) -> Result<Self, PkiError> {
        if folder::read(&certificate_path(folder))?.is_some() {
            return Self::open(folder, &key_file::NoPassphrase).map_err(|error| match error {
                PkiError::KeyMissing { path } => PkiError::Damaged { path },
                other => other,
            });
        }
        let (params, parent) = profile()?;
        let Some(parent) = parent else { return Self::make_root(folder, params, None) };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pem = params.signed_by(&key, &parent.issuer)?.pem();
        key_file::store(&key_path(folder), &key, None)?;
        folder::write_public(&certificate_path(folder), pem.as_bytes())?;
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    pub(super) fn der(&self) -> Result<CertificateDer<'static>, PkiError> {
        leaf_of(&self.pem)
    }

    /// An issuer of the same name and key identifier whose signature nobody accepts: what it signs is
    /// looked at before the real key is used.
    pub(super) fn rehearsal(&self) -> Result<Issuer<'static, KeyPair>, PkiError> {
        let key = KeyPair::generate_for(self.issuer.key().algorithm())?;
        Ok(Issuer::from_ca_cert_pem(&self.pem, key)?)
    }
}
