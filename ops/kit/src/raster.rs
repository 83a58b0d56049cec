//! The scanner: turns a clean sheet into what a feeder and a sensor make of it.
//!
//! Skew by two shears (exact enough below two degrees, and fast), rough edges, specks, uneven light,
//! then one bit with CCITT G4, or grey with JPEG.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "dots and grey levels: a page is below 2^13 dots wide, levels are clamped"
)]

use std::sync::OnceLock;

use fax::{Color, VecWriter, encoder::Encoder};
use jpeg_encoder::ColorType;

use crate::{canvas::Canvas, dice::Dice};

/// How a device was set up for one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanner {
    /// Dots per inch, 200 to 300.
    pub dpi: u16,
    /// One bit or grey.
    pub depth: Depth,
    /// Tangent of the skew of the first page; later pages differ a little.
    pub(crate) slope: f32,
    /// Black specks per page.
    specks: u32,
    /// Amplitude of the sensor noise, grey levels.
    noise: i16,
    /// Softens the page before sampling.
    blur: bool,
    /// A dark band of dots along the left edge, as an open lid makes it.
    edge_dots: usize,
    /// Darkest ink and brightest paper of a grey scan.
    levels: (u8, u8),
    /// Loss of light from the lit side to the other.
    drift: u8,
}

/// The two ways municipal devices store a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// One bit per dot, CCITT Group 4.
    Bilevel,
    /// Eight bits per dot, JPEG of this quality.
    Grey {
        /// 1 to 100.
        quality: u8,
    },
}

/// One encoded page image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageScan {
    /// Dots across.
    pub width: u32,
    /// Dots down.
    pub height: u32,
    /// Dots per inch.
    pub dpi: u16,
    /// What `data` is.
    pub depth: Depth,
    /// CCITT G4 or JPEG bytes.
    pub data: Vec<u8>,
}

