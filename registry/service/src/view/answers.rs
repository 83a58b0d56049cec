//! Answers as a person reads them.

use kakehashi_forms::{Answer, Answers, Calculated, Definition, Item, Localized, Row, Value};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{
    findings::{anchor, row_anchor},
    pick,
};

/// An answer in words, a table as a table; a blank one as a dash that screen readers name.
pub(crate) fn show(
    definition: &Definition,
    item: &str,
    answer: Option<&Answer>,
    language: Language,
) -> Markup {
    let item = definition.item(item);
    if let (Some(item), Some(Answer::Given(Value::Rows(rows)))) = (item, answer) {
        return table(item, rows, language);
    }
    show_one(item, answer, language)
}

fn show_one(item: Option<&Item>, answer: Option<&Answer>, language: Language) -> Markup {
    let (Some(item), Some(answer)) = (item, answer.filter(|answer| **answer != Answer::Blank))
    else {
        return html! {
            span.blank aria-label=(language.pick("記入なし", "not answered")) { "—" }
        };
    };
    let text = item.display(answer);
    let era = match (answer.value(), language) {
        (Some(Value::Date(date)), Language::Ja) => Some(date.display_era()),
        _ => None,
    };
    html! {
        span.answer.state[answer.state().is_some()] { (pick(language, &text)) }
        @if let Some(era) = era { span.note { "（" (era) "）" } }
    }
}

/// The rows as written, numbered.
fn table(item: &Item, rows: &[Row], language: Language) -> Markup {
    html! {
        table.rows {
            thead { tr {
                th scope="col" { (language.pick("行", "Row")) }
                @for column in item.columns() {
                    th scope="col" { (pick(language, &column.label)) }
                }
            } }
            tbody {
                @for (place, row) in (1..).zip(rows) {
                    tr id=(row_anchor(&item.id, place)) {
                        th scope="row" { (place) }
                        @for column in item.columns() {
                            td { (show_one(Some(column), row.get(&column.id), language)) }
                        }
                    }
                }
            }
        }
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

/// Derived values with their formulas and where those are from; those that nothing could be derived for
/// in one line below.
pub(crate) fn calculated(values: &[Calculated], language: Language) -> Markup {
    let (known, unknown): (Vec<_>, Vec<_>) =
        values.iter().map(|value| (value, shown(value))).partition(|(_, shown)| shown.is_some());
    html! {
        @if !known.is_empty() {
            table.values {
                tbody {
                    @for (value, shown) in known.iter().filter_map(|(value, shown)| {
                        Some((value, shown.as_ref()?))
                    }) {
                        tr {
                            th scope="row" {
                                (pick(language, &value.label))
                                div.note {
                                    (pick(language, &value.formula))
                                    @if !value.source.is_empty() {
                                        " " (language.pick("出典：", "Source: ")) (value.source)
                                    }
                                }
                            }
                            td {
                                strong { (pick(language, shown)) }
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

/// The value as a person reads it; also of results stored before it was written beside the answer.
fn shown(value: &Calculated) -> Option<Localized> {
    if !value.shown.ja.is_empty() {
        return Some(value.shown.clone());
    }
    let text = match value.answer.value()? {
        Value::Integer(number) => number.to_string(),
        Value::Decimal { value, .. } => value.to_string(),
        Value::Text(text) | Value::Code(text) => text.clone(),
        Value::BelowDetection
        | Value::Date(_)
        | Value::PartialDate(_)
        | Value::Codes(_)
        | Value::Rows(_) => return None,
    };
    Some(Localized::new(text.clone(), text))
}
