//! Loading items.

use std::sync::Arc;

use kakehashi_kernel::limits::{FORM_COLUMNS_MAX, FORM_ROWS_MAX, FORM_VALUE_BYTES_MAX};
use rust_decimal::Decimal;

use super::{Loader, sections::is_name, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    finding::Localized,
    item::{Applications, Item, Kind, Region},
    source::RawItem,
};

/// Most places a number can be asked with.
const PLACES_MAX: u32 = 10;

impl Loader<'_> {
    pub(super) fn item(
        &self,
        file: &SourceFile<'_>,
        raw: RawItem,
        page: u16,
    ) -> Result<Item, LoadError> {
        let mut kind = self.kind(file, &raw)?;
        if let Kind::Rows { columns, .. } = &mut kind {
            for column in columns {
                column.page = page;
            }
        }
        let region = region(file, &raw)?;
        let detection = detection(file, &raw)?;
        let refuse = |problem| wrong(file, Some(&raw.id.span()), Some(raw.id.get_ref()), problem);
        let class = raw.class.ok_or_else(|| refuse("class is missing"))?;
        let carry = raw.carry.ok_or_else(|| refuse("carry is missing"))?;
        let id = raw.id.into_inner();
        Ok(Item {
            required_when: self.optional(file, raw.required_when, &id)?,
            relevant: self.optional(file, raw.relevant, &id)?,
            id,
            label: Localized::new(raw.ja, raw.en),
            kind,
            help: raw.help,
            unit: raw.unit,
            page,
            region,
            detection,
            required: raw.required,
            applies: raw.applies.unwrap_or(Applications::Both),
            class,
            carry,
            states: raw.states,
            confidence: raw.confidence,
        })
    }

    pub(super) fn kind(&self, file: &SourceFile<'_>, raw: &RawItem) -> Result<Kind, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: &str| wrong(file, Some(&raw.kind.span()), Some(id), problem);
        let length = || raw.length.ok_or_else(|| refuse("length = [min, max] is missing"));
        let list = || {
            let name = raw.codes.as_ref().ok_or_else(|| refuse("codes is missing"))?;
            let unknown =
                || wrong(file, Some(&name.span()), Some(id), "there is no such code list");
            self.parts.lists.get(name.get_ref()).map(Arc::clone).ok_or_else(unknown)
        };
        let kind = match raw.kind.get_ref().as_str() {
            "text" => {
                Kind::Text { length_max: length()?[1], lines_max: raw.lines_max.unwrap_or(1) }
            }
            "kana" => Kind::Kana { length_max: length()?[1] },
            "digits" => Kind::Digits { min: length()?[0], max: length()?[1] },
            "date" => Kind::Date,
            "partial_date" => Kind::PartialDate,
            "code" => Kind::Code(list()?),
            "codes" => Kind::Codes(list()?),
            "integer" => {
                let (min, max) = range::<i64>(file, raw)?;
                Kind::Integer { min, max }
            }
            "decimal" => {
                let (min, max) = range::<Decimal>(file, raw)?;
                let places = raw.places.ok_or_else(|| refuse("places is missing"))?;
                if places > PLACES_MAX {
                    return Err(refuse(&format!("more than {PLACES_MAX} places")));
                }
                Kind::Decimal { min, max, places, comparator: raw.comparator }
            }
            "postcode" => Kind::Postcode,
            "tel" => Kind::Tel,
            "recipient" => Kind::Recipient,
            "insurer" => Kind::Insurer,
            "rows" => self.rows(file, raw)?,
            _ => return Err(refuse("unknown type")),
        };
        if let Some(key) = misplaced(raw) {
            return Err(refuse(&format!("{key} does not go with type {}", raw.kind.get_ref())));
        }
        // Four bytes is the longest code point, so that what fits the length fits the limit.
        if raw
            .length
            .is_some_and(|[min, max]| min > max || max == 0 || max > FORM_VALUE_BYTES_MAX / 4)
        {
            return Err(refuse("the length is out of bounds"));
        }
        Ok(kind)
    }

    fn rows(&self, file: &SourceFile<'_>, raw: &RawItem) -> Result<Kind, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: &str| wrong(file, Some(&raw.kind.span()), Some(id), problem);
        let [min, max] = raw.rows.ok_or_else(|| refuse("rows = [min, max] is missing"))?;
        if min > max || max == 0 || max > FORM_ROWS_MAX {
            return Err(refuse(&format!("a table has 1 to {FORM_ROWS_MAX} rows")));
        }
        if raw.column.is_empty() || raw.column.len() > FORM_COLUMNS_MAX {
            return Err(refuse(&format!("a table has 1 to {FORM_COLUMNS_MAX} columns")));
        }
        let mut columns: Vec<Item> = Vec::with_capacity(raw.column.len());
        for column in &raw.column {
            let column = self.column(file, raw, column.clone())?;
            if columns.iter().any(|other| other.id == column.id) {
                return Err(refuse(&format!("the column {} is there twice", column.id)));
            }
            columns.push(column);
        }
        Ok(Kind::Rows { min, max, columns })
    }

    /// A column is an item that takes class, carry and page from its table.
    fn column(
        &self,
        file: &SourceFile<'_>,
        table: &RawItem,
        mut raw: RawItem,
    ) -> Result<Item, LoadError> {
        let refuse =
            |problem: &str| wrong(file, Some(&raw.id.span()), Some(raw.id.get_ref()), problem);
        if !is_name(raw.id.get_ref()) {
            return Err(refuse(
                "an id is lower case letters, digits and underscores, a letter first",
            ));
        }
        if raw.kind.get_ref() == "rows" {
            return Err(refuse("a column cannot be a table"));
        }
        if raw.relevant.is_some() || raw.required_when.is_some() || raw.applies.is_some() {
            return Err(refuse("relevant, required_when and applies belong to the table"));
        }
        raw.class = raw.class.or(table.class);
        raw.carry = raw.carry.or(table.carry);
        // The table's page is set when its section is known.
        self.item(file, raw, 1)
    }
}

