//! What the envelopes of devices have in common: JSON of bounded size, and one version.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::PkiError;

/// Bytes of an envelope at most.
pub const ENVELOPE_BYTES_MAX: usize = 64 * 1024;

/// The only version there is: 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub(super) struct Version;

impl TryFrom<u8> for Version {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number == 1 { Ok(Self) } else { Err("another version") }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        1
    }
}

/// Reads an envelope.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PkiError> {
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(PkiError::Envelope);
    }
    serde_json::from_slice(bytes).map_err(|_| PkiError::Envelope)
}

/// Writes an envelope as a file.
pub(super) fn to_json(envelope: &impl Serialize) -> String {
    serde_json::to_string_pretty(envelope).unwrap_or_default()
}
