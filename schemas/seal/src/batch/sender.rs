//! Who sends a batch: a code, and the key its manifest is signed with.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::SENDERS_MAX;
use crate::{
    Entropy, Key,
    age::{InvalidKey, fingerprint, from_bech32, to_bech32},
};

const PUBLIC_PREFIX: &str = "kakehashi-sender-";
const SECRET_PREFIX: &str = "kakehashi-sender-secret-key-";
const CODE_LENGTH_MAX: usize = 32;

/// Who sends: the code of an institution, `[A-Za-z0-9-]`, 1 to 32 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderCode(String);

/// The text is no code of a sender, or no line of a list of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sender: a code of letters, digits and hyphens, and a key")]
pub struct InvalidSender;

/// Signs manifests (Ed25519, RFC 8032). Shows nothing of itself.
#[derive(Clone)]
pub struct SenderKey(Key);

/// Verifies what a [`SenderKey`] signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderPublicKey(VerifyingKey);

/// A sender and the key it is known by. As text: code, space, key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSender {
    /// Who.
    pub code: SenderCode,
    /// Its key.
    pub key: SenderPublicKey,
}

/// The senders a registry accepts batches from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownSenders(Vec<KnownSender>);

impl SenderCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SenderKey {
    /// Draws a new one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Key::generate(entropy))
    }

    /// What others verify with.
    pub fn public(&self) -> SenderPublicKey {
        SenderPublicKey(SigningKey::from_bytes(self.0.expose()).verifying_key())
    }

    /// Its secret text, for a key file.
    pub fn expose(&self) -> Zeroizing<String> {
        let lower = Zeroizing::new(to_bech32(SECRET_PREFIX, self.0.expose()));
        Zeroizing::new(lower.to_ascii_uppercase())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer;
        SigningKey::from_bytes(self.0.expose()).sign(message).to_bytes()
    }
}

impl SenderPublicKey {
    /// Short enough to be compared over the telephone: 16 hexadecimal digits in groups of four.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.0.as_bytes())
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl KnownSenders {
    /// Whether this sender uses this key.
    pub fn knows(&self, code: &SenderCode, key: &SenderPublicKey) -> bool {
        self.0.iter().any(|known| known.code == *code && known.key == *key)
    }

    /// The senders.
    pub fn iter(&self) -> impl Iterator<Item = &KnownSender> {
        self.0.iter()
    }
}

impl FromIterator<KnownSender> for KnownSenders {
    fn from_iter<T: IntoIterator<Item = KnownSender>>(senders: T) -> Self {
        Self(senders.into_iter().collect())
    }
}

impl FromStr for KnownSenders {
    type Err = InvalidSender;

    /// Reads a list, a sender a line; empty lines and lines that begin with `#` are passed over.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lines = text.lines().map(str::trim);
        let wanted = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let senders: Vec<KnownSender> = wanted.map(str::parse).collect::<Result<_, _>>()?;
        if senders.len() > SENDERS_MAX { Err(InvalidSender) } else { Ok(Self(senders)) }
    }
}

impl FromStr for KnownSender {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (code, key) = text.split_once(' ').ok_or(InvalidSender)?;
        let key = key.trim().parse().map_err(|_| InvalidSender)?;
        Ok(Self { code: code.parse()?, key })
    }
}

impl fmt::Display for KnownSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.key)
    }
}

impl FromStr for SenderCode {
    type Err = InvalidSender;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_right = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || text.len() > CODE_LENGTH_MAX || !text.bytes().all(is_right) {
            return Err(InvalidSender);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SenderCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SenderKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_bech32(SECRET_PREFIX, text);
        bytes.map(|bytes| Self(Key::new(bytes))).ok_or(InvalidKey)
    }
}

impl FromStr for SenderPublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_bech32(PUBLIC_PREFIX, text).ok_or(InvalidKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| InvalidKey)?;
        if key.is_weak() { Err(InvalidKey) } else { Ok(Self(key)) }
    }
}

impl fmt::Display for SenderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_bech32(PUBLIC_PREFIX, self.0.as_bytes()))
    }
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderKey(… of {})", self.public())
    }
}

macro_rules! as_text {
    ($name:ty) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(SenderCode);
as_text!(SenderPublicKey);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::Counting;

    #[test]
    fn keys_read_back_and_show_no_secret() {
        let key = SenderKey::generate(&Counting::default());
        let again: SenderKey = key.expose().parse().unwrap();
        assert_eq!(again.public(), key.public());
        let public = key.public().to_string();
        assert_eq!(public.parse::<SenderPublicKey>().unwrap(), key.public());
        assert!(public.parse::<SenderKey>().is_err());
        assert!(key.expose().parse::<SenderPublicKey>().is_err());
        assert!(!format!("{key:?}").contains(key.expose().as_str()));
    }

    #[test]
    fn only_the_signed_message_verifies() {
        let key = SenderKey::generate(&Counting::default());
        let signature = key.sign(b"manifest");
        assert!(key.public().has_signed(b"manifest", &signature));
        assert!(!key.public().has_signed(b"Manifest", &signature));
        let mut changed = signature;
        changed[0] ^= 1;
        assert!(!key.public().has_signed(b"manifest", &changed));
    }

    #[test]
    fn a_list_of_senders_reads_and_a_wrong_line_is_refused() {
        let key = SenderKey::generate(&Counting::default()).public();
        let known = KnownSender { code: "1310000001".parse().unwrap(), key };
        let list: KnownSenders = format!("# hospitals\r\n\r\n{known}\r\n").parse().unwrap();
        assert!(list.knows(&known.code, &key));
        assert!(!list.knows(&"1310000002".parse().unwrap(), &key));
        assert!("1310000001".parse::<KnownSenders>().is_err());
        assert!("".parse::<SenderCode>().is_err());
        assert!("a b".parse::<SenderCode>().is_err());
    }
}
