//! What a batch says about itself, signed.

use kakehashi_kernel::{CivilDate, Sha256Digest};
use serde::{Deserialize, Serialize};

use super::{SenderCode, SenderPublicKey};

/// The version of the batch format this code writes, and the newest it reads.
pub const BATCH_FORMAT: u32 = 1;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchManifest {
    /// [`BATCH_FORMAT`].
    pub format: u32,
    /// Who sends it.
    pub sender: SenderCode,
    /// The key the manifest is signed with.
    pub sender_key: SenderPublicKey,
    /// When it was sealed, RFC 3339 in UTC.
    pub created: String,
    /// What sealed it.
    pub tool: BatchTool,
    /// What it was checked with.
    pub definitions: Definitions,
    /// How many forms of each version are inside.
    pub forms: Vec<BatchForms>,
    /// How many forms there are in all.
    pub forms_count: u64,
    /// SHA-256 over one line per form, in order: the SHA-256 of its canonical form in hexadecimal digits and a
    /// line feed. What the forms say, however they are written.
    pub forms_digest: Sha256Digest,
    /// How many forms were left out because they did not pass.
    pub left_out: u64,
    /// The file with the forms.
    pub content: BatchContent,
}

/// What sealed a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTool {
    /// `kakehashi-check`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Which definitions forms were checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    /// The day they were published: later is newer.
    pub edition: CivilDate,
    /// SHA-256 over all of them.
    pub digest: Sha256Digest,
}

/// The forms of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchForms {
    /// The form version, `nanbyo/0006-000/2403`.
    pub form: String,
    /// How many.
    pub count: u64,
}

/// The file with the forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchContent {
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub digest: Sha256Digest,
}

/// What every version of a manifest says: enough to know whether we can read it.
#[derive(Deserialize)]
pub(super) struct AnyManifest {
    pub(super) format: u32,
}

impl BatchManifest {
    /// Writes it as it is signed: JSON with indentation, so that a person can read it.
    #[expect(clippy::missing_panics_doc, reason = "no map with odd keys, no number out of range")]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a manifest is plain data");
        json.push(b'\n');
        json
    }
}
