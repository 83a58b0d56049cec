//! Routes of ingest. Only the gateway reaches them; it says who the client is.

mod scans;
mod tus;

use axum::{
    Router,
    extract::FromRequestParts,
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use http::request::Parts;
use kakehashi_platform::{
    mtls::ClientIdentity,
    web::{assets, protect::protect},
};

use crate::{Ingest, pages, problem, receive::Uploader};

pub(crate) fn router(ingest: Ingest) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/scans") }))
        .route("/uploads", post(tus::create).options(tus::options))
        .route(
            "/uploads/{upload}",
            axum::routing::patch(tus::append).head(tus::status).delete(tus::remove),
        )
        .route("/uploads/{upload}/receipt", get(tus::receipt))
        .route("/scans", get(scans::page))
        .route("/scans/table", get(scans::table))
        .route("/scans/{scan}", get(scans::one))
        .route("/scans/{scan}/withdraw", post(scans::withdraw))
        .route("/api/scans", get(scans::list))
        .route("/api/scans/summary", get(scans::summary))
        .route("/health", get(|| async { "ok" }))
        .with_state(ingest)
        .merge(assets::router(pages::ASSETS))
        .layer(middleware::from_fn(protect))
}

impl<S: Send + Sync> FromRequestParts<S> for Uploader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let ClientIdentity(identity) = ClientIdentity::from_request_parts(parts, state).await?;
        Self::of(&identity).ok_or_else(|| problem::not_a_municipality().into_response())
    }
}
