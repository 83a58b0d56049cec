//! Problem documents as responses (RFC 9457): for machines as JSON, for people as a page.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use kakehashi_contract::{Problem, problem::PROBLEM_MEDIA_TYPE};

/// A problem on its way out.
#[derive(Debug, Clone)]
pub struct ProblemResponse(pub Problem);

impl ProblemResponse {
    /// Ours to fix. The text says nothing about the cause, which is in the log under the request id.
    pub fn failure() -> Self {
        Self(Problem::new(500, "failure", "処理できませんでした").with_remedy(
            "しばらくしてからもう一度お試しください。続く場合は受付番号とともにご連絡ください。",
        ))
    }

    /// The object or page does not exist, or not for this reader.
    pub fn not_found() -> Self {
        Self(
            Problem::new(404, "not-found", "見つかりません")
                .with_remedy("番号またはアドレスをお確かめください。"),
        )
    }

    /// The reader is known and may not.
    pub fn forbidden(title: &str) -> Self {
        Self(Problem::new(403, "forbidden", title))
    }

    /// The request is wrong; the remedy says how to mend it.
    pub fn bad_request(code: &str, title: &str, remedy: &str) -> Self {
        Self(Problem::new(400, code, title).with_remedy(remedy))
    }

    /// The disk is full: nothing was stored, the sender keeps its file and tries later (507).
    pub fn storage_full() -> Self {
        Self(
            Problem::new(507, "storage-full", "保存領域が不足しているため受け付けられません")
                .with_remedy("このファイルはまだ受け付けられていません。管理者に連絡し、後でもう一度送ってください。"),
        )
    }
}

impl IntoResponse for ProblemResponse {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let media = HeaderValue::from_static(PROBLEM_MEDIA_TYPE);
        let mut response = (status, body).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, media);
        response.extensions_mut().insert(self);
        response
    }
}
