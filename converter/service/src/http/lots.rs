//! Lots: list, take, manifest.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::header;
use kakehashi_kernel::{CivilDate, FormKey, LotId, LotNumber, Sha256Digest, Timestamp};
use serde::Serialize;

use super::identity::Contractor;
use crate::{
    converter::Converter,
    failure::{AskError, Refusal},
    store::lot::CountedLot,
};

#[derive(Serialize)]
struct Lots {
    lots: Vec<LotView>,
}

/// A lot as the contractor sees it.
#[derive(Serialize)]
struct LotView {
    lot: LotId,
    number: LotNumber,
    form: FormKey,
    state: &'static str,
    documents: u64,
    outstanding: u64,
    sealed_at: Timestamp,
    due: CivilDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<Timestamp>,
    manifest_digest: Sha256Digest,
}

impl From<CountedLot> for LotView {
    fn from(counted: CountedLot) -> Self {
        let CountedLot { row, documents, outstanding } = counted;
        Self {
            lot: row.lot.id,
            number: row.number,
            form: row.form,
            state: row.lot.state.as_str(),
            documents,
            outstanding,
            sealed_at: row.sealed_at,
            due: row.due,
            lease_until: row.lot.state.lease_until(),
            manifest_digest: row.manifest,
        }
    }
}

pub(super) async fn list(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
) -> Result<Response, AskError> {
    let lots = converter.inner().open_lots(&identity).await?;
    Ok(Json(Lots { lots: lots.into_iter().map(Into::into).collect() }).into_response())
}

pub(super) async fn take(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
    Path(lot): Path<String>,
) -> Result<Response, AskError> {
    let lot = lot.parse().map_err(|_| Refusal::Malformed)?;
    let taken = converter.inner().hand_over(&identity, lot).await?;
    Ok(Json(LotView::from(taken)).into_response())
}

pub(super) async fn manifest(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
    Path(lot): Path<String>,
) -> Result<Response, AskError> {
    let lot = lot.parse().map_err(|_| Refusal::Malformed)?;
    let (bytes, digest) = converter.inner().manifest(&identity, lot).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
