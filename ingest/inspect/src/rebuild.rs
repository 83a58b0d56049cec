//! Disarms: builds a new PDF from the pages and what their content needs, by allow-list.
//!
//! Nothing is removed from the old file; the new one starts empty and takes over what is listed in
//! `allow`. Numbers are given in the order objects are met, so the same input gives the same bytes.

use std::collections::BTreeMap;

use kakehashi_ingest_core::inspection::Refusal;
use kakehashi_kernel::limits;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, xref::XrefType};

use crate::{
    allow::{self, Entries, Kind},
    tree::Leaf,
};

/// Values copied in all; shared arrays are copied where they are used, which must not multiply.
const VALUES_MAX: usize = 4_000_000;
/// Bytes of one string or name outside streams.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Builds the new document.
pub(crate) fn rebuild(original: &Document, leaves: &[Leaf<'_>]) -> Result<Document, Refusal> {
    let mut rebuild = Rebuild {
        from: original,
        to: Document::with_version("1.7"),
        done: BTreeMap::new(),
        values: 0,
    };
    let tree = rebuild.to.new_object_id();
    let mut kids = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        kids.push(Object::Reference(rebuild.page(leaf, tree)?));
    }
    let mut pages = Dictionary::new();
    pages.set("Type", Object::Name(b"Pages".to_vec()));
    pages.set("Count", i64::try_from(kids.len()).map_err(|_| Refusal::TooManyPages)?);
    pages.set("Kids", kids);
    rebuild.to.objects.insert(tree, Object::Dictionary(pages));
    let mut catalog = Dictionary::new();
    catalog.set("Type", Object::Name(b"Catalog".to_vec()));
    catalog.set("Pages", tree);
    let catalog = rebuild.to.add_object(catalog);
    rebuild.to.trailer.set("Root", catalog);
    Ok(rebuild.to)
}

/// Writes the new document.
pub(crate) fn write(mut document: Document) -> Result<Vec<u8>, Refusal> {
    // The plain table is the form every reader knows and a person can check by eye.
    document.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).map_err(|_| Refusal::TooLarge)?;
    Ok(bytes)
}

struct Rebuild<'a> {
    from: &'a Document,
    to: Document,
    /// What has been copied already. One object used in two ways is copied in two ways.
    done: BTreeMap<(ObjectId, Kind), ObjectId>,
    values: usize,
}

