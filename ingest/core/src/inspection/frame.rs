//! How the inspector answers: a JSON header and the blobs it announces, on one stream.
//!
//! `KKHI`, version, then length-prefixed frames (32 bits, big endian): the header, the disarmed PDF,
//! the page images in order. The reader trusts nothing: every length is checked against the bytes that
//! are there and the header against the limits.

use kakehashi_kernel::limits;
use serde::{Deserialize, Serialize};

use super::{Facts, Refusal};

const MAGIC: &[u8; 4] = b"KKHI";
const VERSION: u8 = 1;
/// Bytes of the header, which lists facts about at most [`limits::SCAN_PAGES_MAX`] pages.
pub const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// What the inspector says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What held the inspector while it worked.
    pub sandbox: Sandbox,
    /// What it found.
    pub answer: Answer,
}

/// Which layers of the sandbox were in force. Seccomp is not listed: without it the inspector does not
/// run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    /// No path can be opened.
    pub landlock: Layer,
    /// A user and network namespace of its own.
    pub namespaces: Layer,
}

impl Sandbox {
    /// A layer that this machine does not offer is missing. Worth a warning, not a stop.
    pub fn is_degraded(self) -> bool {
        [self.landlock, self.namespaces].iter().any(|layer| !layer.is_enforced())
    }
}

/// How far one layer is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// As intended.
    Enforced,
    /// The kernel knows only a part of it.
    Partial,
    /// The kernel or the container does not allow it.
    Unavailable,
}

impl Layer {
    /// In force, at least in part.
    pub const fn is_enforced(self) -> bool {
        match self {
            Self::Enforced | Self::Partial => true,
            Self::Unavailable => false,
        }
    }
}

/// What the inspector found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// Readable: the disarmed PDF and one image for each page follow.
    Inspected {
        /// About the PDF as received.
        facts: Facts,
        /// Width and height of each page image in pixels, in page order.
        images: Vec<(u32, u32)>,
    },
    /// Not acceptable. Nothing follows.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// The bytes are not an answer of the inspector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// Shorter than it says, or another protocol.
    #[error("the stream is cut short or not of this protocol")]
    Stream,
    /// The header is not valid or breaks a limit.
    #[error("the header is not valid")]
    Header,
    /// Blobs are missing, surplus or not what the header says.
    #[error("the blobs do not match the header")]
    Blobs,
}

/// Writes an answer. The caller passes the blobs the header announces, in order.
///
/// # Errors
///
/// [`Garbled`] when the header cannot be written or a blob is longer than a frame can say.
pub fn encode(header: &Header, blobs: &[&[u8]]) -> Result<Vec<u8>, Garbled> {
    let header = serde_json::to_vec(header).map_err(|_| Garbled::Header)?;
    if header.len() > HEADER_BYTES_MAX {
        return Err(Garbled::Header);
    }
    let blobs_bytes: usize = blobs.iter().map(|blob| blob.len() + 4).sum();
    let mut bytes = Vec::with_capacity(MAGIC.len() + 1 + 4 + header.len() + blobs_bytes);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    for frame in std::iter::once(header.as_slice()).chain(blobs.iter().copied()) {
        let length = u32::try_from(frame.len()).map_err(|_| Garbled::Blobs)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(frame);
    }
    Ok(bytes)
}

/// Reads an answer: the header and its blobs (the disarmed PDF, then the page images).
///
/// # Errors
///
/// [`Garbled`] unless the bytes are exactly one answer, within the limits, whose blobs look like what
/// they claim to be.
pub fn decode(bytes: &[u8]) -> Result<(Header, Vec<&[u8]>), Garbled> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Garbled::Stream)?;
    let rest = rest.strip_prefix(&[VERSION]).ok_or(Garbled::Stream)?;
    let (header, mut rest) = split_frame(rest)?;
    if header.len() > HEADER_BYTES_MAX {
        return Err(Garbled::Header);
    }
    let header: Header = serde_json::from_slice(header).map_err(|_| Garbled::Header)?;
    let expected = blobs_expected(&header)?;
    let mut blobs = Vec::with_capacity(expected);
    for _ in 0..expected {
        let (blob, after) = split_frame(rest)?;
        blobs.push(blob);
        rest = after;
    }
    if rest.is_empty() && look_right(&header, &blobs) {
        Ok((header, blobs))
    } else {
        Err(Garbled::Blobs)
    }
}

fn split_frame(bytes: &[u8]) -> Result<(&[u8], &[u8]), Garbled> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Garbled::Stream)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Garbled::Stream)?;
    rest.split_at_checked(length).ok_or(Garbled::Stream)
}

