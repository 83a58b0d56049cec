//! One HTTP connection from its first byte to its end, with the clock that ends it.
//!
//! HTTP/2's streams run in the connection's own task: what belongs together ends together, and nothing
//! is handed from thread to thread.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, Response};
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::Service,
};
use hyper_util::rt::TokioIo;
use kakehashi_platform::mtls::{BoxBody, ReadAhead};
use tokio::{
    net::TcpStream,
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::wire::{Overdue, Pulse, Spoken, Wire};

/// For the last frames of a connection that is cut off.
const FAREWELL: Duration = Duration::from_secs(1);
/// Streams a client may reset before we have looked at them.
const EARLY_RESETS_MAX: usize = 20;
/// Streams we may reset because of what the client sent.
const LOCAL_RESETS_MAX: usize = 100;
/// Bytes of an answer that one HTTP/2 stream holds for a client that does not take them.
const STREAM_SEND_BYTES: usize = 64 * 1024;
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// The library's buffers: for what comes in, and for pieces of an answer that go out together.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// What a client's connection runs over.
pub(crate) type Socket = ReadAhead<TcpStream>;
/// A client's connection after the handshake.
pub(crate) type Secured = TlsStream<Socket>;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As connections do.
    Well,
    /// We ended it, or the library did, because of what the peer sent or did not send.
    Refused(&'static str),
}

/// What the listener grants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grants {
    pub(crate) streams_max: u32,
    pub(crate) head_bytes_max: usize,
    /// From the shutdown to the end of a connection on which nothing runs. Who has just connected is about
    /// to ask, and would be refused otherwise.
    pub(crate) linger: Duration,
}

/// Serves a connection until it ends, retires, or has to be cut off. After `shutdown` its running
/// requests are answered and it closes.
pub(crate) async fn serve<S>(
    stream: Secured,
    service: S,
    grants: Grants,
    pulse: &Arc<Pulse>,
    shutdown: &CancellationToken,
) -> Ended
where
    S: Service<Request<Incoming>, Response = Response<BoxBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let spoken = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Spoken::Http2,
        _ => Spoken::Http1,
    };
    let wire = TokioIo::new(Wire::new(stream, spoken, Arc::clone(pulse)));
    match spoken {
        Spoken::Http1 => {
            let mut builder = http1::Builder::new();
            builder
                .header_read_timeout(None)
                .max_buf_size(BUFFER_BYTES_MAX.max(grants.head_bytes_max));
            let mut connection = Box::pin(builder.serve_connection(wire, service));
            drive(connection.as_mut(), pulse, shutdown, grants.linger).await
        }
        Spoken::Http2 => {
            let queue = Queue::default();
            let builder = http2_builder(queue.clone(), grants);
            let connection = Box::pin(builder.serve_connection(wire, service));
            let streams = FuturesUnordered::new();
            let together = Together { connection, queue, streams, is_leaving: false };
            drive(pin!(together), pulse, shutdown, grants.linger).await
        }
    }
}

