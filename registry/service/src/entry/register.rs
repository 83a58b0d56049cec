//! Registers a form, once.

use kakehashi_forms::Answers;
use kakehashi_kernel::RecordId;
use kakehashi_registry_core::State;
use uuid::Uuid;

use crate::{
    accounts::SignedIn,
    error::RegistryError,
    examine::Examined,
    place::{self, NewRecord},
    registry::Registry,
    sealing::Place,
    store::{self, record::Origin},
};

/// What came of the button.
#[derive(Debug, Clone, Copy)]
pub(super) enum Registered {
    /// Another button was pressed.
    NotAsked,
    /// Findings of severity E.
    Refused,
    /// Registered, now or by the same press before.
    Done(RecordId),
    /// This form page was registered before, with other answers: those typed now are not stored.
    Earlier(RecordId),
}

pub(super) async fn register(
    registry: &Registry,
    who: &SignedIn,
    token: Uuid,
    examined: &Examined,
) -> Result<Registered, RegistryError> {
    let account = who.reader.account;
    let mut tx = registry.database.write().await?;
    if let Some(record) = store::record::id_of_token(&mut tx, account, token).await? {
        drop(tx);
        return repeated(registry, record, &examined.answers).await;
    }
    let Ok(state) = State::Draft.register(&examined.results.findings) else {
        return Ok(Registered::Refused);
    };
    let new = NewRecord {
        origin: Origin::Online { account, institution: who.reader.organisation.clone(), token },
        state,
        examined,
        actor: who.actor(),
        action: "record.register",
    };
    let placed = place::place(registry, &mut tx, new).await?;
    tx.commit().await.map_err(RegistryError::from)?;
    registry.relay.notify_one();
    tracing::info!(
        record.id = %placed.record,
        linked = placed.linked.is_some(),
        "registered online form"
    );
    Ok(Registered::Done(placed.record))
}

/// The button was pressed twice, or the page was changed and sent again: only the first is harmless.
async fn repeated(
    registry: &Registry,
    record: RecordId,
    answers: &Answers,
) -> Result<Registered, RegistryError> {
    let row = store::record::by_id(registry.database.read(), record).await?;
    let row = row.ok_or_else(|| RegistryError::Conflict { record: record.to_string() })?;
    let id = record.to_string();
    let place = Place { table: "record", column: "answers", row: &id };
    let stored: Answers = registry.seals.open_json(place, &row.answers_sealed)?;
    let is_same = stored.differences(answers).is_empty();
    Ok(if is_same { Registered::Done(record) } else { Registered::Earlier(record) })
}
