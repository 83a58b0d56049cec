//! The order of the work on one PDF: load, walk the pages, rebuild, measure, render.

use kakehashi_ingest_core::inspection::{Barcode, Facts, Refusal};

use crate::{active, barcode, inflate, load, page, rebuild, render, tree};

/// What comes out of a readable PDF.
pub(crate) struct Examined {
    pub(crate) facts: Facts,
    pub(crate) disarmed: Vec<u8>,
    pub(crate) images: Vec<PngImage>,
}

/// One rendered page.
pub(crate) struct PngImage {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) png: Vec<u8>,
}

/// Longest version text that is repeated in the facts.
const VERSION_CHARS_MAX: usize = 8;

/// Examines one PDF. The same bytes always give the same result.
///
/// Images and measurements are taken from the rebuilt PDF, so that what people see is what the
/// disarmed file holds, and a parser that stumbles over something left out never meets it.
pub(crate) fn examine(pdf: &[u8]) -> Result<Examined, Refusal> {
    let original = load::load(pdf)?;
    let leaves = tree::leaves(&original)?;
    let rebuilt = rebuild::rebuild(&original, &leaves)?;
    inflate::check(&rebuilt)?;
    let pages = page::facts(&rebuilt)?;
    let mut facts = Facts {
        pdf_version: original.version.chars().take(VERSION_CHARS_MAX).collect(),
        size_bytes: pdf.len() as u64,
        object_count: count(original.objects.len()),
        encrypted: false,
        pages_claimed: tree::pages_claimed(&original),
        pages,
        active: active::found(&original),
        signatures: active::signatures(&original),
        incremental_updates: count(original.revision_count().saturating_sub(1)),
        barcodes: Vec::new(),
    };
    drop(original);
    let disarmed = rebuild::write(rebuilt)?;
    check_disarmed(&disarmed, facts.pages.len())?;
    let images = render_all(&disarmed, &mut facts)?;
    Ok(Examined { facts, disarmed, images })
}

/// Opens what was written as if it had come from outside: it must hold the same pages and nothing
/// active.
fn check_disarmed(disarmed: &[u8], pages: usize) -> Result<(), Refusal> {
    let again = load::load(disarmed).map_err(|_| Refusal::Unreadable)?;
    let is_clean = active::found(&again).is_empty() && active::signatures(&again) == 0;
    let same_pages = tree::leaves(&again)?.len() == pages;
    if is_clean && same_pages { Ok(()) } else { Err(Refusal::Unreadable) }
}

fn render_all(disarmed: &[u8], facts: &mut Facts) -> Result<Vec<PngImage>, Refusal> {
    let mut images = Vec::with_capacity(facts.pages.len());
    let mut barcodes = Vec::new();
    let mut reader = barcode::Reader::new();
    render::each_page(disarmed, &facts.pages, |page, grey| {
        let texts = reader.read(&grey);
        barcodes.extend(texts.into_iter().map(|text| Barcode { page: page.number, text }));
        let png = if page::is_bilevel(page) { grey.to_four_grey_png() } else { grey.to_grey_png() };
        let png = png.map_err(|_| Refusal::TooLarge)?;
        images.push(PngImage { width: grey.width(), height: grey.height(), png });
        Ok(())
    })?;
    facts.barcodes = barcodes;
    Ok(images)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
