//! Pages and JSON about a municipality's own scans.

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, header};
use kakehashi_ingest_core::ScanState;
use kakehashi_kernel::{ScanId, Timestamp};
use kakehashi_platform::web::Language;
use serde::{Deserialize, Serialize};

use crate::{
    Ingest, pages, problem,
    receive::{ReceiveError, Uploader},
    store::{self, scan::ScanRow},
};

const PAGE_ROWS: i64 = 100;

/// What to list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    /// A state or stage, or nothing for all.
    show: Option<String>,
    /// Only scans received before this instant (milliseconds), for the next page.
    before: Option<i64>,
}

impl Filter {
    fn show(&self) -> Option<&str> {
        self.show.as_deref().filter(|word| !word.is_empty())
    }

    async fn rows(
        &self,
        ingest: &Ingest,
        uploader: &Uploader,
    ) -> Result<Vec<ScanRow>, ReceiveError> {
        let before = Timestamp(self.before.unwrap_or(i64::MAX));
        let database = &ingest.0.ports.database;
        let municipality = &uploader.municipality;
        Ok(store::scan::list(database, municipality, self.show(), before, PAGE_ROWS).await?)
    }
}

pub(super) async fn page(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    language: Language,
    Query(filter): Query<Filter>,
) -> Result<Response, ReceiveError> {
    let totals = totals(&ingest, &uploader).await?;
    let rows = filter.rows(&ingest, &uploader).await?;
    let list = pages::List { rows: &rows, totals, show: filter.show(), language };
    Ok(pages::scans(&ingest, &uploader, &list))
}

/// The part of the page that changes, asked for again by its script.
pub(super) async fn table(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    language: Language,
    Query(filter): Query<Filter>,
) -> Result<Response, ReceiveError> {
    let totals = totals(&ingest, &uploader).await?;
    let rows = filter.rows(&ingest, &uploader).await?;
    let list = pages::List { rows: &rows, totals, show: filter.show(), language };
    Ok(axum::response::Html(pages::table(&ingest, &list).into_string()).into_response())
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    language: Language,
    Path(scan): Path<ScanId>,
) -> Result<Response, ReceiveError> {
    let database = &ingest.0.ports.database;
    let row = store::scan::find(database, scan, &uploader.municipality)
        .await?
        .ok_or(ReceiveError::NotFound)?;
    let history = store::scan::history(database, scan).await?;
    Ok(pages::scan(&ingest, &uploader, &row, &history, language))
}

pub(super) async fn withdraw(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    headers: HeaderMap,
    Path(scan): Path<ScanId>,
) -> Result<Response, ReceiveError> {
    if !ingest.withdraw(&uploader, scan).await? {
        return Ok(problem::too_late().into_response());
    }
    let is_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    Ok(if is_page {
        Redirect::to(&format!("/scans/{scan}")).into_response()
    } else {
        Json(serde_json::json!({ "scan": scan, "state": "withdrawn" })).into_response()
    })
}

/// A scan as scripts see it.
#[derive(Debug, Serialize)]
struct ScanJson {
    scan: ScanId,
    receipt: String,
    sha256: String,
    received_at: String,
    state: &'static str,
    stage: Option<&'static str>,
    why: Option<String>,
    form: Option<String>,
    pages: usize,
    disarmed: bool,
    findings: Option<String>,
    round: u32,
    record: Option<String>,
}

impl From<&ScanRow> for ScanJson {
    fn from(row: &ScanRow) -> Self {
        let scan = &row.scan;
        Self {
            scan: scan.id,
            receipt: scan.receipt.number.to_string(),
            sha256: scan.receipt.sha256.to_string(),
            received_at: scan.receipt.received_at.to_string(),
            state: scan.state.as_str(),
            stage: row.stage.map(kakehashi_ingest_core::Stage::as_str),
            why: match &scan.state {
                ScanState::Refused { why } => Some(why.clone()),
                ScanState::Received | ScanState::Released { .. } | ScanState::Withdrawn => None,
            },
            form: match &scan.state {
                ScanState::Released { form, .. } => Some(form.to_string()),
                ScanState::Received | ScanState::Refused { .. } | ScanState::Withdrawn => None,
            },
            pages: row.page_images.len(),
            disarmed: row.is_disarmed,
            findings: row.findings.clone().filter(|findings| !findings.is_empty()),
            round: row.round,
            record: row.record.map(|record| record.to_string()),
        }
    }
}

pub(super) async fn list(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    Query(filter): Query<Filter>,
) -> Result<Response, ReceiveError> {
    let rows = filter.rows(&ingest, &uploader).await?;
    Ok(Json(rows.iter().map(ScanJson::from).collect::<Vec<_>>()).into_response())
}

pub(super) async fn summary(
    State(ingest): State<Ingest>,
    uploader: Uploader,
) -> Result<Json<pages::Totals>, ReceiveError> {
    Ok(Json(totals(&ingest, &uploader).await?))
}

async fn totals(ingest: &Ingest, uploader: &Uploader) -> Result<pages::Totals, ReceiveError> {
    let counts = store::scan::counts(&ingest.0.ports.database, &uploader.municipality).await?;
    pages::Totals::of(&counts).ok_or_else(|| {
        kakehashi_platform::DatabaseError::corrupt("scan", "state", &uploader.municipality).into()
    })
}
