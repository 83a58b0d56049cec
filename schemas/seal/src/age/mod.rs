//! The age file format, version 1, for X25519 recipients: <https://age-encryption.org/v1>.
//!
//! ```text
//! file    = header nonce[16] chunk* last-chunk
//! header  = "age-encryption.org/v1\n" stanza+ "--- " mac "\n"
//! chunk   = ChaCha20-Poly1305(64 KiB)     the last one may be shorter and says so in its nonce
//! ```
//!
//! What it does not do: passphrases, plugins, armour, other kinds of recipients. Files for several
//! recipients open if one of them is ours, whatever the others are.

mod bech32;
mod header;
mod keys;
mod stream;

pub(crate) use bech32::{decode as from_bech32, encode as to_bech32};
pub(crate) use keys::fingerprint;
pub use keys::{Identity, InvalidKey, Recipient};
pub use stream::{AgeOpener, AgeSealer};

/// Recipients of one file at most.
pub const RECIPIENTS_MAX: usize = 20;

/// Why a file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AgeRefusal {
    /// Not an age file.
    #[error("not an age file")]
    NotAge,
    /// An age file as text (`age -a`).
    #[error("an armoured age file")]
    Armoured,
    /// Its header cannot be read.
    #[error("the header of the age file is malformed")]
    MalformedHeader,
    /// None of our identities is among its recipients.
    #[error("the file is encrypted to somebody else")]
    NotForUs,
    /// Somebody changed the header.
    #[error("the header of the age file was changed")]
    HeaderChanged,
    /// The end is missing.
    #[error("the file ends too early")]
    CutOff,
    /// Bytes were changed, added, or cut off inside a chunk.
    #[error("the file was changed or ends too early")]
    Damaged,
}