/// A key the item has that its type makes nothing of: its author expects it to do something.
fn misplaced(raw: &RawItem) -> Option<&'static str> {
    let kind = raw.kind.get_ref().as_str();
    let keys: [(bool, &'static str, &[&str]); 8] = [
        (raw.length.is_some(), "length", &["text", "kana", "digits"]),
        (raw.lines_max.is_some(), "lines_max", &["text"]),
        (raw.range.is_some(), "range", &["integer", "decimal"]),
        (raw.places.is_some(), "places", &["decimal"]),
        (raw.comparator, "comparator", &["decimal"]),
        (raw.codes.is_some(), "codes", &["code", "codes"]),
        (raw.rows.is_some(), "rows", &["rows"]),
        (!raw.column.is_empty(), "column", &["rows"]),
    ];
    keys.into_iter()
        .find(|(is_set, _, kinds)| *is_set && !kinds.contains(&kind))
        .map(|(_, key, _)| key)
}

fn region(file: &SourceFile<'_>, raw: &RawItem) -> Result<Option<Region>, LoadError> {
    let Some(region) = &raw.region else { return Ok(None) };
    let [left, top, width, height] = *region.get_ref();
    if width == 0 || height == 0 {
        let problem = "a region is [left, top, width, height], the last two above 0";
        return Err(wrong(file, Some(&region.span()), Some(raw.id.get_ref()), problem));
    }
    Ok(Some(Region { left, top, width, height }))
}

fn detection(file: &SourceFile<'_>, raw: &RawItem) -> Result<Option<Decimal>, LoadError> {
    let Some(detection) = &raw.detection else { return Ok(None) };
    match detection.get_ref().parse() {
        Ok(limit) if raw.comparator => Ok(Some(limit)),
        _ => {
            let problem = "detection is a number, for items with comparator = true";
            Err(wrong(file, Some(&detection.span()), Some(raw.id.get_ref()), problem))
        }
    }
}

fn range<T: std::str::FromStr + PartialOrd>(
    file: &SourceFile<'_>,
    raw: &RawItem,
) -> Result<(T, T), LoadError> {
    let id = raw.id.get_ref();
    let Some(range) = &raw.range else {
        return Err(wrong(file, Some(&raw.kind.span()), Some(id), "range is missing"));
    };
    let [min, max] = range.get_ref();
    match (min.parse::<T>(), max.parse::<T>()) {
        (Ok(min), Ok(max)) if min <= max => Ok((min, max)),
        _ => {
            Err(wrong(file, Some(&range.span()), Some(id), "the range is not two numbers in order"))
        }
    }
}
