//! The sweeper: announces again what nobody has answered, and ends uploads nobody finished.
//!
//! It is what makes the queue a convenience: when messages are lost, released scans without news are
//! announced again, and everybody further down answers with where the scan is now.

use std::path::Path;

use kakehashi_contract::{Event, Message, objects};
use kakehashi_ingest_core::ScanState;
use kakehashi_kernel::ScanId;
use kakehashi_platform::{
    queue::outbox,
    runtime::worker::{Round, chain},
};

use crate::{Ingest, receive::ReceiveError, store};

const BATCH: i64 = 200;
/// How often a withdrawal is announced again.
const WITHDRAWAL_TIMES: u32 = 5;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Runs one round.
///
/// # Errors
///
/// [`ReceiveError`] when database or disk do not answer.
pub async fn round(ingest: &Ingest) -> Result<Round, ReceiveError> {
    let announced = announce_overdue(ingest).await?;
    let withdrawn = announce_withdrawn(ingest).await?;
    let ended = end_abandoned(ingest).await?;
    let is_full = [announced, withdrawn, ended].into_iter().any(|done| done >= BATCH);
    Ok(if is_full { Round::Busy } else { Round::Idle })
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

async fn announce_withdrawn(ingest: &Ingest) -> Result<i64, ReceiveError> {
    let ports = &ingest.0.ports;
    let now = ports.clock.now();
    let before = now.plus_ms(-ingest.0.settings.overdue_ms);
    let mut tx = ports.database.write().await?;
    let withdrawn = store::scan::withdrawn(&mut tx, before, now, WITHDRAWAL_TIMES, BATCH).await?;
    for scan in &withdrawn {
        let event = Event::ScanWithdrawn { scan: *scan };
        outbox::emit(&mut tx, &Message::new(ports.ids.as_ref(), now, event)).await?;
    }
    tx.commit().await?;
    if !withdrawn.is_empty() {
        ports.relay.notify_one();
    }
    Ok(i64::try_from(withdrawn.len()).unwrap_or(i64::MAX))
}

async fn end_abandoned(ingest: &Ingest) -> Result<i64, ReceiveError> {
    let ports = &ingest.0.ports;
    let before = ports.clock.now().plus_ms(-ingest.0.settings.upload_idle_hours * HOUR_MS);
    let abandoned = store::upload::open_before(&ports.database, before, BATCH).await?;
    let mut ended = 0;
    for upload in abandoned {
        match end(ingest, upload).await {
            Ok(()) => ended += 1,
            Err(error) => {
                tracing::warn!(upload.id = %upload, error = chain(&error), "upload stays");
            }
        }
    }
    Ok(ended)
}

/// An upload whose object is published lacks only its receipt, and gets it. Any other is removed.
async fn end(ingest: &Ingest, upload: ScanId) -> Result<(), ReceiveError> {
    if ingest.0.ports.vault.objects().exists(&objects::original(upload))? {
        ingest.finish_abandoned(upload).await
    } else {
        ingest.discard_upload(upload).await
    }
}

/// Removes staged objects of uploads that are not open any more, as a killed process leaves them.
/// Asked once at start; what fails is tried at the next.
pub(crate) async fn remove_left_over(ingest: &Ingest) {
    for upload in staged(&ingest.0.ports.staging) {
        match ingest.remove_left_over(upload).await {
            Ok(true) => tracing::info!(upload.id = %upload, "removed what was left of an upload"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(upload.id = %upload, error = chain(&error), "left-over stays");
            }
        }
    }
}

/// The uploads that have something staged.
fn staged(folder: &Path) -> Vec<ScanId> {
    // Without the folder nothing was ever staged.
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let upload = |name: &str| name.strip_prefix("original-")?.strip_suffix(".part")?.parse().ok();
    entries.flatten().filter_map(|entry| upload(entry.file_name().to_str()?)).collect()
}
