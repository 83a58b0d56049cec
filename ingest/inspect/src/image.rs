//! Reads what image dictionaries say about themselves.

use kakehashi_ingest_core::inspection::{Codec, ImageFacts, Refusal};
use lopdf::{Document, Object, Stream};

use crate::tree::resolve;

/// Describes an image object; `None` for any other stream.
pub(crate) fn facts(document: &Document, stream: &Stream) -> Option<Result<ImageFacts, Refusal>> {
    let size = size(document, stream)?;
    Some(size.map(|(width, height)| {
        let codec = codec(stream);
        ImageFacts { codec, width, height, bits: bits(document, stream, codec) }
    }))
}

/// Width and height of an image object; `None` for any other stream. An image without a size that
/// makes sense is a refusal.
pub(crate) fn size(document: &Document, stream: &Stream) -> Option<Result<(u32, u32), Refusal>> {
    let subtype = stream.dict.get(b"Subtype").and_then(Object::as_name);
    let is_image = subtype.is_ok_and(|name| name == b"Image");
    is_image.then(|| {
        let side = |key| integer(document, stream, key).filter(|side| *side > 0);
        let sides =
            || Some((u32::try_from(side(b"Width")?).ok()?, u32::try_from(side(b"Height")?).ok()?));
        sides().ok_or(Refusal::Unreadable)
    })
}

/// The image codec a filter stands for; `None` for general compression.
pub(crate) fn codec_of_filter(filter: &[u8]) -> Option<Codec> {
    match filter {
        b"CCITTFaxDecode" => Some(Codec::Fax),
        b"JBIG2Decode" => Some(Codec::Jbig2),
        b"DCTDecode" => Some(Codec::Jpeg),
        b"JPXDecode" => Some(Codec::Jpeg2000),
        _ => None,
    }
}

fn codec(stream: &Stream) -> Codec {
    let last = stream.filters().ok().and_then(|filters| filters.last().copied());
    last.and_then(codec_of_filter).unwrap_or(Codec::Plain)
}

fn bits(document: &Document, stream: &Stream, codec: Codec) -> u8 {
    let is_mask = stream.dict.get(b"ImageMask").and_then(Object::as_bool).unwrap_or(false);
    match codec {
        Codec::Fax | Codec::Jbig2 => 1,
        Codec::Jpeg | Codec::Jpeg2000 => 8,
        Codec::Plain if is_mask => 1,
        Codec::Plain => integer(document, stream, b"BitsPerComponent")
            .and_then(|bits| u8::try_from(bits).ok())
            .unwrap_or(8),
    }
}

fn integer(document: &Document, stream: &Stream, key: &[u8]) -> Option<i64> {
    resolve(document, stream.dict.get(key).ok()?)?.as_i64().ok()
}
