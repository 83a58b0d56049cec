//! The audit trail: entries chained by keyed digest, so that any entry changed, removed or swapped
//! shows, also at the end of the chain (the head is kept apart and keyed too).
//!
//! Entries hold ids and codes only.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The key of one component's audit chain.
#[derive(Clone)]
pub struct AuditKey([u8; 32]);

impl AuditKey {
    /// Wraps key bytes that were drawn at random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Digests many entries under one key: the key's own part of the work is done once.
#[derive(Clone)]
pub struct AuditSealer(Hmac<Sha256>);

impl AuditSealer {
    /// Takes the key of a chain.
    pub fn new(key: &AuditKey) -> Self {
        Self(hmac(key))
    }

    /// Answers what stands before the first entry of the chain named `chain`.
    pub fn start(&self, chain: &str) -> Sha256Digest {
        self.seal(&[b"start", chain.as_bytes()])
    }

    /// Answers the digest of the entry `sequence`. `fields`: actor, action, subject, outcome, detail.
    pub fn entry(
        &self,
        previous: Sha256Digest,
        sequence: u64,
        at: Timestamp,
        fields: [&str; 5],
    ) -> Sha256Digest {
        let (number, at) = (sequence.to_be_bytes(), at.0.to_be_bytes());
        let [actor, action, subject, outcome, detail] = fields.map(str::as_bytes);
        let previous = previous.as_bytes();
        self.seal(&[b"entry", previous, &number, &at, actor, action, subject, outcome, detail])
    }

    /// Answers the head of a chain that ends with `digest`.
    pub fn head(&self, entries: u64, digest: Sha256Digest) -> AuditHead {
        let seal = self.seal(&[b"head", &entries.to_be_bytes(), digest.as_bytes()]);
        AuditHead { entries, digest, seal }
    }

    /// HMAC-SHA-256 over length-prefixed parts, so that no two lists of parts give the same bytes. The
    /// first part says what for.
    pub fn seal(&self, parts: &[&[u8]]) -> Sha256Digest {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Sha256Digest::from_bytes(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for AuditSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditSealer(…)")
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(…)")
    }
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFact {
    /// Who: an [`crate::Identity`] as text, an account id, or the component itself.
    pub actor: String,
    /// What: `scan.receive`, `record.view`, `request` …
    pub action: String,
    /// Of what: an id or a route.
    pub subject: String,
    /// `ok`, or a code that says why not.
    pub outcome: String,
    /// Request id, or further codes. May be empty.
    pub detail: String,
}

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// 1 for the first entry, then one more each.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub fact: AuditFact,
    /// Keyed digest over the previous entry's digest and everything above.
    pub digest: Sha256Digest,
}

/// The end of a chain, kept apart from its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Entries in the chain.
    pub entries: u64,
    /// The last entry's digest, or the empty chain's.
    pub digest: Sha256Digest,
    /// Keyed digest over the two above.
    pub seal: Sha256Digest,
}

/// Where a chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditBroken {
    /// An entry's content or place is not what was written.
    #[error("audit entry {sequence} was changed, or the entry before it was removed or moved")]
    Entry {
        /// The sequence number where the chain first fails.
        sequence: u64,
    },
    /// Entries are missing at the end, or there are more than were written.
    #[error("the audit chain ends at entry {found}, but {expected} entries were written")]
    End {
        /// What the head says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The head itself was changed.
    #[error("the head of the audit chain was changed")]
    Head,
}

impl AuditHead {
    /// The head of a chain without entries.
    pub fn empty(key: &AuditKey, chain: &str) -> Self {
        let sealer = AuditSealer::new(key);
        sealer.head(0, sealer.start(chain))
    }

    fn sealed(key: &AuditKey, entries: u64, digest: Sha256Digest) -> Self {
        AuditSealer::new(key).head(entries, digest)
    }

    /// Appends a fact: answers the entry to store and the new head to store with it.
    pub fn append(&self, key: &AuditKey, at: Timestamp, fact: AuditFact) -> (AuditEntry, Self) {
        let sequence = self.entries + 1;
        let digest = entry_digest(key, self.digest, sequence, at, &fact);
        (AuditEntry { sequence, at, fact, digest }, Self::sealed(key, sequence, digest))
    }
}

/// Verifies a chain entry by entry, in constant memory.
pub struct AuditVerifier<'a> {
    key: &'a AuditKey,
    entries: u64,
    digest: Sha256Digest,
}

