//! Sections: includes resolved, ids and types learnt, items loaded in printed order.

use std::collections::{BTreeMap, BTreeSet};

use kakehashi_kernel::limits::FORM_ITEMS_MAX;
use toml::Spanned;

use super::{In, Loader, Pieces, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    definition::Section,
    finding::Localized,
    source::{RawItem, RawSection},
    typing::Type,
};

/// A section as collected, before its items are compiled.
pub(super) struct Collected<'a> {
    file: &'a SourceFile<'a>,
    id: String,
    label: Localized,
    page: u16,
    items: Vec<RawItem>,
}

impl<'a> Loader<'a> {
    pub(super) fn collect(
        &self,
        section: RawSection,
        pieces: &mut Pieces<'a>,
    ) -> Result<Collected<'a>, LoadError> {
        let page = *section.page.get_ref();
        let span = section.page.span();
        match (section.include, section.id, section.ja, section.en) {
            (Some(name), None, None, None) if section.item.is_empty() => {
                let Some((file, shared)) = self.parts.shared.get(name.get_ref().as_str()) else {
                    let problem = format!("there is no shared section {}", name.get_ref());
                    return Err(wrong(self.file, Some(&name.span()), None, problem));
                };
                pieces.derived.extend(shared.derived.iter().cloned().map(|raw| In(file, raw)));
                pieces.rules.extend(shared.rule.iter().cloned().map(|raw| In(file, raw)));
                pieces.criteria.extend(shared.criterion.iter().cloned().map(|raw| In(file, raw)));
                let label = Localized::new(&shared.ja, &shared.en);
                let id = shared.id.get_ref().clone();
                Ok(Collected { file, id, label, page, items: shared.item.clone() })
            }
            (None, Some(id), Some(ja), Some(en)) => {
                let label = Localized::new(ja, en);
                let (file, id) = (self.file, id.into_inner());
                Ok(Collected { file, id, label, page, items: section.item })
            }
            _ => {
                let problem = "a section is either included, or has id, ja, en and items";
                Err(wrong(self.file, Some(&span), None, problem))
            }
        }
    }

    pub(super) fn learn_items(&mut self, sections: &[Collected<'a>]) -> Result<(), LoadError> {
        let mut section_ids = BTreeSet::new();
        for section in sections {
            if !is_name(&section.id) || !section_ids.insert(&section.id) {
                let problem = "a section's id is not a name, or is used twice";
                return Err(wrong(section.file, None, Some(&section.id), problem));
            }
            for item in &section.items {
                let kind = self.kind(section.file, item)?;
                self.learn(section.file, &item.id, Type::of_kind(&kind))?;
            }
        }
        if self.names.len() > FORM_ITEMS_MAX {
            return Err(wrong(self.file, None, None, format!("more than {FORM_ITEMS_MAX} items")));
        }
        Ok(())
    }

    pub(super) fn learn(
        &mut self,
        file: &SourceFile<'_>,
        id: &Spanned<String>,
        is: Type,
    ) -> Result<(), LoadError> {
        let name = id.get_ref();
        if !is_name(name) {
            let problem = "an id is lower case letters, digits and underscores, a letter first";
            return Err(wrong(file, Some(&id.span()), Some(name), problem));
        }
        if !self.names.learn(name, is) {
            return Err(wrong(file, Some(&id.span()), Some(name), "the id is used twice"));
        }
        Ok(())
    }

    pub(super) fn section(&self, section: Collected<'a>, pages: u16) -> Result<Section, LoadError> {
        let mut items = Vec::with_capacity(section.items.len());
        for raw in section.items {
            let page = raw.page.unwrap_or(section.page);
            if page == 0 || page > pages {
                return Err(wrong(
                    section.file,
                    Some(&raw.id.span()),
                    Some(raw.id.get_ref()),
                    "no such page",
                ));
            }
            items.push(self.item(section.file, raw, page)?);
        }
        Ok(Section { id: section.id, label: section.label, page: section.page, items })
    }
}

pub(super) fn places(sections: &[Section]) -> BTreeMap<String, (usize, usize)> {
    let mut places = BTreeMap::new();
    for (section_place, section) in sections.iter().enumerate() {
        for (item_place, item) in section.items.iter().enumerate() {
            places.insert(item.id.clone(), (section_place, item_place));
        }
    }
    places
}

pub(super) fn is_name(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
