//! Looks into returns: reads, reconciles, checks, and concludes each document on its own.
//!
//! Accepted XML is stored before the rows say so. A return is concluded in one transaction, so that a
//! crash at any point leaves it received, and looking into it again gives the same result.

use std::collections::BTreeMap;

use kakehashi_contract::{Event, objects};
use kakehashi_converter_core::{
    DocumentState, Expected, Reconciled, Returned, SentBack, Verdict, examine, judge, reconcile,
};
use kakehashi_forms::{Catalogue, Definition, Finding};
use kakehashi_kernel::{DocumentId, ReturnId, Sha256Digest, Timestamp};
use kakehashi_platform::{Tx, blobs::Put, runtime::worker};

use crate::{
    converter::{Converter, Inner, SELF},
    failure::Failure,
    reading::{self, Content, ReadDocument},
    store::{
        document,
        lot::{self, LotRow, Outcome},
        returned::{self, ReturnRow, ReturnState, VerdictRow},
    },
};

/// Returns looked into in one round.
const ROUND_RETURNS_MAX: u32 = 20;
/// Longest pause before a return that failed is tried again.
const PAUSE_MS_MAX: i64 = 5 * 60 * 1000;

impl Converter {
    /// Looks into returns that wait; answers how many were concluded. A return that fails for a reason
    /// of ours is tried again later and does not delay those of other lots.
    ///
    /// # Errors
    ///
    /// [`Failure`] when not even the list of waiting returns can be read or written.
    pub async fn validate_waiting(&self) -> Result<u64, Failure> {
        self.inner().validate_waiting().await
    }
}

/// What examination says about one document of a return.
struct Examination {
    row: VerdictRow,
    /// The form, written canonically, of an accepted document.
    xml: Option<Vec<u8>>,
}

/// What examination says about a return.
struct Examined {
    documents: Vec<Examination>,
    /// Forms that do not say which document they are.
    nameless: u32,
}

/// What examination needs, ready to leave the event loop.
struct Case {
    lot: LotRow,
    expected: Vec<Expected>,
    row: ReturnRow,
    bytes: Vec<u8>,
}

impl Inner {
    async fn validate_waiting(&self) -> Result<u64, Failure> {
        let now = self.now();
        let waiting = {
            let mut connection = self.ports.database.read().acquire().await?;
            returned::waiting(&mut connection, now, ROUND_RETURNS_MAX).await?
        };
        let mut concluded = 0;
        for row in waiting {
            let (id, attempts) = (row.id, row.attempts);
            match self.validate(row).await {
                Ok(()) => concluded += 1,
                Err(failure) => {
                    let error = worker::chain(&failure);
                    tracing::error!(return.id = %id, error, "return {id} could not be examined");
                    self.postpone(id, attempts).await?;
                }
            }
        }
        Ok(concluded)
    }

    async fn postpone(&self, id: ReturnId, attempts: u32) -> Result<(), Failure> {
        let pause = (1000i64 << attempts.min(10)).min(PAUSE_MS_MAX);
        let mut tx = self.ports.database.write().await?;
        returned::postpone(&mut tx, id, self.now().plus_ms(pause)).await?;
        Ok(tx.commit().await?)
    }

    async fn validate(&self, row: ReturnRow) -> Result<(), Failure> {
        let bytes = self.read_verified(objects::returned(row.id), row.digest).await?;
        let case = self.case(row.clone(), bytes).await?;
        let catalogue = self.ports.catalogue.clone();
        let examined = tokio::task::spawn_blocking(move || examine_return(&case, &catalogue))
            .await
            .map_err(|_| Failure::Examination(row.id))??;
        match examined {
            Err(why) => self.refuse(&row, *why).await,
            Ok(examined) => {
                for examination in &examined.documents {
                    self.store_accepted(examination).await?;
                }
                self.conclude(&row, examined).await
            }
        }
    }

    async fn case(&self, row: ReturnRow, bytes: Vec<u8>) -> Result<Case, Failure> {
        let mut connection = self.ports.database.read().acquire().await?;
        let lot = lot::find(&mut connection, row.lot).await?;
        let lot = lot.ok_or(Failure::Examination(row.id))?;
        let expected = lot::expected(&mut connection, row.lot).await?;
        Ok(Case { lot, expected, row, bytes })
    }

