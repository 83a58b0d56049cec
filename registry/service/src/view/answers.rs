//! Answers as a person reads them.

use kakehashi_forms::{Answer, Answers, Calculated, Definition, Value};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{findings::anchor, pick};

/// An answer in words; a blank one as a dash that screen readers name.
pub(crate) fn show(
    definition: &Definition,
    item: &str,
    answer: Option<&Answer>,
    language: Language,
) -> Markup {
    let blank = html! {
        span.blank aria-label=(language.pick("記入なし", "not answered")) { "—" }
    };
    let Some(answer) = answer.filter(|answer| **answer != Answer::Blank) else { return blank };
    let text = definition.display(item, answer);
    let era = match (answer.value(), language) {
        (Some(Value::Date(date)), Language::Ja) => Some(date.display_era()),
        _ => None,
    };
    html! {
        span.answer.state[answer.state().is_some()] { (pick(language, &text)) }
        @if let Some(era) = era { span.note { "（" (era) "）" } }
    }
}

/// All values of a form by section, as a table of labels and answers.
pub(crate) fn by_section(definition: &Definition, answers: &Answers, language: Language) -> Markup {
    html! {
        @for section in definition.sections() {
            h3 { (pick(language, &section.label)) }
            table.values {
                tbody {
                    @for item in &section.items {
                        @let answer = answers.get(&item.id);
                        @if answer.is_some() || !item.is_conditional() {
                            tr id=(anchor(&item.id)) {
                                th scope="row" { (pick(language, &item.label)) }
                                td { (show(definition, &item.id, answer, language)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Derived values with their formulas; those that nothing could be derived for in one line below.
pub(crate) fn calculated(values: &[Calculated], language: Language) -> Markup {
    let (known, unknown): (Vec<_>, Vec<_>) =
        values.iter().map(|value| (value, number(value))).partition(|(_, number)| number.is_some());
    html! {
        @if !known.is_empty() {
            table.values {
                tbody {
                    @for (value, number) in &known {
                        tr {
                            th scope="row" {
                                (pick(language, &value.label))
                                div.note { (pick(language, &value.formula)) }
                            }
                            td {
                                strong { (number.as_deref().unwrap_or_default()) }
                                @if let Some(unit) = &value.unit { " " (unit) }
                            }
                        }
                    }
                }
            }
        }
        @if !unknown.is_empty() {
            p.note {
                (language.pick(
                    "必要な項目が未記入のため計算していません：",
                    "Not calculated, because items are missing: ",
                ))
                @for (place, (value, _)) in unknown.iter().enumerate() {
                    @if place > 0 { (language.pick("、", ", ")) }
                    (pick(language, &value.label))
                }
            }
        }
    }
}

fn number(value: &Calculated) -> Option<String> {
    match value.answer.value()? {
        Value::Integer(number) => Some(number.to_string()),
        Value::Decimal { value, .. } => Some(value.to_string()),
        Value::Text(text) | Value::Code(text) => Some(text.clone()),
        Value::BelowDetection => Some("感度以下".to_owned()),
        Value::Date(_) | Value::PartialDate(_) | Value::Codes(_) | Value::Rows(_) => None,
    }
}
