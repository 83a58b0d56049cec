//! Key and chain as one password-protected file for a browser or Windows (PKCS#12, RFC 7292).

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Issued, PkiError};

impl Issued {
    /// Bundles key and chain under `password`, shown in the browser as `alias`.
    ///
    /// AES-256 with PBKDF2 and HMAC-SHA-256, which Windows 10, macOS 12, Firefox and Chromium read.
    ///
    /// # Errors
    ///
    /// [`PkiError::Bundle`].
    pub fn bundle(&self, alias: &str, password: &str) -> Result<Vec<u8>, PkiError> {
        let damaged = |_| PkiError::Make(rcgen::Error::CouldNotParseCertificate);
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(damaged)?;
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()) {
            chain.push(Certificate::from_der(&certificate.map_err(damaged)?)?);
        }
        let entry = PrivateKeyChain::new(
            alias.as_bytes().to_vec(),
            PrivateKey::from_der(key.secret_der())?,
            chain,
        );
        let mut store = KeyStore::new();
        store.add_entry(alias, KeyStoreEntry::PrivateKeyChain(entry));
        Ok(store.writer(password).write()?)
    }
}
