//! Collects what other components say: released and withdrawn scans, loaded records.

use std::{error::Error, future::Future, pin::Pin};

use kakehashi_contract::{Event, Message};
use kakehashi_converter_core::{Document, DocumentState, InvalidTransition};
use kakehashi_kernel::{DocumentId, LotId, Timestamp};
use kakehashi_platform::{
    Tx,
    queue::{Handler, inbox},
};

use crate::{
    converter::{Converter, Inner, SELF},
    failure::Failure,
    store::{
        document::{self, DocumentRow, EarlyNews},
        lot::{self, Outcome},
    },
};

/// The converter's end of the queue.
pub(crate) struct Collector(pub(crate) Converter);

impl Handler for Collector {
    fn handle<'a>(
        &'a self,
        message: &'a Message,
    ) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'a>> {
        Box::pin(async move { self.0.inner().collect(message).await.map_err(Into::into) })
    }
}

impl Inner {
    async fn collect(&self, message: &Message) -> Result<(), Failure> {
        let now = self.now();
        let mut tx = self.ports.database.write().await?;
        if !inbox::is_first_time(&mut tx, message.id, now).await? {
            return Ok(());
        }
        match &message.event {
            Event::ScanReleased { scan, municipality, form, application, pages, .. } => {
                let row = DocumentRow {
                    document: Document::released(*scan),
                    form: *form,
                    application: *application,
                    municipality: municipality.clone(),
                    pages: pages.clone(),
                    news: None,
                };
                self.released(&mut tx, row, now).await?;
            }
            Event::ScanWithdrawn { scan } => self.withdrawn(&mut tx, *scan, now).await?,
            Event::RecordLoaded { scan, .. } => self.loaded(&mut tx, *scan, now).await?,
            Event::ScanReceived { .. }
            | Event::ScanRefused { .. }
            | Event::DocumentInLot { .. }
            | Event::DocumentHandedOver { .. }
            | Event::DocumentSentBack { .. }
            | Event::DocumentStuck { .. }
            | Event::DocumentAccepted { .. } => {}
        }
        self.commit(tx).await?;
        self.sealer.notify_one();
        Ok(())
    }

    /// A new document waits for its lot. A known one was asked about: its latest news is told again.
    async fn released(
        &self,
        tx: &mut Tx,
        mut row: DocumentRow,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let id = row.document.id;
        if let Some(known) = document::find(tx, id).await? {
            if let Some((event, at)) = known.news {
                self.repeat(tx, at, event).await?;
            }
            return Ok(());
        }
        row.document = match document::take_early(tx, id).await? {
            Some(EarlyNews::Withdrawn) => row.document.withdraw()?,
            Some(EarlyNews::Loaded) => row.document.load()?,
            None => row.document,
        };
        document::insert(tx, &row, now).await?;
        self.note(tx, now, SELF, "document.collect", id, row.document.state.as_str()).await
    }

    async fn withdrawn(&self, tx: &mut Tx, id: DocumentId, now: Timestamp) -> Result<(), Failure> {
        let Some(row) = document::find(tx, id).await? else {
            return Ok(document::keep_early(tx, id, EarlyNews::Withdrawn).await?);
        };
        match row.document.withdraw() {
            Ok(after) => {
                document::advance(tx, row.document, after, now).await?;
                self.leave_lot(tx, row.document, Outcome::Withdrawn).await?;
                self.note(tx, now, SELF, "document.withdraw", id, "").await
            }
            // Accepted or further on: the registry decides about the record.
            Err(InvalidTransition) => Ok(()),
        }
    }

    async fn loaded(&self, tx: &mut Tx, id: DocumentId, now: Timestamp) -> Result<(), Failure> {
        let Some(row) = document::find(tx, id).await? else {
            return Ok(document::keep_early(tx, id, EarlyNews::Loaded).await?);
        };
        match row.document.load() {
            Ok(after) => {
                document::advance(tx, row.document, after, now).await?;
                self.leave_lot(tx, row.document, Outcome::Accepted).await?;
                self.note(tx, now, SELF, "document.load", id, "").await
            }
            Err(InvalidTransition) => Ok(()),
        }
    }

    /// Takes a document that left its lot without a return out of what the lot waits for.
    async fn leave_lot(
        &self,
        tx: &mut Tx,
        before: Document,
        outcome: Outcome,
    ) -> Result<(), Failure> {
        match before.state {
            DocumentState::InLot { lot } | DocumentState::HandedOver { lot } => {
                lot::decide(tx, lot, before.id, outcome).await?;
                self.close_if_done(tx, lot).await
            }
            DocumentState::Pending
            | DocumentState::Accepted { .. }
            | DocumentState::Loaded
            | DocumentState::Stuck
            | DocumentState::Withdrawn => Ok(()),
        }
    }

    async fn close_if_done(&self, tx: &mut Tx, id: LotId) -> Result<(), Failure> {
        let Some(row) = lot::find(tx, id).await? else { return Ok(()) };
        let after = row.lot.clone().close_if_done(lot::outstanding(tx, id).await?);
        if after != row.lot {
            lot::advance(tx, &row.lot, &after).await?;
        }
        Ok(())
    }
}
