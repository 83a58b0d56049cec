//! The manifest of a lot: what the contractor is handed and must give back.

use kakehashi_kernel::{CivilDate, DocumentId, FormKey, LotId, LotNumber, Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// One page image (PNG).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageImage {
    /// 1-based page number in the scan.
    pub number: u32,
    /// Digest of the PNG.
    pub digest: Sha256Digest,
    /// Size of the PNG.
    pub size_bytes: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// One document of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestDocument {
    /// The document.
    pub document: DocumentId,
    /// 1 for the first time round; more for a correction.
    pub round: u32,
    /// Its pages, in order.
    pub pages: Vec<PageImage>,
}

/// A sealed lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The lot.
    pub lot: LotId,
    /// The number people use.
    pub number: LotNumber,
    /// The one form version of all its documents.
    pub form: FormKey,
    /// When it was sealed.
    pub sealed_at: Timestamp,
    /// The day the return is due.
    pub due: CivilDate,
    /// 1 to [`kakehashi_kernel::limits::LOT_DOCUMENTS_MAX`] documents.
    pub documents: Vec<ManifestDocument>,
}
