//! One item as a field: label, help, control, states, and what was found about it.

use kakehashi_forms::{
    AllowedState, Answer, Application, CodeList, Control, Finding, Item, Kind, Severity,
};
use kakehashi_kernel::limits::{FORM_TABLE_BYTES_MAX, FORM_VALUE_BYTES_MAX};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::entry::{Typed, state_field};
use maud::{Markup, html};

use crate::view::{findings, findings::anchor, pick};

/// More options than this are shown as a list to choose from.
const RADIO_OPTIONS_MAX: usize = 8;

struct Field<'a> {
    item: &'a Item,
    application: Application,
    typed: &'a Typed,
    findings: Vec<&'a Finding>,
    language: Language,
}

/// Renders one item. Its field is named by the item's id.
pub(super) fn render(
    item: &Item,
    application: Application,
    typed: &Typed,
    findings: &[Finding],
    language: Language,
) -> Markup {
    let about = |finding: &&Finding| finding.item.as_deref() == Some(item.id.as_str());
    let findings = findings.iter().filter(about).collect();
    Field { item, application, typed, findings, language }.render()
}

impl Field<'_> {
    fn render(&self) -> Markup {
        let has_error = self.findings.iter().any(|finding| finding.is_error());
        let is_group = matches!(self.item.control(), Control::Radio | Control::Checkboxes);
        html! {
            div.field.has-error[has_error].has-warning[!has_error && !self.findings.is_empty()]
                id=(anchor(&self.item.id)) tabindex="-1" {
                @if is_group && !self.is_select() {
                    fieldset aria-describedby=(self.described_by()) {
                        legend { (self.label()) }
                        (self.below_label())
                        (self.control())
                    }
                } @else {
                    label for=(self.control_id()) { (self.label()) }
                    (self.below_label())
                    (self.control())
                }
                (self.states())
            }
        }
    }

    fn label(&self) -> Markup {
        let language = self.language;
        html! {
            (pick(language, &self.item.label))
            @if self.item.is_required(self.application) {
                span.required { (language.pick("必須", "required")) }
            } @else if self.item.is_conditional() {
                " " span.note { (language.pick("（該当する場合）", "(where it applies)")) }
            }
        }
    }

    fn below_label(&self) -> Markup {
        let language = self.language;
        let expectation = self.item.expectation();
        let is_choice = self.item.codes().is_some();
        html! {
            div.hint id=(self.hint_id()) {
                @match &self.item.help {
                    Some(help) => (pick(language, help)),
                    None if is_choice => {},
                    None => (pick(language, &expectation)),
                }
            }
            div.messages id=(self.message_id()) {
                @for finding in &self.findings {
                    p.message.w[finding.severity != Severity::E] {
                        (findings::tag(finding.severity, language)) " "
                        (pick(language, &finding.message)) " "
                        (pick(language, &finding.remedy))
                    }
                }
            }
        }
    }

    fn control(&self) -> Markup {
        html! {
            div.control {
                @match (self.item.control(), self.item.codes()) {
                    (Control::Radio, Some(list)) if self.is_select() => (self.select(list)),
                    (Control::Radio, Some(list)) => (self.options(list, "radio")),
                    (Control::Checkboxes, Some(list)) => (self.options(list, "checkbox")),
                    (Control::Area | Control::Table, _) => (self.area()),
                    _ => (self.line()),
                }
            }
        }
    }

    /// No `maxlength`: it would cut pasted text without a word.
    fn line(&self) -> Markup {
        let mode = match self.item.kind {
            Kind::Integer { .. }
            | Kind::Digits { .. }
            | Kind::Postcode
            | Kind::Tel
            | Kind::Recipient
            | Kind::Insurer => Some("numeric"),
            Kind::Decimal { comparator: false, .. } => Some("decimal"),
            _ => None,
        };
        let size = match self.item.kind {
            Kind::Text { length_max, .. } | Kind::Kana { length_max } if length_max > 24 => "48",
            Kind::Text { .. } | Kind::Kana { .. } => "28",
            Kind::Integer { .. } | Kind::Decimal { .. } => "8",
            _ => "18",
        };
        html! {
            input id=(self.control_id()) type="text" name=(self.item.id) size=(size)
                value=(self.kept(&self.item.id)) inputmode=[mode] spellcheck="false"
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()];
            @if let Some(unit) = &self.item.unit { " " span.unit { (unit) } }
        }
    }

    fn area(&self) -> Markup {
        html! {
            textarea id=(self.control_id()) name=(self.item.id) rows="4"
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()] {
                (self.kept(&self.item.id))
            }
        }
    }

    fn is_select(&self) -> bool {
        self.item.control() == Control::Radio
            && self.item.codes().is_some_and(|list| list.options().len() > RADIO_OPTIONS_MAX)
    }

    fn select(&self, list: &CodeList) -> Markup {
        html! {
            select id=(self.control_id()) name=(self.item.id)
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()] {
                option value="" { (self.language.pick("未記入", "not answered")) }
                @for option in list.options() {
                    option value=(option.code) selected[self.is_chosen(&option.code)] {
                        (option.code) " " (pick(self.language, &option.label))
                    }
                }
            }
        }
    }

    fn options(&self, list: &CodeList, kind: &str) -> Markup {
        let none_chosen = !list.options().iter().any(|option| self.is_chosen(&option.code));
        html! {
            div.options {
                @for option in list.options() {
                    label {
                        input type=(kind) name=(self.item.id) value=(option.code)
                            checked[self.is_chosen(&option.code)];
                        " " (option.code) " " (pick(self.language, &option.label))
                    }
                }
                // A radio button cannot be let go: this one takes a choice back.
                @if kind == "radio" {
                    label.quiet {
                        input type="radio" name=(self.item.id) value="" checked[none_chosen];
                        " " (self.language.pick("未記入", "not answered"))
                    }
                }
            }
        }
    }

    /// 未実施 and 不明, where they are answers.
    fn states(&self) -> Markup {
        let field = state_field(&self.item.id);
        let states = [
            (AllowedState::NotDone, &Answer::NotDone, "未実施", "not done"),
            (AllowedState::Unknown, &Answer::Unknown, "不明", "unknown"),
        ];
        let states = states.into_iter().filter(|(state, ..)| self.item.allows(*state));
        html! {
            @if !self.item.states.is_empty() {
                div.options {
                    @for (_, answer, ja, en) in states {
                        @let word = answer.state().unwrap_or_default();
                        label {
                            input type="checkbox" name=(field) value=(word)
                                checked[self.typed.all(&field).any(|typed| typed == word)];
                            " " (self.language.pick(ja, en))
                        }
                    }
                }
            }
        }
    }

    fn is_chosen(&self, code: &str) -> bool {
        self.typed.all(&self.item.id).any(|typed| typed == code)
    }

    /// What was typed, as typed, within the limit of a value.
    fn kept(&self, field: &str) -> &str {
        let text = self.typed.first(field);
        let is_table = self.item.control() == Control::Table;
        let most = if is_table { FORM_TABLE_BYTES_MAX } else { FORM_VALUE_BYTES_MAX * 2 };
        let end = text.floor_char_boundary(most);
        &text[..end]
    }

    fn invalid(&self) -> Option<&'static str> {
        self.findings.iter().any(|finding| finding.is_error()).then_some("true")
    }

    fn control_id(&self) -> String {
        format!("field-{}", self.item.id)
    }

    fn hint_id(&self) -> String {
        format!("hint-{}", self.item.id)
    }

    fn message_id(&self) -> String {
        format!("message-{}", self.item.id)
    }

    fn described_by(&self) -> String {
        format!("{} {}", self.hint_id(), self.message_id())
    }
}
