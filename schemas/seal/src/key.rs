//! Keys and where their randomness comes from.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

/// Fills buffers with randomness fit for keys and nonces. The operating system in production, a
/// seeded source in tests.
pub trait Entropy: Send + Sync {
    /// Overwrites all of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// A 256-bit key. Shows nothing of itself and is overwritten when dropped.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Wraps key bytes that were drawn at random or derived.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Draws a fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Derives the key for one purpose (HKDF-SHA-256, RFC 5869, empty salt).
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "32 bytes are fewer than 255 blocks")]
    pub fn derive(&self, purpose: &str) -> Self {
        let mut derived = [0; 32];
        Hkdf::<Sha256>::new(None, &self.0)
            .expand(purpose.as_bytes(), &mut derived)
            .expect("32 bytes are fewer than 255 blocks");
        Self(derived)
    }

    /// The key bytes, for ciphers and key files.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
