//! An HTTPS client with our own certificate that trusts our own root and nothing else.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kakehashi_kernel::Clock;

use super::{ClientTls, TlsError, client_config};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A request body of any kind.
pub type BoxBody = UnsyncBoxBody<Bytes, BoxError>;

/// Answers a body that is one piece.
pub fn full_body(bytes: impl Into<Bytes>) -> BoxBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Answers a body without content.
pub fn empty_body() -> BoxBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Which protocol the client offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, one connection per running request.
    #[default]
    Http1,
    /// HTTP/2 where the server speaks it.
    Http2,
}

/// Limits of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLimits {
    /// Time for the TCP connection.
    pub connect_timeout: Duration,
    /// Time from [`Client::send`] to the last byte of the answer.
    pub total_timeout: Duration,
    /// Bytes of an answer that [`Client::send`] reads.
    pub answer_bytes_max: usize,
    /// Idle connections kept per server.
    pub idle_connections_max: usize,
    /// How long an idle connection is kept; shorter than the server's header timeout.
    pub idle_timeout: Duration,
    /// What is spoken.
    pub protocol: Protocol,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_mins(1),
            answer_bytes_max: 64 * 1024 * 1024,
            idle_connections_max: 64,
            idle_timeout: Duration::from_secs(15),
            protocol: Protocol::Http1,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL or a header is malformed.
    #[error("the request is malformed")]
    Malformed(#[from] http::Error),
    /// No connection, no TLS, or the connection broke.
    #[error("the request did not succeed")]
    Transport(#[from] legacy::Error),
    /// The answer broke off.
    #[error("the answer broke off")]
    Body(#[source] BoxError),
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// It took too long.
    #[error("the answer took too long")]
    Timeout,
}

/// A complete answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// A pooled HTTPS client. Clones share the pool.
#[derive(Debug, Clone)]
pub struct Client {
    inner: legacy::Client<HttpsConnector<HttpConnector>, BoxBody>,
    limits: ClientLimits,
}

impl Client {
    /// Reads certificate, key and root.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn new(
        files: &ClientTls,
        clock: Arc<dyn Clock>,
        limits: ClientLimits,
    ) -> Result<Self, TlsError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(limits.connect_timeout));
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(files, clock)?)
            .https_only()
            .enable_http1();
        let connector = match limits.protocol {
            Protocol::Http1 => builder.wrap_connector(http),
            Protocol::Http2 => builder.enable_http2().wrap_connector(http),
        };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits.idle_timeout)
            .pool_max_idle_per_host(limits.idle_connections_max)
            .http2_initial_stream_window_size(1024 * 1024)
            .http2_initial_connection_window_size(4 * 1024 * 1024)
            .build(connector);
        Ok(Self { inner, limits })
    }

    /// Sends a request and answers as soon as the answer's header is there. Both bodies stream.
    ///
    /// Only connecting has a time limit here; the caller knows how long its bodies may take.
    ///
    /// # Errors
    ///
    /// [`ClientError::Transport`].
    pub async fn request(
        &self,
        request: Request<BoxBody>,
    ) -> Result<Response<Incoming>, ClientError> {
        Ok(self.inner.request(request).await?)
    }

    /// Sends a request and reads the whole answer, within the client's limits.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; an answer of any status is not an error.
    pub async fn send(&self, request: Request<impl Into<Bytes>>) -> Result<Answer, ClientError> {
        let request = request.map(full_body);
        let exchange = async {
            let (head, body) = self.request(request).await?.into_parts();
            let body = Limited::new(body, self.limits.answer_bytes_max).collect().await;
            let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => ClientError::TooLarge,
                Err(error) => ClientError::Body(error),
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(self.limits.total_timeout, exchange)
            .await
            .unwrap_or(Err(ClientError::Timeout))
    }

    /// Gets a URL; once more from a server that was about to end and has not begun to answer.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn get(&self, url: &str) -> Result<Answer, ClientError> {
        let ask = || Request::builder().method(Method::GET).uri(url).body(Bytes::new());
        match self.send(ask()?).await {
            Err(ClientError::Transport(error)) if is_goaway(&error) => self.send(ask()?).await,
            answered => answered,
        }
    }

    /// Posts bytes to a URL.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, ClientError> {
        let request = Request::builder().method(Method::POST).uri(url);
        self.send(request.header(CONTENT_TYPE, content_type).body(body.into())?).await
    }
}

/// Whether the server was about to end when we asked (RFC 9113 §6.8).
fn is_goaway(error: &legacy::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        }
        source = error.source();
    }
    false
}
