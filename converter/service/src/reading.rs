//! Reads a return's XML into what reconciliation and checks work on.

use std::collections::BTreeMap;

use kakehashi_converter_core::{Expected, Returned};
use kakehashi_forms::{Answers, Application, Catalogue, Definition, Finding, Localized, Severity};
use kakehashi_kernel::{DocumentId, Sha256Digest, digest::DigestWriter};
use kakehashi_xml::{ReturnedForm, Unreadable, read_return, write_form};

use crate::store::lot::LotRow;

/// A return as read.
pub(crate) struct Reading {
    /// Its documents: those that read, then those that do not, each in the order of the return.
    pub(crate) documents: Vec<ReadDocument>,
    /// Forms that do not say which document they are.
    pub(crate) nameless: u32,
}

/// One document of a return.
pub(crate) struct ReadDocument {
    pub(crate) returned: Returned,
    pub(crate) content: Content,
}

/// What a document's XML holds.
pub(crate) enum Content {
    /// A form.
    Form {
        /// 新規 or 更新, as keyed from the page.
        application: Application,
        answers: Answers,
        /// What is wrong with its XML.
        findings: Vec<Finding>,
        /// The form written canonically, as a document of its own.
        xml: Vec<u8>,
    },
    /// Nothing that reads as a form.
    Unreadable {
        /// What is wrong.
        findings: Vec<Finding>,
    },
}

/// Reads a return of `lot`.
///
/// # Errors
///
/// The finding that makes the whole return unreadable.
pub(crate) fn read(
    bytes: &[u8],
    lot: &LotRow,
    expected: &[Expected],
    catalogue: &Catalogue,
) -> Result<Reading, Box<Finding>> {
    let read = read_return(bytes, catalogue).map_err(|refusal| Box::new(refusal.to_finding()))?;
    if read.lot != lot.number {
        return Err(Box::new(other_lot()));
    }
    let rounds: BTreeMap<DocumentId, u32> =
        expected.iter().map(|expected| (expected.document, expected.round)).collect();
    let mut reading = Reading { documents: Vec::with_capacity(read.forms.len()), nameless: 0 };
    for form in read.forms {
        reading.documents.push(readable(form, catalogue));
    }
    for unreadable in read.unreadable {
        match unreadable.document {
            Some(document) => {
                let round = rounds.get(&document).copied().unwrap_or(0);
                reading.documents.push(broken(unreadable, document, round, lot));
            }
            None => reading.nameless = reading.nameless.saturating_add(1),
        }
    }
    Ok(reading)
}

/// The XML schema of a form version.
pub(crate) fn schema(definition: &Definition) -> String {
    kakehashi_xml::xsd(definition)
}

fn readable(form: ReturnedForm, catalogue: &Catalogue) -> ReadDocument {
    // The reader took the form's definition from this catalogue, so it is there.
    let xml = catalogue
        .definition(form.key)
        .map(|definition| write_form(definition, &form.header(), &form.answers).into_bytes())
        .unwrap_or_default();
    ReadDocument {
        returned: Returned {
            document: form.document,
            round: form.round,
            form: form.key,
            content: content_digest(&xml, &form.findings),
        },
        content: Content::Form {
            application: form.application,
            answers: form.answers,
            findings: form.findings,
            xml,
        },
    }
}

/// Two copies are the same when they say the same and the same is wrong with them.
fn content_digest(xml: &[u8], findings: &[Finding]) -> Sha256Digest {
    let mut digest = DigestWriter::default();
    digest.update(xml);
    for finding in findings {
        digest.update(b"\n");
        digest.update(finding.rule.as_bytes());
        digest.update(b" ");
        digest.update(finding.item.as_deref().unwrap_or_default().as_bytes());
    }
    digest.finish()
}

/// A form that does not read may not say its round or form either: it stands for what was handed over,
/// so that it comes back with its findings. Beside a copy that reads it is a duplicate.
fn broken(unreadable: Unreadable, document: DocumentId, round: u32, lot: &LotRow) -> ReadDocument {
    let findings = vec![unreadable.finding];
    let content = content_digest(b"", &findings);
    ReadDocument {
        returned: Returned { document, round, form: lot.form, content },
        content: Content::Unreadable { findings },
    }
}

fn other_lot() -> Finding {
    Finding::general(
        "return.other-lot",
        Severity::E,
        Localized::new(
            "納品に書かれたロット番号が、送り先のロットと異なります。",
            "The return names another lot than the one it was sent to.",
        ),
        Localized::new(
            "ロット番号を確かめて、もう一度納品してください。",
            "Please check the lot number and deliver again.",
        ),
    )
}
