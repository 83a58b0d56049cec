//! Carry over: what of last year's form begins this year's, by each item's policy.
//!
//! Works across form versions: an item is the same if its id is. What no longer fits is left out and
//! says why; nothing is guessed.

use crate::{
    answer::{Answer, Answers, Comparator, Row, Value},
    code_list::CodeList,
    definition::{Application, Definition},
    finding::Localized,
    item::{Carry, Item, Kind},
};

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// Taken over (`carry = "always"`).
    Carried,
    /// Taken over as a proposal that a person has to confirm (`carry = "ask"`).
    Proposed,
    /// Not taken over.
    NotCarried(NotCarried),
}

/// Why an answer, or a cell of a table, was not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCarried {
    /// The item is asked anew each time (`carry = "never"`).
    AskedAnew,
    /// This kind of application does not ask it.
    NotAsked,
    /// Last year's form has no value: blank, 未実施, 不明, or unreadable.
    NoValue,
    /// The form version of last year does not have the item.
    NewItem,
    /// It was another kind of item.
    OtherKind,
    /// It was measured in another unit, or by a method with another detection limit.
    OtherUnit,
    /// The code no longer exists.
    CodeGone,
    /// The code stands for something else now.
    CodeChanged,
    /// The value is outside what the item takes now.
    DoesNotFit,
}

impl NotCarried {
    /// As shown beside the item.
    pub fn label(self) -> Localized {
        let (ja, en) = match self {
            Self::AskedAnew => ("毎回新たに記入する項目です", "Asked anew each time"),
            Self::NotAsked => ("今回の申請では記入しない項目です", "Not asked in this application"),
            Self::NoValue => ("前回の値がありません", "No value last time"),
            Self::NewItem => ("前回の様式にない項目です", "Not on last time's form"),
            Self::OtherKind => ("前回と項目の型が異なります", "Was another kind of item"),
            Self::OtherUnit => ("前回と単位が異なります", "Was measured in another unit"),
            Self::CodeGone => ("前回の選択肢は今の様式にありません", "The option no longer exists"),
            Self::CodeChanged => {
                ("前回の選択肢の意味が変わりました", "The option means something else now")
            }
            Self::DoesNotFit => ("前回の値は今の項目に入りません", "Does not fit the item now"),
        };
        Localized::new(ja, en)
    }
}

/// One item of this year's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedItem {
    /// The item's id.
    pub item: String,
    /// What became of it.
    pub carriage: Carriage,
    /// Set for a table of which not every cell was taken over: why the first was not.
    pub left_out: Option<NotCarried>,
}

/// How much of the form was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Items filled, proposals included.
    pub filled: usize,
    /// Items that this application asks and that may be carried over by their policy.
    pub of: usize,
}

impl Share {
    /// In whole per cent, rounded down; 0 if there is nothing to fill.
    pub fn percent(self) -> usize {
        (self.filled * 100).checked_div(self.of).unwrap_or(0)
    }
}

/// Last year's values in this year's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedOver {
    /// What is filled in, proposals included.
    pub answers: Answers,
    /// Every item of this year's form, in printed order.
    pub items: Vec<CarriedItem>,
    /// How much was filled.
    pub share: Share,
}

impl Definition {
    /// Fills this form with the `last` answers, given in the form version `from` (the same one, an
    /// older one, or that of another disease: shared items are the same everywhere).
    ///
    /// States are never carried: 判読不能 of last year says nothing about this year. A code is carried
    /// only if it exists and stands for the same as before; a table cell by cell. What is carried passes
    /// [`Item::examine`].
    pub fn carry_over(&self, last: &Answers, from: &Self, application: Application) -> CarriedOver {
        let mut answers = Answers::new();
        let mut items = Vec::new();
        let mut share = Share { filled: 0, of: 0 };
        for item in self.items() {
            let carried = carry(item, last, from, application);
            share.of += usize::from(item.is_asked(application) && item.carry != Carry::Never);
            let (carriage, left_out) = match carried {
                Err(reason) => (Carriage::NotCarried(reason), None),
                Ok((value, left_out)) => {
                    share.filled += 1;
                    answers.set(&item.id, Answer::Given(value));
                    let is_sure = item.carry == Carry::Always && left_out.is_none();
                    (if is_sure { Carriage::Carried } else { Carriage::Proposed }, left_out)
                }
            };
            items.push(CarriedItem { item: item.id.clone(), carriage, left_out });
        }
        CarriedOver { answers, items, share }
    }
}

/// A value, and for a table why a cell of it was left out.
type Carried = (Value, Option<NotCarried>);

fn carry(
    item: &Item,
    last: &Answers,
    from: &Definition,
    application: Application,
) -> Result<Carried, NotCarried> {
    if item.carry == Carry::Never {
        return Err(NotCarried::AskedAnew);
    }
    if !item.is_asked(application) {
        return Err(NotCarried::NotAsked);
    }
    let before = from.item(&item.id).ok_or(NotCarried::NewItem)?;
    let value = last.value(&item.id).ok_or(NotCarried::NoValue)?;
    let carried = match (&item.kind, value) {
        (Kind::Rows { .. }, Value::Rows(rows)) => carry_rows(item, before, rows)?,
        _ => (convert(item, before, value)?, None),
    };
    if item.examine(&carried.0).is_err() { Err(NotCarried::DoesNotFit) } else { Ok(carried) }
}

