//! The form page: what there is to say first, then every section, then the three buttons.

use axum::response::Response;
use kakehashi_forms::{Application, Definition, Finding, Item};
use kakehashi_kernel::RecordId;
use kakehashi_platform::web::Language;
use kakehashi_registry_core::entry::{Action, Typed};
use maud::{Markup, html};
use uuid::Uuid;

use super::field;
use crate::{
    accounts::SignedIn,
    examine::Results,
    view::{answers, findings, findings::Tally, judgement, number, pick, shell, unverified},
};

/// One showing of a form.
pub(super) struct FormPage<'a> {
    pub(super) definition: &'a Definition,
    pub(super) application: Application,
    pub(super) token: Uuid,
    pub(super) typed: &'a Typed,
    pub(super) shown: Option<Shown<'a>>,
    pub(super) registered: Option<RecordId>,
    pub(super) language: Language,
}

/// What the last button found.
pub(super) struct Shown<'a> {
    pub(super) action: Action,
    pub(super) results: &'a Results,
}

impl FormPage<'_> {
    pub(super) fn respond(&self, who: &SignedIn) -> Response {
        let name = pick(self.language, self.definition.name());
        let errors = self.tally().errors;
        let title = match self.language {
            _ if errors == 0 => name.to_owned(),
            Language::Ja => format!("エラー{errors}件：{name}"),
            Language::En => format!("{errors} errors: {name}"),
        };
        shell::respond_without_switch(who, self.language, &title, &self.path(), self.content(name))
    }

    fn path(&self) -> String {
        let key = self.definition.key();
        format!("/forms/{}/{}", key.programme, number(key))
    }

    fn findings(&self) -> &[Finding] {
        self.shown.as_ref().map_or(&[], |shown| &shown.results.findings)
    }

    fn tally(&self) -> Tally {
        Tally::of(self.findings())
    }

    fn content(&self, name: &str) -> Markup {
        let language = self.language;
        let key = self.definition.key();
        html! {
            h1 {
                (name) " " span.tag.info { (pick(language, &self.application.label())) }
            }
            p.note {
                (language.pick("様式 ", "Form ")) span.number { (key) }
                " ・ "
                (language.pick(
                    "記入したら「チェック」を押してください。押しても、入力した内容は消えません。",
                    "Press “Check” when you are done. What you typed stays.",
                ))
            }
            (unverified(self.definition, language))
            form.entry method="post" action={ (self.path()) "#result" } novalidate autocomplete="off" {
                input type="hidden" name="entry" value=(self.token);
                input type="hidden" name="version" value=(key.version);
                input type="hidden" name="application" value=(self.application.as_str());
                // Enter in a field presses the first button: it must be the harmless one.
                button type="submit" name="action" value=(Action::Check.as_str()) hidden tabindex="-1" {
                    (language.pick("チェック", "Check"))
                }
                nav.sections aria-label=(language.pick("この様式の区分", "Sections of this form")) {
                    ol {
                        @for section in self.definition.sections() {
                            li { a href={ "#section-" (section.id) } {
                                (pick(language, &section.label))
                            } }
                        }
                    }
                }
                div {
                    (self.result())
                    @for section in self.definition.sections() {
                        section id={ "section-" (section.id) } {
                            h2 { (pick(language, &section.label)) }
                            @for item in &section.items {
                                @if item.applies.include(self.application) {
                                    (self.field(item))
                                }
                            }
                        }
                    }
                    (self.buttons())
                }
            }
        }
    }

    fn field(&self, item: &Item) -> Markup {
        field::render(item, self.application, self.typed, self.findings(), self.language)
    }

    /// The box that answers the last button.
    fn result(&self) -> Markup {
        let language = self.language;
        let Some(shown) = &self.shown else { return html! { div #result {} } };
        let tally = self.tally();
        let class = match tally {
            Tally { errors: 1.., .. } => "bad",
            Tally { warnings: 1.., .. } => "warn",
            Tally { .. } => "good",
        };
        html! {
            div #result tabindex="-1" role="status" {
                @if let Some(record) = self.registered { (self.registered_before(record)) }
                div class={ "box " (class) } {
                    h3 { (self.summary(shown.action, tally)) }
                    (findings::list(self.definition, self.findings(), language))
                }
                (judgement::render(self.definition, &shown.results.judgement, language))
                p.note {
                    (language.pick(
                        "機械判定の結果にかかわらず登録できます。",
                        "The form can be registered whatever the judgement says.",
                    ))
                }
                @if !shown.results.calculated.is_empty() {
                    section.box {
                        h3 { (language.pick("自動計算", "Calculated")) }
                        (answers::calculated(&shown.results.calculated, language))
                    }
                }
            }
        }
    }

    fn summary(&self, action: Action, tally: Tally) -> String {
        let language = self.language;
        let others = others(tally, language);
        match (language, tally.errors) {
            (Language::Ja, 1..) => {
                let done =
                    if action == Action::Register { "登録していません。" } else { "" };
                let others =
                    if others.is_empty() { others } else { format!("（ほかに{others}）") };
                format!("✕ {done}直すところが{}件あります{others}", tally.errors)
            }
            (Language::En, 1..) => {
                let done = if action == Action::Register { "Not registered. " } else { "" };
                let others = if others.is_empty() { others } else { format!(" ({others})") };
                format!("✕ {done}{} to mend{others}", tally.errors)
            }
            (Language::Ja, 0) if others.is_empty() => {
                "○ 問題は見つかりませんでした。登録できます".to_owned()
            }
            (Language::En, 0) if others.is_empty() => {
                "○ Nothing found. Ready to register".to_owned()
            }
            (Language::Ja, 0) => format!("○ 登録できます。{others}を見てから登録してください"),
            (Language::En, 0) => format!("○ Ready to register. Please look at {others} first"),
        }
    }

    fn registered_before(&self, record: RecordId) -> Markup {
        let language = self.language;
        html! {
            div.box.warn role="alert" {
                h3 {
                    (language.pick(
                        "この画面の内容は、すでに登録されています",
                        "This page was registered before",
                    ))
                }
                p {
                    (language.pick(
                        "その後に変更した内容は登録していません。",
                        "What was changed since is not registered. ",
                    ))
                    a href={ "/records/" (record) } {
                        (language.pick("登録された様式を見る", "See the registered form"))
                    }
                }
            }
        }
    }

    fn buttons(&self) -> Markup {
        let language = self.language;
        let is_ready = self.shown.is_some() && self.tally().errors == 0;
        let (check, register) = if is_ready { ("secondary", "") } else { ("", "secondary") };
        html! {
            div.form-actions {
                button type="submit" name="action" value=(Action::Check.as_str()) class=(check) {
                    (language.pick("チェック", "Check"))
                }
                button.secondary type="submit" name="action" value=(Action::Calculate.as_str()) {
                    (language.pick("計算", "Calculate"))
                }
                button type="submit" name="action" value=(Action::Register.as_str())
                    class=(register) {
                    (language.pick("登録", "Register"))
                }
                @if self.shown.is_some() {
                    a href="#result" { (language.pick("チェック結果へ", "To the findings")) }
                }
            }
        }
    }
}

/// The findings that do not stand in the way, counted in words; empty when there are none.
fn others(tally: Tally, language: Language) -> String {
    let count = |n: usize, ja: &str, en: &str| match language {
        _ if n == 0 => None,
        Language::Ja => Some(format!("{ja}{n}件")),
        Language::En => Some(format!("{n} {en}")),
    };
    let counts = [count(tally.warnings, "確認", "to check"), count(tally.hints, "参考", "notes")];
    counts.into_iter().flatten().collect::<Vec<_>>().join(language.pick("、", ", "))
}