/// A page could not be encoded.
#[derive(Debug, thiserror::Error)]
#[error("page image could not be encoded")]
pub struct EncodeError(#[from] jpeg_encoder::EncodingError);

impl Scanner {
    /// Draws the device of one document: mostly 200 dpi, two thirds bilevel.
    pub fn draw(dice: &mut Dice) -> Self {
        let dpi = *dice.pick(&[200, 200, 200, 200, 200, 200, 200, 240, 240, 300]);
        let depth = if dice.chance(670) {
            Depth::Bilevel
        } else {
            Depth::Grey { quality: dice.between(60, 75) as u8 }
        };
        // 0.0262 is the tangent of 1.5 degrees. Most sheets go in straighter than that.
        let slope = dice.swing() * if dice.chance(250) { 0.0262 } else { 0.009 };
        Self {
            dpi,
            depth,
            slope,
            specks: dice.below(40) + if dice.chance(100) { 150 } else { 0 },
            noise: dice.between(3, 9) as i16,
            blur: dice.chance(400),
            edge_dots: if dice.chance(250) { dice.between(3, 14) as usize } else { 0 },
            levels: (dice.between(25, 60) as u8, dice.between(232, 250) as u8),
            drift: dice.between(0, 18) as u8,
        }
    }

    /// Scans one page.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the JPEG encoder refuses the size.
    pub(crate) fn scan(&self, page: Canvas, dice: &mut Dice) -> Result<PageScan, EncodeError> {
        let slope = (self.slope + dice.swing() * 0.002).clamp(-0.0262, 0.0262);
        let mut page = skew(page, slope);
        if self.blur {
            page = soften(&page);
        }
        self.dirty(&mut page, dice);
        let data = match self.depth {
            Depth::Bilevel => self.bilevel(&page, dice),
            Depth::Grey { quality } => self.grey(&mut page, quality, dice)?,
        };
        Ok(PageScan {
            width: page.width as u32,
            height: page.height as u32,
            dpi: self.dpi,
            depth: self.depth,
            data,
        })
    }

    /// Dust on the glass and dropouts in the ink, and the shadow at the edge.
    fn dirty(&self, page: &mut Canvas, dice: &mut Dice) {
        for speck in 0..self.specks {
            let x = dice.below(page.width as u32) as usize;
            let y = dice.below(page.height as u32) as usize;
            let size = 1 + (dice.below(3) * dice.below(2)) as usize;
            let grey = if speck % 4 == 0 { 255 } else { dice.below(90) as u8 };
            for row in y..(y + size).min(page.height) {
                let end = (x + size).min(page.width);
                page.dots[row * page.width + x..row * page.width + end].fill(grey);
            }
        }
        if self.edge_dots > 0 {
            let mut reach = self.edge_dots as i32;
            for row in page.dots.chunks_exact_mut(page.width) {
                reach = (reach + dice.between(-1, 1)).clamp(1, self.edge_dots as i32 + 3);
                row[..reach as usize].fill(20);
            }
        }
    }

    fn bilevel(&self, page: &Canvas, dice: &mut Dice) -> Vec<u8> {
        let noise = noise_table();
        // High enough that a hairline shared by two rows of dots stays a line.
        let threshold = if self.blur { 180 } else { 164 };
        let mut encoder = Encoder::new(VecWriter::with_capacity(page.width * page.height / 20));
        let mut ink = vec![false; page.width];
        for row in page.dots.chunks_exact(page.width) {
            let grain = &noise[dice.below(NOISE_STARTS) as usize..][..page.width];
            for ((ink, dot), grain) in ink.iter_mut().zip(row).zip(grain) {
                // Four times the sensor noise: it only shows where an edge is near the threshold.
                let rough = i16::from(*grain).wrapping_mul(self.noise) >> 5;
                *ink = i16::from(*dot).wrapping_add(rough) < threshold;
            }
            let dots = ink.iter().map(|ink| if *ink { Color::Black } else { Color::White });
            let Ok(()) = encoder.encode_line(dots, page.width as u32);
        }
        let Ok(writer) = encoder.finish();
        writer.finish()
    }

    fn grey(
        &self,
        page: &mut Canvas,
        quality: u8,
        dice: &mut Dice,
    ) -> Result<Vec<u8>, EncodeError> {
        let noise = noise_table();
        let low = i16::from(self.levels.0);
        let half_range = (i16::from(self.levels.1) - low) >> 1;
        let from_left = dice.chance(500);
        let width = page.width;
        let shade: Vec<i16> = (0..width)
            .map(|x| {
                let x = if from_left { x } else { width - 1 - x };
                (usize::from(self.drift) * x / width) as i16
            })
            .collect();
        for row in page.dots.chunks_exact_mut(width) {
            let grain = &noise[dice.below(NOISE_STARTS) as usize..][..width];
            for ((dot, grain), shade) in row.iter_mut().zip(grain).zip(&shade) {
                let level = i16::from(*dot).wrapping_mul(half_range) >> 7;
                let rough = i16::from(*grain).wrapping_mul(self.noise) >> 8;
                let level = level.wrapping_add(low).wrapping_sub(*shade).wrapping_add(rough);
                *dot = level.clamp(0, 255) as u8;
            }
        }
        let mut data = Vec::with_capacity(page.dots.len() / 8);
        let mut encoder = jpeg_encoder::Encoder::new(&mut data, quality);
        encoder.set_density(jpeg_encoder::PixelDensity::dpi(self.dpi));
        encoder.encode(&page.dots, width as u16, page.height as u16, ColorType::Luma)?;
        Ok(data)
    }
}

const NOISE_STARTS: u32 = 1 << 16;

/// Noise of about ±127 (two draws added, so that small values are common), long enough for a row
/// from any start.
fn noise_table() -> &'static [i8] {
    static TABLE: OnceLock<Vec<i8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut dice = Dice::new(0, 0, "sensor noise");
        (0..NOISE_STARTS + (1 << 13))
            .map(|_| {
                let bits = dice.bits();
                (((bits & 0x7f) + (bits >> 8 & 0x7f)) as i16 - 127) as i8
            })
            .collect()
    })
}

/// Turns a page about its centre by shearing rows, then columns.
fn skew(page: Canvas, slope: f32) -> Canvas {
    let (width, height) = (page.width, page.height);
    let mut rows = vec![255_u8; width * height];
    for y in 0..height {
        let shift = -slope * (y as f32 - height as f32 / 2.0);
        let (whole, part) = split(shift);
        let source = &page.dots[y * width..(y + 1) * width];
        shear_row(source, &mut rows[y * width..(y + 1) * width], whole, part);
    }
    let mut turned = page;
    // Sixteen columns share a shift: at the steepest slope they are 0.2 dots off, which does not show.
    let shifts: Vec<(i32, u16)> = (0..width.div_ceil(STRIP))
        .map(|strip| split(slope * ((strip * STRIP + STRIP / 2) as f32 - width as f32 / 2.0)))
        .collect();
    for (y, out) in turned.dots.chunks_exact_mut(width).enumerate() {
        for ((strip, out), (whole, part)) in out.chunks_mut(STRIP).enumerate().zip(&shifts) {
            let near = y as i32 - whole;
            let (Some(near), Some(far)) = (inside(near, height), inside(near - 1, height)) else {
                out.fill(255);
                continue;
            };
            let (near, far) = (near * width + strip * STRIP, far * width + strip * STRIP);
            let (near, far) = (&rows[near..near + out.len()], &rows[far..far + out.len()]);
            blend(out, near, far, *part);
        }
    }
    turned
}

