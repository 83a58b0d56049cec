//! One form version: its sections and items, its rules, its criteria.

use std::{collections::BTreeMap, fmt, str::FromStr};

use kakehashi_kernel::{CivilDate, FormKey};
use serde::{Deserialize, Serialize};

use crate::{
    calculate::Derived,
    check::Rule,
    criteria::Criteria,
    finding::Localized,
    item::{DataClass, Item},
    scope::Layout,
};

/// 新規 or 更新.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// 新規.
    New,
    /// 更新.
    Renewal,
}

/// The text is neither `new` nor `renewal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an application is new or renewal")]
pub struct InvalidApplication;

impl Application {
    /// The word in XML and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Renewal => "renewal",
        }
    }

    /// As printed on the form.
    pub fn label(self) -> Localized {
        match self {
            Self::New => Localized::new("新規", "New"),
            Self::Renewal => Localized::new("更新", "Renewal"),
        }
    }
}

impl fmt::Display for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Application {
    type Err = InvalidApplication;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "new" => Ok(Self::New),
            "renewal" => Ok(Self::Renewal),
            _ => Err(InvalidApplication),
        }
    }
}

/// A section of a form, in printed order.
#[derive(Debug)]
pub struct Section {
    /// Unique in the form. Also the XML element's name.
    pub id: String,
    /// Its heading.
    pub label: Localized,
    /// The printed page it starts on, from 1.
    pub page: u16,
    /// Its items, in printed order.
    pub items: Vec<Item>,
}

/// One form version. Made by the [`crate::Catalogue`] only; every rule in it is compiled and refers to
/// items that exist.
#[derive(Debug)]
pub struct Definition {
    pub(crate) key: FormKey,
    pub(crate) name: Localized,
    pub(crate) pages: u16,
    pub(crate) valid_from: CivilDate,
    pub(crate) valid_until: Option<CivilDate>,
    pub(crate) sections: Vec<Section>,
    pub(crate) places: BTreeMap<String, (usize, usize)>,
    pub(crate) derived: Vec<Derived>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) criteria: Criteria,
    pub(crate) layout: Layout,
}

impl Definition {
    /// What names it.
    pub const fn key(&self) -> FormKey {
        self.key
    }

    /// The disease as printed in the heading.
    pub const fn name(&self) -> &Localized {
        &self.name
    }

    /// How many pages the printed form has.
    pub const fn pages(&self) -> u16 {
        self.pages
    }

    /// The first day a form of this version may be written on.
    pub const fn valid_from(&self) -> CivilDate {
        self.valid_from
    }

    /// The first day it may no longer be; `None` while there is no later version.
    pub const fn valid_until(&self) -> Option<CivilDate> {
        self.valid_until
    }

    /// Sections in printed order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// All items in printed order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// The item of an id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        let (section, item) = self.places.get(id)?;
        self.sections.get(*section)?.items.get(*item)
    }

    /// Derived items, in the order they are shown.
    pub fn derived(&self) -> &[Derived] {
        &self.derived
    }

    /// How closely an item points at a person. Derived items are medical.
    pub fn data_class(&self, id: &str) -> Option<DataClass> {
        let derived = || self.derived.iter().any(|derived| derived.id == id);
        self.item(id).map(|item| item.class).or_else(|| derived().then_some(DataClass::Medical))
    }
}
