//! Loading items.

use std::sync::Arc;

use kakehashi_kernel::limits::FORM_VALUE_BYTES_MAX;
use rust_decimal::Decimal;

use super::{Loader, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    finding::Localized,
    item::{Applications, Item, Kind},
    source::RawItem,
};

impl Loader<'_> {
    pub(super) fn item(
        &self,
        file: &SourceFile<'_>,
        raw: RawItem,
        page: u16,
    ) -> Result<Item, LoadError> {
        let kind = self.kind(file, &raw)?;
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
            self.lists.get(name.get_ref()).map(Arc::clone).ok_or_else(unknown)
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
                Kind::Decimal { min, max, places, comparator: raw.comparator }
            }
            "postcode" => Kind::Postcode,
            "tel" => Kind::Tel,
            "recipient" => Kind::Recipient,
            "insurer" => Kind::Insurer,
            _ => return Err(refuse("unknown type")),
        };
        // Four bytes is the longest code point, so that what fits the length fits the limit.
        if raw
            .length
            .is_some_and(|[min, max]| min > max || max == 0 || max > FORM_VALUE_BYTES_MAX / 4)
        {
            return Err(refuse("the length is out of bounds"));
        }
        Ok(kind)
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
