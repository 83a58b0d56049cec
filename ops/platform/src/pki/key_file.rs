//! A CA's private key in a file: PKCS#8 PEM of mode 0600, encrypted under a passphrase where one is given.
//!
//! Encrypted as `openssl pkcs8` reads it: PBES2 with PBKDF2-HMAC-SHA-256 (600,000 rounds) and
//! AES-256-CBC. What it does not do: remember a passphrase, or hold a key in a token (PKCS#11).

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use kakehashi_kernel::Sensitive;
use pkcs8::{
    EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument, pkcs5::pbes2,
};
use rcgen::KeyPair;

use super::{PkiError, folder};

/// Rounds of PBKDF2: a second's work for us, years for who guesses.
const ROUNDS: u32 = 600_000;
const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// Answers the passphrase of an encrypted key file. Asked only when a file needs one.
pub trait Passphrases {
    /// The passphrase that opens `key_file`; `None` when nobody has one.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`] when it cannot be read.
    fn passphrase(&self, key_file: &Path) -> Result<Option<Sensitive<String>>, PkiError>;
}

/// For keys without a passphrase.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPassphrase;

impl Passphrases for NoPassphrase {
    fn passphrase(&self, _: &Path) -> Result<Option<Sensitive<String>>, PkiError> {
        Ok(None)
    }
}

impl Passphrases for Option<Sensitive<String>> {
    fn passphrase(&self, _: &Path) -> Result<Option<Sensitive<String>>, PkiError> {
        Ok(self.clone())
    }
}

/// Reads a key. A file that others may read is refused: its key may be known.
pub(super) fn load(path: &Path, passphrases: &dyn Passphrases) -> Result<KeyPair, PkiError> {
    let failed = |source| PkiError::File { path: path.to_owned(), verb: "read", source };
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PkiError::KeyMissing { path: path.to_owned() });
        }
        Err(error) => return Err(failed(error)),
    };
    if mode & 0o077 != 0 {
        return Err(PkiError::KeyTooOpen { path: path.to_owned() });
    }
    let text = Sensitive::new(fs::read_to_string(path).map_err(failed)?);
    let damaged = || PkiError::Damaged { path: path.to_owned() };
    let (label, document) = SecretDocument::from_pem(text.expose()).map_err(|_| damaged())?;
    let plain = match label {
        PLAIN => document,
        ENCRYPTED => decrypt(path, &document, passphrases)?,
        _ => return Err(damaged()),
    };
    KeyPair::try_from(plain.as_bytes()).map_err(|_| damaged())
}

fn decrypt(
    path: &Path,
    document: &SecretDocument,
    passphrases: &dyn Passphrases,
) -> Result<SecretDocument, PkiError> {
    let passphrase = passphrases
        .passphrase(path)?
        .ok_or_else(|| PkiError::PassphraseMissing { path: path.to_owned() })?;
    EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .map_err(|_| PkiError::Damaged { path: path.to_owned() })?
        .decrypt(passphrase.expose().as_bytes())
        .map_err(|_| PkiError::PassphraseWrong { path: path.to_owned() })
}

/// Writes a key, encrypted when there is a passphrase.
pub(super) fn store(
    path: &Path,
    key: &KeyPair,
    passphrase: Option<&Sensitive<String>>,
) -> Result<(), PkiError> {
    let Some(passphrase) = passphrase else {
        return folder::write_private(path, key.serialize_pem().as_bytes());
    };
    let (mut salt, mut vector) = ([0; 16], [0; 16]);
    getrandom::fill(&mut salt).map_err(|_| PkiError::Random)?;
    getrandom::fill(&mut vector).map_err(|_| PkiError::Random)?;
    let damaged = || PkiError::Damaged { path: PathBuf::from(path) };
    let rules = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, vector)
        .map_err(|_| damaged())?;
    let plain = key.serialize_der();
    let encrypted = PrivateKeyInfoRef::try_from(plain.as_slice())
        .map_err(|_| damaged())?
        .encrypt_with_params(rules, passphrase.expose().as_bytes())
        .map_err(|_| damaged())?;
    let text = encrypted.to_pem(ENCRYPTED, LineEnding::LF).map_err(|_| damaged())?;
    folder::write_private(path, text.as_bytes())
}
