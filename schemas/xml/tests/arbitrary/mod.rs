//! Arbitrary answers to any definition, for properties.

use kakehashi_forms::{
    AllowedState, Answer, Answers, Comparator, Definition, Item, Kind, Row, Value,
};
use kakehashi_kernel::{CivilDate, PartialDate, check_digit::payer};
use proptest::{prelude::*, sample::select, string::string_regex};
use rust_decimal::Decimal;

fn text(pattern: &str) -> BoxedStrategy<Value> {
    string_regex(pattern).unwrap().prop_map(Value::Text).boxed()
}

/// A number with its check digit.
fn checked(digits: usize) -> BoxedStrategy<Value> {
    let body = string_regex(&format!("[0-9]{{{}}}", digits - 1)).unwrap();
    body.prop_map(|body| Value::Text(format!("{body}{}", payer(&body).unwrap()))).boxed()
}

fn date() -> impl Strategy<Value = CivilDate> {
    (1873i16..=2200, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| CivilDate::new(y, m, d).unwrap())
}

fn partial_date() -> impl Strategy<Value = PartialDate> {
    (date(), 0..3).prop_map(|(date, parts)| {
        let month = (parts > 0).then(|| date.month());
        let day = (parts > 1).then(|| date.day());
        PartialDate::new(date.year(), month, day).unwrap()
    })
}

fn decimal(min: Decimal, max: Decimal, places: u32, may_compare: bool) -> BoxedStrategy<Value> {
    let units = |value: Decimal| {
        let mut value = value;
        value.rescale(places);
        i64::try_from(value.mantissa()).unwrap()
    };
    let number = (units(min)..=units(max)).prop_map(move |units| Decimal::new(units, places));
    let comparators = if may_compare { &Comparator::ALL[..] } else { &[] };
    let comparators: Vec<Option<Comparator>> =
        std::iter::once(None).chain(comparators.iter().copied().map(Some)).collect();
    let value = (number, select(comparators))
        .prop_map(|(value, comparator)| Value::Decimal { value, comparator });
    if may_compare {
        prop_oneof![5 => value, 1 => Just(Value::BelowDetection)].boxed()
    } else {
        value.boxed()
    }
}

/// A value the item takes.
pub(crate) fn value(item: &Item) -> BoxedStrategy<Value> {
    match &item.kind {
        // Starts with a letter so that it is never white space alone; all of XML's special characters.
        Kind::Text { length_max, lines_max } => {
            let newline = if *lines_max > 1 && *length_max > 8 { "\n?" } else { "" };
            let rest = length_max.saturating_sub(2).min(20);
            text(&format!("亜{newline}[<>&\"' \t\u{3000}\u{FA19}𠮷髙a-z亜\\]]{{0,{rest}}}"))
        }
        Kind::Kana { length_max } => text(&format!("[ぁ-ゖァ-ヺー]{{1,{}}}", length_max.min(&30))),
        Kind::Digits { min, max } => text(&format!("[0-9]{{{min},{max}}}")),
        Kind::Postcode => text("[0-9]{7}"),
        Kind::Tel => text("0[0-9]{9,10}"),
        Kind::Recipient => checked(7),
        Kind::Insurer => prop_oneof![checked(6), checked(8)].boxed(),
        Kind::Date => date().prop_map(Value::Date).boxed(),
        Kind::PartialDate => partial_date().prop_map(Value::PartialDate).boxed(),
        Kind::Code(list) => {
            let codes: Vec<String> = list.options().iter().map(|o| o.code.clone()).collect();
            select(codes).prop_map(Value::Code).boxed()
        }
        Kind::Codes(list) => {
            let codes: Vec<String> = list.options().iter().map(|o| o.code.clone()).collect();
            let most = codes.len();
            proptest::sample::subsequence(codes, 1..=most).prop_map(Value::Codes).boxed()
        }
        Kind::Integer { min, max } => (*min..=*max).prop_map(Value::Integer).boxed(),
        Kind::Decimal { min, max, places, comparator } => decimal(*min, *max, *places, *comparator),
        Kind::Rows { min, max, columns } => {
            let ids: Vec<String> = columns.iter().map(|column| column.id.clone()).collect();
            let cells: Vec<_> = columns.iter().map(answer).collect();
            // The first cell is filled, since a row without any is none.
            let row = (value(&columns[0]), cells).prop_map(move |(first, cells)| {
                let mut row: Row = ids.iter().cloned().zip(cells).collect();
                row.set(ids[0].as_str(), Answer::Given(first));
                row
            });
            let most = (*max).min(min + 3).max(1);
            prop::collection::vec(row, (*min).max(1)..=most).prop_map(Value::Rows).boxed()
        }
    }
}

/// A value, or a state the item may be in.
fn answer(item: &Item) -> BoxedStrategy<Answer> {
    let mut states = vec![Answer::Blank, Answer::Illegible, Answer::Struck, Answer::MultiplyMarked];
    states.extend(item.allows(AllowedState::NotDone).then_some(Answer::NotDone));
    states.extend(item.allows(AllowedState::Unknown).then_some(Answer::Unknown));
    prop_oneof![4 => value(item).prop_map(Answer::Given), 1 => select(states)].boxed()
}

/// Answers to some of the items of a definition.
pub(crate) fn answers(definition: &Definition) -> impl Strategy<Value = Answers> + use<> {
    let items: Vec<_> = definition
        .items()
        .map(|item| {
            let id = item.id.clone();
            let answer = prop::option::weighted(0.9, answer(item));
            answer.prop_map(move |answer| Some((id.clone(), answer?)))
        })
        .collect();
    items.prop_map(|answers| answers.into_iter().flatten().collect())
}
