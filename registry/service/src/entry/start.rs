//! A doctor's start page: new forms, and the institution's records.

use axum::{
    extract::{Query, State},
    response::Response,
};
use kakehashi_forms::{Application, Definition};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::AccountRole;
use maud::{Markup, html};

use crate::{
    accounts::SignedIn,
    error::RegistryError,
    problem,
    records::list::{Asked, Listing, listing},
    registry::Registry,
    store::record::Owner,
    view::{pick, shell},
};

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
    let records = listing(&registry, &who, owner, &asked).await?;
    let today = registry.clock.now().date_in_japan();
    let wanted = asked.form.as_deref().unwrap_or_default().trim();
    let found = if wanted.is_empty() {
        // The list would be too long to read: what has a form of its own, the rest is looked for.
        registry.catalogue.iter().filter(|form| form.shape().is_none()).collect()
    } else {
        registry.catalogue.search(None, wanted)
    };
    let may_enter = |form: &&Definition| {
        form.is_valid_on(today) && who.reader.may_enter(form.key().programme).is_ok()
    };
    let forms: Vec<&Definition> = found.into_iter().filter(may_enter).collect();
    let title = language.pick("ホーム", "Home");
    Ok(shell::respond(&who, language, title, "/", content(wanted, &forms, &records, language)))
}

fn content(wanted: &str, forms: &[&Definition], records: &Listing, language: Language) -> Markup {
    html! {
        h1 { (language.pick("臨床調査個人票の作成", "Clinical research forms")) }
        p.lead {
            (language.pick(
                "作成する様式の「新規」または「更新」を選んでください。",
                "Choose “new” or “renewal” of the form to write.",
            ))
        }
        form.actions method="get" action="/" role="search" {
            label for="form" { (language.pick("告示番号・疾病名・よみがな", "Number, name or reading")) }
            input #form type="search" name="form" value=(wanted) size="30" spellcheck="false";
            button.secondary type="submit" { (language.pick("探す", "Search")) }
        }
        table {
            thead { tr {
                th { (language.pick("告示番号", "Number")) }
                th { (language.pick("疾病名", "Disease")) }
                th { (language.pick("版", "Version")) }
                th { (language.pick("作成", "Write")) }
            } }
            tbody {
                @for form in forms {
                    @let key = form.key();
                    tr {
                        td.number { (key.number) @if key.branch > 0 { "-" (key.branch) } }
                        td { (pick(language, form.name())) }
                        td.number { (format!("{:04}", key.version)) }
                        td { div.actions {
                            @for application in [Application::New, Application::Renewal]
                                .into_iter()
                                .filter(|application| form.applies().include(*application)) {
                                a.button.secondary[application == Application::Renewal]
                                    href={ "/forms/" (key.programme) "/" (key.number)
                                        @if key.branch > 0 { "-" (key.branch) }
                                        "?application=" (application.as_str()) } {
                                    (pick(language, &application.label()))
                                }
                            }
                        } }
                    }
                }
            }
        }
        h2 { (language.pick("登録した様式", "Registered forms")) }
        (records.table(language, "/"))
    }
}
