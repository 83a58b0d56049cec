//! The XML schema of a form version.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header;
use kakehashi_kernel::FormKey;

use super::identity::Contractor;
use crate::{
    converter::Converter,
    failure::{AskError, Refusal},
    reading,
};

pub(super) async fn xsd(
    State(converter): State<Converter>,
    Contractor(_): Contractor,
    Path((programme, number, branch, file)): Path<(String, String, String, String)>,
) -> Result<Response, AskError> {
    let version = file.strip_suffix(".xsd").ok_or(Refusal::Malformed)?;
    let key: FormKey = format!("{programme}/{number}-{branch}/{version}")
        .parse()
        .map_err(|_| Refusal::FormUnknown)?;
    let definition =
        converter.inner().ports.catalogue.definition(key).ok_or(Refusal::FormUnknown)?;
    let headers = [(header::CONTENT_TYPE, "application/xml; charset=utf-8")];
    Ok((headers, reading::schema(definition)).into_response())
}
