//! From what a person typed to an answer, and from an answer to its canonical text.
#![expect(
    clippy::result_large_err,
    reason = "a finding is what the caller shows; boxing it would only move the cost to the reader"
)]

mod number;
mod partial_date;
mod value;

use kakehashi_kernel::{CivilDate, limits::FORM_VALUE_BYTES_MAX, text::to_half_width};

use crate::{
    answer::{Answer, Value},
    code_list::{CodeList, Means},
    definition::Definition,
    finding::{Finding, Localized, Severity},
    item::{AllowedState, Item, Kind},
};

/// Words people write instead of a value, and what they mean.
const WORDS: [(&str, Means); 4] = [
    ("未実施", Means::NotDone),
    ("not done", Means::NotDone),
    ("不明", Means::Unknown),
    ("unknown", Means::Unknown),
];

impl Definition {
    /// Reads what a person typed into an item.
    ///
    /// Accepts full-width digits, era dates (`R6.4.1`, `令和6年4月1日`), partial dates, thousands
    /// separators, `<0.1` where the item takes comparators, a code or its label, several codes
    /// separated by spaces or commas, and 未実施 / 不明 where they are answers. White space around the
    /// text is dropped, line ends become `\n`, nothing else of a text is changed. Empty is blank.
    ///
    /// # Errors
    ///
    /// A finding (E) that says what the item takes; never what was typed.
    pub fn read(&self, item: &str, text: &str) -> Result<Answer, Finding> {
        let Some(item) = self.item(item) else { return Err(no_such_item()) };
        if text.len() > FORM_VALUE_BYTES_MAX {
            return Err(too_long(item));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim();
        if text.is_empty() {
            return Ok(Answer::Blank);
        }
        if let Some(answer) = read_word(item, text) {
            return Ok(answer);
        }
        let value = item.parse(text)?;
        item.examine(&value)?;
        Ok(Answer::Given(value))
    }

    /// Writes an answer as canonical text: what [`Definition::read`] makes the same answer of. States
    /// that nobody types (illegible, struck, multiply marked) get the word that is shown for them.
    pub fn write(&self, item: &str, answer: &Answer) -> String {
        let kind = self.item(item).map(|item| &item.kind);
        match answer {
            Answer::Given(value) => write_value(kind, value),
            Answer::Blank => String::new(),
            Answer::NotDone => "未実施".to_owned(),
            Answer::Unknown => "不明".to_owned(),
            Answer::Illegible => "判読不能".to_owned(),
            Answer::Struck => "抹消".to_owned(),
            Answer::MultiplyMarked => "複数選択".to_owned(),
        }
    }

    /// Shows an answer to a person: like [`Definition::write`], with codes as their labels and the
    /// unit behind a number.
    pub fn display(&self, item: &str, answer: &Answer) -> Localized {
        let text = self.write(item, answer);
        let Some(item) = self.item(item) else { return Localized::new(text.clone(), text) };
        let labels = |codes: &[&str]| {
            let list = item.codes()?;
            let options: Option<Vec<_>> = codes.iter().map(|code| list.option(code)).collect();
            let join = |texts: Vec<&str>, between| texts.join(between);
            let options = options?;
            Some(Localized::new(
                join(options.iter().map(|option| option.label.ja.as_str()).collect(), "、"),
                join(options.iter().map(|option| option.label.en.as_str()).collect(), ", "),
            ))
        };
        let shown = match answer {
            Answer::Given(Value::Code(code)) => labels(&[code]),
            Answer::Given(Value::Codes(codes)) => {
                labels(&codes.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Answer::Given(Value::Integer(_) | Value::Decimal { .. }) => {
                let unit = item.unit.as_deref().unwrap_or_default();
                let text = format!("{text} {unit}").trim_end().to_owned();
                Some(Localized::new(text.clone(), text))
            }
            Answer::NotDone => Some(Localized::new(text.clone(), "not done")),
            Answer::Unknown => Some(Localized::new(text.clone(), "unknown")),
            Answer::Illegible => Some(Localized::new(text.clone(), "illegible")),
            Answer::Struck => Some(Localized::new(text.clone(), "struck out")),
            Answer::MultiplyMarked => Some(Localized::new(text.clone(), "multiply marked")),
            Answer::Given(_) | Answer::Blank => None,
        };
        shown.unwrap_or_else(|| Localized::new(text.clone(), text))
    }
}

impl Item {
    fn parse(&self, text: &str) -> Result<Value, Finding> {
        let plain = to_half_width(text);
        let value = match &self.kind {
            Kind::Text { .. } | Kind::Kana { .. } => Some(Value::Text(text.to_owned())),
            Kind::Digits { .. } | Kind::Recipient | Kind::Insurer => {
                Some(Value::Text(number::without_marks(&plain)))
            }
            Kind::Postcode => {
                Some(Value::Text(number::without_marks(plain.trim_start_matches('〒'))))
            }
            Kind::Tel => Some(Value::Text(number::without_marks(&plain))),
            Kind::Date => CivilDate::parse_japanese(text).ok().map(Value::Date),
            Kind::PartialDate => partial_date::parse(&plain).map(Value::PartialDate),
            Kind::Code(list) => one_code(list, &plain, text).map(Value::Code),
            Kind::Codes(list) => several_codes(list, &plain).map(Value::Codes),
            Kind::Integer { .. } => number::integer(&plain).map(Value::Integer),
            Kind::Decimal { places, .. } => number::decimal(&plain, *places)
                .map(|(value, comparator)| Value::Decimal { value, comparator }),
        };
        value.ok_or_else(|| format(self))
    }
}

fn read_word(item: &Item, text: &str) -> Option<Answer> {
    let means = WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text))?.1;
    let state = match means {
        Means::NotDone => (AllowedState::NotDone, Answer::NotDone),
        Means::Unknown => (AllowedState::Unknown, Answer::Unknown),
    };
    if item.allows(state.0) {
        return Some(state.1);
    }
    let option = item.codes()?.meaning(means)?;
    Some(Answer::Given(match item.kind {
        Kind::Codes(_) => Value::Codes(vec![option.code.clone()]),
        _ => Value::Code(option.code.clone()),
    }))
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

fn write_value(kind: Option<&Kind>, value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Code(text) => text.clone(),
        Value::Date(date) => date.to_string(),
        Value::PartialDate(date) => date.to_string(),
        Value::Codes(codes) => codes.join(" "),
        Value::Integer(number) => number.to_string(),
        Value::Decimal { value, comparator } => {
            let symbol = comparator.map_or("", crate::Comparator::symbol);
            let places = match kind {
                Some(Kind::Decimal { places, .. }) => (*places).max(value.normalize().scale()),
                _ => value.scale(),
            };
            let mut value = *value;
            value.rescale(places);
            format!("{symbol}{value}")
        }
    }
}

fn no_such_item() -> Finding {
    Finding {
        rule: "check.unknown-item".to_owned(),
        item: None,
        severity: Severity::E,
        message: Localized::new("この様式にない項目です。", "This form has no such item."),
        remedy: Localized::new("様式の版を確認してください。", "Please check the form version."),
    }
}

pub(crate) fn too_long(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.length",
        Severity::E,
        Localized::new(
            format!("「{}」が長すぎます。", item.label.ja),
            format!("“{}” is too long.", item.label.en),
        ),
        item.expectation(),
    )
}

pub(crate) fn format(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.format",
        Severity::E,
        Localized::new(
            format!("「{}」の形式が正しくありません。", item.label.ja),
            format!("“{}” does not have the right format.", item.label.en),
        ),
        item.expectation(),
    )
}
