//! Reads QR codes from a rendered page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rqrr::PreparedImage;

use crate::render::Grey;

/// Codes of one page.
const CODES_MAX: usize = 16;
/// Characters of one code. Ours have fewer than 64.
const TEXT_CHARS_MAX: usize = 512;

/// Reads the texts of the QR codes on a page. A page that confuses the reader has none.
pub(crate) fn read(page: &Grey) -> Vec<String> {
    catch_unwind(AssertUnwindSafe(|| detect(page))).unwrap_or_default()
}

/// Below this a pixel counts as black in the first try.
const BLACK_BELOW: u8 = 128;

fn detect(page: &Grey) -> Vec<String> {
    let (width, height) = (page.width() as usize, page.height() as usize);
    let mut texts = Vec::new();
    // A closure, because the reader does not name the type of its images.
    let mut is_read = |mut image: PreparedImage<_>| {
        let grids = image.detect_grids();
        let decoded = grids.iter().filter_map(|grid| grid.decode().ok());
        texts.extend(decoded.map(|(_, text)| shorten(&text)).take(CODES_MAX));
        !texts.is_empty()
    };
    // One threshold suits black and white scans, a local one uneven grey ones. Small codes are found
    // once their modules are larger than the reader's idea of noise.
    let is_black = |x, y| page.pixel(x, y) < BLACK_BELOW;
    let is_black_between = |x, y| page.between(x, y) < BLACK_BELOW;
    let _found = is_read(PreparedImage::prepare_from_bitmap(width, height, is_black))
        || is_read(PreparedImage::prepare_from_greyscale(width, height, |x, y| page.pixel(x, y)))
        || is_read(PreparedImage::prepare_from_bitmap(2 * width, 2 * height, is_black_between));
    texts.sort();
    texts.dedup();
    texts
}

fn shorten(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
