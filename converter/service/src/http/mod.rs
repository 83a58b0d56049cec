//! The contractor's HTTP interface, version 1.

mod identity;
mod lots;
mod pages;
mod problem;
mod returns;
mod schema;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use kakehashi_kernel::RequestId;
use kakehashi_platform::web::ProblemResponse;
use tracing::Instrument;

use crate::converter::Converter;

pub(crate) fn router(converter: Converter) -> Router {
    let return_bytes = converter.inner().settings.return_bytes();
    Router::new()
        .route("/api/v1/health", get(health))
        .route("/api/v1/lots", get(lots::list))
        .route("/api/v1/lots/{lot}/take", post(lots::take))
        .route("/api/v1/lots/{lot}/manifest", get(lots::manifest))
        .route("/api/v1/lots/{lot}/documents/{document}/pages/{number}", get(pages::page))
        .route(
            "/api/v1/lots/{lot}/returns",
            post(returns::deliver).layer(DefaultBodyLimit::max(return_bytes)),
        )
        .route("/api/v1/returns/{id}", get(returns::verdicts))
        .route("/api/v1/schema/{programme}/{number}/{branch}/{file}", get(schema::xsd))
        .fallback(|| async { ProblemResponse::not_found() })
        .method_not_allowed_fallback(|| async { problem::method_not_allowed() })
        .layer(middleware::from_fn(name_request))
        .with_state(converter)
}

async fn health(State(converter): State<Converter>) -> Response {
    match converter.inner().is_alive().await {
        Ok(()) => axum::Json(serde_json::json!({ "status": "ok" })).into_response(),
        Err(failure) => problem::unhealthy(&failure),
    }
}

/// Puts the request's id into the log lines and the problem document of a request.
async fn name_request(request: Request, next: Next) -> Response {
    let Some(id) = request.extensions().get::<RequestId>().copied() else {
        return next.run(request).await;
    };
    let response =
        next.run(request).instrument(tracing::info_span!("request", request.id = %id)).await;
    problem::with_request(response, id)
}
