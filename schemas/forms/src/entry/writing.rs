//! From an answer to its canonical text, and to what a person is shown.

use super::table;
use crate::{
    answer::{Answer, Value},
    finding::Localized,
    item::{Item, Kind},
};

/// Writes an answer to an item, or to one the form does not have.
pub(super) fn write(item: Option<&Item>, answer: &Answer) -> String {
    match answer {
        Answer::Given(value) => write_value(item, value),
        state => state.word().unwrap_or_default().to_owned(),
    }
}

fn write_value(item: Option<&Item>, value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Code(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        Value::PartialDate(date) => date.to_string(),
        Value::Codes(codes) => codes.join(" "),
        Value::Integer(number) => number.to_string(),
        Value::BelowDetection => "感度以下".to_owned(),
        Value::Decimal { value, comparator } => {
            let symbol = comparator.map_or("", crate::Comparator::symbol);
            let places = match item.map(|item| &item.kind) {
                Some(Kind::Decimal { places, .. }) => (*places).max(value.normalize().scale()),
                _ => value.scale(),
            };
            let mut value = *value;
            value.rescale(places);
            format!("{symbol}{value}")
        }
        Value::Rows(rows) => table::write(item.map_or(&[], Item::columns), rows),
    }
}

impl Item {
    /// Writes an answer as canonical text; see [`crate::Definition::write`].
    pub fn write(&self, answer: &Answer) -> String {
        write(Some(self), answer)
    }

    /// Shows an answer to a person; see [`crate::Definition::display`].
    pub fn display(&self, answer: &Answer) -> Localized {
        let text = self.write(answer);
        let english = match answer {
            Answer::Given(Value::Code(code)) => return self.labels(&[code]).unwrap_or(both(text)),
            Answer::Given(Value::Codes(codes)) => {
                let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
                return self.labels(&codes).unwrap_or(both(text));
            }
            Answer::Given(Value::Integer(_) | Value::Decimal { .. }) => {
                let unit = self.unit.as_deref().unwrap_or_default();
                return both(format!("{text} {unit}").trim_end().to_owned());
            }
            Answer::Given(Value::Rows(rows)) => return table::display(self, rows),
            Answer::Given(Value::BelowDetection) => "below detection",
            Answer::NotDone => "not done",
            Answer::Unknown => "unknown",
            Answer::Illegible => "illegible",
            Answer::Struck => "struck out",
            Answer::MultiplyMarked => "multiply marked",
            Answer::Given(Value::Text(_) | Value::Date(_) | Value::PartialDate(_))
            | Answer::Blank => return both(text),
        };
        Localized::new(text, english)
    }

    fn labels(&self, codes: &[&str]) -> Option<Localized> {
        let list = self.codes()?;
        let options: Option<Vec<_>> = codes.iter().map(|code| list.option(code)).collect();
        let options = options?;
        let join = |texts: Vec<&str>, between| texts.join(between);
        Some(Localized::new(
            join(options.iter().map(|option| option.label.ja.as_str()).collect(), "、"),
            join(options.iter().map(|option| option.label.en.as_str()).collect(), ", "),
        ))
    }
}

fn both(text: String) -> Localized {
    Localized::new(text.clone(), text)
}
