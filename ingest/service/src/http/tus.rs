//! Resumable upload by the tus protocol 1.0.0: core, creation, termination, expiration.

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use kakehashi_ingest_core::Declaration;
use kakehashi_kernel::{ScanId, limits};

use crate::{
    Ingest,
    receive::{PATCH_BYTES_MAX, ProtocolError, ReceiveError, UploadStatus, Uploader},
};

static TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
static TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
static TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
static TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
static UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
static UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
static UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// Ours: the receipt number, once there is one.
static RECEIPT: HeaderName = HeaderName::from_static("upload-receipt");

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");

pub(super) async fn options(_: Uploader) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(&TUS_RESUMABLE, VERSION);
    headers.insert(&TUS_VERSION, VERSION);
    headers.insert(&TUS_EXTENSION, HeaderValue::from_static("creation,termination,expiration"));
    headers.insert(&TUS_MAX_SIZE, limits::SCAN_BYTES_MAX.into());
    response
}

pub(super) async fn create(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    headers: HeaderMap,
) -> Result<Response, ReceiveError> {
    check_version(&headers)?;
    let metadata = text(&headers, &UPLOAD_METADATA)?.unwrap_or_default();
    let declaration = Declaration::read(text(&headers, &UPLOAD_LENGTH)?, metadata)?;
    let status = ingest.create_upload(&uploader, declaration).await?;
    let mut response = answer(StatusCode::CREATED, &status);
    // A relative address keeps whatever host name the client used.
    if let Ok(location) = HeaderValue::from_str(&format!("/uploads/{}", status.upload)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

pub(super) async fn status(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    Path(upload): Path<ScanId>,
) -> Result<Response, ReceiveError> {
    let status = ingest.upload_status(&uploader, upload).await?;
    let mut response = answer(StatusCode::OK, &status);
    response.headers_mut().insert(&UPLOAD_LENGTH, status.length.into());
    Ok(response)
}

pub(super) async fn append(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    Path(upload): Path<ScanId>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ReceiveError> {
    check_version(&headers)?;
    let media = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if media != Some(b"application/offset+octet-stream") {
        return Err(ProtocolError::MediaType.into());
    }
    let offset = text(&headers, &UPLOAD_OFFSET)?
        .and_then(|offset| offset.parse().ok())
        .ok_or(ProtocolError::Header("Upload-Offset"))?;
    let announced = text(&headers, &header::CONTENT_LENGTH)?.and_then(|length| length.parse().ok());
    if announced.is_some_and(|length: u64| length > PATCH_BYTES_MAX) {
        return Err(ReceiveError::TooLong);
    }
    let status = ingest.append_upload(&uploader, upload, offset, body).await?;
    Ok(answer(StatusCode::NO_CONTENT, &status))
}

pub(super) async fn remove(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    Path(upload): Path<ScanId>,
) -> Result<Response, ReceiveError> {
    ingest.remove_upload(&uploader, upload).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(&TUS_RESUMABLE, VERSION);
    Ok(response)
}

pub(super) async fn receipt(
    State(ingest): State<Ingest>,
    uploader: Uploader,
    Path(upload): Path<ScanId>,
) -> Result<Response, ReceiveError> {
    let status = ingest.upload_status(&uploader, upload).await?;
    let receipt = status.receipt.ok_or(ReceiveError::NotFound)?;
    Ok(Json(receipt).into_response())
}

fn answer(code: StatusCode, status: &UploadStatus) -> Response {
    let mut response = code.into_response();
    let headers = response.headers_mut();
    headers.insert(&TUS_RESUMABLE, VERSION);
    headers.insert(&UPLOAD_OFFSET, status.offset.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(receipt) = &status.receipt
        && let Ok(number) = HeaderValue::from_str(receipt.number.as_str())
    {
        headers.insert(&RECEIPT, number);
    }
    response
}

fn check_version(headers: &HeaderMap) -> Result<(), ProtocolError> {
    if headers.get(&TUS_RESUMABLE) == Some(&VERSION) { Ok(()) } else { Err(ProtocolError::Version) }
}

fn text<'a>(
    headers: &'a HeaderMap,
    name: &'static HeaderName,
) -> Result<Option<&'a str>, ProtocolError> {
    headers
        .get(name)
        .map(|value| value.to_str().map_err(|_| ProtocolError::Header(name.as_str())))
        .transpose()
}
