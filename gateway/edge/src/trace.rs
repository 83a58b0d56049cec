//! Traces for OpenTelemetry: a request's way through the gateway, exported by OTLP over HTTP.
//!
//! The trace id is the request id, so that logs, ledger and traces find one another. A trace always
//! begins here: what a stranger sends about traces is removed with the other headers. Spans hold route
//! template, zone, outcome and status; who asked is in the ledger alone. Off unless configured; what the
//! receiver does not take in time is dropped, never waited for.

use std::{cell::Cell, fmt, future::Future, net::IpAddr, pin::Pin, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, uri::Scheme};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kakehashi_contract::Zone;
use kakehashi_kernel::RequestId;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceId,
    trace::{Span as _, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, IdGenerator, RandomIdGenerator, Sampler, SdkTracer,
        SdkTracerProvider, Span,
    },
};
use serde::Deserialize;
use tokio::runtime::Handle;
use tracing::debug;

/// Spans that may wait for the receiver; more are dropped.
const WAITING_MAX: usize = 2_048;
/// Spans sent together.
const BATCH_MAX: usize = 256;
/// Between two sendings.
const INTERVAL: Duration = Duration::from_secs(2);
/// For one sending, and for the last one when the gateway ends.
const SENDING_MAX: Duration = Duration::from_secs(5);
/// Bytes of the receiver's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const PERMILLE: u64 = 1_000;

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceConfig {
    /// `http://address:port/v1/traces` of a receiver on this machine or in this zone: an address of the
    /// loopback or a private network, never a name.
    pub endpoint: String,
    /// Of a thousand requests so many are traced; 0 is off.
    #[serde(default)]
    pub sample_permille: u16,
}

/// Why tracing does not start.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// Not an address where traces may go.
    #[error("traces go to http://address:port/path in a private network or on this machine only")]
    Endpoint,
    /// The exporter refused its configuration.
    #[error("the exporter of traces cannot be made")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// Begins traces. None of it is there while tracing is off.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    permille: u64,
}

impl Traces {
    /// Starts tracing on the present runtime, if it is configured.
    ///
    /// # Errors
    ///
    /// [`TraceError`].
    pub(crate) fn start(config: Option<&TraceConfig>) -> Result<Option<Self>, TraceError> {
        let Some(config) = config.filter(|config| config.sample_permille > 0) else {
            return Ok(None);
        };
        check_endpoint(&config.endpoint)?;
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { client, runtime: Handle::current() })
            .with_endpoint(&config.endpoint)
            .with_timeout(SENDING_MAX)
            .build()?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(WAITING_MAX)
            .with_max_export_batch_size(BATCH_MAX)
            .with_scheduled_delay(INTERVAL)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(
                BatchSpanProcessor::builder(exporter).with_batch_config(batches).build(),
            )
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(RequestIds::default())
            .with_resource(Resource::builder_empty().with_service_name("kakehashi-gateway").build())
            .build();
        let tracer = provider.tracer("kakehashi-edge");
        Ok(Some(Self { provider, tracer, permille: u64::from(config.sample_permille) }))
    }

    /// Begins the span of a request, if it is one of those that are traced.
    pub(crate) fn request(&self, id: RequestId, zone: Zone) -> Option<RequestSpan> {
        self.samples(id).then(|| RequestSpan(self.begin(id, "request", zone)))
    }

    /// Begins the span of a handshake, if it is one of those that are traced. A trace of its own: which
    /// requests follow, nobody knows yet.
    pub(crate) fn handshake(&self, id: RequestId, zone: Zone) -> Option<RequestSpan> {
        self.samples(id).then(|| RequestSpan(self.begin(id, "handshake", zone)))
    }

    fn samples(&self, id: RequestId) -> bool {
        let (high, low) = id.uuid().as_u64_pair();
        let place = (high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        place < self.permille * (1 << 32) / PERMILLE
    }

    fn begin(&self, id: RequestId, name: &'static str, zone: Zone) -> Spanning {
        NEXT_TRACE.set(Some(id.uuid().as_u128()));
        let builder = self
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_attributes([KeyValue::new("kakehashi.zone", zone.as_str())]);
        let span = self.tracer.build_with_context(builder, &Context::new());
        NEXT_TRACE.set(None);
        Spanning { tracer: self.tracer.clone(), span }
    }

    /// Sends what waits, and ends. Blocks for some seconds at most.
    pub(crate) fn end(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(SENDING_MAX) {
            debug!(%error, "traces could not be sent at the end");
        }
    }
}

