//! Seeing records: one page per form, with the other source's record and the scan's pages beside it.
//!
//! Whoever may not see a record is told that there is none, and the audit trail says who asked.

mod compare;
mod history;
pub(crate) mod image;
pub(crate) mod list;
mod page;

use axum::{
    extract::{Path, State},
    response::Response,
};
use kakehashi_contract::AuditFact;
use kakehashi_forms::Answers;
use kakehashi_kernel::RecordId;
use kakehashi_platform::{Tx, web::Language};
use kakehashi_registry_core::{Heading, Permit};

use self::page::RecordPage;
use crate::{
    accounts::SignedIn,
    error::RegistryError,
    examine::Results,
    place::open_heading,
    problem,
    registry::Registry,
    sealing::Place,
    store::{self, record::RecordRow},
    view::shell,
};

/// An opened record. Made with a permit only.
pub(crate) struct OpenRecord {
    pub(crate) row: RecordRow,
    pub(crate) heading: Heading,
    pub(crate) answers: Answers,
    pub(crate) results: Results,
}

/// `GET /records/{record}`.
pub(crate) async fn show(
    State(registry): State<Registry>,
    who: SignedIn,
    language: Language,
    Path(record): Path<String>,
) -> Result<Response, RegistryError> {
    let Ok(record) = record.parse::<RecordId>() else { return Ok(problem::not_found()) };
    let mut tx = registry.database.write().await?;
    let Some((row, permit)) = find(&registry, &mut tx, &who, record, "record.view", "").await?
    else {
        tx.commit().await.map_err(RegistryError::from)?;
        return Ok(problem::not_found());
    };
    let linked = match row.linked {
        Some(linked) => find_linked(&registry, &mut tx, &who, linked).await?,
        None => None,
    };
    tx.commit().await.map_err(RegistryError::from)?;
    let linked = linked.map(|(row, permit)| open(&registry, &permit, row)).transpose()?;
    let record = open(&registry, &permit, row)?;
    let history = history::of(&registry, &who, &record, language).await?;
    let form = record.row.form;
    let definition =
        registry.catalogue.definition(form).ok_or(RegistryError::UnknownForm { form })?;
    let page = RecordPage { definition, record: &record, linked: linked.as_ref(), language };
    let path = format!("/records/{}", record.row.id);
    let title = language.pick("様式", "Record");
    Ok(shell::respond(&who, language, title, &path, page.render(&history)))
}

/// Finds a record the reader may see and writes the view, or the refusal, into the audit trail.
async fn find(
    registry: &Registry,
    tx: &mut Tx,
    who: &SignedIn,
    record: RecordId,
    action: &str,
    detail: &str,
) -> Result<Option<(RecordRow, Permit)>, RegistryError> {
    let row = store::record::by_id(&mut **tx, record).await?;
    let (found, outcome) = match row {
        None => (None, "not-found"),
        Some(row) => match who.reader.may_view(&row.ownership()) {
            Ok(permit) => (Some((row, permit)), "ok"),
            Err(denied) => (None, denied.code()),
        },
    };
    let fact = AuditFact {
        actor: who.actor(),
        action: action.to_owned(),
        subject: record.to_string(),
        outcome: outcome.to_owned(),
        detail: detail.to_owned(),
    };
    registry.audit.append(tx, registry.clock.now(), fact).await?;
    Ok(found)
}

/// The linked record, if this reader may see it too: a doctor does not see a municipality's scan.
async fn find_linked(
    registry: &Registry,
    tx: &mut Tx,
    who: &SignedIn,
    linked: RecordId,
) -> Result<Option<(RecordRow, Permit)>, RegistryError> {
    let row = store::record::by_id(&mut **tx, linked).await?;
    match row.map(|row| who.reader.may_view(&row.ownership())) {
        Some(Ok(_)) => find(registry, tx, who, linked, "record.view", "compared").await,
        Some(Err(_)) | None => Ok(None),
    }
}

fn open(registry: &Registry, permit: &Permit, row: RecordRow) -> Result<OpenRecord, RegistryError> {
    let id = row.id.to_string();
    if permit.record() != row.id {
        return Err(RegistryError::Conflict { record: id });
    }
    let place = |column| Place { table: "record", column, row: &id };
    Ok(OpenRecord {
        heading: open_heading(registry, &row)?,
        answers: registry.seals.open_json(place("answers"), &row.answers_sealed)?,
        results: registry.seals.open_json(place("results"), &row.results_sealed)?,
        row,
    })
}