fn blobs_expected(header: &Header) -> Result<usize, Garbled> {
    match &header.answer {
        Answer::Refused { .. } => Ok(0),
        Answer::Inspected { facts, images } => {
            let pages_max = usize::try_from(limits::SCAN_PAGES_MAX).unwrap_or(usize::MAX);
            let numbered = facts.pages.iter().map(|page| page.number).eq(1..=count(images.len()));
            let in_bounds = images.iter().all(|(width, height)| {
                u64::from(*width) * u64::from(*height) <= limits::PAGE_PIXELS_MAX
            });
            if facts.pages.len() > pages_max || !numbered || !in_bounds {
                return Err(Garbled::Header);
            }
            Ok(1 + images.len())
        }
    }
}

/// The marks at the start of the blobs, and the image sizes, are what the header says.
fn look_right(header: &Header, blobs: &[&[u8]]) -> bool {
    match &header.answer {
        Answer::Refused { .. } => blobs.is_empty(),
        Answer::Inspected { images, .. } => {
            let Some((pdf, pngs)) = blobs.split_first() else { return false };
            pdf.starts_with(b"%PDF-")
                && pngs.iter().zip(images).all(|(png, size)| png_size(png) == Some(*size))
        }
    }
}

fn png_size(png: &[u8]) -> Option<(u32, u32)> {
    let rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")?;
    let (width, rest) = rest.split_first_chunk::<4>()?;
    let (height, _) = rest.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::PageFacts;
    use super::*;

    const SANDBOX: Sandbox = Sandbox { landlock: Layer::Enforced, namespaces: Layer::Partial };
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x04\xd8\x00\x00\x06\xda";

    fn refused() -> Header {
        Header { sandbox: SANDBOX, answer: Answer::Refused { refusal: Refusal::Encrypted } }
    }

    fn inspected() -> Header {
        let page = PageFacts {
            number: 1,
            width_pt: 595,
            height_pt: 842,
            image_only: true,
            images: vec![],
        };
        let facts = Facts {
            pdf_version: "1.4".to_owned(),
            size_bytes: 10,
            object_count: 1,
            encrypted: false,
            pages: vec![page],
            pages_claimed: 1,
            active: vec![],
            signatures: 0,
            incremental_updates: 0,
            barcodes: vec![],
        };
        Header { sandbox: SANDBOX, answer: Answer::Inspected { facts, images: vec![(1240, 1754)] } }
    }

    #[test]
    fn an_answer_survives_the_stream() {
        let bytes = encode(&inspected(), &[b"%PDF-1.7", PNG]).unwrap();
        assert_eq!(decode(&bytes), Ok((inspected(), vec![&b"%PDF-1.7"[..], PNG])));
        let bytes = encode(&refused(), &[]).unwrap();
        assert_eq!(decode(&bytes), Ok((refused(), vec![])));
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = encode(&inspected(), &[b"%PDF-1.7", PNG]).unwrap();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn surplus_bytes_missing_blobs_and_foreign_blobs_are_noticed() {
        let mut bytes = encode(&refused(), &[]).unwrap();
        bytes.push(0);
        assert_eq!(decode(&bytes), Err(Garbled::Blobs));
        let missing = encode(&inspected(), &[b"%PDF-1.7"]).unwrap();
        assert_eq!(decode(&missing), Err(Garbled::Stream));
        let foreign = encode(&inspected(), &[b"%PDF-1.7", b"GIF89a"]).unwrap();
        assert_eq!(decode(&foreign), Err(Garbled::Blobs));
        let script = encode(&inspected(), &[b"#!/bin/sh", PNG]).unwrap();
        assert_eq!(decode(&script), Err(Garbled::Blobs));
    }

    #[test]
    fn a_lying_length_does_not_allocate() {
        let mut bytes = b"KKHI\x01".to_vec();
        bytes.extend_from_slice(&u32::MAX.to_be_bytes());
        bytes.extend_from_slice(b"{}");
        assert_eq!(decode(&bytes), Err(Garbled::Stream));
    }

    #[test]
    fn a_header_with_other_pages_than_images_is_garbled() {
        let Header { sandbox, answer } = inspected();
        let Answer::Inspected { mut facts, images } = answer else { panic!("inspected") };
        facts.pages[0].number = 2;
        let header = Header { sandbox, answer: Answer::Inspected { facts, images } };
        let bytes = encode(&header, &[b"%PDF-1.7", PNG]).unwrap();
        assert_eq!(decode(&bytes), Err(Garbled::Header));
    }

    #[test]
    fn a_missing_layer_degrades_the_sandbox() {
        assert!(!SANDBOX.is_degraded());
        assert!(Sandbox { landlock: Layer::Unavailable, ..SANDBOX }.is_degraded());
    }
}