struct Spanning {
    tracer: SdkTracer,
    span: Span,
}

/// A request, or a handshake, under way; ends when it is finished or dropped.
pub(crate) struct RequestSpan(Spanning);

impl RequestSpan {
    /// Begins the span of the way to the component and back.
    pub(crate) fn upstream(&self, upstream: &str) -> UpstreamSpan {
        let Spanning { tracer, span } = &self.0;
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        let builder = tracer
            .span_builder("upstream")
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("kakehashi.upstream", upstream.to_owned())]);
        UpstreamSpan(tracer.build_with_context(builder, &context))
    }

    /// Ends it with what it came to.
    pub(crate) fn finish(
        mut self,
        template: Option<&str>,
        outcome: &'static str,
        status: Option<u16>,
    ) {
        let span = &mut self.0.span;
        if let Some(template) = template {
            span.set_attribute(KeyValue::new("http.route", template.to_owned()));
        }
        if let Some(status) = status {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        span.set_attribute(KeyValue::new("kakehashi.outcome", outcome));
        if outcome != "ok" {
            span.set_status(Status::error(outcome));
        }
        span.end();
    }
}

/// A request on its way to its component; ends when it is dropped.
pub(crate) struct UpstreamSpan(Span);

/// The header that tells a component its trace, carried among a request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct TraceParent(pub(crate) HeaderValue);

impl UpstreamSpan {
    /// Tells the component which trace it belongs to (W3C Trace Context, level 1).
    pub(crate) fn traceparent(&self) -> TraceParent {
        let context = self.0.span_context();
        let text = format!("00-{}-{}-01", context.trace_id(), context.span_id());
        let value = HeaderValue::from_str(&text);
        TraceParent(value.expect("hexadecimal digits are a legal header value"))
    }
}

thread_local! {
    /// The id of the trace that is begun on this thread.
    static NEXT_TRACE: Cell<Option<u128>> = const { Cell::new(None) };
}

/// Gives a trace the id of its request.
#[derive(Debug, Default)]
struct RequestIds(RandomIdGenerator);

impl IdGenerator for RequestIds {
    fn new_trace_id(&self) -> TraceId {
        match NEXT_TRACE.take() {
            Some(id) => TraceId::from(id),
            None => self.0.new_trace_id(),
        }
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), TraceError> {
    let uri: Uri = endpoint.parse().map_err(|_| TraceError::Endpoint)?;
    let host = uri.host().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let is_near = match address {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => false,
    };
    let is_good = uri.scheme() == Some(&Scheme::HTTP) && uri.port().is_some() && is_near;
    if is_good { Ok(()) } else { Err(TraceError::Endpoint) }
}

/// Sends batches. The exporter asks from a thread of its own, which knows no runtime.
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

impl HttpClient for Sender {
    fn send_bytes<'a, 'sending>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sending>>
    where
        'a: 'sending,
        Self: 'sending,
    {
        let client = self.client.clone();
        let sending = async move {
            let answer = client.request(request.map(Full::new)).await?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        // The timer, too, is of the runtime.
        let sent =
            self.runtime.spawn(async move { tokio::time::timeout(SENDING_MAX, sending).await });
        Box::pin(async move { sent.await?? })
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, sync::Arc};

    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value,
        trace::v1::Span as Received,
    };
    use prost::Message;
    use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};

    use super::*;

