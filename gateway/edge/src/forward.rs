//! One admitted request on its way to its component and back.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Request, Response, Version,
    header::{CONTENT_LENGTH, HOST},
};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use kakehashi_contract::{CLIENT_CERT_HEADER, REQUEST_ID_HEADER};
use kakehashi_kernel::RequestId;
use kakehashi_platform::mtls::BoxBody;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::{
    body::{Allowance, PassingBody, Progress},
    config::LimitsConfig,
    headers::{clean_request, clean_response},
    policy::Permit,
    refusal::Refusal,
    trace::TraceParent,
    upstream::{self, Outgoing, UpstreamError, Upstreams, Whereabouts},
    wire::Running,
};

/// The way to the components.
pub(crate) struct Forward {
    upstreams: Arc<Upstreams>,
    limits: LimitsConfig,
}

impl Forward {
    pub(crate) const fn new(upstreams: Arc<Upstreams>, limits: LimitsConfig) -> Self {
        Self { upstreams, limits }
    }

    /// Answers whether any place of a component answers, as far as the gateway knows.
    pub(crate) fn is_well(&self, upstream: &str) -> bool {
        self.upstreams.health().any(|(name, healthy, _)| name == upstream && healthy > 0)
    }

    /// Sends the request on and answers when the component's header is there; bodies stream both ways.
    pub(crate) async fn send(
        &self,
        request: Request<Incoming>,
        permit: &Permit,
        host: HeaderValue,
        certificate: &HeaderValue,
        id: RequestId,
        running: Running,
    ) -> Result<Response<BoxBody>, Refusal> {
        let bytes_max = permit.body_bytes_max().unwrap_or(self.limits.body_bytes_max);
        if declared_length(request.headers()).is_some_and(|length| length > bytes_max) {
            return Err(Refusal::BodyTooLarge);
        }
        let (head, body) = prepare(request, host, certificate, id);
        let (idle, progress) = (self.limits.idle(), Arc::clone(running.progress()));
        let rate_min = self.limits.upload_bytes_per_second_min;
        let allowance = Allowance { bytes_max, idle, rate_min };
        let body = PassingBody::up(body, allowance, Arc::clone(&progress));
        let body = if body.is_end_stream() { Outgoing::Empty } else { Outgoing::Passing(body) };
        let request = Request::from_parts(head, body);
        let mut at = Whereabouts::default();
        let answered = tokio::select! {
            answered = self.upstreams.send(permit.upstream(), request, &mut at) => answered,
            refusal = patience(&progress, idle, self.limits.total()) => {
                if refusal == Refusal::ComponentSlow {
                    self.upstreams.gave_up(&at);
                }
                return Err(refusal);
            }
        };
        match answered {
            Ok(response) => Ok(self.give_back(response, running)),
            Err(error) => {
                if let Some(refusal) = progress.fault() {
                    return Err(refusal);
                }
                let refusal = match &error {
                    UpstreamError::Busy => Refusal::ComponentBusy,
                    UpstreamError::Down => Refusal::ComponentDown,
                    UpstreamError::Broken(_) => Refusal::ComponentBroken,
                };
                let error = &error as &dyn std::error::Error;
                warn!(error, request = %id, upstream = permit.upstream(), "component did not answer");
                Err(refusal)
            }
        }
    }

    fn give_back(
        &self,
        response: Response<upstream::Incoming>,
        running: Running,
    ) -> Response<BoxBody> {
        let (mut head, body) = response.into_parts();
        clean_response(&mut head.headers);
        head.version = Version::HTTP_11;
        head.extensions.clear();
        let body = PassingBody::down(body, self.limits.idle(), running);
        Response::from_parts(head, body.boxed_unsync())
    }
}

/// Rewrites the request's head: cleaned, readdressed, with the identity and the request id.
fn prepare(
    request: Request<Incoming>,
    host: HeaderValue,
    certificate: &HeaderValue,
    id: RequestId,
) -> (http::request::Parts, Incoming) {
    let (mut head, body) = request.into_parts();
    clean_request(&mut head.headers);
    head.headers.insert(HOST, host);
    head.headers.insert(CLIENT_CERT_HEADER, certificate.clone());
    head.headers.insert(REQUEST_ID_HEADER, request_id_value(id));
    if let Some(TraceParent(parent)) = head.extensions.remove() {
        head.headers.insert("traceparent", parent);
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
    (head, body)
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
