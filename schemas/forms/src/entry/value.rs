//! Whether a value is one that its item takes.

use kakehashi_kernel::{check_digit, limits::FORM_VALUE_BYTES_MAX, text::is_kana};

use super::{format, table, too_long};
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
            (Kind::Date, Value::Date(_))
            | (Kind::PartialDate, Value::PartialDate(_))
            | (Kind::Decimal { comparator: true, .. }, Value::BelowDetection) => Ok(()),
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
            (Kind::Rows { .. }, Value::Rows(rows)) => {
                table::examine(self, rows).into_iter().next().map_or(Ok(()), Err)
            }
            _ => Err(format(self)),
        }
    }

    /// Examines like [`Item::examine`] and answers everything that is wrong with a table, cell by
    /// cell, at most [`kakehashi_kernel::limits::FORM_ROWS_MAX`] findings.
    pub fn examine_all(&self, value: &Value) -> Vec<Finding> {
        match (&self.kind, value) {
            (Kind::Rows { .. }, Value::Rows(rows)) => table::examine(self, rows),
            _ => self.examine(value).err().into_iter().collect(),
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

    pub(super) fn refuse(&self, rule: &str, (ja, en): (&str, &str)) -> Finding {
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
}

fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_in_order(list: &CodeList, codes: &[String]) -> bool {
    let mut places = codes.iter().map(|code| list.options().iter().position(|o| o.code == *code));
    let mut before = None;
    places.all(|place| std::mem::replace(&mut before, place) < place)
}
