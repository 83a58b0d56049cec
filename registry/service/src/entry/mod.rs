//! A doctor's form: shown, checked, calculated, registered.
//!
//! The page works without scripts: what was typed is posted and comes back with what there is to say
//! about it. Registering is idempotent by the token of the form page.

mod field;
mod page;
mod register;
pub(crate) mod start;
mod table;

use axum::{
    Form,
    extract::{Path, Query, State, rejection::FormRejection},
    response::Response,
};
use kakehashi_forms::{Application, Definition};
use kakehashi_kernel::{FormKey, Programme};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::{
    entry::{Action, Typed, merge},
    person::items,
};
use serde::Deserialize;
use uuid::Uuid;

use self::{
    page::{FormPage, Shown},
    register::Registered,
};
use crate::{
    accounts::SignedIn, error::RegistryError, examine::examine, problem, registry::Registry,
};

/// Most fields one posted form may have: every item, its state, several codes each.
const FIELDS_MAX: usize = 4 * kakehashi_kernel::limits::FORM_ITEMS_MAX;

/// New application or renewal, asked for in the address of an empty form.
#[derive(Deserialize, Default)]
pub(crate) struct Asked {
    application: Option<String>,
}

/// `GET /forms/{programme}/{number}`: an empty form of the version in force today.
pub(crate) async fn show(
    State(registry): State<Registry>,
    who: SignedIn,
    language: Language,
    Path((programme, number)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, RegistryError> {
    let application = application(asked.application.as_deref());
    let version = Version::Current(application);
    let Some(definition) = permitted_form(&registry, &who, &programme, &number, version) else {
        return Ok(problem::not_found());
    };
    let today = registry.clock.now().date_in_japan();
    let typed = Typed::new(vec![(items::ENTRY_DATE.to_owned(), today.to_string())]);
    let page = FormPage {
        definition,
        application,
        token: registry.ids.next(),
        typed: &typed,
        shown: None,
        registered: None,
        language,
    };
    Ok(page.respond(&who))
}

/// `POST /forms/{programme}/{number}` with `action` = check, calculate or register, or `add-row` = a table.
pub(crate) async fn submit(
    State(registry): State<Registry>,
    who: SignedIn,
    language: Language,
    Path((programme, number)): Path<(String, String)>,
    fields: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, RegistryError> {
    let Ok(Form(fields)) = fields else { return Ok(problem::unreadable_form()) };
    if fields.len() > FIELDS_MAX {
        return Ok(problem::unreadable_form());
    }
    let typed = Typed::new(fields);
    let application = application(Some(typed.first("application")));
    let version = typed.first("version").parse();
    let version = version.map_or(Version::Current(application), Version::Made);
    let Some(definition) = permitted_form(&registry, &who, &programme, &number, version) else {
        return Ok(problem::not_found());
    };
    let (Ok(action), Ok(token)) = (typed.action(), typed.first("entry").parse::<Uuid>()) else {
        return Ok(problem::unreadable_form());
    };
    let typed = typed.without_empty_rows(definition);
    let mut page = FormPage {
        definition,
        application,
        token,
        typed: &typed,
        shown: None,
        registered: None,
        language,
    };
    if action == Action::AddRow {
        return Ok(page.respond(&who));
    }
    let (answers, unread) = typed.read(definition);
    let catalogue = registry.catalogue.clone();
    let mut examined = examine(catalogue, definition.key(), application, answers).await?;
    examined.results.findings =
        merge(definition, unread, std::mem::take(&mut examined.results.findings));
    let registered = match action {
        Action::Check | Action::Calculate | Action::AddRow => Registered::NotAsked,
        Action::Register => register::register(&registry, &who, token, &examined).await?,
    };
    if let Registered::Done(record) = registered {
        return Ok(problem::see_other(&format!("/records/{record}")));
    }
    page.registered = match registered {
        Registered::Earlier(record) => Some(record),
        Registered::NotAsked | Registered::Refused | Registered::Done(_) => None,
    };
    page.shown = Some(Shown { action, results: &examined.results });
    let response = page.respond(&who);
    Ok(match registered {
        Registered::Refused => problem::unprocessable(response),
        Registered::Earlier(_) => problem::registered_before(response),
        Registered::NotAsked | Registered::Done(_) => response,
    })
}

/// Which version of a form is meant.
#[derive(Debug, Clone, Copy)]
enum Version {
    /// The one the page was made with.
    Made(u16),
    /// The one in force today.
    Current(Application),
}

/// The form of an address, if the reader may enter it: `6` or `6-1`.
fn permitted_form<'a>(
    registry: &'a Registry,
    who: &SignedIn,
    programme: &str,
    number: &str,
    version: Version,
) -> Option<&'a Definition> {
    let programme: Programme = programme.parse().ok()?;
    who.reader.may_enter(programme).ok()?;
    let (number, branch) = number.split_once('-').unwrap_or((number, "0"));
    let (number, branch) = (number.parse().ok()?, branch.parse().ok()?);
    let application = match version {
        Version::Made(version) => {
            let key = FormKey::new(programme, number, branch, version).ok()?;
            return registry.catalogue.definition(key);
        }
        Version::Current(application) => application,
    };
    let today = registry.clock.now().date_in_japan();
    registry.catalogue.current(programme, number, branch, application, today)
}

fn application(word: Option<&str>) -> Application {
    word.and_then(|word| word.parse().ok()).unwrap_or(Application::New)
}
