//! Follows scans beyond ingest: one history per scan, built from everybody's messages.

use kakehashi_contract::{AuditFact, Event, Message};
use kakehashi_ingest_core::Progress;
use kakehashi_platform::{
    DatabaseError,
    queue::{Handler, Handling, inbox},
};

use crate::{Ingest, store};

/// The consumer of everybody's news.
pub(crate) struct Follower(pub(crate) Ingest);

impl Handler for Follower {
    fn handle<'a>(&'a self, message: &'a Message) -> Handling<'a> {
        Box::pin(async move { Ok(follow(&self.0, message).await?) })
    }
}

/// Takes one piece of news. Late news enters the history in its place and turns nothing back; a repeat,
/// also under another message id, changes nothing.
///
/// # Errors
///
/// [`DatabaseError`]; the message is then delivered again.
pub async fn follow(ingest: &Ingest, message: &Message) -> Result<(), DatabaseError> {
    let Some(progress) = Progress::of(&message.event) else { return Ok(()) };
    let ports = &ingest.0.ports;
    let (scan, now) = (message.event.scan(), ports.clock.now());
    let mut tx = ports.database.write().await?;
    if !inbox::is_first_time(&mut tx, message.id, now).await? {
        return Ok(());
    }
    let kind = message.event.kind();
    let is_news = store::scan::advance(&mut tx, scan, progress, now).await?;
    let detail = detail(&message.event);
    store::scan::remember(&mut tx, scan, message.id, message.at, kind, &detail).await?;
    if let Event::RecordLoaded { record, .. } = &message.event {
        store::scan::set_record(&mut tx, scan, *record).await?;
        if is_news {
            let fact = AuditFact {
                actor: "ingest".into(),
                action: "scan.loaded".into(),
                subject: scan.to_string(),
                outcome: "ok".into(),
                detail: record.to_string(),
            };
            ports.audit.append(&mut tx, now, fact).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Codes and numbers for the history; nothing about a person.
fn detail(event: &Event) -> String {
    match event {
        Event::DocumentInLot { lot_number, round, .. } => format!("{lot_number} {round}"),
        Event::DocumentHandedOver { round, .. }
        | Event::DocumentStuck { round, .. }
        | Event::DocumentAccepted { round, .. } => round.to_string(),
        Event::DocumentSentBack { round, findings, .. } => format!("{round} {findings}"),
        Event::RecordLoaded { record, linked, .. } => match linked {
            Some(linked) => format!("{record} {linked}"),
            None => record.to_string(),
        },
        Event::ScanReceived { .. }
        | Event::ScanReleased { .. }
        | Event::ScanRefused { .. }
        | Event::ScanWithdrawn { .. } => String::new(),
    }
}
