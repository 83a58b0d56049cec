//! Stops decompression bombs before the renderer meets them.

use kakehashi_ingest_core::inspection::Refusal;
use kakehashi_kernel::limits;
use lopdf::{DecompressError, Document, Error, Object, Stream};

use crate::image;

/// Bytes one stream may inflate to: a page of 600 dpi in colour.
const STREAM_BYTES_MAX: usize = 160 * 1024 * 1024;
/// Bytes all streams together may inflate to.
const TOTAL_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// Deflate itself cannot do better than 1,032 to 1; more is filters nested to hide a bomb.
const RATIO_MAX: usize = 1_100;
/// A ratio says nothing about small streams.
const RATIO_FREE_BYTES: usize = 4 * 1024 * 1024;

/// Inflates every compressed stream once, under limits, and checks the pixels every image claims.
pub(crate) fn check(document: &Document) -> Result<(), Refusal> {
    let mut total = 0_usize;
    for stream in document.objects.values().filter_map(|object| object.as_stream().ok()) {
        if let Some(size) = image::size(document, stream) {
            let (width, height) = size?;
            if u64::from(width) * u64::from(height) > limits::PAGE_PIXELS_MAX {
                return Err(Refusal::TooLarge);
            }
        }
        total = total.saturating_add(inflated_bytes(stream)?);
        if total > TOTAL_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
    }
    Ok(())
}

/// Inflates up to the first filter that is an image codec; the renderer bounds those by their pixels.
fn inflated_bytes(stream: &Stream) -> Result<usize, Refusal> {
    let filters = match stream.dict.get(b"Filter") {
        Ok(Object::Name(name)) => vec![name.as_slice()],
        Ok(Object::Array(names)) => names.iter().filter_map(|name| name.as_name().ok()).collect(),
        _ => return Ok(0),
    };
    if filters.first().is_none_or(|filter| image::codec_of_filter(filter).is_some()) {
        return Ok(0);
    }
    match stream.decompressed_content_with_limit(STREAM_BYTES_MAX) {
        Ok(content) => {
            let ratio_limit = stream.content.len().saturating_mul(RATIO_MAX);
            let is_bomb = content.len() > RATIO_FREE_BYTES && content.len() > ratio_limit;
            if is_bomb { Err(Refusal::TooLarge) } else { Ok(content.len()) }
        }
        Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
            Err(Refusal::TooLarge)
        }
        // Damaged data and codecs further down the chain are the renderer's to judge.
        Err(_) => Ok(0),
    }
}
