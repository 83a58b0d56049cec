//! Parses the bytes into objects, within limits.

use kakehashi_ingest_core::inspection::Refusal;
use kakehashi_kernel::limits;
use lopdf::{Document, LoadOptions};

/// The mark must begin within this many bytes.
const HEADER_BYTES_MAX: usize = 1024;
/// Bytes one object stream or cross-reference stream may inflate to.
const STRUCTURE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Loads a PDF. Damaged cross-references are repaired, since scanners and mail programs do damage them.
pub(crate) fn load(pdf: &[u8]) -> Result<Document, Refusal> {
    let mark = b"%PDF-";
    let head = pdf.get(..HEADER_BYTES_MAX + mark.len()).unwrap_or(pdf);
    if !contains(head, mark) {
        return Err(Refusal::NotAPdf);
    }
    let options = LoadOptions::with_max_decompressed_size(STRUCTURE_BYTES_MAX);
    let document = Document::load_mem_with_options(pdf, options).map_err(|error| match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => {
            Refusal::TooLarge
        }
        // A password is asked for in many ways; the mark in the file is the common part.
        _ if contains(pdf, b"/Encrypt") => Refusal::Encrypted,
        _ => Refusal::Unreadable,
    })?;
    // An empty password opens silently, but the sender's software still meant to lock the file.
    if document.was_encrypted() || document.trailer.has(b"Encrypt") {
        return Err(Refusal::Encrypted);
    }
    if document.objects.len() > limits::PDF_OBJECTS_MAX {
        return Err(Refusal::TooLarge);
    }
    Ok(document)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
