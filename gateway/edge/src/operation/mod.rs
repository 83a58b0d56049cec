//! The operator's side door: `/metrics`, `/health` and `/ready`, in plain HTTP on the loopback alone.

mod problem;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use kakehashi_contract::Zone;
use kakehashi_kernel::Clock;
use kakehashi_platform::mtls::Trust;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    ledger::Ledger,
    metrics::{Found, Metrics},
    policy::Rulebook,
    trace::TraceConfig,
    upstream::Upstreams,
};

/// Connections at a time; more wait.
const CONNECTIONS_MAX: usize = 16;
/// For one connection as a whole.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
const HEADER_TIME: Duration = Duration::from_secs(5);
const PAGE_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How operators look in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperationConfig {
    /// Where `/metrics`, `/health` and `/ready` are answered: a loopback address, because it is plain
    /// HTTP and asks nobody who he is. Nowhere unless set.
    pub address: Option<SocketAddr>,
    /// Where traces go. Nowhere unless set.
    pub traces: Option<TraceConfig>,
}

/// The operators' address is one that others reach too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operation address {0} is not on the loopback")]
pub struct NotLoopback(SocketAddr);

impl OperationConfig {
    /// Answers the address, if there is to be one.
    ///
    /// # Errors
    ///
    /// [`NotLoopback`].
    pub(crate) fn loopback(&self) -> Result<Option<SocketAddr>, NotLoopback> {
        match self.address {
            Some(address) if !address.ip().is_loopback() => Err(NotLoopback(address)),
            address => Ok(address),
        }
    }
}

/// One thing that must hold before the gateway is sent requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What: `ledger`, `listener-municipal` …
    pub(crate) name: String,
    /// Whether it holds.
    pub(crate) is_ready: bool,
    /// A code that says why not; empty when it holds.
    pub(crate) code: String,
    /// What to do, in Japanese.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) remedy: &'static str,
}

impl Check {
    pub(crate) fn ready(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_ready: true, code: String::new(), remedy: "" }
    }

    pub(crate) fn not_ready(
        name: impl Into<String>,
        code: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Self { name: name.into(), is_ready: false, code: code.into(), remedy }
    }

    /// Checks that entries are taken.
    pub(crate) fn of_ledger(ledger: &Ledger) -> Self {
        match ledger.closed() {
            None => Self::ready("ledger"),
            Some(why) => Self::not_ready("ledger", why.code(), ledger_remedy(why.code())),
        }
    }

    /// Checks that the gateway is not ending.
    pub(crate) fn of_drain(shutdown: &CancellationToken) -> Self {
        if shutdown.is_cancelled() {
            let remedy = "停止処理中です。別の系に切り替えるか、再起動の完了を待ってください。";
            return Self::not_ready("drain", "draining", remedy);
        }
        Self::ready("drain")
    }
}

fn ledger_remedy(code: &str) -> &'static str {
    match code {
        "disk-full" => {
            "監査台帳のディスクに空きがありません。古いセグメントを退避して空けてください。空けば自動で再開します。"
        }
        "sync-failed" => {
            "監査台帳のディスクで書込みの確定に失敗しました。ディスクを点検・交換し、再起動してください。"
        }
        "head-stuck" | "write-failed" => {
            "監査台帳に書き込めません。フォルダーの権限とディスクの状態を確認してください。"
        }
        "sync-late" | "queue-full" => {
            "監査台帳のディスクが遅すぎます。ディスクの負荷と状態を確認してください。"
        }
        _ => "監査台帳が閉じています。ゲートウェイのログを確認してください。",
    }
}

fn listener_remedy(code: &str) -> &'static str {
    match code {
        "certificate-authority-revoked" => {
            "このゾーンの認証局がルートにより失効しています。新しい認証局の証明書と失効リストを配置してください。"
        }
        "certificate-authority-expired" => {
            "認証局またはルートの証明書の期限が切れています。新しい認証局の証明書と失効リストを配置してください。"
        }
        _ => {
            "ゾーンまたはルートの失効リストの期限が切れています。新しい失効リストを配置してください。"
        }
    }
}

/// Answers operators.
pub(crate) struct Operation {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) ledger: Arc<Ledger>,
    /// The zones that have a listener, and whom each trusts.
    pub(crate) listeners: Vec<(Zone, Arc<Trust>)>,
    /// The policy in force.
    pub(crate) policy: Arc<Rulebook>,
    /// The way to the components.
    pub(crate) upstreams: Arc<Upstreams>,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Cancelled when the gateway begins to end.
    pub(crate) shutdown: CancellationToken,
}

#[derive(Serialize)]
struct Readiness {
    is_ready: bool,
    checks: Vec<Check>,
}

impl Operation {
    /// Answers until it is dropped.
    pub(crate) async fn run(self, listener: TcpListener) {
        let operation = Arc::new(self);
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut serving = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                Some(_) = serving.join_next(), if !serving.is_empty() => continue,
                accepted = listener.accept(), if room.available_permits() > 0 => accepted,
            };
            let (stream, place) = match (accepted, Arc::clone(&room).try_acquire_owned()) {
                (Ok((stream, _)), Ok(place)) => (stream, place),
                (Err(error), _) => {
                    debug!(%error, "an operator's connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
                (Ok(_), Err(_)) => continue,
            };
            let operation = Arc::clone(&operation);
            serving.spawn(async move {
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let answer = operation.answer(request.method(), request.uri().path());
                    std::future::ready(Ok::<_, Infallible>(answer))
                });
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
                let served =
                    builder.keep_alive(false).serve_connection(TokioIo::new(stream), answer);
                timeout(CONNECTION_TIME, served).await.map(drop).unwrap_or_default();
                drop(place);
            });
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if *method != Method::GET && *method != Method::HEAD {
            return problem::unknown();
        }
        match path {
            "/metrics" => {
                for (upstream, healthy, places) in self.upstreams.health() {
                    self.metrics.upstream(upstream, healthy, places);
                }
                self.upstreams.figures().for_each(|place| self.metrics.place(&place));
                for (upstream, count) in self.upstreams.retries() {
                    self.metrics.retries(upstream, count);
                }
                let found = Found {
                    listeners: &self.listeners,
                    policy: self.policy.reloads(),
                    ledger: &self.ledger,
                    now: self.clock.now(),
                };
                text(PAGE_TYPE, self.metrics.page_of(&found).into())
            }
            "/health" => text("application/json", Bytes::from_static(b"{\"is_alive\":true}")),
            "/ready" => self.ready(),
            _ => problem::unknown(),
        }
    }

    /// Looks at everything that must hold.
    fn checks(&self) -> Vec<Check> {
        let mut checks = vec![Check::of_drain(&self.shutdown), Check::of_ledger(&self.ledger)];
        for (zone, trust) in &self.listeners {
            let name = format!("listener-{zone}");
            checks.push(match trust.closed() {
                Some(code) => Check::not_ready(name, code, listener_remedy(code)),
                None => Check::ready(name),
            });
        }
        for (upstream, healthy, _) in self.upstreams.health() {
            let name = format!("upstream-{upstream}");
            checks.push(if healthy == 0 {
                let remedy = "内部のサービスが応答しません。サービスの稼働と内部ネットワークを確認してください。";
                Check::not_ready(name, "component-down", remedy)
            } else {
                Check::ready(name)
            });
        }
        checks
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let checks = self.checks();
        let is_ready = checks.iter().all(|check| check.is_ready);
        let body = serde_json::to_vec(&Readiness { is_ready, checks }).unwrap_or_default().into();
        if is_ready {
            return text("application/json", body);
        }
        problem::not_ready(body)
    }
}

fn text(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
