//! The content of one item's element, in the one way the XSD allows it to be written.
#![expect(clippy::result_large_err, reason = "a finding is what the reader collects")]

use kakehashi_forms::{Answer, Comparator, Finding, Item, Kind, Localized, Severity, Value};
use kakehashi_kernel::CivilDate;
use rust_decimal::Decimal;

use crate::attributes::Attributes;

/// 感度以下 as a state: a value in that rules know it, an attribute because it is no number.
pub(crate) const BELOW_DETECTION: &str = "below-detection";

/// Turns the text and attributes of an item's element into its answer.
///
/// Stricter than what a person may type: values are canonical, as the XSD demands, so that a document
/// accepted here is valid there.
pub(crate) fn decode(item: &Item, attributes: &Attributes, text: &str) -> Result<Answer, Finding> {
    if let Some(state) = state(item, attributes)? {
        let is_alone = text.is_empty() && attributes.get("comparator").is_none();
        return if is_alone { Ok(state) } else { Err(finding(item, "xml.state-with-value")) };
    }
    let comparator = attributes.get("comparator").and_then(Comparator::from_word);
    if text.is_empty() {
        let is_alone = comparator.is_none();
        return if is_alone { Ok(Answer::Blank) } else { Err(finding(item, "xml.comparator")) };
    }
    let Some(value) = canonical(item, text, comparator) else {
        return Err(odd(item, text));
    };
    item.examine(&value)?;
    Ok(Answer::Given(value))
}

/// What the attributes say of the item's state, if they do. Sees to it that there are no attributes but
/// those the item may have; a comparator is a right one then.
pub(crate) fn state(item: &Item, attributes: &Attributes) -> Result<Option<Answer>, Finding> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let may_compare = matches!(item.kind, Kind::Decimal { comparator: true, .. });
    let mut state = None;
    for (name, value) in attributes.iter() {
        match name {
            "state" if may_compare && value == BELOW_DETECTION => {
                state = Some(Answer::Given(Value::BelowDetection));
            }
            "state" => {
                let answer = Answer::from_state(value);
                state = Some(answer.ok_or_else(|| finding(item, "xml.state"))?);
            }
            "comparator" if may_compare => {
                if Comparator::from_word(value).is_none() {
                    return Err(finding(item, "xml.comparator"));
                }
            }
            _ => return Err(finding(item, "xml.attribute")),
        }
    }
    Ok(state)
}

/// Reads a value in the one way it may be written. Whether the item takes it is not asked.
fn canonical(item: &Item, text: &str, comparator: Option<Comparator>) -> Option<Value> {
    match &item.kind {
        Kind::Text { .. } | Kind::Kana { .. } => Some(Value::Text(text.to_owned())),
        Kind::Digits { .. } | Kind::Postcode | Kind::Tel | Kind::Recipient | Kind::Insurer => {
            let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
            is_digits.then(|| Value::Text(text.to_owned()))
        }
        Kind::Date => date(text).map(Value::Date),
        Kind::PartialDate => {
            let date: kakehashi_kernel::PartialDate = text.parse().ok()?;
            (date.to_string() == text).then_some(Value::PartialDate(date))
        }
        Kind::Code(list) => list.option(text).map(|option| Value::Code(option.code.clone())),
        Kind::Codes(list) => {
            let codes = text.split(' ').map(|code| Some(list.option(code)?.code.clone()));
            let codes: Option<Vec<String>> = codes.collect();
            let value = Value::Codes(codes?);
            item.examine(&value).is_ok().then_some(value)
        }
        Kind::Integer { .. } => {
            is_number(text, 0).then(|| text.parse().ok()).flatten().map(Value::Integer)
        }
        Kind::Decimal { places, .. } => {
            let value = is_number(text, *places).then(|| decimal(text, *places)).flatten()?;
            Some(Value::Decimal { value, comparator })
        }
        // A table has elements, never text.
        Kind::Rows { .. } => None,
    }
}

/// Says what is wrong with a value that is not canonical: that it is none at all, or only written in
/// another way.
fn odd(item: &Item, text: &str) -> Finding {
    let is_number = matches!(item.kind, Kind::Decimal { .. });
    match item.read(text) {
        Err(refusal) if !is_number => refusal,
        Err(_) | Ok(_) => finding(item, "xml.format"),
    }
}

/// `2026-11-23` and no other way.
fn date(text: &str) -> Option<CivilDate> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
        })
    };
    let small = |digits: &[u8]| number(digits).and_then(|number| i8::try_from(number).ok());
    CivilDate::new(number(&[y1, y2, y3, y4])?, small(&[m1, m2])?, small(&[d1, d2])?).ok()
}

/// Digits, then up to `places` digits behind a point. No sign but minus, no leading zeros.
fn is_number(text: &str, places: u32) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return false,
        None => (digits, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole =
        !whole.is_empty() && is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    is_whole && is_digits(fraction) && u32::try_from(fraction.len()).is_ok_and(|n| n <= places)
}

/// Reads a number found to be one, with exactly `places` places.
fn decimal(text: &str, places: u32) -> Option<Decimal> {
    let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    // Few digits, which is what forms hold, need no general reading.
    let mut value = if text.len() <= 18 {
        let mut units = 0i64;
        for byte in text.bytes().filter(u8::is_ascii_digit) {
            units = units * 10 + i64::from(byte - b'0');
        }
        let units = if text.starts_with('-') { -units } else { units };
        Decimal::new(units, u32::try_from(fraction).ok()?)
    } else {
        text.parse().ok()?
    };
    value.rescale(places);
    Some(value)
}

pub(crate) fn finding(item: &Item, rule: &str) -> Finding {
    let (ja, en) = match rule {
        "xml.state" => ("の状態（state属性）が正しくありません", "has a wrong state attribute"),
        "xml.comparator" => {
            ("の比較記号（comparator属性）が正しくありません", "has a wrong comparator")
        }
        "xml.attribute" => ("に余分な属性があります", "has an attribute it may not have"),
        "xml.state-with-value" => ("に状態と値の両方があります", "has both a state and a value"),
        _ => ("の値がXSDの形式ではありません", "is not in the format of the XSD"),
    };
    Finding::about(
        &item.id,
        rule,
        Severity::E,
        Localized::new(
            format!("「{}」{ja}。", item.label.ja),
            format!("“{}” {en}.", item.label.en),
        ),
        item.expectation(),
    )
}
