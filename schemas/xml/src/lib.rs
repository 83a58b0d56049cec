//! Forms as XML: the streaming reader with its limits, the canonical writer, the XSD of a form version.
//!
//! Pure. What it does not do: decide whether a form may be registered (see
//! [`kakehashi_forms::Definition::check`]), or know which documents a lot holds.
//!
//! A return is `<return lot contractor>` with `<form document round programme number branch version
//! application>` elements, each with one element per section and one element per item in printed order:
//! `<hy>3</hy>`, `<ldopa comparator="lt">0.1</ldopa>`, `<mibg state="illegible"/>`. A single `<form>` may be
//! the root of a document of its own.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

mod header;
mod read;
mod refusal;
mod tokens;
mod value;
mod write;
mod xsd;

pub use header::{FormHeader, ReturnHeader};
pub use read::{Return, ReturnedForm, Unreadable, read_form, read_return};
pub use refusal::{Why, XmlRefusal};
pub use write::{write_form, write_return};
pub use xsd::xsd;

/// The namespace of every element.
pub const NAMESPACE: &str = "urn:kakehashi:form:1";
