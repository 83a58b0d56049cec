//! Walks the page tree: every page that is there, with what it inherits.

use std::collections::BTreeSet;

use kakehashi_ingest_core::inspection::Refusal;
use kakehashi_kernel::limits;
use lopdf::{Dictionary, Document, Object, ObjectId};

/// One page, its inherited entries filled in.
pub(crate) struct Leaf<'a> {
    /// Left, bottom, right, top of the paper in points.
    pub(crate) media_box: [f32; 4],
    /// The visible part, when the page names one.
    pub(crate) crop_box: Option<[f32; 4]>,
    /// 0, 90, 180 or 270.
    pub(crate) rotate: i64,
    pub(crate) resources: Option<&'a Object>,
    pub(crate) contents: Option<&'a Object>,
}

/// What a page takes over from the nodes above it (ISO 32000-1, table 30).
#[derive(Clone, Copy, Default)]
struct Inherited<'a> {
    media_box: Option<&'a Object>,
    crop_box: Option<&'a Object>,
    rotate: Option<&'a Object>,
    resources: Option<&'a Object>,
}

impl<'a> Inherited<'a> {
    fn below(self, node: &'a Dictionary) -> Self {
        Self {
            media_box: node.get(b"MediaBox").ok().or(self.media_box),
            crop_box: node.get(b"CropBox").ok().or(self.crop_box),
            rotate: node.get(b"Rotate").ok().or(self.rotate),
            resources: node.get(b"Resources").ok().or(self.resources),
        }
    }
}

const A4: [f32; 4] = [0.0, 0.0, 595.276, 841.89];
/// Longest side of a page (ISO 32000-1, annex C: 14,400 units).
const SIDE_POINTS_MAX: f32 = 14_400.0;

/// Finds the pages in order.
///
/// A kid that is missing, listed twice or no dictionary is a refusal: leaving it out would lose a page
/// in silence.
pub(crate) fn leaves(document: &Document) -> Result<Vec<Leaf<'_>>, Refusal> {
    let root = root(document).ok_or(Refusal::Unreadable)?;
    let mut leaves = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![(root, Inherited::default(), 0)];
    while let Some((id, above, depth)) = waiting.pop() {
        if depth > limits::PDF_DEPTH_MAX || !seen.insert(id) {
            return Err(Refusal::Unreadable);
        }
        let node = document.get_dictionary(id).map_err(|_| Refusal::Unreadable)?;
        let inherited = above.below(node);
        if let Ok(kids) = node.get(b"Kids") {
            let kids = resolve(document, kids).and_then(|kids| kids.as_array().ok());
            let kids = kids.ok_or(Refusal::Unreadable)?;
            if kids.len() > limits::PDF_OBJECTS_MAX {
                return Err(Refusal::TooLarge);
            }
            for kid in kids.iter().rev() {
                let kid = kid.as_reference().map_err(|_| Refusal::Unreadable)?;
                waiting.push((kid, inherited, depth + 1));
            }
        } else {
            leaves.push(leaf(document, node, inherited));
        }
        if leaves.len() > limits::SCAN_PAGES_MAX as usize {
            return Err(Refusal::TooManyPages);
        }
    }
    if leaves.is_empty() { Err(Refusal::NoPages) } else { Ok(leaves) }
}

/// How many pages the root of the tree claims; 0 when it does not say or says nonsense.
pub(crate) fn pages_claimed(document: &Document) -> u32 {
    root(document)
        .and_then(|id| document.get_dictionary(id).ok())
        .and_then(|root| root.get(b"Count").ok())
        .and_then(|count| resolve(document, count)?.as_i64().ok())
        .and_then(|count| u32::try_from(count).ok())
        .unwrap_or(0)
}

/// Follows references to the end.
pub(crate) fn resolve<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Object> {
    document.dereference(object).ok().map(|(_, object)| object)
}

fn root(document: &Document) -> Option<ObjectId> {
    document.catalog().ok()?.get(b"Pages").ok()?.as_reference().ok()
}

fn leaf<'a>(document: &'a Document, page: &'a Dictionary, inherited: Inherited<'a>) -> Leaf<'a> {
    let rectangle = |object: Option<&'a Object>| rectangle(document, object?);
    let rotate = inherited.rotate.and_then(|rotate| resolve(document, rotate)?.as_i64().ok());
    Leaf {
        media_box: rectangle(inherited.media_box).unwrap_or(A4),
        crop_box: rectangle(inherited.crop_box),
        rotate: rotate.filter(|degrees| degrees % 90 == 0).unwrap_or(0).rem_euclid(360),
        resources: inherited.resources,
        contents: page.get(b"Contents").ok(),
    }
}

/// Reads a rectangle and puts its corners in order; nothing when it has no area or is absurd.
fn rectangle(document: &Document, object: &Object) -> Option<[f32; 4]> {
    let numbers = resolve(document, object)?.as_array().ok()?;
    let [a, b, c, d] = numbers.as_slice() else { return None };
    let number = |object| resolve(document, object)?.as_float().ok().filter(|n| n.is_finite());
    let (a, b, c, d) = (number(a)?, number(b)?, number(c)?, number(d)?);
    let [left, bottom, right, top] = [a.min(c), b.min(d), a.max(c), b.max(d)];
    let sane = |side: f32| (1.0..=SIDE_POINTS_MAX).contains(&side);
    (sane(right - left) && sane(top - bottom)).then_some([left, bottom, right, top])
}
