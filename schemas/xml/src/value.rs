//! The content of one item's element, in the one way the XSD allows it to be written.
#![expect(clippy::result_large_err, reason = "a finding is what the reader collects")]

use kakehashi_forms::{
    Answer, Comparator, Definition, Finding, Item, Kind, Localized, Severity, Value,
};

use crate::header::Attributes;

/// Turns the text and attributes of an item's element into its answer.
///
/// Stricter than what a person may type: values are canonical, as the XSD demands, so that a document
/// accepted here is valid there.
pub(crate) fn decode(
    definition: &Definition,
    item: &Item,
    attributes: &Attributes,
    text: &str,
) -> Result<Answer, Finding> {
    let mut state = None;
    let mut comparator = None;
    for (name, value) in attributes {
        match name.as_str() {
            "state" => {
                let answer = Answer::from_state(value);
                state = Some(answer.ok_or_else(|| finding(item, "xml.state"))?);
            }
            "comparator" if matches!(item.kind, Kind::Decimal { comparator: true, .. }) => {
                let word = Comparator::from_word(value);
                comparator = Some(word.ok_or_else(|| finding(item, "xml.comparator"))?);
            }
            _ => return Err(finding(item, "xml.attribute")),
        }
    }
    if let Some(state) = state {
        let is_alone = text.is_empty() && comparator.is_none();
        return if is_alone { Ok(state) } else { Err(finding(item, "xml.state-with-value")) };
    }
    if text.is_empty() {
        let is_alone = comparator.is_none();
        return if is_alone { Ok(Answer::Blank) } else { Err(finding(item, "xml.comparator")) };
    }
    let value = match &item.kind {
        Kind::Text { .. } | Kind::Kana { .. } => Value::Text(text.to_owned()),
        Kind::Decimal { places, .. } => {
            let value = decimal(text, *places).ok_or_else(|| finding(item, "xml.format"))?;
            Value::Decimal { value, comparator }
        }
        _ => canonical(definition, item, text)?,
    };
    item.examine(&value)?;
    Ok(Answer::Given(value))
}

fn canonical(definition: &Definition, item: &Item, text: &str) -> Result<Value, Finding> {
    let answer = definition.read(&item.id, text)?;
    let is_canonical = definition.write(&item.id, &answer) == text;
    match answer {
        Answer::Given(value) if is_canonical => Ok(value),
        _ => Err(finding(item, "xml.format")),
    }
}

/// Digits, then up to `places` digits behind a point. No sign but minus, no leading zeros.
fn decimal(text: &str, places: u32) -> Option<rust_decimal::Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole =
        !whole.is_empty() && is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
    if !is_whole || !is_digits(fraction) || u32::try_from(fraction.len()).ok()? > places {
        return None;
    }
    let mut value: rust_decimal::Decimal = text.parse().ok()?;
    value.rescale(places);
    Some(value)
}

fn finding(item: &Item, rule: &str) -> Finding {
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