fn http2_builder(queue: Queue, grants: Grants) -> http2::Builder<Queue> {
    let mut builder = http2::Builder::new(queue);
    builder
        .max_concurrent_streams(grants.streams_max)
        .max_header_list_size(u32::try_from(grants.head_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(EARLY_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(STREAM_SEND_BYTES);
    builder
}

/// Never returns without a clock.
async fn ring(clock: Option<&mut Pin<Box<Sleep>>>) {
    match clock {
        Some(clock) => clock.await,
        None => std::future::pending().await,
    }
}

async fn drive<C: Connection>(
    mut connection: Pin<&mut C>,
    pulse: &Pulse,
    shutdown: &CancellationToken,
    linger: Duration,
) -> Ended {
    let mut ending_since = None;
    let mut farewell: Option<Pin<Box<Sleep>>> = None;
    let mut clock = pin!(sleep_until(Instant::now() + pulse.look()));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => return match ended {
                Ok(()) => Ended::Well,
                Err(error) => refused(&error).map_or(Ended::Well, Ended::Refused),
            },
            code = pulse.failed() => {
                connection.as_mut().retire();
                // What the peer would not let us say, we do not insist on.
                let _farewell = timeout(FAREWELL, connection.as_mut()).await;
                return Ended::Refused(code);
            }
            () = clock.as_mut() => {
                let now = Instant::now();
                match pulse.overdue(now) {
                    Some(Overdue::Cut(code)) => return Ended::Refused(code),
                    Some(Overdue::Retire) if ending_since.is_none() => {
                        ending_since = Some(now);
                        connection.as_mut().retire();
                    }
                    Some(Overdue::Retire) | None => {}
                }
                // What the library still holds then is for a peer that does not take it.
                if ending_since.is_some_and(|since| pulse.is_stuck(since, now)) {
                    return Ended::Refused("client-stalled");
                }
                clock.as_mut().reset(now + pulse.look());
            }
            () = shutdown.cancelled(), if farewell.is_none() && ending_since.is_none() => {
                connection.as_mut().leave();
                farewell = Some(Box::pin(sleep(linger)));
            }
            () = ring(farewell.as_mut()), if farewell.is_some() && ending_since.is_none() => {
                ending_since = Some(Instant::now());
                connection.as_mut().retire();
            }
        }
    }
}

/// Names what the library itself refused; `None` when the peer just went away.
fn refused(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse_too_large() {
        return Some("http-head-long");
    }
    if error.is_parse() {
        return Some("http-malformed");
    }
    let source = std::error::Error::source(error)?.downcast_ref::<h2::Error>()?;
    (source.is_library() && source.reason().is_some()).then_some("h2-protocol-error")
}

/// A connection that can be told to take nothing new.
trait Connection: Future<Output = hyper::Result<()>> {
    /// Takes the request that is asked next, and lets the peer know with its answer that no other is.
    fn leave(self: Pin<&mut Self>);
    /// Takes no other request.
    fn retire(self: Pin<&mut Self>);
}

type Plain<S> = http1::Connection<TokioIo<Wire<Secured>>, S>;

impl<S> Connection for Plain<S>
where
    S: Service<Request<Incoming>, Response = Response<BoxBody>, Error = Infallible>,
{
    /// Who answers says so, by `Connection: close`.
    fn leave(self: Pin<&mut Self>) {}

    fn retire(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type Stream = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Streams that have begun and were not looked at yet.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Vec<Stream>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Queue {
    fn execute(&self, stream: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(stream));
    }
}

type Multiplexed<S> = http2::Connection<TokioIo<Wire<Secured>>, S, Queue>;

/// An HTTP/2 connection and its streams.
struct Together<S>
where
    S: Service<Request<Incoming>, Response = Response<BoxBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    connection: Pin<Box<Multiplexed<S>>>,
    queue: Queue,
    streams: FuturesUnordered<Stream>,
    is_leaving: bool,
}

impl<S> Future for Together<S>
where
    S: Service<Request<Incoming>, Response = Response<BoxBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Output = hyper::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        let together = self.get_mut();
        loop {
            if let Poll::Ready(ended) = together.connection.as_mut().poll(context) {
                return Poll::Ready(ended);
            }
            let begun = std::mem::take(
                &mut *together.queue.0.lock().unwrap_or_else(PoisonError::into_inner),
            );
            if together.is_leaving && !begun.is_empty() {
                together.connection.as_mut().graceful_shutdown();
            }
            together.streams.extend(begun);
            // A stream that ends may let the connection end; one that has only said something wakes it.
            if !matches!(together.streams.poll_next_unpin(context), Poll::Ready(Some(()))) {
                return Poll::Pending;
            }
        }
    }
}

impl<S> Connection for Together<S>
where
    S: Service<Request<Incoming>, Response = Response<BoxBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    /// GOAWAY goes out while an answer is awaited, before it: a peer that is about to ask while GOAWAY is
    /// on its way may lose its request, and not every client asks again (RFC 9113 §6.8).
    fn leave(self: Pin<&mut Self>) {
        let together = self.get_mut();
        together.is_leaving = true;
        if !together.streams.is_empty() {
            together.connection.as_mut().graceful_shutdown();
        }
    }

    fn retire(self: Pin<&mut Self>) {
        self.get_mut().connection.as_mut().graceful_shutdown();
    }
}
