//! Returns: deliver, and ask what became of it.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::BytesRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use kakehashi_converter_core::{Extent, Verdict};
use kakehashi_forms::{Finding, Localized};
use kakehashi_kernel::{DocumentId, LotId, ReturnId, Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::{identity::Contractor, problem};
use crate::{
    converter::Converter,
    failure::{AskError, Refusal},
    store::returned::{ReturnRow, VerdictRow},
};

/// How long a return waits for its turn while others arrive.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one return may take to arrive: others wait for its turn.
const BODY_TIMEOUT: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliverQuery {
    #[serde(default)]
    partial: bool,
}

/// The receipt of a return.
#[derive(Serialize)]
struct ReceiptView {
    r#return: ReturnId,
    digest: Sha256Digest,
}

/// A return as the contractor sees it.
#[derive(Serialize)]
struct ReturnView {
    r#return: ReturnId,
    lot: LotId,
    digest: Sha256Digest,
    size_bytes: u64,
    extent: &'static str,
    received_at: Timestamp,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Finding>,
    /// Forms that do not say which document they are.
    nameless: u32,
    documents: Vec<DocumentView>,
}

/// The verdict about one document.
#[derive(Serialize)]
struct DocumentView {
    document: DocumentId,
    round: u32,
    verdict: &'static str,
    message: Localized,
    findings: Vec<Finding>,
}

impl From<VerdictRow> for DocumentView {
    fn from(row: VerdictRow) -> Self {
        Self {
            document: row.document,
            round: row.round,
            verdict: row.verdict.as_str(),
            message: Verdict::explanation(row.verdict),
            findings: row.findings,
        }
    }
}

impl ReturnView {
    fn new(row: &ReturnRow, verdicts: Vec<VerdictRow>) -> Self {
        Self {
            r#return: row.id,
            lot: row.lot,
            digest: row.digest,
            size_bytes: row.size_bytes,
            extent: row.extent.as_str(),
            received_at: row.received_at,
            state: row.state.as_str(),
            why: row.state.why().cloned(),
            nameless: row.state.nameless(),
            documents: verdicts.into_iter().map(Into::into).collect(),
        }
    }
}

/// What a delivery needs before its body is read.
pub(super) async fn deliver(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
    Path(lot): Path<String>,
    query: Result<Query<DeliverQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Response, AskError> {
    let lot = lot.parse().map_err(|_| Refusal::Malformed)?;
    let Query(query) = query.map_err(|_| Refusal::Malformed)?;
    let extent = if query.partial { Extent::Partial } else { Extent::Whole };
    if !is_xml(&headers) {
        return Err(Refusal::ReturnNotXml.into());
    }
    let inner = converter.inner();
    let turn = tokio::time::timeout(TURN_TIMEOUT, inner.receiving.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Refusal::Busy.into()) };
    let body = tokio::time::timeout(BODY_TIMEOUT, read_body(request)).await;
    let bytes = body
        .map_err(|_| Refusal::ReturnTorn)?
        .map_err(|rejection| problem::torn_body(&rejection))?;
    if bytes.is_empty() {
        return Err(Refusal::ReturnEmpty.into());
    }
    let row = inner.take_back(&identity, lot, extent, bytes.into()).await?;
    Ok(problem::accepted(Json(ReceiptView { r#return: row.id, digest: row.digest })))
}

pub(super) async fn verdicts(
    State(converter): State<Converter>,
    Contractor(identity): Contractor,
    Path(id): Path<String>,
) -> Result<Response, AskError> {
    let id = id.parse().map_err(|_| Refusal::Malformed)?;
    let (row, verdicts) = converter.inner().verdicts(&identity, id).await?;
    Ok(Json(ReturnView::new(&row, verdicts)).into_response())
}

async fn read_body(request: axum::extract::Request) -> Result<Bytes, BytesRejection> {
    use axum::extract::FromRequest;
    Bytes::from_request(request, &()).await
}

fn is_xml(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.and_then(|value| value.split(';').next()).map(str::trim);
    matches!(media, Some("application/xml" | "text/xml"))
}
