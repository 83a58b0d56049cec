//! Findings: severity told by word, sign and colour, each with its remedy and a way to its item.

use kakehashi_forms::{Definition, Finding, Item, Severity};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::pick;

/// How many findings of each severity there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) hints: usize,
}

impl Tally {
    pub(crate) fn of(findings: &[Finding]) -> Self {
        let count =
            |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self { errors: count(Severity::E), warnings: count(Severity::W), hints: count(Severity::I) }
    }
}

/// The anchor of an item's field or row.
pub(crate) fn anchor(item: &str) -> String {
    format!("item-{item}")
}

/// The anchor of a row of a table.
pub(crate) fn row_anchor(item: &str, row: usize) -> String {
    format!("item-{item}.{row}")
}

/// The severity as a tag.
pub(crate) fn tag(severity: Severity, language: Language) -> Markup {
    let (class, sign, ja, en) = match severity {
        Severity::E => ("bad", "✕", "エラー", "Error"),
        Severity::W => ("warn", "▲", "確認", "Check"),
        Severity::I => ("info", "ｉ", "参考", "Note"),
    };
    html! { span class={ "tag " (class) } { (sign) " " (language.pick(ja, en)) } }
}

/// The list of findings, each linked to its item.
pub(crate) fn list(definition: &Definition, findings: &[Finding], language: Language) -> Markup {
    html! {
        ol.findings {
            @for finding in findings {
                li {
                    (tag(finding.severity, language)) " "
                    @if let Some(item) = finding.item.as_deref().and_then(|id| definition.item(id)) {
                        a href={ "#" (place(item, finding)) } { (pick(language, &finding.message)) }
                    } @else {
                        (pick(language, &finding.message))
                    }
                    " " span.remedy { (pick(language, &finding.remedy)) }
                }
            }
        }
    }
}

/// The anchor of what a finding is about.
fn place(item: &Item, finding: &Finding) -> String {
    match &finding.cell {
        Some(cell) => row_anchor(&item.id, cell.row),
        None => anchor(&item.id),
    }
}