    /// An unreadable return is refused as a whole; its documents stay with the contractor.
    async fn refuse(&self, row: &ReturnRow, why: Finding) -> Result<(), Failure> {
        let now = self.now();
        let rule = why.rule.clone();
        let mut tx = self.ports.database.write().await?;
        returned::conclude(&mut tx, row.id, &ReturnState::Refused { why }).await?;
        let detail = format!("lot={} why={rule}", row.lot);
        self.note(&mut tx, now, SELF, "return.refuse", row.id, detail).await?;
        self.commit(tx).await?;
        tracing::warn!(return.id = %row.id, lot.id = %row.lot, why = rule, "refused a return");
        Ok(())
    }

    /// Stores the accepted XML. It may be there from an attempt that did not reach its end; then it must
    /// be the same.
    async fn store_accepted(&self, examination: &Examination) -> Result<(), Failure> {
        let Some(xml) = &examination.xml else { return Ok(()) };
        let key = objects::converted(examination.row.document, examination.row.round);
        match self.ports.vault.put(key.clone(), xml.clone()).await? {
            Put::Created => Ok(()),
            Put::Existed => self.read_verified(key, Sha256Digest::of(xml)).await.map(|_| ()),
        }
    }

    async fn conclude(&self, row: &ReturnRow, examined: Examined) -> Result<(), Failure> {
        let now = self.now();
        let mut tx = self.ports.database.write().await?;
        let state = ReturnState::Validated { nameless: examined.nameless };
        returned::conclude(&mut tx, row.id, &state).await?;
        let documents = examined.documents.len();
        let mut accepted = 0;
        for (place, mut examination) in examined.documents.into_iter().enumerate() {
            examination.row.verdict = self.apply(&mut tx, row, &examination, now).await?;
            returned::add_verdict(&mut tx, row.id, place, &examination.row).await?;
            accepted += usize::from(examination.row.verdict == Verdict::Accepted);
        }
        if let Some(before) = lot::find(&mut tx, row.lot).await? {
            let outstanding = lot::outstanding(&mut tx, row.lot).await?;
            let after = before.lot.clone().settle(outstanding);
            if after != before.lot {
                lot::advance(&mut tx, &before.lot, &after).await?;
            }
        }
        let detail = format!("lot={} documents={documents} accepted={accepted}", row.lot);
        self.note(&mut tx, now, SELF, "return.validate", row.id, detail).await?;
        self.commit(tx).await?;
        self.sealer.notify_one();
        tracing::info!(
            return.id = %row.id, lot.id = %row.lot, documents, accepted, "validated a return"
        );
        Ok(())
    }

    /// Applies a verdict to its document; answers the verdict that holds. A document that left the
    /// contractor since it was examined was withdrawn or decided: nothing changes.
    async fn apply(
        &self,
        tx: &mut Tx,
        row: &ReturnRow,
        examination: &Examination,
        now: Timestamp,
    ) -> Result<Verdict, Failure> {
        let verdict = examination.row.verdict;
        if verdict != Verdict::Accepted && !verdict.sends_back() {
            return Ok(verdict);
        }
        let id = examination.row.document;
        let Some(found) = document::find(tx, id).await? else { return Ok(Verdict::Unexpected) };
        match found.document.state {
            DocumentState::HandedOver { lot } if lot == row.lot => {}
            DocumentState::Withdrawn => return Ok(Verdict::Withdrawn),
            DocumentState::Pending
            | DocumentState::InLot { .. }
            | DocumentState::HandedOver { .. }
            | DocumentState::Accepted { .. }
            | DocumentState::Loaded
            | DocumentState::Stuck => return Ok(Verdict::Repeat),
        }
        let round = found.document.round;
        let detail = format!("return={} round={round} verdict={}", row.id, verdict.as_str());
        if let Some(xml) = &examination.xml {
            let digest = Sha256Digest::of(xml);
            let after = found.document.accept(digest)?;
            document::advance(tx, found.document, after, now).await?;
            lot::decide(tx, row.lot, id, Outcome::Accepted).await?;
            let event = Event::DocumentAccepted {
                scan: id,
                form: found.form,
                municipality: found.municipality,
                round,
                digest,
                pages: found.pages,
            };
            self.tell(tx, now, event).await?;
            self.note(tx, now, SELF, "document.accept", id, detail).await?;
            return Ok(verdict);
        }
        let after = found.document.send_back(self.settings.correction_rounds_max)?;
        document::advance(tx, found.document, after.document(), now).await?;
        lot::decide(tx, row.lot, id, Outcome::SentBack).await?;
        let findings = count_findings(&examination.row);
        let event = Event::DocumentSentBack { scan: id, lot: row.lot, round, findings };
        self.tell(tx, now, event).await?;
        self.note(tx, now, SELF, "document.send_back", id, detail).await?;
        if let SentBack::Stuck(_) = after {
            self.tell(tx, now, Event::DocumentStuck { scan: id, round }).await?;
            self.note(tx, now, SELF, "document.stick", id, format!("round={round}")).await?;
            tracing::error!(scan.id = %id, round, "document {id} is stuck, a person must look");
        }
        Ok(verdict)
    }
}

