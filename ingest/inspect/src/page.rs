//! Describes the pages of the rebuilt document.

use std::collections::BTreeSet;

use kakehashi_ingest_core::inspection::{ImageFacts, PageFacts, Refusal};
use lopdf::{Dictionary, Document, Object, ObjectId, content::Content};

use crate::{image, tree::resolve};

/// Images and forms one page may use.
const XOBJECTS_MAX: usize = 500;
/// Bytes of page content looked at. A scanner writes less than a hundred.
const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// Describes every page.
pub(crate) fn facts(document: &Document) -> Result<Vec<PageFacts>, Refusal> {
    (1_u32..).zip(document.page_iter()).map(|(number, id)| describe(document, number, id)).collect()
}

/// Says whether the page is a black and white scan.
pub(crate) fn is_bilevel(page: &PageFacts) -> bool {
    page.image_only && page.images.iter().all(|image| image.bits == 1)
}

fn describe(document: &Document, number: u32, id: ObjectId) -> Result<PageFacts, Refusal> {
    let page = document.get_dictionary(id).map_err(|_| Refusal::Unreadable)?;
    let (width_pt, height_pt) = visible_size(page);
    let xobjects = xobjects(document, page);
    let images = images(document, xobjects)?;
    let image_only = !images.is_empty() && draws_only_images(document, id, xobjects);
    Ok(PageFacts { number, width_pt, height_pt, image_only, images })
}

fn visible_size(page: &Dictionary) -> (u32, u32) {
    let corners = |key| {
        let numbers: &Vec<Object> = page.get(key).ok()?.as_array().ok()?;
        let numbers: Option<Vec<f32>> =
            numbers.iter().map(|number| number.as_float().ok()).collect();
        <[f32; 4]>::try_from(numbers?).ok()
    };
    let [mut left, mut bottom, mut right, mut top] = corners(b"MediaBox").unwrap_or_default();
    if let Some([l, b, r, t]) = corners(b"CropBox") {
        (left, bottom, right, top) = (left.max(l), bottom.max(b), right.min(r), top.min(t));
    }
    let (width, height) = (points(right - left), points(top - bottom));
    let is_turned = matches!(page.get(b"Rotate"), Ok(Object::Integer(90 | 270)));
    if is_turned { (height, width) } else { (width, height) }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides are checked to be at most 14,400 and clamped to be positive"
)]
fn points(side: f32) -> u32 {
    side.round().clamp(0.0, 14_400.0) as u32
}

fn xobjects<'a>(document: &'a Document, page: &'a Dictionary) -> Option<&'a Dictionary> {
    let resources = resolve(document, page.get(b"Resources").ok()?)?.as_dict().ok()?;
    resolve(document, resources.get(b"XObject").ok()?)?.as_dict().ok()
}

/// Collects the images of a page, those inside forms too.
fn images(document: &Document, xobjects: Option<&Dictionary>) -> Result<Vec<ImageFacts>, Refusal> {
    let ids = |dictionary: &Dictionary| -> Vec<ObjectId> {
        dictionary.iter().filter_map(|(_, value)| value.as_reference().ok()).collect()
    };
    let mut images = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<ObjectId> = xobjects.map(ids).unwrap_or_default();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        if seen.len() > XOBJECTS_MAX {
            return Err(Refusal::TooLarge);
        }
        let Some(stream) = document.get_object(id).ok().and_then(|o| o.as_stream().ok()) else {
            continue;
        };
        if let Some(image) = image::facts(document, stream) {
            images.push(image?);
        } else if let Some(inner) = self::xobjects(document, &stream.dict) {
            waiting.extend(ids(inner));
        }
    }
    Ok(images)
}

/// Says whether the page content does nothing but place images, as a scanner writes it.
fn draws_only_images(document: &Document, id: ObjectId, xobjects: Option<&Dictionary>) -> bool {
    let Ok(content) = document.get_page_content_with_limit(id, CONTENT_BYTES_MAX) else {
        return false;
    };
    let Ok(content) = Content::decode(&content) else { return false };
    let is_image = |operands: &[Object]| {
        let name = operands.first().and_then(|name| name.as_name().ok());
        let object = name.and_then(|name| xobjects?.get(name).ok());
        let stream = object.and_then(|object| resolve(document, object)?.as_stream().ok());
        stream.is_some_and(|stream| image::size(document, stream).is_some())
    };
    let mut drawn = 0;
    for operation in &content.operations {
        match operation.operator.as_str() {
            "Do" if is_image(&operation.operands) => drawn += 1,
            // State, clipping and marks; nothing of it paints.
            "q" | "Q" | "cm" | "gs" | "w" | "J" | "j" | "M" | "d" | "ri" | "i" | "g" | "G"
            | "rg" | "RG" | "k" | "K" | "cs" | "CS" | "sc" | "SC" | "scn" | "SCN" | "re" | "W"
            | "W*" | "n" | "BMC" | "BDC" | "EMC" | "MP" | "DP" | "BX" | "EX" => {}
            _ => return false,
        }
    }
    drawn > 0
}
