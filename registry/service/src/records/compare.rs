//! Two records of one form side by side: what the paper says and what was entered online.

use kakehashi_forms::Definition;
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::OpenRecord;
use crate::view::{answers, pick};

/// The table: differing items first in colour and word, equal ones behind a fold.
pub(super) fn render(
    definition: &Definition,
    scan: &OpenRecord,
    online: &OpenRecord,
    language: Language,
) -> Markup {
    let different = scan.answers.differences(&online.answers);
    let is_answered = |id: &str| scan.answers.get(id).is_some() || online.answers.get(id).is_some();
    let (differing, equal): (Vec<_>, Vec<_>) = definition
        .items()
        .map(|item| item.id.as_str())
        .filter(|id| is_answered(id))
        .partition(|id| different.contains(id));
    let table = |items: &[&str], class: &str| {
        html! {
            table.compare {
                thead { tr {
                    th { (language.pick("項目", "Item")) }
                    th { (language.pick("紙（スキャン）", "Paper (scan)")) }
                    th { (language.pick("オンライン", "Online")) }
                    th { (language.pick("比較", "Comparison")) }
                } }
                tbody {
                    @for id in items {
                        tr class=(class) {
                            th scope="row" {
                                @if let Some(item) = definition.item(id) {
                                    (pick(language, &item.label))
                                }
                            }
                            td { (answers::show(definition, id, scan.answers.get(id), language)) }
                            td { (answers::show(definition, id, online.answers.get(id), language)) }
                            td { (mark(class, language)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        p {
            @if differing.is_empty() {
                span.tag.good { (language.pick("○ すべて一致", "○ all equal")) }
            } @else {
                span.tag.warn { "▲ " (differing.len()) (language.pick("項目が異なります", " differ")) }
            }
        }
        @if !differing.is_empty() { (table(&differing, "different")) }
        details {
            summary { (equal.len()) (language.pick("項目が一致", " equal")) }
            (table(&equal, "equal"))
        }
    }
}

fn mark(class: &str, language: Language) -> Markup {
    html! {
        @if class == "different" {
            span.tag.warn { "▲ " (language.pick("異なる", "differs")) }
        } @else {
            span.note { (language.pick("一致", "equal")) }
        }
    }
}
