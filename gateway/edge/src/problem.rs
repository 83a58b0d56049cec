//! Refusals as problem documents (RFC 9457). The only place that knows status codes.

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use kakehashi_contract::problem::{PROBLEM_MEDIA_TYPE, Problem};
use kakehashi_kernel::RequestId;
use kakehashi_platform::mtls::{BoxBody, full_body};

use crate::refusal::Refusal;

/// Answers a refusal.
pub(crate) fn answer(refusal: Refusal, request: RequestId) -> Response<BoxBody> {
    let (status, title, remedy) = words(refusal);
    let problem = Problem::new(status.as_u16(), refusal.code(), title)
        .with_remedy(remedy)
        .with_request(request.to_string());
    let mut response = Response::new(full_body(serde_json::to_vec(&problem).unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    response
}

const fn words(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        Refusal::Identity(_) => (
            StatusCode::FORBIDDEN,
            "このクライアント証明書では接続できません / this client certificate is not accepted here",
            "接続先と証明書の組み合わせを確認し、運用窓口へ照会してください。",
        ),
        Refusal::NoRoute => (
            StatusCode::FORBIDDEN,
            "この操作は許可されていません / not permitted",
            "URL と利用者の権限を確認してください。",
        ),
        Refusal::PathMalformed => (
            StatusCode::FORBIDDEN,
            "URL のパスを受け付けられません / the path is not accepted",
            "URL を確認してください。",
        ),
        Refusal::HostMalformed => (
            StatusCode::BAD_REQUEST,
            "ホスト名の指定が不正です / the host is malformed",
            "接続先の設定を確認してください。",
        ),
        Refusal::BodyTooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "送信データが上限を超えています / the body is too large",
            "ファイルを分割するか、上限以下にして再送してください。",
        ),
        Refusal::BodyBroken => (
            StatusCode::BAD_REQUEST,
            "送信データが途中で切れました / the body broke off",
            "通信状態を確認し、再送してください。",
        ),
        Refusal::ClientSlow => (
            StatusCode::REQUEST_TIMEOUT,
            "送信が時間切れになりました / the request took too long",
            "通信状態を確認し、再送してください。",
        ),
        Refusal::ComponentDown => (
            StatusCode::BAD_GATEWAY,
            "内部のサービスに接続できません / a service is unreachable",
            "しばらくしてから再試行してください。",
        ),
        Refusal::ComponentSlow => (
            StatusCode::GATEWAY_TIMEOUT,
            "内部のサービスが応答しません / a service does not answer",
            "しばらくしてから再試行してください。",
        ),
        Refusal::AuditDown => (
            StatusCode::SERVICE_UNAVAILABLE,
            "現在利用できません / not available at present",
            "しばらくしてから再試行してください。",
        ),
    }
}