/// Errors of a document that came back; 0 for one that did not.
fn count_findings(row: &VerdictRow) -> u32 {
    match row.verdict {
        Verdict::Missing => 0,
        Verdict::SentBack => {
            let errors = row.findings.iter().filter(|finding| finding.is_error()).count();
            u32::try_from(errors).unwrap_or(u32::MAX)
        }
        Verdict::Accepted
        | Verdict::Duplicate
        | Verdict::WrongRound
        | Verdict::WrongForm
        | Verdict::Unexpected
        | Verdict::Repeat
        | Verdict::Withdrawn => 1,
    }
}

/// Reads, reconciles and checks a return. The outer error is ours, the inner one the contractor's.
fn examine_return(
    case: &Case,
    catalogue: &Catalogue,
) -> Result<Result<Examined, Box<Finding>>, Failure> {
    let form = case.lot.form;
    let definition = catalogue.definition(form).ok_or(Failure::UnknownForm(form))?;
    let reading = match reading::read(&case.bytes, &case.lot, &case.expected, catalogue) {
        Ok(reading) => reading,
        Err(why) => return Ok(Err(why)),
    };
    let returned: Vec<Returned> = reading.documents.iter().map(|read| read.returned).collect();
    let said = returned.iter().map(|document| (document.document, document.round));
    let handed = case.expected.iter().map(|expected| (expected.document, expected.round));
    // What was handed over outweighs what the contractor says.
    let rounds: BTreeMap<DocumentId, u32> = said.chain(handed).collect();
    let mut documents = Vec::new();
    for (id, reconciled) in reconcile(form, &case.expected, &returned, case.row.extent) {
        let matched = match reconciled {
            Reconciled::Matched { place } => reading.documents.get(place),
            _ => None,
        };
        let (verdict, findings, xml) = match (matched, Verdict::of(reconciled)) {
            (Some(document), _) => examine_document(document, definition),
            (None, Some(verdict)) => (verdict, Vec::new(), None),
            (None, None) => continue,
        };
        let round = rounds.get(&id).copied().unwrap_or(0);
        documents
            .push(Examination { row: VerdictRow { document: id, round, verdict, findings }, xml });
    }
    Ok(Ok(Examined { documents, nameless: reading.nameless }))
}

fn examine_document(
    document: &ReadDocument,
    definition: &Definition,
) -> (Verdict, Vec<Finding>, Option<Vec<u8>>) {
    let examined = match &document.content {
        Content::Form { application, answers, findings, .. } => {
            examine(definition, answers, *application, findings.clone())
        }
        Content::Unreadable { findings } => judge(findings.clone()),
    };
    let xml = match &document.content {
        Content::Form { xml, .. } if examined.verdict == Verdict::Accepted => Some(xml.clone()),
        Content::Form { .. } | Content::Unreadable { .. } => None,
    };
    // A form that cannot be read has no XML to accept, whatever its findings weigh.
    let verdict = if xml.is_some() { Verdict::Accepted } else { Verdict::SentBack };
    (verdict, examined.findings, xml)
}
