//! Answers to any definition: chosen ones at the edges of what its items take.

use kakehashi_forms::{
    AllowedState, Answer, Answers, Comparator, Definition, Item, Kind, Row, Value,
};
use kakehashi_kernel::{CivilDate, PartialDate, check_digit::payer};

/// Values at the edges of what an item takes; the first is a plain one.
pub(crate) fn edges(item: &Item) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let date = |text: &str| text.parse::<CivilDate>().unwrap();
    match &item.kind {
        Kind::Text { length_max, lines_max } => {
            let full = "𠮷".repeat(*length_max);
            let lines = "行\n".repeat(lines_max.saturating_sub(1).min(length_max / 2)) + "行";
            let odd: String = "亜<&>\"' \u{FA19}".chars().take(*length_max).collect();
            vec![text("亜"), text(&full), text(&odd), text(&lines)]
        }
        Kind::Kana { length_max } => vec![text("ぁ"), text(&"ヺ".repeat(*length_max))],
        Kind::Digits { min, max } => vec![text(&"7".repeat(*max)), text(&"0".repeat(*min))],
        Kind::Postcode => vec![text("0000000"), text("9999999")],
        Kind::Tel => vec![text("0312345678"), text("09012345678")],
        Kind::Recipient => vec![text("1234566")],
        Kind::Insurer => {
            let with_check = |body: &str| format!("{body}{}", payer(body).unwrap());
            ["13801", "0613001"].map(|body| text(&with_check(body))).to_vec()
        }
        Kind::Date => {
            ["2024-02-29", "1873-01-01", "2200-12-31"].map(|day| Value::Date(date(day))).to_vec()
        }
        Kind::PartialDate => {
            let partial = |text: &str| Value::PartialDate(text.parse::<PartialDate>().unwrap());
            ["2024-02", "1873", "2200-12-31", "2200", "1873-01", "1873-01-01"].map(partial).to_vec()
        }
        Kind::Code(list) => list.options().iter().map(|o| Value::Code(o.code.clone())).collect(),
        Kind::Codes(list) => {
            let codes: Vec<String> = list.options().iter().map(|o| o.code.clone()).collect();
            vec![Value::Codes(codes[..1].to_vec()), Value::Codes(codes)]
        }
        Kind::Integer { min, max } => vec![Value::Integer(*min), Value::Integer(*max)],
        Kind::Decimal { min, max, places, comparator: may_compare } => {
            let number = |value: &rust_decimal::Decimal, comparator| {
                let mut value = *value;
                value.rescale(*places);
                Value::Decimal { value, comparator }
            };
            let mut all = vec![number(min, None), number(max, None)];
            if *may_compare {
                all.extend(Comparator::ALL.map(|comparator| number(max, Some(comparator))));
                all.push(Value::BelowDetection);
            }
            all
        }
        Kind::Rows { min, max, columns } => {
            let row = |place: usize| -> Row {
                let cells = columns.iter().map(|column| {
                    let values = edges(column);
                    let value = values[place % values.len()].clone();
                    (column.id.clone(), Answer::Given(value))
                });
                cells.collect()
            };
            let table = |rows: usize| Value::Rows((0..rows).map(row).collect());
            vec![table((*min).max(1)), table(*max)]
        }
    }
}

/// Every item answered, with its `place`-th edge.
pub(crate) fn filled(definition: &Definition, place: usize) -> Answers {
    let answer = |item: &Item| {
        let values = edges(item);
        (item.id.clone(), Answer::Given(values[place % values.len()].clone()))
    };
    definition.items().map(answer).collect()
}

/// Every item in one state, as far as it may be in it.
pub(crate) fn in_state(definition: &Definition, state: &Answer) -> Answers {
    let may_be = |item: &&Item| match state {
        Answer::NotDone => item.allows(AllowedState::NotDone),
        Answer::Unknown => item.allows(AllowedState::Unknown),
        _ => true,
    };
    definition.items().filter(may_be).map(|item| (item.id.clone(), state.clone())).collect()
}
