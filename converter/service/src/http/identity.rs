//! Who may use this interface: a contractor's system, in the conversion zone, and nobody else.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use kakehashi_contract::{Identity, Role, Zone};
use kakehashi_platform::mtls::ClientIdentity;

use super::problem;

/// The contractor's system that asks.
pub(super) struct Contractor(pub(super) Identity);

impl<S: Send + Sync> FromRequestParts<S> for Contractor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let ClientIdentity(identity) = ClientIdentity::from_request_parts(parts, state).await?;
        if identity.zone == Zone::Conversion && identity.role == Role::Contractor {
            return Ok(Self(identity));
        }
        Err(problem::not_a_contractor().into_response())
    }
}
