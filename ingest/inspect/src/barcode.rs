//! Reads QR codes from rendered pages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rqrr::PreparedImage;

use crate::render::Grey;

/// Codes of one page.
const CODES_MAX: usize = 16;
/// Characters of one code. Ours have fewer than 64.
const TEXT_CHARS_MAX: usize = 512;
/// Below this a pixel counts as black in the first try.
const BLACK_BELOW: u8 = 128;
/// Pages on which small codes are looked for in vain. It takes long, and a scan without codes on its
/// first pages has none later.
const CLOSE_LOOKS_MAX: u32 = 8;

/// Reads the codes of one scan, page after page.
pub(crate) struct Reader {
    close_looks_left: u32,
}

/// How hard to look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Quick,
    Close,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { close_looks_left: CLOSE_LOOKS_MAX }
    }

    /// Reads the texts of the QR codes on a page. A page that confuses the reader has none.
    pub(crate) fn read(&mut self, page: &Grey) -> Vec<String> {
        let look = if self.close_looks_left > 0 { Look::Close } else { Look::Quick };
        let texts = catch_unwind(AssertUnwindSafe(|| detect(page, look))).unwrap_or_default();
        if texts.is_empty() {
            self.close_looks_left = self.close_looks_left.saturating_sub(1);
        }
        texts
    }
}

fn detect(page: &Grey, look: Look) -> Vec<String> {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let mut texts = Vec::new();
    // A closure, because the crate does not name the type of its images.
    let mut is_read = |mut image: PreparedImage<_>| {
        let grids = image.detect_grids();
        let decoded = grids.iter().filter_map(|grid| grid.decode().ok());
        texts.extend(decoded.map(|(_, text)| shorten(&text)).take(CODES_MAX));
        !texts.is_empty()
    };
    // One threshold suits black and white scans, a local one uneven grey ones. Small codes are found
    // once their modules are larger than the crate's idea of noise.
    let is_black = |x, y| page.pixel(x, y) < BLACK_BELOW;
    let is_black_between = |x, y| page.between(x, y) < BLACK_BELOW;
    let _found = is_read(PreparedImage::prepare_from_bitmap(width, height, is_black))
        || is_read(PreparedImage::prepare_from_greyscale(width, height, |x, y| page.pixel(x, y)))
        || look == Look::Close
            && is_read(PreparedImage::prepare_from_bitmap(2 * width, 2 * height, is_black_between));
    texts.sort();
    texts.dedup();
    texts
}

fn shorten(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
