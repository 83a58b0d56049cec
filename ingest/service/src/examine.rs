//! Examines received scans: sandboxed inspection, verdict, page images, release or refusal.

use std::{collections::BTreeMap, convert::Infallible, time::Duration};

use kakehashi_contract::{AuditFact, Event, Message, PageImage, objects};
use kakehashi_ingest_core::inspection::{Facts, Refusal, Verdict, conclude};
use kakehashi_kernel::{FormKey, ScanId, Sha256Digest};
use kakehashi_platform::{
    DatabaseError,
    blobs::{BlobError, Put},
    queue::outbox,
    runtime::worker::{Round, chain},
};

use crate::{
    Ingest,
    inspector::{Inspection, InspectorFailure, PagePng},
    store::{self, scan::ScanRow},
};

/// A lease is short and renewed while its worker lives, so that a killed worker's scans wait seconds,
/// not as long as an inspection may take.
const LEASE_MS: i64 = 20_000;
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Longest pause before a scan whose examination failed is tried again.
const PAUSE_MS_MAX: i64 = 30_000;

/// Why an examination has no verdict yet. Ours to fix; the scan is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// The database.
    #[error("verdict could not be recorded")]
    Database(#[from] DatabaseError),
    /// The object store.
    #[error("scan or its pages could not be read or stored")]
    Blob(#[from] BlobError),
    /// The inspector.
    #[error("inspector failed")]
    Inspector(#[from] InspectorFailure),
}

impl From<sqlx::Error> for ExamineError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Leases and examines one scan. As many run beside each other as may be inspected at once, so that a
/// scan that takes long delays no other. One that fails is put back.
///
/// # Errors
///
/// [`ExamineError::Database`] when no scan can be leased.
pub async fn round(ingest: &Ingest) -> Result<Round, ExamineError> {
    let ports = &ingest.0.ports;
    let mut tx = ports.database.write().await?;
    let leased = store::scan::lease(&mut tx, ports.clock.now(), LEASE_MS).await?;
    tx.commit().await?;
    let Some(scan) = leased else { return Ok(Round::Idle) };
    // There may be more: the next one need not wait for its timer.
    ingest.0.arrived.notify_one();
    let outcome = tokio::select! {
        outcome = examine(ingest, scan) => outcome,
        Err(error) = keep_lease(ingest, scan) => return Err(error),
    };
    if let Err(error) = outcome {
        tracing::warn!(scan.id = %scan, error = chain(&error), "examination failed");
        put_back(ingest, scan).await?;
    }
    Ok(Round::Busy)
}

/// Renews a lease until it is dropped or fails. Then the scan is somebody else's: nothing is lost by
/// stopping, and a verdict that came too late would be guarded against by the scan's state.
async fn keep_lease(ingest: &Ingest, scan: ScanId) -> Result<Infallible, ExamineError> {
    let ports = &ingest.0.ports;
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let mut tx = ports.database.write().await?;
        let until = ports.clock.now().plus_ms(LEASE_MS);
        store::scan::lease_until(&mut tx, scan, until).await?;
        tx.commit().await?;
    }
}

async fn examine(ingest: &Ingest, id: ScanId) -> Result<(), ExamineError> {
    let ports = &ingest.0.ports;
    let Some(row) = store::scan::load(&ports.database, id).await? else { return Ok(()) };
    let original = ports.vault.get(objects::original(id)).await?;
    let inspection = match ports.inspector.inspect(original).await {
        Ok(inspection) => inspection,
        // A machine that cannot start the inspector must not refuse everybody's scans: those wait.
        Err(failure)
            if row.attempts >= ingest.0.settings.inspection_attempts_max
                && !matches!(failure.cause(), "start" | "no-sandbox") =>
        {
            let cause = failure.cause();
            tracing::error!(scan.id = %id, cause, error = chain(&failure), "inspector gave up");
            Inspection::Refused(Refusal::Unreadable, None)
        }
        Err(failure) => return Err(failure.into()),
    };
    match inspection {
        Inspection::Refused(refusal, facts) => refuse(ingest, &row, refusal, facts.as_ref()).await,
        Inspection::Inspected { facts, disarmed, pages } => {
            match conclude(&facts, ports.is_known_form.as_ref()) {
                Verdict::Refuse(refusal) => refuse(ingest, &row, refusal, Some(&facts)).await,
                Verdict::Release { form, disarmed: is_disarmed, findings } => {
                    let declared = row.declared_form.filter(|form| (ports.is_known_form)(form));
                    let Some(form) = form.or(declared) else {
                        return refuse(ingest, &row, Refusal::FormUnknown, Some(&facts)).await;
                    };
                    let findings: Vec<&str> = findings.iter().map(|found| found.code()).collect();
                    let outcome = Outcome { form, is_disarmed, findings: tally(&findings) };
                    release(ingest, &row, outcome, disarmed, pages).await
                }
            }
        }
    }
}

struct Outcome {
    form: FormKey,
    is_disarmed: bool,
    findings: String,
}

/// Codes with their counts: `active-content-removed 2, low-resolution 1`.
fn tally(codes: &[&str]) -> String {
    let mut counts = BTreeMap::new();
    for code in codes {
        *counts.entry(*code).or_insert(0) += 1;
    }
    counts.iter().map(|(code, n)| format!("{code} {n}")).collect::<Vec<_>>().join(", ")
}

async fn release(
    ingest: &Ingest,
    row: &ScanRow,
    outcome: Outcome,
    disarmed: Vec<u8>,
    pages: Vec<PagePng>,
) -> Result<(), ExamineError> {
    let ports = &ingest.0.ports;
    let id = row.scan.id;
    ports.vault.put(objects::disarmed(id), disarmed).await?;
    let mut images = Vec::with_capacity(pages.len());
    for page in pages {
        images.push(store_page(ingest, id, page).await?);
    }
    let now = ports.clock.now();
    let event = Event::ScanReleased {
        scan: id,
        receipt: row.scan.receipt.number.clone(),
        municipality: row.scan.municipality.clone(),
        form: outcome.form,
        application: row.scan.application,
        pages: images.clone(),
    };
    let message = Message::new(ports.ids.as_ref(), now, event);
    let mut tx = ports.database.write().await?;
    let stored = store::scan::Release {
        form: outcome.form,
        pages: &images,
        is_disarmed: outcome.is_disarmed,
        findings: &outcome.findings,
    };
    if !store::scan::release(&mut tx, id, now, stored).await? {
        // Withdrawn meanwhile, or another worker was quicker.
        return Ok(());
    }
    let detail = if outcome.is_disarmed { "disarmed" } else { "" };
    store::scan::remember(&mut tx, id, message.id, now, message.event.kind(), detail).await?;
    ports.audit.append(&mut tx, now, fact("scan.release", id, "ok", &outcome.findings)).await?;
    outbox::emit(&mut tx, &message).await?;
    tx.commit().await?;
    ports.relay.notify_one();
    tracing::info!(scan.id = %id, pages = images.len(), "released scan {id}");
    Ok(())
}

/// Stores a page image. One that an earlier attempt stored stays, and its own digest is used.
async fn store_page(
    ingest: &Ingest,
    scan: ScanId,
    page: PagePng,
) -> Result<PageImage, ExamineError> {
    let vault = &ingest.0.ports.vault;
    let key = objects::page(scan, page.number);
    let (mut digest, mut size_bytes) = (Sha256Digest::of(&page.png), page.png.len() as u64);
    if vault.put(key.clone(), page.png).await? == Put::Existed {
        let stored = vault.get(key).await?;
        (digest, size_bytes) = (Sha256Digest::of(&stored), stored.len() as u64);
    }
    let (number, width, height) = (page.number, page.width, page.height);
    Ok(PageImage { number, digest, size_bytes, width, height })
}

async fn refuse(
    ingest: &Ingest,
    row: &ScanRow,
    refusal: Refusal,
    facts: Option<&Facts>,
) -> Result<(), ExamineError> {
    let ports = &ingest.0.ports;
    let (id, now) = (row.scan.id, ports.clock.now());
    let why = refusal.code();
    let pages = facts.map_or(0, |facts| u32::try_from(facts.pages.len()).unwrap_or(u32::MAX));
    let event = Event::ScanRefused { scan: id, why: why.to_owned() };
    let message = Message::new(ports.ids.as_ref(), now, event);
    let mut tx = ports.database.write().await?;
    if !store::scan::refuse(&mut tx, id, why, pages).await? {
        return Ok(());
    }
    store::scan::remember(&mut tx, id, message.id, now, message.event.kind(), why).await?;
    ports.audit.append(&mut tx, now, fact("scan.refuse", id, why, "")).await?;
    outbox::emit(&mut tx, &message).await?;
    tx.commit().await?;
    ports.relay.notify_one();
    tracing::info!(scan.id = %id, why, "refused scan {id}");
    Ok(())
}

/// The longer it keeps failing, the longer until it is tried again.
async fn put_back(ingest: &Ingest, scan: ScanId) -> Result<(), ExamineError> {
    let ports = &ingest.0.ports;
    let attempts = store::scan::load(&ports.database, scan).await?.map_or(0, |row| row.attempts);
    let pause = (1000i64 << attempts.min(10)).min(PAUSE_MS_MAX);
    let mut tx = ports.database.write().await?;
    store::scan::lease_until(&mut tx, scan, ports.clock.now().plus_ms(pause)).await?;
    tx.commit().await?;
    Ok(())
}

fn fact(action: &str, scan: ScanId, outcome: &str, detail: &str) -> AuditFact {
    AuditFact {
        actor: "ingest".into(),
        action: action.into(),
        subject: scan.to_string(),
        outcome: outcome.into(),
        detail: detail.into(),
    }
}
