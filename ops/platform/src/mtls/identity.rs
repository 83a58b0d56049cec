//! Who the outside client is, as a handler asks for it.

use axum::{extract::FromRequestParts, response::Response};
use http::request::Parts;
use kakehashi_contract::Identity;
use kakehashi_kernel::RequestId;

use super::problem;

/// The outside client's identity, established by the gateway's TLS handshake.
///
/// Only [`super::serve`] puts it into a request. A handler takes it as an argument; a request without
/// one is answered 403. Tests of a router insert it as a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity(pub Identity);

impl<S: Send + Sync> FromRequestParts<S> for ClientIdentity {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| problem::identity_missing(parts.extensions.get::<RequestId>().copied()))
    }
}
