//! Where objects lie. Keys hold ids and numbers only, never anything about a person.
//!
//! The first part of a key names the sealing key: `original` is ingest's alone, `released` is shared
//! by ingest, converter and registry, `lot` and `return` are the converter's, `converted` is shared
//! by converter and registry.

use kakehashi_kernel::{LotId, ReturnId, ScanId};

/// The bytes as received.
pub fn original(scan: ScanId) -> String {
    format!("original/{scan}")
}

/// The disarmed PDF.
pub fn disarmed(scan: ScanId) -> String {
    format!("released/{scan}/document.pdf")
}

/// The image of the page `number` (1-based).
pub fn page(scan: ScanId, number: u32) -> String {
    format!("released/{scan}/page-{number:03}.png")
}

/// The manifest of a lot.
pub fn manifest(lot: LotId) -> String {
    format!("lot/{lot}/manifest.json")
}

/// A delivery as received.
pub fn returned(id: ReturnId) -> String {
    format!("return/{id}")
}

/// The accepted XML of one document.
pub fn converted(scan: ScanId, round: u32) -> String {
    format!("converted/{scan}/{round}.xml")
}
