//! Renders pages to grey images and writes them as PNG.

use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{InterpreterSettings, util::TransformExt},
    hayro_syntax::{Pdf, page::Page},
    kurbo::Affine,
    render_into,
    vello_cpu::{
        Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit,
        color::palette::css::WHITE,
    },
};
use kakehashi_ingest_core::inspection::{PageFacts, Refusal};
use png::{BitDepth, ColorType, Compression, EncodingError, Filter};

/// Pixels per inch of a page image: A4 becomes 1240 × 1754.
const RENDER_DPI: f32 = 150.0;
/// Pixels of one page image. An A2 sheet at full resolution; larger paper is rendered more coarsely.
const RENDER_PIXELS_MAX: f32 = 9_000_000.0;
/// Longest side of a page image.
const RENDER_SIDE_MAX: f32 = 8_192.0;

/// A rendered page, one byte a pixel, row by row, 255 is white.
pub(crate) struct Grey {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Renders the pages one after the other and hands each to `take`.
pub(crate) fn each_page(
    pdf: &[u8],
    pages: &[PageFacts],
    mut take: impl FnMut(&PageFacts, Grey) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let pdf = Pdf::new(pdf.to_vec()).map_err(|_| Refusal::Unreadable)?;
    if pdf.pages().len() != pages.len() {
        return Err(Refusal::Unreadable);
    }
    let settings = InterpreterSettings::default();
    for (facts, page) in pages.iter().zip(pdf.pages().iter()) {
        // A cache for each page: sixty pages of decoded images would not fit into memory.
        let cache = RenderCache::new();
        take(facts, render(page, &cache, &settings)?)?;
    }
    Ok(())
}

fn render<'a>(
    page: &'a Page<'a>,
    cache: &RenderCache<'a>,
    settings: &InterpreterSettings,
) -> Result<Grey, Refusal> {
    let (width_pt, height_pt) = page.render_dimensions();
    let is_sane =
        width_pt.is_finite() && height_pt.is_finite() && width_pt > 0.0 && height_pt > 0.0;
    if !is_sane {
        return Err(Refusal::Unreadable);
    }
    let scale = (RENDER_DPI / 72.0)
        .min((RENDER_PIXELS_MAX / (width_pt * height_pt)).sqrt())
        .min(RENDER_SIDE_MAX / width_pt.max(height_pt));
    let (width, height) = (side(width_pt * scale), side(height_pt * scale));
    let fit = Affine::scale_non_uniform(
        f64::from(width) / f64::from(width_pt),
        f64::from(height) / f64::from(height_pt),
    );
    let transform = fit * page.initial_transform(true).to_kurbo();
    let mut context = RenderContext::new(width, height);
    render_into(page, cache, settings, &RenderSettings::default(), &mut context, transform);
    context.flush();
    let mut pixmap = Pixmap::new(width, height);
    let rasterizer =
        RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..Default::default() };
    context.render_with(&mut pixmap, &mut Resources::default(), rasterizer);
    Ok(Grey {
        width: width.into(),
        height: height.into(),
        pixels: pixmap.data_as_u8_slice().chunks_exact(4).map(luma).collect(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of the type"
)]
fn side(pixels: f32) -> u16 {
    pixels.round().clamp(1.0, RENDER_SIDE_MAX) as u16
}

/// ITU-R BT.601 weights in 256ths.
fn luma(rgba: &[u8]) -> u8 {
    let &[red, green, blue, _] = rgba else { return 255 };
    let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue);
    u8::try_from(sum >> 8).unwrap_or(255)
}

impl Grey {
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// The pixel at a place; white outside.
    pub(crate) fn pixel(&self, x: usize, y: usize) -> u8 {
        self.pixels.get(y * self.width as usize + x).copied().unwrap_or(255)
    }

    /// The pixel at a place of the image at twice its size, as the mean of its neighbours.
    pub(crate) fn between(&self, x: usize, y: usize) -> u8 {
        let (left, top, right, bottom) = (x / 2, y / 2, x.div_ceil(2), y.div_ceil(2));
        let sum = [(left, top), (right, top), (left, bottom), (right, bottom)]
            .into_iter()
            .map(|(x, y)| u16::from(self.pixel(x, y)))
            .sum::<u16>();
        u8::try_from(sum / 4).unwrap_or(255)
    }

    /// One byte a pixel.
    pub(crate) fn to_grey_png(&self) -> Result<Vec<u8>, EncodingError> {
        self.encode(BitDepth::Eight, Filter::Up, &self.pixels)
    }

    /// Two bits a pixel, for black and white scans: scaling turns thin strokes grey, and one bit would
    /// either lose them or fill dense kanji.
    pub(crate) fn to_four_grey_png(&self) -> Result<Vec<u8>, EncodingError> {
        let rows = self.pixels.chunks_exact(self.width as usize);
        let packed: Vec<u8> = rows.flat_map(|row| row.chunks(4).map(pack)).collect();
        self.encode(BitDepth::Two, Filter::NoFilter, &packed)
    }

    fn encode(
        &self,
        depth: BitDepth,
        filter: Filter,
        rows: &[u8],
    ) -> Result<Vec<u8>, EncodingError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(depth);
        // This sets a filter too, so the filter comes after it.
        encoder.set_compression(Compression::Balanced);
        encoder.set_filter(filter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rows)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// Up to four pixels as two bits each, the first one highest, 3 is white.
fn pack(pixels: &[u8]) -> u8 {
    let level = |pixel: u8| pixel.saturating_add(42) / 85;
    pixels.iter().zip([6, 4, 2, 0]).fold(0, |byte, (pixel, shift)| byte | level(*pixel) << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_pixels_become_one_byte_and_a_short_row_is_padded() {
        assert_eq!(pack(&[0, 255, 85, 170]), 0b0011_0110);
        assert_eq!(pack(&[42, 43, 255]), 0b0001_1100);
    }

    #[test]
    fn luma_keeps_black_and_white() {
        assert_eq!(luma(&[0, 0, 0, 255]), 0);
        assert_eq!(luma(&[255, 255, 255, 255]), 255);
    }
}
