//! From a sealed batch to its forms, as it streams by. Nothing of a stranger's comes out: the manifest is
//! verified before the first byte of the forms.

use base64::{Engine, engine::general_purpose::STANDARD};
use kakehashi_kernel::{Timestamp, digest::DigestWriter};

use super::{
    BATCH_BYTES_MAX, BATCH_FORMAT, BatchManifest, BatchRefusal, Definitions, KnownSenders,
    MANIFEST_BYTES_MAX,
    manifest::AnyManifest,
    seal::MEMBERS,
    tar::{self, BLOCK_BYTES, Header},
};
use crate::age::{AgeOpener, Identity};

const SIGNATURE_BYTES_MAX: u64 = 1024;
/// Bytes of headers tar programs add of their own at most.
const PASS_OVER_BYTES_MAX: u64 = 64 * 1024;
/// Such headers at most.
const PASS_OVER_MAX: u32 = 16;

/// Opens one batch.
pub struct BatchOpener {
    age: AgeOpener,
    senders: KnownSenders,
    ours: Definitions,
    /// Decrypted and not yet used.
    plain: Vec<u8>,
    expect: Expect,
    manifest_json: Vec<u8>,
    signature: Vec<u8>,
    manifest: Option<BatchManifest>,
    digest: DigestWriter,
    members: usize,
    passed_over: u32,
}

/// A batch that is what its sender signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedBatch {
    /// What it says about itself.
    pub manifest: BatchManifest,
    /// `manifest.json` as signed.
    pub manifest_json: Vec<u8>,
    /// `manifest.sig`.
    pub signature: Vec<u8>,
}

/// What comes next.
enum Expect {
    Header,
    PassOver { left: u64 },
    Member { size: u64 },
    Content { left: u64, padding: usize },
    Zeros,
}

impl BatchOpener {
    /// Starts a batch that one of `identities` should open and one of `senders` should have signed. `ours`
    /// are the definitions this program has.
    pub fn new(identities: Vec<Identity>, senders: KnownSenders, ours: Definitions) -> Self {
        Self {
            age: AgeOpener::new(identities),
            senders,
            ours,
            plain: Vec::new(),
            expect: Expect::Header,
            manifest_json: Vec::new(),
            signature: Vec::new(),
            manifest: None,
            digest: DigestWriter::default(),
            members: 0,
            passed_over: 0,
        }
    }

    /// The manifest, once it is verified.
    pub const fn manifest(&self) -> Option<&BatchManifest> {
        self.manifest.as_ref()
    }

    /// Takes the next bytes of the file; appends what is found of the forms. Those are all of the forms, and
    /// the right ones, only after [`Self::finish`].
    ///
    /// # Errors
    ///
    /// [`BatchRefusal`]. The opener is of no use then.
    pub fn push(&mut self, sealed: &[u8], content: &mut Vec<u8>) -> Result<(), BatchRefusal> {
        self.age.push(sealed, &mut self.plain)?;
        self.step(content)
    }

    /// Ends the batch; answers what it says about itself.
    ///
    /// # Errors
    ///
    /// [`BatchRefusal`] when anything is missing or not what was signed.
    pub fn finish(mut self, content: &mut Vec<u8>) -> Result<OpenedBatch, BatchRefusal> {
        self.age.finish(&mut self.plain)?;
        self.step(content)?;
        let (Expect::Zeros, Some(manifest)) = (&self.expect, self.manifest) else {
            return Err(BatchRefusal::NotABatch);
        };
        if self.digest.finish() != manifest.content.digest {
            return Err(BatchRefusal::ContentChanged);
        }
        let Self { manifest_json, signature, .. } = self;
        Ok(OpenedBatch { manifest, manifest_json, signature })
    }

    fn step(&mut self, content: &mut Vec<u8>) -> Result<(), BatchRefusal> {
        let plain = std::mem::take(&mut self.plain);
        let mut rest = plain.as_slice();
        while let Some(after) = self.take(rest, content)? {
            rest = after;
        }
        self.plain = rest.to_vec();
        Ok(())
    }

