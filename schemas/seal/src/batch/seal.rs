//! From checked forms to a sealed batch, as they stream by.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    BATCH_BYTES_MAX, BatchManifest, MANIFEST_BYTES_MAX, SenderKey,
    tar::{self, BLOCK_BYTES},
};
use crate::{
    Entropy,
    age::{AgeRefusal, AgeSealer, Recipient},
};

/// Names of the members, in order.
pub(super) const MEMBERS: [&str; 3] = ["manifest.json", "manifest.sig", "batch.xml"];

/// Seals one batch. The manifest comes first, so the forms' digest and size must be known before: the
/// caller writes them somewhere (sealed) while checking, and reads them back into this.
pub struct BatchSealer {
    age: AgeSealer,
    left: u64,
    size: u64,
}

/// A batch cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No recipients, too many, or one that is not a real key.
    #[error("the recipients cannot be used")]
    Recipients(#[source] AgeRefusal),
    /// Manifest or forms are beyond the limits.
    #[error("the batch is too large")]
    TooLarge,
    /// More or fewer bytes came than the manifest says.
    #[error("the forms are not those of the manifest")]
    WrongSize,
}

impl BatchSealer {
    /// Signs the manifest and writes everything before the forms to `out`. `modified_seconds` is what
    /// `tar t` will show, since 1970.
    ///
    /// # Errors
    ///
    /// [`SealError`].
    pub fn new(
        manifest: &BatchManifest,
        key: &SenderKey,
        recipients: &[Recipient],
        modified_seconds: u64,
        entropy: &dyn Entropy,
        out: &mut Vec<u8>,
    ) -> Result<Self, SealError> {
        let json = manifest.to_json();
        let size = manifest.content.bytes;
        if json.len() > MANIFEST_BYTES_MAX || size > BATCH_BYTES_MAX {
            return Err(SealError::TooLarge);
        }
        let signature = STANDARD.encode(key.sign(&json)) + "\n";
        let age = AgeSealer::new(recipients, entropy, out).map_err(SealError::Recipients)?;
        let mut sealer = Self { age, left: size, size };
        let [manifest_name, signature_name, content_name] = MEMBERS;
        for (name, bytes) in [(manifest_name, &*json), (signature_name, signature.as_bytes())] {
            let length = bytes.len() as u64;
            sealer.age.seal(&tar::header(name, length, modified_seconds), out);
            sealer.age.seal(bytes, out);
            sealer.pad(length, out);
        }
        sealer.age.seal(&tar::header(content_name, size, modified_seconds), out);
        Ok(sealer)
    }

    /// Takes the next bytes of the forms.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongSize`] when there are more than the manifest says.
    pub fn seal(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        self.left = self.left.checked_sub(content.len() as u64).ok_or(SealError::WrongSize)?;
        self.age.seal(content, out);
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongSize`] when there were fewer bytes than the manifest says.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        if self.left > 0 {
            return Err(SealError::WrongSize);
        }
        self.pad(self.size, out);
        self.age.seal(&[0; 2 * BLOCK_BYTES], out);
        self.age.finish(out);
        Ok(())
    }

    fn pad(&mut self, size: u64, out: &mut Vec<u8>) {
        let zeros = [0; BLOCK_BYTES];
        self.age.seal(zeros.get(..tar::padding(size)).unwrap_or_default(), out);
    }
}
