//! The server side of a component: open to the gateway, closed to everybody else.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, response::Response};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use kakehashi_contract::{Identity, REQUEST_ID_HEADER, Role, Zone};
use kakehashi_kernel::RequestId;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

use super::{
    ClientIdentity, Limits, Trust, Untrusted, Vouched, accept_each, client_cert::read_client_cert,
    handshake_code, problem, serve_http,
};

/// Serves `router` to the gateway over mutual TLS until `shutdown`, then drains.
///
/// `trust` names the internal zone's CA; its files are followed, so that a renewed revocation list or
/// certificate counts without a restart.
/// A holder that is not the gateway is closed without an answer. Every request the router sees carries
/// a [`ClientIdentity`] and a [`RequestId`] as extensions; one without a valid `Client-Cert` header is
/// answered 403, one with a malformed header of the gateway's 400.
pub async fn serve(
    listener: TcpListener,
    trust: Arc<Trust>,
    router: Router,
    shutdown: CancellationToken,
    limits: Limits,
) {
    let limits = Arc::new(limits);
    let stop = shutdown.clone();
    let accepting = accept_each(listener, &limits, &shutdown, |stream, peer| {
        let (trust, router) = (Arc::clone(&trust), router.clone());
        let (limits, stop) = (Arc::clone(&limits), stop.clone());
        async move {
            let Some((stream, gateway)) = handshake(&trust, stream, peer, &limits).await else {
                return;
            };
            let service = service_fn(move |request| answer(router.clone(), request));
            tokio::select! {
                ended = serve_http(stream, service, &limits, &stop) => if let Err(error) = ended {
                    debug!(error, "connection from the gateway ended");
                },
                Untrusted { code } = trust.withdrawn(gateway) => {
                    warn!(%peer, code, "the gateway's certificate no longer holds, connection closed");
                }
            }
        }
    });
    tokio::join!(accepting, trust.files().follow_files(&shutdown));
}

/// Finishes the handshake and answers the stream if the gateway is at the other end.
async fn handshake(
    trust: &Trust,
    stream: TcpStream,
    peer: SocketAddr,
    limits: &Limits,
) -> Option<(TlsStream<TcpStream>, Vouched)> {
    let accepting = TlsAcceptor::from(trust.config()).accept(stream);
    let stream = match tokio::time::timeout(limits.handshake_timeout, accepting).await {
        Err(_) => {
            warn!(%peer, "TLS handshake took too long");
            return None;
        }
        Ok(Err(error)) => {
            warn!(%peer, code = handshake_code(&error), %error, "TLS handshake failed");
            return None;
        }
        Ok(Ok(stream)) => stream,
    };
    match trust.settle(stream.get_ref().1) {
        Ok(vouched) => {
            let holder = &vouched.credential().identity;
            if holder.zone == Zone::Internal && holder.role == Role::Gateway {
                return Some((stream, vouched));
            }
            warn!(%peer, %holder, "refused a peer that is not the gateway");
        }
        Err(Untrusted { code }) => warn!(%peer, code, "refused a peer without identity"),
    }
    None
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    match admit(request) {
        Ok(request) => router.oneshot(request).await,
        Err(refusal) => Ok(*refusal),
    }
}

/// Turns the gateway's headers into extensions.
fn admit(mut request: Request<Incoming>) -> Result<Request<Body>, Box<Response>> {
    let headers = request.headers();
    let id = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok());
    let id: RequestId = id
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Box::new(problem::gateway_header_malformed()))?;
    let der = read_client_cert(headers)
        .map_err(|_| Box::new(problem::gateway_header_malformed()))?
        .ok_or_else(|| Box::new(problem::identity_missing(Some(id))))?;
    let identity =
        Identity::from_der(&der).map_err(|_| Box::new(problem::identity_refused(Some(id))))?;
    let extensions = request.extensions_mut();
    extensions.insert(ClientIdentity(identity));
    extensions.insert(id);
    Ok(request.map(Body::new))
}