/// Columns that are shifted together.
const STRIP: usize = 16;

fn shear_row(source: &[u8], out: &mut [u8], whole: i32, part: u16) {
    let width = source.len() as i32;
    let first = (whole + 1).clamp(0, width);
    let last = (whole + width).clamp(first, width);
    let from = (first - whole) as usize;
    let count = (last - first) as usize;
    let near = &source[from..from + count];
    let far = &source[from - 1..from - 1 + count];
    blend(&mut out[first as usize..last as usize], near, far, part);
}

/// Mixes two runs of dots: `part` 256ths of `far`. The sums fit 16 bits; wrapping operators let the
/// compiler use vectors although overflow checks are on.
fn blend(out: &mut [u8], near: &[u8], far: &[u8], part: u16) {
    let rest = 256 - part;
    for ((out, near), far) in out.iter_mut().zip(near).zip(far) {
        let sum =
            u16::from(*near).wrapping_mul(rest).wrapping_add(u16::from(*far).wrapping_mul(part));
        *out = (sum >> 8) as u8;
    }
}

/// Whole dots and 256ths.
fn split(shift: f32) -> (i32, u16) {
    let whole = shift.floor();
    (whole as i32, ((shift - whole) * 256.0) as u16)
}

fn inside(row: i32, height: usize) -> Option<usize> {
    usize::try_from(row).ok().filter(|row| *row < height)
}

/// A 1-2-1 filter along rows and columns.
fn soften(page: &Canvas) -> Canvas {
    let width = page.width;
    let mut out = page.clone();
    let mut columns = vec![0_u16; width];
    for y in 1..page.height - 1 {
        let rows = &page.dots[(y - 1) * width..(y + 2) * width];
        let (above, rest) = rows.split_at(width);
        let (here, below) = rest.split_at(width);
        for (((sum, a), b), c) in columns.iter_mut().zip(above).zip(here).zip(below) {
            *sum = u16::from(*a).wrapping_add(u16::from(*b) << 1).wrapping_add(u16::from(*c));
        }
        let row = &mut out.dots[y * width + 1..(y + 1) * width - 1];
        for (((dot, a), b), c) in row.iter_mut().zip(&columns).zip(&columns[1..]).zip(&columns[2..])
        {
            *dot = (a.wrapping_add(b << 1).wrapping_add(*c) >> 4) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::Area;

    fn scanner(depth: Depth) -> Scanner {
        Scanner {
            dpi: 100,
            depth,
            slope: 0.01,
            specks: 20,
            noise: 6,
            blur: true,
            edge_dots: 4,
            levels: (40, 240),
            drift: 10,
        }
    }

    fn page() -> Canvas {
        let mut page = Canvas::a4(100);
        page.fill(Area::new(50.0, 50.0, 100.0, 100.0), 255);
        page
    }

    #[test]
    fn skew_keeps_the_middle_and_moves_the_edges() {
        let turned = skew(page(), 0.02);
        let dot = |x_mm: f32, y_mm: f32| {
            let (x, y) = (turned.dots(x_mm) as usize, turned.dots(y_mm) as usize);
            turned.dots[y * turned.width + x]
        };
        assert_eq!(dot(100.0, 100.0), 0);
        // The upper edge of the square sinks towards the right.
        assert_eq!((dot(60.0, 50.0), dot(140.0, 50.3)), (0, 255));
    }

    #[test]
    fn group_four_decodes_to_the_same_size_and_keeps_the_square() {
        let scan = scanner(Depth::Bilevel).scan(page(), &mut Dice::new(1, 1, "scan")).unwrap();
        let (mut rows, mut black) = (0, 0_u64);
        let width = scan.width;
        fax::decoder::decode_g4(scan.data.into_iter(), width, None, |transitions| {
            rows += 1;
            let dots = fax::decoder::pels(transitions, width);
            black += dots.filter(|dot| *dot == Color::Black).count() as u64;
        });
        assert_eq!(rows, scan.height);
        let square = 394 * 394;
        assert!(black.abs_diff(square) < square / 20, "{black}");
    }

    #[test]
    fn a_grey_scan_is_a_jpeg_and_repeats() {
        let scan = || {
            let scanner = scanner(Depth::Grey { quality: 70 });
            scanner.scan(page(), &mut Dice::new(1, 1, "scan")).unwrap()
        };
        assert!(scan().data.starts_with(&[0xff, 0xd8]));
        assert_eq!(scan(), scan());
    }
}
