//! Whether a value is one that its item takes.

use kakehashi_kernel::{check_digit, limits::FORM_VALUE_BYTES_MAX, text::is_kana};

use super::{format, too_long};
use crate::{
    answer::Value,
    code_list::CodeList,
    finding::{Finding, Localized, Severity},
    item::{Item, Kind},
};

impl Item {
    /// Tells whether the item takes a value.
    ///
    /// # Errors
    ///
    /// A finding (E) that says what it takes; never what the value was.
    pub fn examine(&self, value: &Value) -> Result<(), Finding> {
        match (&self.kind, value) {
            (Kind::Text { length_max, lines_max }, Value::Text(text)) => {
                self.examine_text(text, *length_max, *lines_max)
            }
            (Kind::Kana { length_max }, Value::Text(text)) => {
                self.examine_text(text, *length_max, 1)?;
                self.demand(is_kana(text))
            }
            (Kind::Digits { min, max }, Value::Text(text)) => {
                self.demand(is_digits(text, *min, *max))
            }
            (Kind::Postcode, Value::Text(text)) => self.demand(is_digits(text, 7, 7)),
            (Kind::Tel, Value::Text(text)) => {
                self.demand(is_digits(text, 10, 11) && text.starts_with('0'))
            }
            (Kind::Recipient, Value::Text(text)) => {
                self.demand(is_digits(text, 7, 7))?;
                self.demand_check_digit(text)
            }
            (Kind::Insurer, Value::Text(text)) => {
                self.demand(is_digits(text, 6, 6) || is_digits(text, 8, 8))?;
                self.demand_check_digit(text)
            }
            (Kind::Date, Value::Date(_)) | (Kind::PartialDate, Value::PartialDate(_)) => Ok(()),
            (Kind::Code(list), Value::Code(code)) => self.demand_listed(list, code),
            (Kind::Codes(list), Value::Codes(codes)) => {
                codes.iter().try_for_each(|code| self.demand_listed(list, code))?;
                self.demand(!codes.is_empty() && is_in_order(list, codes))
            }
            (Kind::Integer { min, max }, Value::Integer(number)) => {
                self.demand_range((min..=max).contains(&number))
            }
            (
                Kind::Decimal { min, max, places, comparator: may_compare },
                Value::Decimal { value, comparator },
            ) => {
                self.demand(value.normalize().scale() <= *places)?;
                self.demand(comparator.is_none() || *may_compare)?;
                self.demand_range((min..=max).contains(&value))
            }
            _ => Err(format(self)),
        }
    }

    fn examine_text(&self, text: &str, length_max: usize, lines_max: usize) -> Result<(), Finding> {
        if text.len() > FORM_VALUE_BYTES_MAX || text.chars().count() > length_max {
            return Err(too_long(self));
        }
        if text.split('\n').count() > lines_max {
            return Err(too_long(self));
        }
        let is_allowed = |c: char| {
            matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        };
        self.demand(!text.trim().is_empty() && text.chars().all(is_allowed))
    }

    fn demand(&self, is_right: bool) -> Result<(), Finding> {
        if is_right { Ok(()) } else { Err(format(self)) }
    }

    fn demand_range(&self, is_within: bool) -> Result<(), Finding> {
        let refusal = || self.refuse("check.range", ("範囲の外です", "is outside its range"));
        if is_within { Ok(()) } else { Err(refusal()) }
    }

    fn demand_listed(&self, list: &CodeList, code: &str) -> Result<(), Finding> {
        let refusal =
            || self.refuse("check.code", ("選択肢にありません", "is not one of the options"));
        list.option(code).map(|_| ()).ok_or_else(refusal)
    }

    fn demand_check_digit(&self, number: &str) -> Result<(), Finding> {
        let refusal = || {
            self.refuse(
                "check.check-digit",
                ("検証番号と一致しません", "does not match its check digit"),
            )
        };
        if check_digit::payer_is_valid(number) { Ok(()) } else { Err(refusal()) }
    }

    fn refuse(&self, rule: &str, (ja, en): (&str, &str)) -> Finding {
        Finding::about(
            &self.id,
            rule,
            Severity::E,
            Localized::new(
                format!("「{}」が{ja}。", self.label.ja),
                format!("“{}” {en}.", self.label.en),
            ),
            self.expectation(),
        )
    }

    /// Says what the item takes; the remedy of every format finding and the hint beside a field.
    pub fn expectation(&self) -> Localized {
        match &self.kind {
            Kind::Text { length_max, lines_max: 1 } => Localized::new(
                format!("{length_max}文字以内で入力してください。"),
                format!("Write at most {length_max} characters."),
            ),
            Kind::Text { length_max, lines_max } => Localized::new(
                format!("{length_max}文字以内、{lines_max}行以内で入力してください。"),
                format!("Write at most {length_max} characters in {lines_max} lines."),
            ),
            Kind::Kana { length_max } => Localized::new(
                format!("かなで{length_max}文字以内で入力してください。"),
                format!("Write at most {length_max} kana."),
            ),
            Kind::Date => Localized::new(
                "2024-04-01、R6.4.1、令和6年4月1日のように入力してください。",
                "Write a date such as 2024-04-01 or R6.4.1.",
            ),
            Kind::PartialDate => Localized::new(
                "2024-04、R6.4、令和6年4月、または年だけを入力してください。",
                "Write a month such as 2024-04 or R6.4, or a year.",
            ),
            Kind::Code(_) => {
                Localized::new("選択肢から一つ選んでください。", "Choose one of the options.")
            }
            Kind::Codes(_) => {
                Localized::new("選択肢から選んでください。", "Choose from the options.")
            }
            Kind::Integer { min, max } => Localized::new(
                format!("{min}から{max}までの整数を入力してください。"),
                format!("Write a whole number from {min} to {max}."),
            ),
            Kind::Decimal { min, max, places, .. } => Localized::new(
                format!("{min}から{max}まで、小数点以下{places}桁までの数を入力してください。"),
                format!("Write a number from {min} to {max} with up to {places} decimal places."),
            ),
            Kind::Digits { min, max } if min == max => Localized::new(
                format!("{min}桁の数字を入力してください。"),
                format!("Write {min} digits."),
            ),
            Kind::Digits { min, max } => Localized::new(
                format!("{min}桁から{max}桁の数字を入力してください。"),
                format!("Write {min} to {max} digits."),
            ),
            Kind::Postcode => {
                Localized::new("7桁の数字を入力してください。", "Write seven digits.")
            }
            Kind::Tel => Localized::new(
                "市外局番から10桁または11桁の数字を入力してください。",
                "Write ten or eleven digits, area code first.",
            ),
            Kind::Recipient => Localized::new(
                "受給者証の7桁の番号を入力してください。",
                "Write the seven digits on the certificate.",
            ),
            Kind::Insurer => Localized::new(
                "保険者番号（6桁または8桁）を入力してください。",
                "Write the insurer number (six or eight digits).",
            ),
        }
    }
}

fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_in_order(list: &CodeList, codes: &[String]) -> bool {
    let mut places = codes.iter().map(|code| list.options().iter().position(|o| o.code == *code));
    let mut before = None;
    places.all(|place| std::mem::replace(&mut before, place) < place)
}
