//! Counts what could act by itself, carry other files or lead outside.

use std::collections::BTreeMap;

use kakehashi_ingest_core::inspection::{ActiveContent, ActiveKind};
use lopdf::{Dictionary, Document, Object};

/// Counts active content in every object, whether or not a page leads to it: an object nobody refers
/// to today may be referred to by a viewer that reads the file another way.
pub(crate) fn found(document: &Document) -> Vec<ActiveContent> {
    let mut counts: BTreeMap<ActiveKind, u32> = BTreeMap::new();
    each_dictionary(document, |dictionary| {
        for kind in kinds(dictionary) {
            let count = counts.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
    });
    counts.into_iter().map(|(kind, count)| ActiveContent { kind, count }).collect()
}

/// Counts signature dictionaries (ISO 32000-1, table 252).
pub(crate) fn signatures(document: &Document) -> u32 {
    let mut count = 0_u32;
    each_dictionary(document, |dictionary| {
        if dictionary.has(b"ByteRange") && dictionary.has(b"Contents") {
            count = count.saturating_add(1);
        }
    });
    count
}

/// Actions by the value of `S`, annotations and objects by `Subtype` and `Type`, the rest by the keys
/// that hold them. Names are compared as decoded, so `/J#53` hides nothing.
fn kinds(dictionary: &Dictionary) -> impl Iterator<Item = ActiveKind> + '_ {
    let name = |key: &[u8]| dictionary.get(key).and_then(Object::as_name).ok();
    let by_action = name(b"S").and_then(action);
    let by_subtype = name(b"Subtype").and_then(annotation);
    let is_file = matches!(name(b"Type"), Some(b"EmbeddedFile" | b"Filespec" | b"F"));
    let is_script = by_action == Some(ActiveKind::JavaScript);
    let by_key = dictionary.iter().filter_map(move |(key, _)| match key.as_slice() {
        // A script action has `S` and `JS` both; it is one script.
        b"JS" if !is_script => Some(ActiveKind::JavaScript),
        b"JavaScript" => Some(ActiveKind::JavaScript),
        b"EmbeddedFiles" | b"EF" if !is_file => Some(ActiveKind::EmbeddedFile),
        b"XFA" => Some(ActiveKind::Xfa),
        b"AcroForm" => Some(ActiveKind::AcroForm),
        b"OpenAction" => Some(ActiveKind::OpenAction),
        b"AA" => Some(ActiveKind::AdditionalAction),
        b"RichMediaContent" | b"RichMediaSettings" => Some(ActiveKind::RichMedia),
        _ => None,
    });
    by_action
        .into_iter()
        .chain(by_subtype)
        .chain(is_file.then_some(ActiveKind::EmbeddedFile))
        .chain(by_key)
}

fn action(name: &[u8]) -> Option<ActiveKind> {
    match name {
        b"JavaScript" => Some(ActiveKind::JavaScript),
        b"Launch" => Some(ActiveKind::Launch),
        b"SubmitForm" => Some(ActiveKind::SubmitForm),
        b"ImportData" => Some(ActiveKind::ImportData),
        b"URI" => Some(ActiveKind::Uri),
        b"GoToR" | b"GoToE" | b"Thread" => Some(ActiveKind::GoToR),
        b"Movie" | b"Sound" | b"Rendition" | b"RichMediaExecute" | b"GoTo3DView" => {
            Some(ActiveKind::RichMedia)
        }
        _ => None,
    }
}

fn annotation(name: &[u8]) -> Option<ActiveKind> {
    match name {
        b"FileAttachment" => Some(ActiveKind::EmbeddedFile),
        b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D" => Some(ActiveKind::RichMedia),
        _ => None,
    }
}

/// Visits every dictionary of the file, those of streams and the trailer too. Nesting inside one object
/// is bounded by the parser; the visit itself does not recurse.
fn each_dictionary(document: &Document, mut visit: impl FnMut(&Dictionary)) {
    let mut waiting: Vec<&Object> = document.objects.values().collect();
    visit(&document.trailer);
    waiting.extend(document.trailer.iter().map(|(_, value)| value));
    while let Some(object) = waiting.pop() {
        let dictionary = match object {
            Object::Dictionary(dictionary) => dictionary,
            Object::Stream(stream) => &stream.dict,
            Object::Array(items) => {
                waiting.extend(items);
                continue;
            }
            _ => continue,
        };
        visit(dictionary);
        waiting.extend(dictionary.iter().map(|(_, value)| value));
    }
}
