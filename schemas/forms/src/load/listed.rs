//! `lists/<programme>.csv`: form versions that have no file of their own.

use kakehashi_kernel::{CivilDate, FormKey, Programme};

use super::{
    csv::{self, Record},
    sequence::Place,
};
use crate::{
    catalogue::{LoadError, SourceFile},
    finding::Localized,
};

/// The header every list begins with.
const HEADER: [&str; 14] = [
    "number",
    "branch",
    "version",
    "name",
    "kana",
    "name_en",
    "valid_from",
    "valid_until",
    "accepted_until",
    "pages",
    "shape",
    "unverified_ja",
    "unverified_en",
    "group",
];

/// One form version of a list.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) place: Place,
    pub(super) key: FormKey,
    pub(super) name: Localized,
    pub(super) kana: Option<String>,
    pub(super) valid_from: CivilDate,
    pub(super) valid_until: Option<CivilDate>,
    pub(super) accepted_until: Option<CivilDate>,
    pub(super) pages: u16,
    /// For example `nanbyo/common`.
    pub(super) shape: String,
    pub(super) unverified: Option<Localized>,
    pub(super) group: Option<String>,
}

/// Reads a list; stops at the first wrong line.
pub(super) fn read(file: &SourceFile<'_>) -> Result<Vec<Listed>, LoadError> {
    let name = file.path.trim_start_matches("lists/").trim_end_matches(".csv");
    let at = |line| Place::at(file, line);
    let programme: Programme =
        name.parse().map_err(|_| at(1).wrong("a list is named nanbyo.csv or shouman.csv"))?;
    let records = csv::records(file.text).map_err(|error| at(error.line).wrong(error.problem))?;
    let mut records = records.into_iter();
    if records.next().is_none_or(|header| header.fields != HEADER) {
        return Err(at(1).wrong(format!("the first line is not {}", HEADER.join(","))));
    }
    let read = |record: Record| {
        let place = at(record.line);
        row(programme, &place, record).map_err(|problem| place.wrong(problem))
    };
    records.map(read).collect()
}

fn row(programme: Programme, place: &Place, record: Record) -> Result<Listed, String> {
    let count = record.fields.len();
    let fields: [String; 14] =
        record.fields.try_into().map_err(|_| format!("{count} columns instead of 14"))?;
    let [number, branch, version, name, kana, name_en, from, until, accepted, pages, ..] = &fields;
    let [.., shape, unverified_ja, unverified_en, group] = &fields;
    let key = FormKey::new(programme, whole(number)?, whole(branch)?, whole(version)?)
        .map_err(|error| error.to_string())?;
    if name.is_empty() || name_en.is_empty() || shape.is_empty() {
        return Err("name, name_en or shape is missing".to_owned());
    }
    let unverified = match (unverified_ja.as_str(), unverified_en.as_str()) {
        ("", "") => None,
        ("", _) | (_, "") => return Err("unverified in one language only".to_owned()),
        (ja, en) => Some(Localized::new(ja, en)),
    };
    Ok(Listed {
        place: place.clone(),
        key,
        name: Localized::new(name, name_en),
        kana: Some(kana.clone()).filter(|kana| !kana.is_empty()),
        valid_from: day(from)?.ok_or("valid_from is missing")?,
        valid_until: day(until)?,
        accepted_until: day(accepted)?,
        pages: whole(pages)?,
        shape: format!("{programme}/{shape}"),
        unverified,
        group: Some(group.clone()).filter(|group| !group.is_empty()),
    })
}

fn whole(text: &str) -> Result<u16, String> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_digits { text.parse().ok() } else { None };
    number.ok_or_else(|| format!("{text:?} is not a whole number"))
}

fn day(text: &str) -> Result<Option<CivilDate>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("{text:?} is not a day such as 2024-04-01"))
}
