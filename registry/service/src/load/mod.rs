//! Loads a converted scan: reads the accepted XML, examines it, puts the record in its place.
//!
//! A scan is loaded once, whatever arrives how often: its id is unique among records, and a repeat only
//! tells everybody again that the record is here. A document that does not open, match its digest or
//! read is an error, so that the message is put back and a person sees it in the end.

use std::{error::Error, future::Future, pin::Pin};

use kakehashi_contract::{Event, Message, PageImage, objects};
use kakehashi_kernel::{FormKey, MunicipalityCode, ScanId, Sha256Digest};
use kakehashi_platform::queue::Handler;
use kakehashi_registry_core::{State, entry::merge};
use kakehashi_xml::{ReturnedForm, read_form};

use crate::{
    error::RegistryError,
    examine::examine,
    place::{self, NewRecord},
    registry::Registry,
    store::{self, record::Origin},
};

/// The registry's message handler.
pub(crate) struct Loader(pub(crate) Registry);

/// What an accepted document's message says.
struct Accepted<'a> {
    scan: ScanId,
    form: FormKey,
    municipality: &'a MunicipalityCode,
    round: u32,
    digest: Sha256Digest,
    pages: &'a [PageImage],
}

impl Handler for Loader {
    fn handle<'a>(
        &'a self,
        message: &'a Message,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(async move {
            let Event::DocumentAccepted { scan, form, municipality, round, digest, pages } =
                &message.event
            else {
                return Ok(());
            };
            let accepted = Accepted {
                scan: *scan,
                form: *form,
                municipality,
                round: *round,
                digest: *digest,
                pages,
            };
            Ok(load(&self.0, &accepted).await?)
        })
    }
}

async fn load(registry: &Registry, accepted: &Accepted<'_>) -> Result<(), RegistryError> {
    let known = store::record::id_of_scan(registry.database.read(), accepted.scan).await?;
    if known.is_none() {
        let form = read(registry, accepted).await?;
        let catalogue = registry.catalogue.clone();
        let mut examined = examine(catalogue, form.key, form.application, form.answers).await?;
        if let Some(definition) = registry.catalogue.definition(form.key) {
            let checked = std::mem::take(&mut examined.results.findings);
            examined.results.findings = merge(definition, form.findings, checked);
        }
        store(registry, accepted, &examined).await?;
    } else {
        repeat(registry, accepted).await?;
    }
    registry.relay.notify_one();
    Ok(())
}

/// Reads the document the converter accepted.
async fn read(registry: &Registry, accepted: &Accepted<'_>) -> Result<ReturnedForm, RegistryError> {
    let key = objects::converted(accepted.scan, accepted.round);
    let bytes = registry.vault.get(key.clone()).await?;
    if Sha256Digest::of(&bytes) != accepted.digest {
        return Err(RegistryError::WrongDigest { key });
    }
    let catalogue = registry.catalogue.clone();
    let (scan, announced) = (accepted.scan, (accepted.scan, accepted.form, accepted.round));
    tokio::task::spawn_blocking(move || {
        let unreadable = |why: String| RegistryError::Unreadable { scan, why };
        let form = read_form(&bytes, &catalogue).map_err(|error| unreadable(error.to_string()))?;
        if (form.document, form.key, form.round) != announced {
            return Err(unreadable("it names another document, form or round".to_owned()));
        }
        Ok(form)
    })
    .await?
}

/// Stores record, links, audit entries and the message in one transaction.
async fn store(
    registry: &Registry,
    accepted: &Accepted<'_>,
    examined: &crate::examine::Examined,
) -> Result<(), RegistryError> {
    let mut tx = registry.database.write().await?;
    if store::record::id_of_scan(&mut *tx, accepted.scan).await?.is_some() {
        // Two deliveries at the same time: the other one was faster.
        drop(tx);
        return repeat(registry, accepted).await;
    }
    let new = NewRecord {
        origin: Origin::Scan {
            scan: accepted.scan,
            municipality: accepted.municipality.clone(),
            round: accepted.round,
            document: accepted.digest,
            pages: accepted.pages.to_vec(),
        },
        state: State::Loaded,
        examined,
        actor: "registry".to_owned(),
        action: "record.load",
    };
    let placed = place::place(registry, &mut tx, new).await?;
    announce_scan(registry, &mut tx, placed.record).await?;
    tx.commit().await.map_err(RegistryError::from)?;
    tracing::info!(
        scan.id = %accepted.scan,
        record.id = %placed.record,
        linked = placed.linked.is_some(),
        "loaded scan as record"
    );
    Ok(())
}

/// Tells again that the record is here: whoever asked may have missed it.
async fn repeat(registry: &Registry, accepted: &Accepted<'_>) -> Result<(), RegistryError> {
    let mut tx = registry.database.write().await?;
    if let Some(record) = store::record::id_of_scan(&mut *tx, accepted.scan).await? {
        announce_scan(registry, &mut tx, record).await?;
        tx.commit().await.map_err(RegistryError::from)?;
    }
    Ok(())
}

async fn announce_scan(
    registry: &Registry,
    tx: &mut kakehashi_platform::Tx,
    record: kakehashi_kernel::RecordId,
) -> Result<(), RegistryError> {
    let row = store::record::by_id(&mut **tx, record).await?;
    let row = row.ok_or_else(|| RegistryError::Conflict { record: record.to_string() })?;
    place::announce(registry, tx, &row, row.linked).await
}
