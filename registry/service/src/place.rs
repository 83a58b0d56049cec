//! Puts a new record in its place: finds its person, stores it sealed, links it to the record of the
//! other source. Entry and load do this the same way, inside their own transaction.

use kakehashi_contract::{AuditFact, Event, Message};
use kakehashi_kernel::{PersonId, RecordId, Timestamp};
use kakehashi_platform::{Tx, queue::outbox};
use kakehashi_registry_core::{
    Heading, Match, Source, State,
    load::{LinkSide, link},
    person::SearchTexts,
};

use crate::{
    error::RegistryError,
    examine::Examined,
    registry::Registry,
    sealing::Place,
    store::{
        self,
        person::{PersonKey, PersonKeys},
        record::{Origin, RecordRow},
    },
};

/// A record to be.
pub(crate) struct NewRecord<'a> {
    pub(crate) origin: Origin,
    pub(crate) state: State,
    pub(crate) examined: &'a Examined,
    /// Who, for the audit trail.
    pub(crate) actor: String,
    pub(crate) action: &'static str,
}

/// A record in its place.
pub(crate) struct Placed {
    pub(crate) record: RecordId,
    pub(crate) linked: Option<RecordId>,
}

/// Stores the record in the caller's transaction, with its audit entries. The caller has made sure
/// that it is not stored yet.
pub(crate) async fn place(
    registry: &Registry,
    tx: &mut Tx,
    new: NewRecord<'_>,
) -> Result<Placed, RegistryError> {
    let now = registry.clock.now();
    let record = RecordId::generate(registry.ids.as_ref());
    let form = new.examined.form;
    let heading = Heading::of(&new.examined.answers);
    let keys = person_keys(registry, &heading.search_texts(form.programme), form.programme);
    let matched = Match::decide(&store::person::candidates(tx, &keys).await?);
    let person = settle_person(registry, tx, matched, &keys, now).await?;
    let row = seal_row(registry, record, person, new.examined, new.origin, &heading)?;
    let row = RecordRow { state: new.state, ..row };
    store::record::insert(tx, &row).await?;
    let fact = AuditFact {
        actor: new.actor.clone(),
        action: new.action.to_owned(),
        subject: record.to_string(),
        outcome: "ok".to_owned(),
        detail: format!("{form} {}", matched.code()),
    };
    registry.audit.append(tx, now, fact).await?;
    let linked = link_to_other(registry, tx, &row, &heading, &new.actor).await?;
    Ok(Placed { record, linked })
}

fn person_keys(
    registry: &Registry,
    texts: &SearchTexts,
    programme: kakehashi_kernel::Programme,
) -> PersonKeys {
    let key = |kind: String, text: &Option<String>| {
        let text = text.as_deref()?;
        let index = registry.seals.index(&format!("person_key.{kind}"), text);
        Some(PersonKey { kind, index })
    };
    PersonKeys {
        recipient: key(format!("recipient-{programme}"), &texts.recipient),
        recipient_birth: key("recipient-birth".to_owned(), &texts.recipient_birth),
        name_birth_place: key("name-birth-place".to_owned(), &texts.name_birth_place),
    }
}

async fn settle_person(
    registry: &Registry,
    tx: &mut Tx,
    matched: Match,
    keys: &PersonKeys,
    now: Timestamp,
) -> Result<PersonId, RegistryError> {
    let person = match matched {
        Match::Known(person) => person,
        Match::New | Match::Conflict => {
            let person = PersonId::generate(registry.ids.as_ref());
            store::person::insert(tx, person, now).await?;
            person
        }
    };
    store::person::add_keys(tx, person, keys).await?;
    Ok(person)
}

fn seal_row(
    registry: &Registry,
    id: RecordId,
    person: PersonId,
    examined: &Examined,
    origin: Origin,
    heading: &Heading,
) -> Result<RecordRow, RegistryError> {
    let row = id.to_string();
    let place = |column| Place { table: "record", column, row: &row };
    Ok(RecordRow {
        id,
        state: State::Draft,
        form: examined.form,
        application: examined.application,
        person,
        origin,
        heading_sealed: registry.seals.seal_json(place("heading"), heading)?,
        answers_sealed: registry.seals.seal_json(place("answers"), &examined.answers)?,
        results_sealed: registry.seals.seal_json(place("results"), &examined.results)?,
        linked: None,
        linked_municipality: None,
        created_at: registry.clock.now(),
    })
}

/// Links to the record `core` chooses among the person's unlinked ones of the other source.
async fn link_to_other(
    registry: &Registry,
    tx: &mut Tx,
    row: &RecordRow,
    heading: &Heading,
    actor: &str,
) -> Result<Option<RecordId>, RegistryError> {
    let source = row.origin.source().other();
    let others = store::record::link_candidates(tx, row.person, source, row.form).await?;
    let side = |row: &RecordRow, heading: &Heading| LinkSide {
        record: row.id,
        form: row.form,
        entry_date: heading.entry_date,
    };
    let mut sides = Vec::with_capacity(others.len());
    for other in &others {
        sides.push(side(other, &open_heading(registry, other)?));
    }
    let Some(chosen) = link(&side(row, heading), &sides) else { return Ok(None) };
    if !store::record::link(tx, row.id, chosen).await? {
        return Err(RegistryError::Conflict { record: chosen.to_string() });
    }
    for (subject, to) in [(row.id, chosen), (chosen, row.id)] {
        let fact = AuditFact {
            actor: actor.to_owned(),
            action: "record.link".to_owned(),
            subject: subject.to_string(),
            outcome: "ok".to_owned(),
            detail: to.to_string(),
        };
        registry.audit.append(tx, registry.clock.now(), fact).await?;
    }
    if let Some(scan) = others.iter().find(|other| other.id == chosen)
        && source == Source::Scan
    {
        announce(registry, tx, scan, Some(row.id)).await?;
    }
    Ok(Some(chosen))
}

/// Tells everybody that the record of a scan is here, and what it is linked to.
pub(crate) async fn announce(
    registry: &Registry,
    tx: &mut Tx,
    row: &RecordRow,
    linked: Option<RecordId>,
) -> Result<(), RegistryError> {
    let Origin::Scan { scan, pages, .. } = &row.origin else { return Ok(()) };
    let event = Event::RecordLoaded {
        scan: *scan,
        record: row.id,
        pages: u32::try_from(pages.len()).unwrap_or(u32::MAX),
        linked,
    };
    let message = Message::new(registry.ids.as_ref(), registry.clock.now(), event);
    Ok(outbox::emit(tx, &message).await?)
}

/// Opens what lists and linking need of a record.
pub(crate) fn open_heading(registry: &Registry, row: &RecordRow) -> Result<Heading, RegistryError> {
    let id = row.id.to_string();
    let place = Place { table: "record", column: "heading", row: &id };
    registry.seals.open_json(place, &row.heading_sealed)
}
