//! What the contractor is told: the one place where refusals and failures become HTTP statuses.

use axum::{
    extract::rejection::BytesRejection,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use kakehashi_contract::Problem;
use kakehashi_converter_core::TakeRefusal;
use kakehashi_kernel::RequestId;
use kakehashi_platform::{runtime::worker::chain, web::ProblemResponse};

use crate::failure::{AskError, Failure, Refusal};

impl IntoResponse for AskError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refusal) => ProblemResponse(refused(refusal)).into_response(),
            Self::Failed(failure) => failed(&failure),
        }
    }
}

/// 202: taken, and looked into later.
pub(super) fn accepted(body: impl IntoResponse) -> Response {
    (StatusCode::ACCEPTED, body).into_response()
}

/// 405.
pub(super) fn method_not_allowed() -> ProblemResponse {
    let problem = Problem::new(405, "method-not-allowed", "この操作はできません");
    ProblemResponse(problem.with_remedy("送信方法(メソッド)をお確かめください。"))
}

/// 403 for a certificate that is not a contractor's.
pub(super) fn not_a_contractor() -> ProblemResponse {
    let problem = Problem::new(403, "not-a-contractor", "この画面は変換受託者の専用です");
    ProblemResponse(problem.with_remedy("受託者用の証明書で接続してください。"))
}

/// 503 while the database does not answer.
pub(super) fn unhealthy(failure: &Failure) -> Response {
    tracing::error!(error = chain(failure), "not healthy");
    let problem = Problem::new(503, "unhealthy", "現在ご利用いただけません");
    ProblemResponse(problem).into_response()
}

/// What a body that did not arrive means.
pub(super) fn torn_body(rejection: &BytesRejection) -> Refusal {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Refusal::ReturnTooLarge
    } else {
        Refusal::ReturnTorn
    }
}

/// Adds the request's id to a problem document.
pub(super) fn with_request(response: Response, id: RequestId) -> Response {
    let Some(ProblemResponse(problem)) = response.extensions().get::<ProblemResponse>().cloned()
    else {
        return response;
    };
    let mut named = ProblemResponse(problem.with_request(id.to_string())).into_response();
    if let Some(after) = response.headers().get(header::RETRY_AFTER) {
        named.headers_mut().insert(header::RETRY_AFTER, after.clone());
    }
    named
}

fn failed(failure: &Failure) -> Response {
    tracing::error!(error = chain(failure), "request failed");
    match failure {
        Failure::Blob(error) if error.is_full() => ProblemResponse::storage_full().into_response(),
        Failure::Store(_)
        | Failure::Blob(_)
        | Failure::State(_)
        | Failure::Changed { .. }
        | Failure::UnknownForm(_)
        | Failure::Unwritable { .. }
        | Failure::Examination(_) => ProblemResponse::failure().into_response(),
    }
}

#[expect(clippy::too_many_lines, reason = "one table, complete at a glance")]
fn refused(refusal: Refusal) -> Problem {
    let (status, code, title, remedy) = match refusal {
        Refusal::LotUnknown => {
            (404, "lot-unknown", "ロットが見つかりません", "ロットの一覧をお確かめください。")
        }
        Refusal::Take(TakeRefusal::HeldByAnother) => (
            409,
            "lot-held",
            "このロットは別の受託者に引き渡し済みです",
            "一覧から別のロットを選んでください。",
        ),
        Refusal::Take(TakeRefusal::Closed) => (
            409,
            "lot-closed",
            "このロットは完了しています",
            "一覧から別のロットを選んでください。",
        ),
        Refusal::LotNotHeld => (
            403,
            "lot-not-held",
            "このロットは引き渡されていません",
            "先にロットの引き渡しを受けてください。期限が過ぎたロットは引き渡しが取り消されています。",
        ),
        Refusal::DocumentUnknown => (
            404,
            "document-unknown",
            "このロットにその文書はありません",
            "ロットの目録をお確かめください。",
        ),
        Refusal::DocumentDone => (
            410,
            "document-done",
            "この文書は判定済みか、取り下げられました",
            "この文書の入力は不要です。控えを消去してください。",
        ),
        Refusal::PageUnknown => {
            (404, "page-unknown", "その頁はありません", "ロットの目録で頁数をお確かめください。")
        }
        Refusal::ReturnUnknown => {
            (404, "return-unknown", "納品が見つかりません", "納品の番号をお確かめください。")
        }
        Refusal::ReturnEmpty => {
            (400, "return-empty", "納品の内容が空です", "XMLを添えて送り直してください。")
        }
        Refusal::ReturnNotXml => (
            415,
            "return-not-xml",
            "納品の形式がXMLではありません",
            "Content-Type: application/xml で送ってください。",
        ),
        Refusal::ReturnTooLarge => (
            413,
            "return-too-large",
            "納品が大きすぎます",
            "partial=true を付けて分割して送ってください。",
        ),
        Refusal::ReturnTorn => (
            400,
            "return-torn",
            "納品が途中で切れました",
            "この納品は受け付けられていません。もう一度送ってください。",
        ),
        Refusal::TooManyReturns => (
            429,
            "too-many-returns",
            "このロットの納品回数が上限に達しました",
            "この納品は受け付けられていません。発注元に連絡してください。",
        ),
        Refusal::Busy => (
            503,
            "busy",
            "納品が混み合っています",
            "この納品は受け付けられていません。しばらくしてから送り直してください。",
        ),
        Refusal::Malformed => {
            (400, "malformed", "アドレスの形式が正しくありません", "番号と引数をお確かめください。")
        }
        Refusal::FormUnknown => (
            404,
            "form-unknown",
            "その様式はありません",
            "制度・告示番号・枝番・版をお確かめください。",
        ),
    };
    Problem::new(status, code, title).with_remedy(remedy)
}