fn carry_rows(item: &Item, before: &Item, rows: &[Row]) -> Result<Carried, NotCarried> {
    let mut carried = Vec::new();
    let mut left_out = None;
    for row in rows {
        let mut kept = Row::new();
        for (id, answer) in row.iter() {
            match carry_cell(item, before, id, answer) {
                Ok(value) => kept.set(id, Answer::Given(value)),
                Err(reason) => left_out = left_out.or(Some(reason)),
            }
        }
        if !kept.is_empty() {
            carried.push(kept);
        }
    }
    if carried.is_empty() {
        return Err(left_out.unwrap_or(NotCarried::NoValue));
    }
    Ok((Value::Rows(carried), left_out))
}

fn carry_cell(
    item: &Item,
    before: &Item,
    column: &str,
    answer: &Answer,
) -> Result<Value, NotCarried> {
    let now = item.column(column).ok_or(NotCarried::OtherKind)?;
    let before = before.column(column).ok_or(NotCarried::NewItem)?;
    let value = convert(now, before, answer.value().ok_or(NotCarried::NoValue)?)?;
    if now.examine(&value).is_err() { Err(NotCarried::DoesNotFit) } else { Ok(value) }
}

/// The value as the item takes it now, if it means the same.
fn convert(item: &Item, before: &Item, value: &Value) -> Result<Value, NotCarried> {
    if item.unit != before.unit {
        return Err(NotCarried::OtherUnit);
    }
    match (&item.kind, &before.kind, value) {
        (Kind::Code(now), Kind::Code(then), Value::Code(code)) => {
            same_code(now, then, code)?;
            Ok(value.clone())
        }
        (Kind::Codes(now), Kind::Codes(then), Value::Codes(codes)) => {
            codes.iter().try_for_each(|code| same_code(now, then, code))?;
            let order = now.options().iter().map(|option| &option.code);
            Ok(Value::Codes(order.filter(|code| codes.contains(code)).cloned().collect()))
        }
        (Kind::Codes(now), Kind::Code(then), Value::Code(code)) => {
            same_code(now, then, code)?;
            Ok(Value::Codes(vec![code.clone()]))
        }
        (Kind::Decimal { places, .. }, Kind::Integer { .. }, Value::Integer(number)) => {
            let mut value = rust_decimal::Decimal::from(*number);
            value.rescale(*places);
            Ok(Value::Decimal { value, comparator: None })
        }
        (
            Kind::Decimal { places, .. },
            Kind::Decimal { .. },
            Value::Decimal { value, comparator },
        ) => Ok(Value::Decimal { value: to_places(*value, *places)?, comparator: *comparator }),
        (Kind::Decimal { .. }, Kind::Decimal { .. }, Value::BelowDetection) => {
            carry_below_detection(item, before)
        }
        (Kind::PartialDate, Kind::Date, Value::Date(date)) => {
            let date = kakehashi_kernel::PartialDate::from(*date);
            Ok(Value::PartialDate(date))
        }
        (Kind::Date, Kind::Date, Value::Date(_))
        | (Kind::PartialDate, Kind::PartialDate, Value::PartialDate(_))
        | (Kind::Integer { .. }, Kind::Integer { .. }, Value::Integer(_)) => Ok(value.clone()),
        (now, then, Value::Text(_)) if now.is_text() && then.is_text() => Ok(value.clone()),
        _ => Err(NotCarried::OtherKind),
    }
}

/// 感度以下 of a known limit means below that number, of an unknown one whatever it meant then.
fn carry_below_detection(item: &Item, before: &Item) -> Result<Value, NotCarried> {
    match (item.detection, before.detection) {
        (now, then) if now == then => Ok(Value::BelowDetection),
        (_, Some(limit)) => {
            let Kind::Decimal { places, .. } = item.kind else { return Err(NotCarried::OtherKind) };
            let value = to_places(limit, places)?;
            Ok(Value::Decimal { value, comparator: Some(Comparator::Lt) })
        }
        (_, None) => Err(NotCarried::OtherUnit),
    }
}

/// The same number with the places the item declares now; never rounded.
fn to_places(
    mut value: rust_decimal::Decimal,
    places: u32,
) -> Result<rust_decimal::Decimal, NotCarried> {
    if value.normalize().scale() > places {
        return Err(NotCarried::DoesNotFit);
    }
    value.rescale(places);
    Ok(value)
}

fn same_code(now: &CodeList, then: &CodeList, code: &str) -> Result<(), NotCarried> {
    let before = then.option(code).ok_or(NotCarried::CodeGone)?;
    if before.means.is_some() {
        // 不明 and 未実施 are states, whether a list has a code for them or not.
        return Err(NotCarried::NoValue);
    }
    let option = now.option(code).ok_or(NotCarried::CodeGone)?;
    let is_same = option.label.ja == before.label.ja && option.means == before.means;
    if is_same { Ok(()) } else { Err(NotCarried::CodeChanged) }
}