impl Rebuild<'_> {
    fn page(&mut self, leaf: &Leaf<'_>, tree: ObjectId) -> Result<ObjectId, Refusal> {
        let mut page = Dictionary::new();
        page.set("Type", Object::Name(b"Page".to_vec()));
        page.set("Parent", tree);
        page.set("MediaBox", rectangle(leaf.media_box));
        if let Some(crop_box) = leaf.crop_box {
            page.set("CropBox", rectangle(crop_box));
        }
        if leaf.rotate != 0 {
            page.set("Rotate", leaf.rotate);
        }
        let resources = self.copy_optional(leaf.resources, Kind::Resources)?;
        page.set("Resources", resources.unwrap_or_else(|| Object::Dictionary(Dictionary::new())));
        if let Some(contents) = self.copy_optional(leaf.contents, Kind::Content)? {
            page.set("Contents", contents);
        }
        Ok(self.to.add_object(page))
    }

    fn copy_optional(
        &mut self,
        object: Option<&Object>,
        kind: Kind,
    ) -> Result<Option<Object>, Refusal> {
        object.map_or(Ok(None), |object| self.copy(object, kind, 0))
    }

    /// Copies one value used as `kind`; `None` when it has no place in the new file.
    fn copy(
        &mut self,
        object: &Object,
        kind: Kind,
        depth: usize,
    ) -> Result<Option<Object>, Refusal> {
        self.values += 1;
        if depth > limits::PDF_DEPTH_MAX || self.values > VALUES_MAX {
            return Err(Refusal::TooLarge);
        }
        match object {
            Object::Null | Object::Boolean(_) | Object::Integer(_) | Object::Real(_) => {
                Ok(Some(object.clone()))
            }
            Object::Name(text) | Object::String(text, _) if text.len() > TEXT_BYTES_MAX => {
                Err(Refusal::TooLarge)
            }
            Object::Name(_) | Object::String(..) => Ok(Some(object.clone())),
            Object::Array(items) => {
                let mut copied = Vec::with_capacity(items.len());
                for item in items {
                    // A hole would shift the others; the place is kept.
                    copied.push(self.copy(item, kind, depth + 1)?.unwrap_or(Object::Null));
                }
                Ok(Some(Object::Array(copied)))
            }
            Object::Dictionary(dictionary) => {
                Ok(self.copy_entries(dictionary, kind, depth)?.map(Object::Dictionary))
            }
            // A stream is always an object of its own and comes by reference.
            Object::Stream(_) => Ok(None),
            Object::Reference(id) => self.copy_reference(*id, kind, depth),
        }
    }

    /// Dictionaries and streams stay objects of their own; anything else moves to where it is used.
    fn copy_reference(
        &mut self,
        id: ObjectId,
        kind: Kind,
        depth: usize,
    ) -> Result<Option<Object>, Refusal> {
        let from = self.from;
        // A reference to nothing is null (ISO 32000-1, 7.3.10).
        let reference = Object::Reference(id);
        let Ok((Some(id), target)) = from.dereference(&reference) else {
            return Ok(None);
        };
        if !matches!(target, Object::Dictionary(_) | Object::Stream(_)) {
            return self.copy(target, kind, depth + 1);
        }
        if let Some(new) = self.done.get(&(id, kind)) {
            return Ok(Some(Object::Reference(*new)));
        }
        let new = self.to.new_object_id();
        self.done.insert((id, kind), new);
        let copied = match target {
            Object::Stream(stream) => self.copy_stream(stream, kind, depth)?.map(Object::Stream),
            other => self.copy(other, kind, depth + 1)?,
        };
        let Some(copied) = copied else {
            self.done.remove(&(id, kind));
            return Ok(None);
        };
        self.to.objects.insert(new, copied);
        Ok(Some(Object::Reference(new)))
    }

    fn copy_entries(
        &mut self,
        dictionary: &Dictionary,
        kind: Kind,
        depth: usize,
    ) -> Result<Option<Dictionary>, Refusal> {
        let Some(entries) = allow::entries(kind, dictionary) else { return Ok(None) };
        let mut copied = Dictionary::new();
        match entries {
            Entries::Listed(keys) => {
                for (key, kind) in keys {
                    let Ok(value) = dictionary.get(key.as_bytes()) else { continue };
                    if let Some(value) = self.copy(value, *kind, depth + 1)? {
                        copied.set(*key, value);
                    }
                }
            }
            Entries::Named(kind) => {
                for (key, value) in dictionary {
                    if let Some(value) = self.copy(value, kind, depth + 1)? {
                        copied.set(key.clone(), value);
                    }
                }
            }
        }
        Ok(Some(copied))
    }

    fn copy_stream(
        &mut self,
        stream: &Stream,
        kind: Kind,
        depth: usize,
    ) -> Result<Option<Stream>, Refusal> {
        // Data in another file is not data of this scan.
        if !allow::may_be_stream(kind) || stream.dict.has(b"F") {
            return Ok(None);
        }
        let Some(mut dictionary) = self.copy_entries(&stream.dict, kind, depth)? else {
            return Ok(None);
        };
        if let Ok(filter) = stream.dict.get(b"Filter")
            && let Some(filter) = self.copy(filter, Kind::Plain, depth + 1)?
        {
            if !are_filters_known(&filter) {
                return Err(Refusal::Unreadable);
            }
            dictionary.set("Filter", filter);
        }
        if let Ok(parameters) = stream.dict.get(b"DecodeParms")
            && let Some(parameters) = self.copy_inline(parameters, depth)?
        {
            dictionary.set("DecodeParms", parameters);
        }
        Ok(Some(Stream::new(dictionary, stream.content.clone())))
    }

    /// Copies decode parameters into the stream's own dictionary: readers differ in following
    /// references there, and a file must not mean two things.
    fn copy_inline(&mut self, object: &Object, depth: usize) -> Result<Option<Object>, Refusal> {
        let from = self.from;
        let Ok((_, target)) = from.dereference(object) else { return Ok(None) };
        let Object::Array(items) = target else {
            return self.copy(target, Kind::DecodeParms, depth + 1);
        };
        let mut copied = Vec::with_capacity(items.len());
        for item in items {
            let Ok((_, item)) = from.dereference(item) else { return Err(Refusal::Unreadable) };
            let item = self.copy(item, Kind::DecodeParms, depth + 1)?;
            copied.push(item.unwrap_or(Object::Null));
        }
        Ok(Some(Object::Array(copied)))
    }
}

fn are_filters_known(filter: &Object) -> bool {
    match filter {
        Object::Null => true,
        Object::Name(name) => allow::is_filter_known(name),
        Object::Array(names) => {
            names.len() <= Stream::MAX_FILTERS
                && names.iter().all(|name| name.as_name().is_ok_and(allow::is_filter_known))
        }
        _ => false,
    }
}

fn rectangle(corners: [f32; 4]) -> Object {
    Object::Array(corners.into_iter().map(Object::Real).collect())
}
