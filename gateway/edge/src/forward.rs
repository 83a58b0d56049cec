//! One admitted request on its way to its component and back.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Request, Response, Uri, Version,
    header::{CONTENT_LENGTH, HOST},
    uri::{Authority, Scheme},
};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kakehashi_contract::{CLIENT_CERT_HEADER, REQUEST_ID_HEADER};
use kakehashi_kernel::RequestId;
use kakehashi_platform::mtls::{BoxBody, Client};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tracing::warn;

use crate::{
    body::{PassingBody, Progress},
    config::LimitsConfig,
    headers::{clean_request, clean_response},
    policy::Permit,
    refusal::Refusal,
};

/// For a look whether a component is there.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// The way to the components.
pub(crate) struct Forward {
    client: Client,
    upstreams: BTreeMap<String, Authority>,
    limits: LimitsConfig,
}

impl Forward {
    pub(crate) const fn new(
        client: Client,
        upstreams: BTreeMap<String, Authority>,
        limits: LimitsConfig,
    ) -> Self {
        Self { client, upstreams, limits }
    }

    /// Answers whether somebody answers at a component's address.
    pub(crate) async fn is_well(&self, upstream: &str) -> bool {
        let Some(authority) = self.upstreams.get(upstream) else { return false };
        let connecting =
            TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(443)));
        matches!(timeout(LOOK_TIMEOUT, connecting).await, Ok(Ok(_)))
    }

    /// Sends the request on and answers when the component's header is there; bodies stream both ways.
    pub(crate) async fn send(
        &self,
        request: Request<Incoming>,
        permit: &Permit,
        host: HeaderValue,
        certificate: &HeaderValue,
        id: RequestId,
        progress: &Arc<Progress>,
    ) -> Result<Response<BoxBody>, Refusal> {
        let bytes_max = permit.body_bytes_max().unwrap_or(self.limits.body_bytes_max);
        if declared_length(request.headers()).is_some_and(|length| length > bytes_max) {
            return Err(Refusal::BodyTooLarge);
        }
        let upstream = self.upstreams.get(permit.upstream()).ok_or(Refusal::ComponentDown)?;
        let (head, body) = prepare(request, upstream, host, certificate, id)?;
        let idle = self.limits.idle();
        let body = PassingBody::new(body, bytes_max, idle, Arc::clone(progress)).boxed_unsync();
        let answered = tokio::select! {
            answered = self.client.request(Request::from_parts(head, body)) => answered,
            refusal = patience(progress, idle, self.limits.total()) => return Err(refusal),
        };
        match answered {
            Ok(response) => Ok(self.give_back(response)),
            Err(error) => {
                if let Some(refusal) = progress.fault() {
                    return Err(refusal);
                }
                let error = &error as &dyn std::error::Error;
                warn!(error, request = %id, upstream = permit.upstream(), "component did not answer");
                Err(Refusal::ComponentDown)
            }
        }
    }

    fn give_back(&self, response: Response<Incoming>) -> Response<BoxBody> {
        let (mut head, body) = response.into_parts();
        clean_response(&mut head.headers);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let body = PassingBody::new(body, u64::MAX, self.limits.idle(), Progress::new());
        Response::from_parts(head, body.boxed_unsync())
    }
}

/// Rewrites the request's head: cleaned, readdressed, with the identity and the request id.
fn prepare(
    request: Request<Incoming>,
    upstream: &Authority,
    host: HeaderValue,
    certificate: &HeaderValue,
    id: RequestId,
) -> Result<(http::request::Parts, Incoming), Refusal> {
    let (mut head, body) = request.into_parts();
    clean_request(&mut head.headers);
    head.headers.insert(HOST, host);
    head.headers.insert(CLIENT_CERT_HEADER, certificate.clone());
    head.headers.insert(REQUEST_ID_HEADER, request_id_value(id));
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(Scheme::HTTPS);
    uri.authority = Some(upstream.clone());
    head.uri = Uri::from_parts(uri).map_err(|_| Refusal::PathMalformed)?;
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok((head, body))
}

/// Writes a request id as a header value.
pub(crate) fn request_id_value(id: RequestId) -> HeaderValue {
    HeaderValue::from_str(&id.to_string()).expect("a UUID is a legal header value")
}

/// Returns when nothing has moved for `idle`, or `total` has passed.
async fn patience(progress: &Progress, idle: Duration, total: Duration) -> Refusal {
    let end = Instant::now() + total;
    loop {
        let limit = end.min(progress.moved() + idle);
        if Instant::now() >= limit {
            let is_client = progress.is_waiting();
            return if is_client { Refusal::ClientSlow } else { Refusal::ComponentSlow };
        }
        sleep_until(limit).await;
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
