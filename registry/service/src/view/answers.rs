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

/// Derived values with their formulas.
pub(crate) fn calculated(values: &[Calculated], language: Language) -> Markup {
    html! {
        @if !values.is_empty() {
            table.values {
                tbody {
                    @for value in values {
                        tr {
                            th scope="row" {
                                (pick(language, &value.label))
                                div.note { (pick(language, &value.formula)) }
                            }
                            td { (derived(value, language)) }
                        }
                    }
                }
            }
        }
    }
}

fn derived(value: &Calculated, language: Language) -> Markup {
    let number = match value.answer.value() {
        Some(Value::Integer(number)) => Some(number.to_string()),
        Some(Value::Decimal { value, .. }) => Some(value.to_string()),
        Some(Value::Text(text) | Value::Code(text)) => Some(text.clone()),
        _ => None,
    };
    html! {
        @if let Some(number) = number {
            strong { (number) }
            @if let Some(unit) = &value.unit { " " (unit) }
        } @else {
            span.blank {
                (language.pick("計算できません（必要な項目が未記入）", "not calculated: items missing"))
            }
        }
    }
}
