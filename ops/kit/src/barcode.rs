//! The page barcode: a QR code with the page code and the serial of the form.

use qrcode::{Color, EcLevel, QrCode};

use crate::canvas::{Area, Canvas};

/// Side of one module in millimetres: 5.3 dots at 150 dpi, so that a rendered page can be read.
const MODULE: f32 = 0.9;
/// What a dark module lacks at an edge to a light one: scanning and thresholding make ink grow.
const BAR_REDUCTION: f32 = 0.07;

const PREFIX: &str = "KKH1";

/// Answers the text of a page's barcode: `KKH1|2403-0006-000-01|S0000007-000012`.
pub(crate) fn text(page_code: &str, serial: &str) -> String {
    format!("{PREFIX}|{page_code}|{serial}")
}

/// Draws a code with its right upper corner at a point, in millimetres. A text too long for a QR
/// code (2,300 bytes) draws nothing.
pub(crate) fn draw(canvas: &mut Canvas, right: f32, top: f32, text: &str) {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return };
    let modules = code.width();
    let Ok(side) = u16::try_from(modules) else { return };
    let left = right - f32::from(side) * MODULE;
    let colours = code.to_colors();
    let is_dark = |row: u16, column: u16| {
        let place = usize::from(row) * modules + usize::from(column);
        row < side && column < side && colours.get(place) == Some(&Color::Dark)
    };
    for (row, column) in (0..side).flat_map(|row| (0..side).map(move |column| (row, column))) {
        if !is_dark(row, column) {
            continue;
        }
        let gap = |row: u16, column: u16| if is_dark(row, column) { 0.0 } else { BAR_REDUCTION };
        let (west, east) = (gap(row, column.wrapping_sub(1)), gap(row, column + 1));
        let (north, south) = (gap(row.wrapping_sub(1), column), gap(row + 1, column));
        let (x, y) = (left + f32::from(column) * MODULE, top + f32::from(row) * MODULE);
        let area = Area::new(x + west, y + north, MODULE - west - east, MODULE - north - south);
        canvas.fill(area, 255);
    }
}

/// Reads page code and serial from a rendered page (PNG, grey or colour, 8 bits or 1 bit).
///
/// `None` when the bytes are not such a PNG or no barcode of ours can be read.
pub fn read_serial(png: &[u8]) -> Option<(String, String)> {
    let (width, height, luma) = luma(png)?;
    // The code is at the right upper corner; the whole page is the second try, for a sheet upside
    // down or cut oddly. One threshold for all dots reads more of our pages than the reader's own
    // local one, so it goes first.
    let corner = (width / 2, 0, width - width / 2, height / 4);
    [corner, (0, 0, width, height)].into_iter().find_map(|(left, top, w, h)| {
        let dot = |x: usize, y: usize| luma[(top + y) * width + left + x];
        [128, 100, 160, 60, 200]
            .into_iter()
            .find_map(|threshold| decode_bilevel(w, h, |x, y| dot(x, y) < threshold))
            .or_else(|| decode_grey(w, h, dot))
            .or_else(|| decode_grey(2 * w, 2 * h, |x, y| dot(x / 2, y / 2)))
    })
}

fn decode_bilevel(
    width: usize,
    height: usize,
    is_black: impl FnMut(usize, usize) -> bool,
) -> Option<(String, String)> {
    let mut image = rqrr::PreparedImage::prepare_from_bitmap(width, height, is_black);
    image.detect_grids().into_iter().find_map(|grid| parse(&grid.decode().ok()?.1))
}

fn decode_grey(
    width: usize,
    height: usize,
    dot: impl FnMut(usize, usize) -> u8,
) -> Option<(String, String)> {
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, dot);
    image.detect_grids().into_iter().find_map(|grid| parse(&grid.decode().ok()?.1))
}

fn parse(text: &str) -> Option<(String, String)> {
    let mut parts = text.split('|');
    let (Some(PREFIX), Some(page_code), Some(serial), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some((page_code.to_owned(), serial.to_owned()))
}

fn luma(bytes: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let mut dots = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut dots).ok()?;
    dots.truncate(frame.buffer_size());
    let step = frame.color_type.samples();
    let luma = if step < 3 {
        dots.iter().step_by(step).copied().collect()
    } else {
        // Green alone is luma enough for black on white.
        dots.iter().skip(1).step_by(step).copied().collect()
    };
    Some((usize::try_from(frame.width).ok()?, usize::try_from(frame.height).ok()?, luma))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_texts_are_parsed() {
        let text = text("2403-0006-000-01", "S0000007-000012");
        let read = parse(&text).unwrap();
        assert_eq!(read, ("2403-0006-000-01".to_owned(), "S0000007-000012".to_owned()));
        for other in ["", "KKH1|x", "KKH2|a|b", "KKH1|a|b|c", "https://example.com"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn bytes_that_are_no_png_give_no_serial() {
        assert_eq!(read_serial(b"%PDF-1.7"), None);
        assert_eq!(read_serial(&[]), None);
    }
}
