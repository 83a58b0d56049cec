//! One form version: its sections and items, its rules, its criteria.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use kakehashi_kernel::{CivilDate, FormKey};
use serde::{Deserialize, Serialize};

use crate::{
    calculate::Derived,
    check::Rule,
    criteria::Criteria,
    finding::Localized,
    item::{Applications, DataClass, Item},
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

/// One form version: what is its own, and the body that other versions may share. Made by the
/// [`crate::Catalogue`] only; every rule in it is compiled and refers to items that exist.
#[derive(Debug)]
pub struct Definition {
    pub(crate) key: FormKey,
    pub(crate) name: Localized,
    pub(crate) kana: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) pages: u16,
    pub(crate) valid_from: CivilDate,
    pub(crate) valid_until: Option<CivilDate>,
    pub(crate) accepted_until: Option<CivilDate>,
    pub(crate) applies: Applications,
    pub(crate) unverified: Option<Localized>,
    pub(crate) shape: Option<String>,
    pub(crate) body: Arc<Body>,
}

/// What a form asks and how it is looked at, compiled once however many versions share it.
#[derive(Debug)]
pub(crate) struct Body {
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

    /// The first day a form of this version is no longer accepted (経過措置), on or after
    /// [`Definition::valid_until`]; `None` while there is no later version.
    pub fn accepted_until(&self) -> Option<CivilDate> {
        self.accepted_until.or(self.valid_until)
    }

    /// For which applications the version is.
    pub const fn applies(&self) -> Applications {
        self.applies
    }

    /// The reading of the name in hiragana.
    pub fn kana(&self) -> Option<&str> {
        self.kana.as_deref()
    }

    /// The group of diseases it belongs to, where the lists name one.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// What about the form itself (items, pages, dates) is not confirmed; shown on every screen of it.
    /// `None` when all is.
    pub const fn unverified(&self) -> Option<&Localized> {
        self.unverified.as_ref()
    }

    /// The shape it shares with other forms; `None` for a form with a file of its own.
    pub fn shape(&self) -> Option<&str> {
        self.shape.as_deref()
    }

    /// Tells whether it is for forms written on a day.
    pub fn is_valid_on(&self, day: CivilDate) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|until| day < until)
    }

    /// Tells whether a form of this version is accepted on a day, in force or not.
    pub fn is_accepted_on(&self, day: CivilDate) -> bool {
        self.valid_from <= day && self.accepted_until().is_none_or(|until| day < until)
    }

    /// Sections in printed order.
    pub fn sections(&self) -> &[Section] {
        &self.body.sections
    }

    /// All items in printed order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.body.sections.iter().flat_map(|section| &section.items)
    }

    /// The item of an id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        let (section, item) = self.body.places.get(id)?;
        self.body.sections.get(*section)?.items.get(*item)
    }

    /// Derived items, in the order they are shown.
    pub fn derived(&self) -> &[Derived] {
        &self.body.derived
    }

    /// How closely an item points at a person. Derived items are medical.
    pub fn data_class(&self, id: &str) -> Option<DataClass> {
        let derived = || self.body.derived.iter().any(|derived| derived.id == id);
        self.item(id).map(|item| item.class).or_else(|| derived().then_some(DataClass::Medical))
    }

    /// The consistency rules.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.body.rules
    }

    /// What there is to judge it by.
    pub(crate) fn criteria(&self) -> &Criteria {
        &self.body.criteria
    }
}
