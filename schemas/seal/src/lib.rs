//! Sealed objects, sealed fields and blind indexes (XChaCha20-Poly1305, HKDF and HMAC with SHA-256), and
//! sealed batches (age files with a signed manifest).
//!
//! Pure: keys and randomness are passed in. It does not store keys and does not read files.

pub mod age;
pub mod batch;
mod field;
mod frames;
mod index;
mod key;

pub use field::{open_field, seal_field};
pub use frames::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FrameHeader, FrameOpener, FrameSealer, OBJECT_MAGIC,
    open_object, seal_object,
};
pub use index::blind_index;
pub use key::{Entropy, Key};

/// Why sealed bytes do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Changed, moved to another place, or sealed under another key.
    #[error("sealed bytes do not authenticate")]
    NotAuthentic,
    /// The end is missing.
    #[error("sealed bytes end too early")]
    Truncated,
    /// Not our format, or beyond its limits.
    #[error("bytes are not in the sealed format")]
    Malformed,
}
