//! From text to a value, by the item's kind.

use kakehashi_kernel::{
    CivilDate,
    limits::{FORM_TABLE_BYTES_MAX, FORM_VALUE_BYTES_MAX},
    text::{fold_kana, to_half_width},
};

use super::{Reading, format, number, outside_era, partial_date, table, too_long};
use crate::{
    answer::{Answer, Value},
    code_list::{CodeList, Means},
    finding::Finding,
    item::{AllowedState, Item, Kind},
};

/// Words people write instead of a value, and what they mean.
const WORDS: [(&str, Means); 4] = [
    ("未実施", Means::NotDone),
    ("not done", Means::NotDone),
    ("不明", Means::Unknown),
    ("unknown", Means::Unknown),
];

/// Ways laboratories say that they found less than they can measure.
const BELOW_DETECTION: [&str; 9] = [
    "感度以下",
    "感度未満",
    "測定感度以下",
    "測定感度未満",
    "検出感度以下",
    "検出感度未満",
    "検出限界以下",
    "検出限界未満",
    "below detection",
];

impl Item {
    /// Reads what a person typed; see [`crate::Definition::read`].
    ///
    /// # Errors
    ///
    /// A finding (E) that says what the item takes; never what was typed.
    pub fn read(&self, text: &str) -> Result<Reading, Finding> {
        let is_table = matches!(self.kind, Kind::Rows { .. });
        let bytes_max = if is_table { FORM_TABLE_BYTES_MAX } else { FORM_VALUE_BYTES_MAX };
        if text.len() > bytes_max {
            return Err(too_long(self));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if text.trim().is_empty() {
            return Ok(Reading::plain(Answer::Blank));
        }
        if let Some(answer) = self.read_word(text.trim()) {
            return Ok(Reading::plain(answer));
        }
        if is_table {
            return table::read(self, &text);
        }
        let (value, is_outside_era) = self.parse(text.trim()).ok_or_else(|| format(self))?;
        self.examine(&value)?;
        let notes = is_outside_era.then(|| outside_era(self)).into_iter().collect();
        Ok(Reading { answer: Answer::Given(value), notes })
    }

    /// Answers the value, and whether it is a date outside the era it names.
    fn parse(&self, text: &str) -> Option<(Value, bool)> {
        let plain = to_half_width(text);
        let value = match &self.kind {
            Kind::Text { .. } => Value::Text(text.to_owned()),
            Kind::Kana { .. } => Value::Text(fold_kana(text)),
            Kind::Digits { .. } | Kind::Recipient | Kind::Insurer | Kind::Tel => {
                Value::Text(number::without_marks(&plain))
            }
            Kind::Postcode => Value::Text(number::without_marks(plain.trim_start_matches('〒'))),
            Kind::Date => {
                let read = CivilDate::parse_across_eras(text).ok()?;
                return Some((Value::Date(read.date), read.is_outside_era));
            }
            Kind::PartialDate => {
                let (date, is_outside_era) = partial_date::parse(&plain)?;
                return Some((Value::PartialDate(date), is_outside_era));
            }
            Kind::Code(list) => Value::Code(one_code(list, &plain, text)?),
            Kind::Codes(list) => Value::Codes(several_codes(list, &plain)?),
            Kind::Integer { .. } => Value::Integer(number::integer(self.without_unit(&plain))?),
            Kind::Decimal { comparator: true, .. } if is_below_detection(&plain) => {
                Value::BelowDetection
            }
            Kind::Decimal { places, .. } => {
                let (plain, behind) = number::comparator_behind(&plain);
                let (value, before) = number::decimal(self.without_unit(plain), *places)?;
                if behind.is_some() && before.is_some() {
                    return None;
                }
                Value::Decimal { value, comparator: before.or(behind) }
            }
            Kind::Rows { .. } => return None,
        };
        Some((value, false))
    }

    /// Drops the item's own unit behind a number.
    fn without_unit<'a>(&self, plain: &'a str) -> &'a str {
        let plain = plain.trim();
        let unit = self.unit.as_deref().map(to_half_width).unwrap_or_default();
        let number = plain.strip_suffix(unit.as_str()).map(str::trim_end);
        number.filter(|number| !number.is_empty()).unwrap_or(plain)
    }

    fn read_word(&self, text: &str) -> Option<Answer> {
        let means = WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text))?.1;
        let state = match means {
            Means::NotDone => (AllowedState::NotDone, Answer::NotDone),
            Means::Unknown => (AllowedState::Unknown, Answer::Unknown),
        };
        if self.allows(state.0) {
            return Some(state.1);
        }
        let option = self.codes()?.meaning(means)?;
        Some(Answer::Given(match self.kind {
            Kind::Codes(_) => Value::Codes(vec![option.code.clone()]),
            _ => Value::Code(option.code.clone()),
        }))
    }
}

fn is_below_detection(plain: &str) -> bool {
    BELOW_DETECTION.iter().any(|word| word.eq_ignore_ascii_case(plain.trim()))
}

fn one_code(list: &CodeList, plain: &str, text: &str) -> Option<String> {
    let by_code = list.option(plain);
    let labelled = |option: &&crate::CodeOption| option.label.ja == text || option.label.en == text;
    let option = by_code.or_else(|| list.options().iter().find(labelled))?;
    Some(option.code.clone())
}

/// In the order of the list, each once.
fn several_codes(list: &CodeList, plain: &str) -> Option<Vec<String>> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '、' | '・' | ';');
    let wanted: Vec<&str> = plain.split(is_separator).filter(|code| !code.is_empty()).collect();
    if wanted.is_empty() || wanted.iter().any(|code| list.option(code).is_none()) {
        return None;
    }
    let chosen = list.options().iter().filter(|option| wanted.contains(&option.code.as_str()));
    Some(chosen.map(|option| option.code.clone()).collect())
}
