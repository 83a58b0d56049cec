//! What a component answers before its router is reached.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use kakehashi_contract::problem::{PROBLEM_MEDIA_TYPE, Problem};
use kakehashi_kernel::RequestId;

/// No client identity came with the request.
pub(super) fn identity_missing(request: Option<RequestId>) -> Response {
    let title = "クライアント証明書がありません / no client certificate";
    answer(StatusCode::FORBIDDEN, "identity-missing", title, request)
}

/// The identity that came with the request follows no profile of ours.
pub(super) fn identity_refused(request: Option<RequestId>) -> Response {
    let title = "クライアント証明書を利用できません / the client certificate cannot be used";
    answer(StatusCode::FORBIDDEN, "identity-refused", title, request)
}

/// A header that only the gateway writes is malformed.
pub(super) fn gateway_header_malformed() -> Response {
    let title = "要求ヘッダーが不正です / a request header is malformed";
    answer(StatusCode::BAD_REQUEST, "header-malformed", title, None)
}

fn answer(status: StatusCode, code: &str, title: &str, request: Option<RequestId>) -> Response {
    let mut problem = Problem::new(status.as_u16(), code, title);
    if let Some(request) = request {
        problem = problem.with_request(request.to_string());
    }
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    response
}
