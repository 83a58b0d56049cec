//! Form definitions and records as FHIR R4: `Questionnaire` and `QuestionnaireResponse`, as JSON.
//!
//! Pure, and one way: what a hospital's own tools can show and fill in. Reading a response back is
//! not here; forms come in as XML (see `kakehashi-xml`).
//!
//! What FHIR has no place for stands in extensions: HL7's `data-absent-reason` for the states,
//! `urn:kakehashi:fhir:…` for our own facts, among them relevance and calculations as CEL texts.
#![warn(clippy::indexing_slicing, clippy::string_slice)]

mod extension;
mod questionnaire;
mod response;

pub use questionnaire::questionnaire;
pub use response::{ResponseHeader, response};

use kakehashi_forms::Definition;

/// The canonical address of a form, without its version.
fn canonical(definition: &Definition) -> String {
    let key = definition.key();
    format!("urn:kakehashi:form:{}:{:04}-{:03}", key.programme, key.number, key.branch)
}

/// The code system of a code list.
fn code_system(list: &str) -> String {
    format!("urn:kakehashi:codes:{list}")
}
