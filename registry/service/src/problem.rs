//! Errors and refusals as HTTP answers. The only file here that names status codes.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use kakehashi_contract::Problem;
use kakehashi_platform::{runtime::worker::chain, web::ProblemResponse};

use crate::error::RegistryError;

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        tracing::error!(error = chain(&self), "request failed");
        ProblemResponse::failure().into_response()
    }
}

/// There is no such page, or not for this reader.
pub(crate) fn not_found() -> Response {
    ProblemResponse::not_found().into_response()
}

/// Nobody is signed in and the request cannot simply be repeated after signing in.
pub(crate) fn signed_out() -> Response {
    let problem = Problem::new(401, "signed-out", "ログインの有効期限が切れています").with_remedy(
        "入力した内容は失われていません。別のタブでログインしてから、ブラウザーの「戻る」で\
             入力画面に戻り、もう一度ボタンを押してください。",
    );
    ProblemResponse(problem).into_response()
}

/// The posted form cannot be read.
pub(crate) fn unreadable_form() -> Response {
    ProblemResponse::bad_request(
        "form-unreadable",
        "送信された内容を読み取れません",
        "ブラウザーの「戻る」で入力画面に戻り、もう一度お試しください。",
    )
    .into_response()
}

/// Sends the browser on after a change (303).
pub(crate) fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A page that shows what was typed with what is wrong with it (422).
pub(crate) fn unprocessable(page: Response) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

/// A page that says why signing in did not work (401).
pub(crate) fn not_signed_in(page: Response) -> Response {
    (StatusCode::UNAUTHORIZED, page).into_response()
}

/// A page that says the form was registered before with other answers (409).
pub(crate) fn registered_before(page: Response) -> Response {
    (StatusCode::CONFLICT, page).into_response()
}
