//! One byte-exact form of what a form says, and its digest.
//!
//! The same values give the same bytes, whatever encoding, prefixes, white space, order of attributes or
//! entity references a document used, and whether blank items were written or left out. The canonical form
//! is a document in Canonical XML 1.0 (so `xmllint --c14n` leaves it as it is):
//!
//! - UTF-8, no byte order mark, no declaration, one line without an end, no white space between elements;
//! - the root `<form xmlns="urn:kakehashi:form:1">`, its attributes in the order of their names, `partial`
//!   only when true;
//! - sections and items in the order of the form; blank items, rows' blank cells and sections without an
//!   answer left out;
//! - a state as the attribute `state` of an empty element, written with an end tag;
//! - dates as `2026-11-23`, `2026-11` or `2026`; whole numbers without leading zeros; decimal numbers with
//!   exactly the places the item declares; several codes in the order of their list, a space between;
//! - text as received, code point by code point; only `&`, `<`, `>` and carriage return are references
//!   (`&#xD;`).

use kakehashi_forms::{Answer, Answers, Definition, Item, Value};
use kakehashi_kernel::Sha256Digest;

use crate::{
    NAMESPACE,
    header::{FormHeader, SentHeader},
    names::is_xml_char,
    value::BELOW_DETECTION,
};

/// What a form says about itself, in a return or in a batch.
#[derive(Debug, Clone, Copy)]
pub enum Header<'h> {
    /// Of a return.
    Returned(&'h FormHeader),
    /// Of a batch.
    Sent(&'h SentHeader),
}

impl<'h> From<&'h FormHeader> for Header<'h> {
    fn from(header: &'h FormHeader) -> Self {
        Self::Returned(header)
    }
}

impl<'h> From<&'h SentHeader> for Header<'h> {
    fn from(header: &'h SentHeader) -> Self {
        Self::Sent(header)
    }
}

/// Writes the canonical form. Answers to items the form does not have are left out.
pub fn canonical<'h>(
    definition: &Definition,
    header: impl Into<Header<'h>>,
    answers: &Answers,
) -> Vec<u8> {
    let mut attributes = match header.into() {
        Header::Returned(header) => header.attributes(definition.key()),
        Header::Sent(header) => header.attributes(definition.key()),
    };
    attributes.sort_unstable_by_key(|(name, _)| *name);
    let mut xml = String::with_capacity(4096);
    xml.push_str("<form xmlns=\"");
    xml.push_str(NAMESPACE);
    xml.push('"');
    for (name, value) in attributes {
        // Codes, numbers and identifiers only: nothing to escape.
        push_all(&mut xml, &[" ", name, "=\"", &value, "\""]);
    }
    xml.push('>');
    for section in definition.sections() {
        let start = xml.len();
        push_all(&mut xml, &["<", &section.id, ">"]);
        let empty = xml.len();
        for item in &section.items {
            if let Some(answer) = answers.get(&item.id) {
                push_answer(&mut xml, item, answer);
            }
        }
        if xml.len() == empty {
            xml.truncate(start);
        } else {
            push_all(&mut xml, &["</", &section.id, ">"]);
        }
    }
    xml.push_str("</form>");
    xml.into_bytes()
}

/// The SHA-256 of the canonical form.
pub fn digest<'h>(
    definition: &Definition,
    header: impl Into<Header<'h>>,
    answers: &Answers,
) -> Sha256Digest {
    Sha256Digest::of(&canonical(definition, header, answers))
}

fn push_answer(xml: &mut String, item: &Item, answer: &Answer) {
    if *answer == Answer::Blank {
        return;
    }
    push_all(xml, &["<", &item.id]);
    match answer {
        Answer::Given(Value::BelowDetection) => push_state(xml, BELOW_DETECTION),
        Answer::Given(Value::Rows(rows)) => {
            xml.push('>');
            for row in rows {
                xml.push_str("<row>");
                for column in item.columns() {
                    if let Some(answer) = row.get(&column.id) {
                        push_answer(xml, column, answer);
                    }
                }
                xml.push_str("</row>");
            }
        }
        Answer::Given(Value::Decimal { value, comparator }) => {
            if let Some(comparator) = comparator {
                push_all(xml, &[" comparator=\"", comparator.as_str(), "\""]);
            }
            xml.push('>');
            let plain = Answer::Given(Value::Decimal { value: *value, comparator: None });
            push_text(xml, &item.write(&plain));
        }
        Answer::Given(_) => {
            xml.push('>');
            push_text(xml, &item.write(answer));
        }
        state => push_state(xml, state.state().unwrap_or_default()),
    }
    push_all(xml, &["</", &item.id, ">"]);
}

fn push_state(xml: &mut String, state: &str) {
    push_all(xml, &[" state=\"", state, "\">"]);
}

fn push_text(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\r' => xml.push_str("&#xD;"),
            c if is_xml_char(c) => xml.push(c),
            _ => xml.push('\u{FFFD}'),
        }
    }
}

fn push_all(xml: &mut String, parts: &[&str]) {
    for part in parts {
        xml.push_str(part);
    }
}