impl<'a> AuditVerifier<'a> {
    /// Starts at the beginning of the chain named `chain`.
    pub fn new(key: &'a AuditKey, chain: &str) -> Self {
        Self { key, entries: 0, digest: AuditHead::empty(key, chain).digest }
    }

    /// Takes the next entry in the order they are stored.
    ///
    /// # Errors
    ///
    /// [`AuditBroken::Entry`] at the first entry that does not follow from the ones before.
    pub fn take(&mut self, entry: &AuditEntry) -> Result<(), AuditBroken> {
        let sequence = self.entries + 1;
        let expected = entry_digest(self.key, self.digest, sequence, entry.at, &entry.fact);
        if entry.sequence != sequence || entry.digest != expected {
            return Err(AuditBroken::Entry { sequence });
        }
        self.entries = sequence;
        self.digest = entry.digest;
        Ok(())
    }

    /// Compares with the head and answers the number of entries.
    ///
    /// # Errors
    ///
    /// [`AuditBroken::Head`] or [`AuditBroken::End`].
    pub fn finish(self, head: &AuditHead) -> Result<u64, AuditBroken> {
        if *head != AuditHead::sealed(self.key, head.entries, head.digest) {
            return Err(AuditBroken::Head);
        }
        if head.entries != self.entries || head.digest != self.digest {
            return Err(AuditBroken::End { expected: head.entries, found: self.entries });
        }
        Ok(self.entries)
    }
}

fn hmac(key: &AuditKey) -> Hmac<Sha256> {
    Hmac::new_from_slice(&key.0).expect("HMAC takes a key of any length")
}

fn entry_digest(
    key: &AuditKey,
    previous: Sha256Digest,
    sequence: u64,
    at: Timestamp,
    fact: &AuditFact,
) -> Sha256Digest {
    let fields = [&*fact.actor, &*fact.action, &*fact.subject, &*fact.outcome, &*fact.detail];
    AuditSealer::new(key).entry(previous, sequence, at, fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AuditKey {
        AuditKey::new([7; 32])
    }

    fn chain(count: u64) -> (Vec<AuditEntry>, AuditHead) {
        let mut head = AuditHead::empty(&key(), "test");
        let mut entries = Vec::new();
        for n in 0..count {
            let fact = AuditFact {
                actor: "a".into(),
                action: "view".into(),
                subject: n.to_string(),
                outcome: "ok".into(),
                detail: String::new(),
            };
            let (entry, next) = head.append(&key(), Timestamp(60), fact);
            entries.push(entry);
            head = next;
        }
        (entries, head)
    }

    fn verify(entries: &[AuditEntry], head: &AuditHead) -> Result<u64, AuditBroken> {
        let key = key();
        let mut verifier = AuditVerifier::new(&key, "test");
        for entry in entries {
            verifier.take(entry)?;
        }
        verifier.finish(head)
    }

    #[test]
    fn an_untouched_chain_holds() {
        let (entries, head) = chain(5);
        assert_eq!(verify(&entries, &head), Ok(5));
        let (none, empty) = chain(0);
        assert_eq!(verify(&none, &empty), Ok(0));
    }

    #[test]
    fn a_changed_entry_shows() {
        let (mut entries, head) = chain(5);
        entries[2].fact.outcome = "refused".into();
        assert_eq!(verify(&entries, &head), Err(AuditBroken::Entry { sequence: 3 }));
    }

    #[test]
    fn text_moved_between_fields_shows() {
        let (mut entries, head) = chain(1);
        entries[0].fact.actor = String::new();
        entries[0].fact.action = "aview".into();
        assert_eq!(verify(&entries, &head), Err(AuditBroken::Entry { sequence: 1 }));
    }

    #[test]
    fn a_removed_entry_shows_also_at_the_end() {
        let (mut entries, head) = chain(5);
        entries.pop();
        assert_eq!(verify(&entries, &head), Err(AuditBroken::End { expected: 5, found: 4 }));
        let (mut entries, head) = chain(5);
        entries.remove(1);
        assert_eq!(verify(&entries, &head), Err(AuditBroken::Entry { sequence: 2 }));
    }

    #[test]
    fn swapped_entries_show() {
        let (mut entries, head) = chain(5);
        entries.swap(1, 2);
        assert_eq!(verify(&entries, &head), Err(AuditBroken::Entry { sequence: 2 }));
    }

    #[test]
    fn a_head_rewritten_without_the_key_shows() {
        let (mut entries, mut head) = chain(5);
        entries.pop();
        head.entries = 4;
        head.digest = entries[3].digest;
        assert_eq!(verify(&entries, &head), Err(AuditBroken::Head));
    }
}