    /// Uses up something at the front of `plain` and answers the rest; `None` when it needs more.
    fn take<'p>(
        &mut self,
        plain: &'p [u8],
        content: &mut Vec<u8>,
    ) -> Result<Option<&'p [u8]>, BatchRefusal> {
        match self.expect {
            Expect::Header => {
                let Some((block, rest)) = plain.split_first_chunk::<BLOCK_BYTES>() else {
                    return Ok(None);
                };
                self.header(block)?;
                Ok(Some(rest))
            }
            Expect::PassOver { left } => {
                let (now, rest) = at_most(plain, left);
                let left = left - now.len() as u64;
                self.expect = if left == 0 { Expect::Header } else { Expect::PassOver { left } };
                Ok((!now.is_empty()).then_some(rest))
            }
            Expect::Member { size } => {
                let length = usize::try_from(size).map_err(|_| BatchRefusal::NotABatch)?;
                let Some((padded, rest)) = plain.split_at_checked(length + tar::padding(size))
                else {
                    return Ok(None);
                };
                self.member(padded.get(..length).unwrap_or_default())?;
                self.expect = Expect::Header;
                Ok(Some(rest))
            }
            Expect::Content { left, padding } if left > 0 => {
                let (now, rest) = at_most(plain, left);
                content.extend_from_slice(now);
                self.digest.update(now);
                self.expect = Expect::Content { left: left - now.len() as u64, padding };
                Ok((!now.is_empty()).then_some(rest))
            }
            Expect::Content { padding, .. } => {
                let Some((_, rest)) = plain.split_at_checked(padding) else { return Ok(None) };
                self.expect = Expect::Zeros;
                Ok(Some(rest))
            }
            Expect::Zeros if plain.iter().any(|byte| *byte != 0) => Err(BatchRefusal::NotABatch),
            // Used up; nothing may follow.
            Expect::Zeros => Ok((!plain.is_empty()).then_some(&[])),
        }
    }

    fn header(&mut self, block: &[u8; BLOCK_BYTES]) -> Result<(), BatchRefusal> {
        match tar::read(block).ok_or(BatchRefusal::NotABatch)? {
            Header::PassOver { size } if size <= PASS_OVER_BYTES_MAX => {
                self.passed_over += 1;
                if self.passed_over > PASS_OVER_MAX {
                    return Err(BatchRefusal::NotABatch);
                }
                let left = size + tar::padding(size) as u64;
                self.expect = if left == 0 { Expect::Header } else { Expect::PassOver { left } };
                Ok(())
            }
            Header::File { name, size } if MEMBERS.get(self.members) == Some(&name.as_str()) => {
                self.members += 1;
                self.expect = self.member_of(size)?;
                Ok(())
            }
            Header::File { .. } | Header::PassOver { .. } | Header::Zero => {
                Err(BatchRefusal::NotABatch)
            }
        }
    }

    /// What follows the header of the member just counted.
    fn member_of(&self, size: u64) -> Result<Expect, BatchRefusal> {
        let Some(manifest) = &self.manifest else {
            let is_manifest = self.members == 1;
            let max = if is_manifest { MANIFEST_BYTES_MAX as u64 } else { SIGNATURE_BYTES_MAX };
            return if size <= max {
                Ok(Expect::Member { size })
            } else {
                Err(BatchRefusal::NotABatch)
            };
        };
        if size != manifest.content.bytes || size > BATCH_BYTES_MAX {
            return Err(BatchRefusal::ContentChanged);
        }
        Ok(Expect::Content { left: size, padding: tar::padding(size) })
    }

    fn member(&mut self, bytes: &[u8]) -> Result<(), BatchRefusal> {
        if self.members == 1 {
            self.manifest_json = bytes.to_vec();
            return Ok(());
        }
        self.signature = bytes.to_vec();
        self.manifest = Some(self.verify(bytes)?);
        Ok(())
    }

    fn verify(&self, signature: &[u8]) -> Result<BatchManifest, BatchRefusal> {
        let any: AnyManifest = serde_json::from_slice(&self.manifest_json)
            .map_err(|_| BatchRefusal::MalformedManifest)?;
        if any.format > BATCH_FORMAT {
            return Err(BatchRefusal::NewerFormat { format: any.format });
        }
        if any.format < BATCH_FORMAT {
            return Err(BatchRefusal::MalformedManifest);
        }
        let manifest: BatchManifest = serde_json::from_slice(&self.manifest_json)
            .map_err(|_| BatchRefusal::MalformedManifest)?;
        if manifest.created.parse::<Timestamp>().is_err() {
            return Err(BatchRefusal::MalformedManifest);
        }
        if !self.senders.knows(&manifest.sender, &manifest.sender_key) {
            let fingerprint = manifest.sender_key.fingerprint();
            return Err(BatchRefusal::UnknownSender { fingerprint });
        }
        let signature = STANDARD.decode(signature.trim_ascii()).ok();
        let signature: [u8; 64] = signature
            .and_then(|signature| signature.try_into().ok())
            .ok_or(BatchRefusal::ManifestChanged)?;
        if !manifest.sender_key.has_signed(&self.manifest_json, &signature) {
            return Err(BatchRefusal::ManifestChanged);
        }
        if manifest.definitions.edition > self.ours.edition {
            let edition = manifest.definitions.edition;
            return Err(BatchRefusal::NewerDefinitions { edition });
        }
        Ok(manifest)
    }
}

fn at_most(bytes: &[u8], count: u64) -> (&[u8], &[u8]) {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    bytes.split_at(count.min(bytes.len()))
}
