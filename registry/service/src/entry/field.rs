//! One item as a field: label, help, control, states, and what was found about it.

use kakehashi_forms::{
    AllowedState, Answer, Application, CodeList, CodeOption, Control, Finding, Item, Kind, Severity,
};
use kakehashi_kernel::limits::FORM_VALUE_BYTES_MAX;
use kakehashi_platform::web::Language;
use kakehashi_registry_core::entry::{BELOW_DETECTION, Typed, state_field};
use maud::{Markup, html};

use super::table;
use crate::view::{findings, findings::anchor, pick};

/// More options than this are shown as a list to choose from.
const RADIO_OPTIONS_MAX: usize = 8;
/// Options with a label longer than this stand one below the other.
const SHORT_LABEL_MAX: usize = 18;

/// One field: of an item, or of a cell as its column.
pub(super) struct Field<'a> {
    pub(super) item: &'a Item,
    /// Its name in the posted form.
    pub(super) name: String,
    /// What names it where no label stands beside it: in a table.
    pub(super) spoken: Option<String>,
    pub(super) application: Application,
    pub(super) typed: &'a Typed,
    pub(super) findings: Vec<&'a Finding>,
    pub(super) language: Language,
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
    let name = item.id.clone();
    let field = Field { item, name, spoken: None, application, typed, findings, language };
    if item.control() == Control::Table {
        return table::render(&field);
    }
    field.render()
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
                        (self.hint())
                        (self.messages())
                        (self.control())
                    }
                } @else {
                    label for=(self.control_id()) { (self.label()) }
                    (self.hint())
                    (self.messages())
                    (self.control())
                }
                (self.states())
            }
        }
    }

    /// The field as a cell of a table: what it takes is said above its column.
    pub(super) fn cell(&self) -> Markup {
        html! {
            (self.control())
            (self.states())
            (self.messages())
        }
    }

    pub(super) fn label(&self) -> Markup {
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

    pub(super) fn hint(&self) -> Markup {
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
        }
    }

    pub(super) fn messages(&self) -> Markup {
        let language = self.language;
        html! {
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
                    (Control::Area, _) => (self.area()),
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
            Kind::Text { .. } | Kind::Kana { .. } if self.spoken.is_some() => "22",
            Kind::Text { length_max, .. } | Kind::Kana { length_max } if length_max > 24 => "48",
            Kind::Text { .. } | Kind::Kana { .. } => "28",
            Kind::Integer { .. } | Kind::Decimal { .. } => "8",
            _ if self.spoken.is_some() => "12",
            _ => "18",
        };
        html! {
            input id=(self.control_id()) type="text" name=(self.name) size=(size)
                value=(self.kept()) inputmode=[mode] spellcheck="false"
                aria-label=[self.spoken.as_deref()]
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()];
            @if let Some(unit) = &self.item.unit { " " span.unit { (unit) } }
        }
    }

    fn area(&self) -> Markup {
        html! {
            textarea id=(self.control_id()) name=(self.name) rows="4"
                aria-label=[self.spoken.as_deref()]
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()] {
                (self.kept())
            }
        }
    }

    fn is_select(&self) -> bool {
        let is_long = |list: &CodeList| list.options().len() > RADIO_OPTIONS_MAX;
        self.item.control() == Control::Radio
            && (self.spoken.is_some() || self.item.codes().is_some_and(is_long))
    }

    fn select(&self, list: &CodeList) -> Markup {
        html! {
            select id=(self.control_id()) name=(self.name) aria-label=[self.spoken.as_deref()]
                aria-describedby=(self.described_by()) aria-invalid=[self.invalid()] {
                option value="" { (self.language.pick("未記入", "not answered")) }
                @for option in list.options() {
                    option value=(option.code) selected[self.is_chosen(&option.code)] {
                        (coded(option, self.language))
                    }
                }
            }
        }
    }

    fn options(&self, list: &CodeList, kind: &str) -> Markup {
        let none_chosen = !list.options().iter().any(|option| self.is_chosen(&option.code));
        html! {
            div.options.long[is_long(list)] role=[self.spoken.as_ref().map(|_| "group")]
                aria-label=[self.spoken.as_deref()] {
                @for option in list.options() {
                    label {
                        input type=(kind) name=(self.name) value=(option.code)
                            checked[self.is_chosen(&option.code)];
                        " " (coded(option, self.language))
                    }
                }
                // A radio button cannot be let go: this one takes a choice back.
                @if kind == "radio" {
                    label.quiet {
                        input type="radio" name=(self.name) value="" checked[none_chosen];
                        " " (self.language.pick("未記入", "not answered"))
                    }
                }
            }
        }
    }

    /// 未実施, 不明 and 感度以下, where they are answers.
    pub(super) fn states(&self) -> Markup {
        let field = state_field(&self.name);
        let word = |answer: &Answer| answer.state().unwrap_or_default().to_owned();
        let states = [
            (self.item.allows(AllowedState::NotDone), word(&Answer::NotDone), "未実施", "not done"),
            (self.item.allows(AllowedState::Unknown), word(&Answer::Unknown), "不明", "unknown"),
            (
                self.item.takes_below_detection(),
                BELOW_DETECTION.to_owned(),
                "感度以下",
                "below detection",
            ),
        ];
        let states: Vec<_> = states.into_iter().filter(|(is_taken, ..)| *is_taken).collect();
        html! {
            @if !states.is_empty() {
                div.options role="group" aria-label=(self.states_of()) {
                    @for (_, word, ja, en) in &states {
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

    /// What the states beside the field are of, for who hears the page.
    fn states_of(&self) -> String {
        let label = pick(self.language, &self.item.label);
        let name = self.spoken.as_deref().unwrap_or(label);
        match self.language {
            Language::Ja => format!("{name}：値がない場合"),
            Language::En => format!("{name}: if there is no value"),
        }
    }

    fn is_chosen(&self, code: &str) -> bool {
        self.typed.all(&self.name).any(|typed| typed == code)
    }

    /// What was typed, as typed, within the limit of a value.
    fn kept(&self) -> &str {
        let text = self.typed.first(&self.name);
        let end = text.floor_char_boundary(FORM_VALUE_BYTES_MAX * 2);
        &text[..end]
    }

    fn invalid(&self) -> Option<&'static str> {
        self.findings.iter().any(|finding| finding.is_error()).then_some("true")
    }

    fn control_id(&self) -> String {
        format!("field-{}", self.name)
    }

    fn hint_id(&self) -> String {
        // In a table one hint serves the whole column.
        match self.spoken {
            Some(_) => table::hint_id(&self.name, &self.item.id),
            None => format!("hint-{}", self.name),
        }
    }

    fn message_id(&self) -> String {
        format!("message-{}", self.name)
    }

    fn described_by(&self) -> String {
        format!("{} {}", self.hint_id(), self.message_id())
    }
}

/// Whether the options are read better one below the other.
fn is_long(list: &CodeList) -> bool {
    list.options().iter().any(|option| option.label.ja.chars().count() > SHORT_LABEL_MAX)
}

/// An option with its code as printed, unless its label says the code already.
fn coded(option: &CodeOption, language: Language) -> String {
    let label = pick(language, &option.label);
    if label.starts_with(&option.code) {
        label.to_owned()
    } else {
        format!("{} {label}", option.code)
    }
}
