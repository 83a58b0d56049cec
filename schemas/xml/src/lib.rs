//! Forms as XML: the streaming reader with its limits, the canonical writer, the XSD of a form version.
//!
//! Pure. What it does not do: decide whether a form may be registered (see
//! [`kakehashi_forms::Definition::check`]), or know which documents a lot holds.
//!
//! A return of a contractor is `<return lot contractor>` with `<form document round programme number branch
//! version application>` elements. A batch of a hospital is `<batch format sender created tool tool-version
//! definitions count>` with `<form reference …>` elements. Each form has one element per section and one
//! element per item in printed order: `<hy>3</hy>`, `<ldopa comparator="lt">0.1</ldopa>`,
//! `<mibg state="illegible"/>`. A single `<form>` of either kind may be the root of a document of its own.
//!
//! Read are UTF-8 with or without a byte order mark, UTF-16 with one, and `Shift_JIS` (with the extensions of
//! Windows) when the declaration says so. Characters are kept exactly as received.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

mod attributes;
mod batch;
mod canonical;
mod document;
mod encoding;
mod form;
mod header;
mod input;
mod names;
mod namespaces;
mod place;
mod read;
mod refusal;
mod scanner;
mod table;
mod tokens;
mod value;
mod write;
mod xsd;

pub use batch::{BatchReader, Envelope, Sent, SentForm};
pub use canonical::{Header, canonical, digest};
pub use header::{BatchHeader, FormHeader, InvalidReference, Reference, ReturnHeader, SentHeader};
pub use place::{Defect, Place};
pub use read::{Return, ReturnedForm, Unreadable, read_form, read_return};
pub use refusal::{Why, XmlRefusal};
pub use write::{BatchWriter, write_form, write_return, write_sent_form};
pub use xsd::{batch_xsd, xsd};

/// The namespace of every element.
pub const NAMESPACE: &str = "urn:kakehashi:form:1";
