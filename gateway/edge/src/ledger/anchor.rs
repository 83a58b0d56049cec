//! Anchors: where the chain stood, sealed, to be kept where nobody can put it back together with the
//! ledger. One JSON line each.

use kakehashi_contract::{AuditKey, AuditSealer};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CHAIN, LedgerBroken};

/// Where the chain stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Which chain.
    pub chain: String,
    /// The last entry then.
    pub sequence: u64,
    /// Its digest.
    pub digest: Sha256Digest,
    /// When the anchor was made.
    pub at: Timestamp,
    /// Keyed digest over all of it.
    pub seal: Sha256Digest,
}

impl Anchor {
    pub(super) fn new(
        sealer: &AuditSealer,
        sequence: u64,
        digest: Sha256Digest,
        at: Timestamp,
    ) -> Self {
        let seal = seal(sealer, CHAIN, sequence, digest, at);
        Self { chain: CHAIN.to_owned(), sequence, digest, at, seal }
    }
}

fn seal(
    sealer: &AuditSealer,
    chain: &str,
    sequence: u64,
    digest: Sha256Digest,
    at: Timestamp,
) -> Sha256Digest {
    let (number, at) = (sequence.to_be_bytes(), at.0.to_be_bytes());
    sealer.seal(&[b"anchor", chain.as_bytes(), &number, digest.as_bytes(), &at])
}

/// Reads anchors, one JSON object a line; empty lines do not count.
///
/// # Errors
///
/// [`LedgerBroken::Anchor`] for one that is malformed, of another chain, or not sealed with this key.
pub fn read_anchors(text: &str, key: &AuditKey) -> Result<Vec<Anchor>, LedgerBroken> {
    sealed_anchors(text, &AuditSealer::new(key))
}

pub(super) fn sealed_anchors(
    text: &str,
    sealer: &AuditSealer,
) -> Result<Vec<Anchor>, LedgerBroken> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let anchor: Anchor = serde_json::from_str(line).map_err(|_| LedgerBroken::Anchor)?;
            let Anchor { chain, sequence, digest, at, .. } = &anchor;
            let is_ours =
                chain == CHAIN && anchor.seal == seal(sealer, chain, *sequence, *digest, *at);
            is_ours.then_some(anchor).ok_or(LedgerBroken::Anchor)
        })
        .collect()
}
