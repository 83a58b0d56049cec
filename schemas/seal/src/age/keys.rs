//! Who may open a file (recipients) and who can (identities). X25519, in age's text form.

use std::{fmt, str::FromStr};

use curve25519_dalek::montgomery::MontgomeryPoint;
use kakehashi_kernel::Sha256Digest;
use zeroize::Zeroizing;

use super::bech32;
use crate::{Entropy, Key};

const RECIPIENT_PREFIX: &str = "age";
const IDENTITY_PREFIX: &str = "age-secret-key-";

/// The text is not a key of the kind wanted. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key of this kind, or mistyped")]
pub struct InvalidKey;

/// A public key, `age1…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient([u8; 32]);

/// A secret key, `AGE-SECRET-KEY-1…`. Shows nothing of itself.
#[derive(Clone)]
pub struct Identity(Key);

impl Recipient {
    /// Short enough to be compared over the telephone: 16 hexadecimal digits in groups of four.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.0)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Identity {
    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Key::generate(entropy))
    }

    /// The public key that belongs to it.
    pub fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(*self.0.expose()).to_bytes())
    }

    /// Its secret text, for a key file.
    pub fn expose(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(bech32::encode(IDENTITY_PREFIX, self.0.expose()));
        Zeroizing::new(lower.to_ascii_uppercase())
    }

    /// X25519 (RFC 7748). `None` for a point of low order, which would make the secret known.
    pub(super) fn agree(&self, with: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = MontgomeryPoint(*with).mul_clamped(*self.0.expose()).to_bytes();
        (shared != [0; 32]).then(|| Zeroizing::new(shared))
    }
}

/// The first 64 bits of a public key's SHA-256.
pub(crate) fn fingerprint(public: &[u8; 32]) -> String {
    let digest = Sha256Digest::of(public).to_string();
    let groups = [digest.get(..4), digest.get(4..8), digest.get(8..12), digest.get(12..16)];
    groups.map(Option::unwrap_or_default).join("-")
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT_PREFIX, &self.0))
    }
}

impl FromStr for Recipient {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let bytes = bech32::decode(RECIPIENT_PREFIX, text).filter(|_| is_lower);
        bytes.map(Self).ok_or(InvalidKey)
    }
}

impl FromStr for Identity {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
        let bytes = bech32::decode(IDENTITY_PREFIX, text).filter(|_| is_upper);
        bytes.map(|bytes| Self(Key::new(bytes))).ok_or(InvalidKey)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(… of {})", self.recipient())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::Counting;

    #[test]
    fn keys_read_back_from_their_texts() {
        let identity = Identity::generate(&Counting::default());
        let text = identity.expose();
        assert!(text.starts_with("AGE-SECRET-KEY-1"), "{identity:?}");
        let again: Identity = text.parse().unwrap();
        assert_eq!(again.recipient(), identity.recipient());
        let recipient = identity.recipient().to_string();
        assert_eq!(recipient.parse::<Recipient>().unwrap(), identity.recipient());
        assert!(recipient.to_uppercase().parse::<Recipient>().is_err());
        assert!(recipient.parse::<Identity>().is_err());
    }

    #[test]
    fn debug_shows_no_secret() {
        let identity = Identity::generate(&Counting::default());
        assert!(!format!("{identity:?}").to_uppercase().contains("SECRET"));
    }
}
