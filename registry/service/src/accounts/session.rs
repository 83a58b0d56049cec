//! The session of a request: cookie, certificate and account must agree.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{Method, request::Parts};
use kakehashi_contract::Identity;
use kakehashi_kernel::{Sensitive, Sha256Digest};
use kakehashi_platform::{DatabaseError, mtls::ClientIdentity, web::language::cookie};
use kakehashi_registry_core::{Reader, account::SessionTimes};

use super::{actor, fact};
use crate::{
    error::RegistryError,
    problem,
    registry::Registry,
    sealing::Place,
    store::{self, session::SessionRow},
};

/// The cookie. The prefix makes browsers insist on Secure, no Domain and Path=/.
pub(super) const COOKIE: &str = "__Host-kakehashi";
/// A session's last use is written down at most this often.
const TOUCH_EVERY_MS: i64 = 60_000;
/// Failures are forgotten after a day.
const FAILURE_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// Somebody signed in, on the certificate the session was opened with.
pub(crate) struct SignedIn {
    pub(crate) reader: Reader,
    pub(crate) identity: Identity,
    pub(crate) name: Sensitive<String>,
}

impl SignedIn {
    /// How the audit trail names them.
    pub(crate) fn actor(&self) -> String {
        actor(&self.identity, self.reader.account)
    }
}

impl FromRequestParts<Registry> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, registry: &Registry) -> Result<Self, Response> {
        let ClientIdentity(identity) = ClientIdentity::from_request_parts(parts, registry).await?;
        let found = find(registry, parts, identity).await.map_err(IntoResponse::into_response)?;
        found.ok_or_else(|| turn_away(parts))
    }
}

/// The digest of the cookie's token, as sessions are stored by.
pub(super) fn token_digest(parts: &http::HeaderMap) -> Option<Sha256Digest> {
    cookie(parts, COOKIE).map(|token| Sha256Digest::of(token.as_bytes()))
}

async fn find(
    registry: &Registry,
    parts: &Parts,
    identity: Identity,
) -> Result<Option<SignedIn>, RegistryError> {
    let Some(digest) = token_digest(&parts.headers) else { return Ok(None) };
    let Some(session) = store::session::find(registry.database.read(), digest).await? else {
        return Ok(None);
    };
    let now = registry.clock.now();
    let times = SessionTimes { opened: session.opened_at, used: session.used_at };
    if !registry.settings.session.is_alive(&times, now) {
        return Ok(None);
    }
    let account = store::account::by_id(registry.database.read(), session.account).await?;
    let is_bound = session.certificate == identity.certificate;
    let Some(account) = account.filter(|account| {
        is_bound && account.zone == identity.zone && account.organisation == identity.organisation
    }) else {
        note_stolen(registry, &identity, &session).await?;
        return Ok(None);
    };
    if session.used_at.plus_ms(TOUCH_EVERY_MS) <= now {
        let mut tx = registry.database.write().await?;
        store::session::touch(&mut tx, digest, now).await?;
        tx.commit().await?;
    }
    let row = account.id.to_string();
    let place = Place { table: "account", column: "name", row: &row };
    let name = Sensitive::new(registry.seals.open_text(place, &account.name_sealed)?);
    let reader = Reader {
        account: account.id,
        role: account.role,
        zone: account.zone,
        organisation: account.organisation,
        programmes: account.programmes,
    };
    Ok(Some(SignedIn { reader, identity, name }))
}

/// A live session's cookie came with another certificate: somebody must look.
async fn note_stolen(
    registry: &Registry,
    identity: &Identity,
    session: &SessionRow,
) -> Result<(), RegistryError> {
    tracing::warn!(account.id = %session.account, %identity, "session used with another certificate");
    let mut tx = registry.database.write().await?;
    let subject = session.account.to_string();
    let fact = fact(identity.to_string(), "session", subject, "other-certificate");
    registry.audit.append(&mut tx, registry.clock.now(), fact).await?;
    tx.commit().await?;
    Ok(())
}

/// A page that can be asked for again after signing in leads there; anything else says so.
fn turn_away(parts: &Parts) -> Response {
    if parts.method == Method::GET {
        problem::see_other(&format!("/sign-in?next={}", parts.uri.path()))
    } else {
        problem::signed_out()
    }
}

/// Removes sessions that are over and failures that are a day old.
pub(crate) async fn sweep(registry: &Registry) -> Result<(), DatabaseError> {
    let now = registry.clock.now();
    let (used, opened) = registry.settings.session.ended_before(now);
    let mut tx = registry.database.write().await?;
    store::session::sweep(&mut tx, used, opened, now.plus_ms(-FAILURE_LIFE_MS)).await?;
    tx.commit().await?;
    Ok(())
}
