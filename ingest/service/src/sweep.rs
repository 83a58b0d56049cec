//! The sweeper: announces again what nobody has answered, and removes uploads nobody finished.
//!
//! It is what makes the queue a convenience: when messages are lost, released scans without news are
//! announced again, and everybody further down answers with where the scan is now.

use kakehashi_contract::{Event, Message};
use kakehashi_ingest_core::ScanState;
use kakehashi_kernel::ScanId;
use kakehashi_platform::{
    queue::outbox,
    runtime::worker::{Round, chain},
};

use crate::{Ingest, receive::ReceiveError, store};

const BATCH: i64 = 200;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Runs one round.
///
/// # Errors
///
/// [`ReceiveError`] when database or disk do not answer.
pub async fn round(ingest: &Ingest) -> Result<Round, ReceiveError> {
    let announced = announce_overdue(ingest).await?;
    let removed = remove_abandoned(ingest).await?;
    Ok(if announced + removed >= BATCH { Round::Busy } else { Round::Idle })
}

async fn announce_overdue(ingest: &Ingest) -> Result<i64, ReceiveError> {
    let ports = &ingest.0.ports;
    let now = ports.clock.now();
    let before = now.plus_ms(-ingest.0.settings.overdue_ms);
    let mut tx = ports.database.write().await?;
    let overdue = store::scan::overdue(&mut tx, before, now, BATCH).await?;
    let mut announced = 0;
    for row in overdue {
        let ScanState::Released { form, .. } = row.scan.state else { continue };
        let event = Event::ScanReleased {
            scan: row.scan.id,
            receipt: row.scan.receipt.number,
            municipality: row.scan.municipality,
            form,
            application: row.scan.application,
            pages: row.page_images,
        };
        outbox::emit(&mut tx, &Message::new(ports.ids.as_ref(), now, event)).await?;
        announced += 1;
    }
    tx.commit().await?;
    if announced > 0 {
        tracing::warn!(scans = announced, "announced scans again that had no news for long");
        ports.relay.notify_one();
    }
    Ok(announced)
}

async fn remove_abandoned(ingest: &Ingest) -> Result<i64, ReceiveError> {
    let ports = &ingest.0.ports;
    let before = ports.clock.now().plus_ms(-ingest.0.settings.upload_idle_hours * HOUR_MS);
    let abandoned = store::upload::open_before(&ports.database, before, BATCH).await?;
    let mut removed = 0;
    for upload in abandoned {
        match remove_one(ingest, upload).await {
            Ok(()) => removed += 1,
            Err(error) => {
                tracing::warn!(upload.id = %upload, error = chain(&error), "upload stays");
            }
        }
    }
    Ok(removed)
}

/// An upload whose object is published lacks only its receipt: it waits for its sender, whatever time.
async fn remove_one(ingest: &Ingest, upload: ScanId) -> Result<(), ReceiveError> {
    let objects = ingest.0.ports.vault.objects();
    if objects.exists(&kakehashi_contract::objects::original(upload))? {
        return Ok(());
    }
    ingest.discard_upload(upload).await
}