    /// A receiver that decodes what it is sent.
    async fn receiver() -> (SocketAddr, mpsc::UnboundedReceiver<Received>, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, spans) = mpsc::unbounded_channel();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let told = Arc::new(told);
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let told = Arc::clone(&told);
                async move {
                    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                    let bytes = request.into_body().collect().await.unwrap().to_bytes();
                    let export = ExportTraceServiceRequest::decode(bytes).unwrap();
                    let scopes = export.resource_spans.into_iter().flat_map(|one| one.scope_spans);
                    for span in scopes.flat_map(|one| one.spans) {
                        told.send(span).unwrap();
                    }
                    Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::new())))
                }
            });
            let serving = hyper::server::conn::http1::Builder::new();
            serving.serve_connection(TokioIo::new(stream), service).await.ok();
        });
        (address, spans, running)
    }

    fn attributes(span: &Received) -> Vec<String> {
        let mut texts: Vec<String> = span
            .attributes
            .iter()
            .map(|one| match one.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(Value::StringValue(text)) => format!("{}={text}", one.key),
                Some(Value::IntValue(number)) => format!("{}={number}", one.key),
                other => panic!("{other:?}"),
            })
            .collect();
        texts.sort();
        texts
    }

    fn id(number: u128) -> RequestId {
        RequestId::from(uuid::Uuid::from_u128(number))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_request_and_its_way_upstream_are_received_as_one_trace() {
        let (address, mut spans, _running) = receiver().await;
        let endpoint = format!("http://{address}/v1/traces");
        let config = TraceConfig { endpoint, sample_permille: 1000 };
        let traces = Traces::start(Some(&config)).unwrap().unwrap();
        let request = traces.request(id(0xabc), Zone::Entry).unwrap();
        let upstream = request.upstream("registry");
        let parent = upstream.traceparent();
        drop(upstream);
        request.finish(Some("/records/{record}"), "component-refused", Some(404));
        tokio::task::spawn_blocking(move || traces.end()).await.unwrap();

        let wait = Duration::from_secs(30);
        let mut found = Vec::new();
        for _ in 0..2 {
            found.push(tokio::time::timeout(wait, spans.recv()).await.unwrap().unwrap());
        }
        found.sort_by_key(|span| span.name.clone());
        let [request, upstream] = &found[..] else { panic!("{found:?}") };
        let trace = format!("{:032x}", 0xabc);
        assert_eq!(upstream.trace_id, 0xabc_u128.to_be_bytes());
        assert_eq!(request.trace_id, upstream.trace_id);
        assert_eq!(upstream.parent_span_id, request.span_id);
        assert!(request.parent_span_id.is_empty());
        let span = u64::from_be_bytes(upstream.span_id.clone().try_into().unwrap());
        assert_eq!(parent.0, format!("00-{trace}-{span:016x}-01"));
        assert_eq!((&*request.name, &*upstream.name), ("request", "upstream"));
        let expected = [
            "http.response.status_code=404",
            "http.route=/records/{record}",
            "kakehashi.outcome=component-refused",
            "kakehashi.zone=entry",
        ];
        assert_eq!(attributes(request), expected);
        assert_eq!(attributes(upstream), ["kakehashi.upstream=registry"]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handshake_is_a_trace_of_its_own() {
        let (address, mut spans, _running) = receiver().await;
        let endpoint = format!("http://{address}/v1/traces");
        let config = TraceConfig { endpoint, sample_permille: 1000 };
        let traces = Traces::start(Some(&config)).unwrap().unwrap();
        traces.handshake(id(7), Zone::Entry).unwrap().finish(None, "certificate-revoked", None);
        tokio::task::spawn_blocking(move || traces.end()).await.unwrap();
        let span = tokio::time::timeout(Duration::from_secs(30), spans.recv()).await.unwrap();
        let span = span.unwrap();
        assert_eq!((&*span.name, &span.trace_id[..]), ("handshake", &7_u128.to_be_bytes()[..]));
        let expected = ["kakehashi.outcome=certificate-revoked", "kakehashi.zone=entry"];
        assert_eq!(attributes(&span), expected);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_receiver_that_is_not_there_costs_nothing_but_the_spans() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        drop(listener);
        let config = TraceConfig { endpoint, sample_permille: 1000 };
        let traces = Traces::start(Some(&config)).unwrap().unwrap();
        for number in 0..10_000 {
            traces.request(id(number), Zone::Entry).unwrap().finish(None, "ok", Some(200));
        }
        tokio::task::spawn_blocking(move || traces.end()).await.unwrap();
    }

    #[tokio::test]
    async fn so_many_of_a_thousand_are_traced() {
        let config = TraceConfig { endpoint: "http://127.0.0.1:9/".into(), sample_permille: 100 };
        let traces = Traces::start(Some(&config)).unwrap().unwrap();
        let begun = (0..10_000).filter(|n| traces.request(id(n << 3), Zone::Entry).is_some());
        let count = begun.count();
        assert!((800..1200).contains(&count), "{count}");
        assert!(Traces::start(None).unwrap().is_none());
        assert!(
            Traces::start(Some(&TraceConfig { sample_permille: 0, ..config })).unwrap().is_none()
        );
    }

    #[test]
    fn traces_do_not_leave_the_zone() {
        for good in ["http://127.0.0.1:4318/v1/traces", "http://[::1]:1/", "http://10.1.2.3:80/x"] {
            check_endpoint(good).unwrap();
        }
        for bad in [
            "https://127.0.0.1:1/",
            "http://127.0.0.1/",
            "http://8.8.8.8:80/",
            "http://[2001:db8::1]:80/",
            "http://collector:4318/",
            "http://10.evil:80/",
            "nonsense",
        ] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }
}
