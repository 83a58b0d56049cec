//! The answers to operators that are no pages.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;

/// Says with `body` what is not ready.
pub(super) fn not_ready(body: Bytes) -> Response<Full<Bytes>> {
    answer(StatusCode::SERVICE_UNAVAILABLE, body)
}

/// There is no such page.
pub(super) fn unknown() -> Response<Full<Bytes>> {
    answer(StatusCode::NOT_FOUND, Bytes::from_static(b"{}"))
}

fn answer(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
