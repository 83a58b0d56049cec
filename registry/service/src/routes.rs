//! Every route of the registry. A handler takes who is signed in as an argument; what has no such
//! argument is open to every certificate of the zone.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use kakehashi_kernel::limits::FORM_BODY_BYTES_MAX;
use kakehashi_platform::web::{assets, protect};

use crate::{accounts::pages as sign_in, entry, problem, records, registry::Registry};

pub(crate) fn router(registry: &Registry) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/", get(entry::start::show))
        .route("/forms/{programme}/{number}", get(entry::show).post(entry::submit))
        .route("/records", get(records::list::show))
        .route("/records/{record}", get(records::show))
        .route("/records/{record}/pages/{page}", get(records::image::show))
        .merge(assets::router(&[]))
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(FORM_BODY_BYTES_MAX))
        .layer(middleware::from_fn(protect::protect))
        .with_state(registry.clone())
}

async fn unknown() -> Response {
    problem::not_found().into_response()
}
