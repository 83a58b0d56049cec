//! A doctor's start page: find a form and write it, and the institution's records.

use axum::{
    extract::{Query, State},
    response::Response,
};
use kakehashi_forms::{Application, Definition};
use kakehashi_kernel::{CivilDate, FormKey, Programme};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::AccountRole;
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    accounts::SignedIn,
    error::RegistryError,
    problem,
    records::list::{self, Listing, listing},
    registry::Registry,
    store::record::Owner,
    view::{pick, shell},
};

/// Most forms shown at once; whoever needs more searches more closely.
const FORMS_SHOWN_MAX: usize = 40;

/// Longest text that is searched for.
const SEARCH_CHARACTERS_MAX: usize = 100;

/// What the address asks for. The name of a disease here is what a doctor looks for in the list of
/// diseases, nobody's diagnosis.
#[derive(Deserialize, Default)]
pub(crate) struct Asked {
    form: Option<String>,
    page: Option<String>,
}

/// The forms to choose from, and why these.
struct Choice<'a> {
    searched: &'a str,
    forms: Vec<&'a Definition>,
    has_more: bool,
}

/// `GET /`.
pub(crate) async fn show(
    State(registry): State<Registry>,
    who: SignedIn,
    language: Language,
    Query(asked): Query<Asked>,
) -> Result<Response, RegistryError> {
    if who.reader.role != AccountRole::Doctor {
        return Ok(problem::see_other("/records"));
    }
    let owner = Owner::Institution(&who.reader.organisation);
    let of_records = list::Asked { page: asked.page, ..list::Asked::default() };
    let records = listing(&registry, &who, owner, &of_records).await?;
    let searched: String =
        asked.form.unwrap_or_default().trim().chars().take(SEARCH_CHARACTERS_MAX).collect();
    let choice = choose(&registry, &who, &searched, &records);
    let title = language.pick("ホーム", "Home");
    Ok(shell::respond(&who, language, title, "/", content(&choice, &records, language)))
}

/// What was searched for; else the forms of the latest records; else those judged by machine.
fn choose<'a>(
    registry: &'a Registry,
    who: &SignedIn,
    searched: &'a str,
    records: &Listing,
) -> Choice<'a> {
    let today = registry.clock.now().date_in_japan();
    let catalogue = &registry.catalogue;
    let found: Vec<&Definition> = if searched.is_empty() {
        let latest: Vec<_> =
            records.forms().filter_map(|form| in_force(registry, form, today)).collect();
        let complete = || catalogue.iter().filter(|form| form.shape().is_none()).collect();
        if latest.is_empty() { complete() } else { latest }
    } else {
        catalogue.search(None, searched)
    };
    let mut forms: Vec<&Definition> = Vec::new();
    let writable = found.into_iter().filter(|form| {
        form.is_valid_on(today) && who.reader.may_enter(form.key().programme).is_ok()
    });
    for form in writable {
        if !forms.iter().any(|known| known.key() == form.key()) {
            forms.push(form);
        }
    }
    let has_more = forms.len() > FORMS_SHOWN_MAX;
    forms.truncate(FORMS_SHOWN_MAX);
    Choice { searched, forms, has_more }
}

/// The version of a form that is written today, for a record of any version.
fn in_force(registry: &Registry, form: FormKey, today: CivilDate) -> Option<&Definition> {
    let mut versions = registry.catalogue.versions(form.programme, form.number, form.branch);
    versions.find(|version| version.is_valid_on(today))
}

fn content(choice: &Choice<'_>, records: &Listing, language: Language) -> Markup {
    html! {
        h1 { (language.pick("様式の作成", "Write a form")) }
        form.actions method="get" action="/" role="search" {
            label for="form" {
                (language.pick("告示番号・疾病名・かな", "Number, disease or reading"))
            }
            input #form type="search" name="form" value=(choice.searched) size="36"
                spellcheck="false" autocomplete="off" autofocus[choice.searched.is_empty()];
            button type="submit" { (language.pick("様式を探す", "Find the form")) }
            @if !choice.searched.is_empty() {
                a href="/" { (language.pick("検索をやめる", "Clear")) }
            }
        }
        (choice.found(language))
        h2 { (language.pick("登録した様式", "Registered forms")) }
        (records.table(language, "/"))
    }
}

impl Choice<'_> {
    fn found(&self, language: Language) -> Markup {
        html! {
            @if self.forms.is_empty() {
                p.box.warn role="status" {
                    (language.pick(
                        "見つかりません。告示番号だけ、または疾病名の一部だけで探してください。",
                        "Nothing found. Try the number alone, or a part of the name.",
                    ))
                }
            } @else {
                p.note role="status" { (self.why(language)) }
                table {
                    thead { tr {
                        th { (language.pick("制度", "Programme")) }
                        th { (language.pick("告示番号", "Number")) }
                        th { (language.pick("疾病名", "Disease")) }
                        th { (language.pick("版", "Version")) }
                        th { (language.pick("機械判定", "Judged by machine")) }
                        th { (language.pick("作成", "Write")) }
                    } }
                    tbody { @for form in &self.forms { (row(form, language)) } }
                }
            }
        }
    }

    fn why(&self, language: Language) -> &'static str {
        match (self.searched.is_empty(), self.has_more) {
            (true, _) => language.pick(
                "最近登録した様式、なければ機械判定のある様式です。ほかの様式は上の欄で探してください。",
                "Forms of your latest records, or those judged by machine. Search for any other.",
            ),
            (false, true) => language.pick(
                "多すぎるため一部だけを表示しています。もう少し詳しく入力してください。",
                "Too many to show all. Please type a little more.",
            ),
            (false, false) => language.pick(
                "「新規」または「更新」を選んでください。",
                "Choose “new” or “renewal”.",
            ),
        }
    }
}

fn row(form: &Definition, language: Language) -> Markup {
    let key = form.key();
    let name = pick(language, form.name());
    html! {
        tr {
            td { (programme(key.programme, language)) }
            td.number { (key.number) @if key.branch > 0 { "-" (key.branch) } }
            td {
                (name)
                @if let Some(kana) = form.kana() { " " span.note { (kana) } }
            }
            td.number { (format!("{:04}", key.version)) }
            td { (judged(form, language)) }
            td { div.actions {
                @for application in [Application::New, Application::Renewal] {
                    @if form.applies().include(application) {
                        @let label = pick(language, &application.label()).to_owned();
                        a.button.secondary[application == Application::Renewal]
                            aria-label={ (name) " " (label) }
                            href={ "/forms/" (key.programme) "/" (key.number)
                                @if key.branch > 0 { "-" (key.branch) }
                                "?application=" (application.as_str()) } {
                            (label)
                        }
                    }
                }
            } }
        }
    }
}

/// The same disease may have a form in both programmes.
fn programme(programme: Programme, language: Language) -> &'static str {
    match programme {
        Programme::Nanbyo => language.pick("難病", "Nanbyo"),
        Programme::Shouman => language.pick("小慢", "Shouman"),
    }
}

/// Which halves of the criteria are judged by machine.
fn judged(form: &Definition, language: Language) -> &'static str {
    match (form.has_diagnosis(), form.has_severity()) {
        (true, true) => language.pick("診断・重症度", "Diagnosis, severity"),
        (true, false) => language.pick("診断のみ", "Diagnosis only"),
        (false, true) => language.pick("重症度のみ", "Severity only"),
        (false, false) => language.pick("なし", "No"),
    }
}
