//! Page images of the documents a contractor has to key.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header;

use super::identity::Contractor;
use crate::{
    converter::Converter,
    failure::{AskError, Refusal},
};

pub(super) async fn page(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
    Path((lot, document, number)): Path<(String, String, String)>,
) -> Result<Response, AskError> {
    let lot = lot.parse().map_err(|_| Refusal::Malformed)?;
    let document = document.parse().map_err(|_| Refusal::Malformed)?;
    let number = number.parse().map_err(|_| Refusal::Malformed)?;
    let (bytes, digest) = converter.inner().page(&identity, lot, document, number).await?;
    let headers = [
        (header::CONTENT_TYPE, "image/png".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
