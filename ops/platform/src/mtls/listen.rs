//! The accept loop and the HTTP connection, shared by components and the gateway.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    rt::Executor,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use super::{
    BoxError, Limits,
    lanes::{Lanes, adopt},
};

/// Pause after a failed accept (out of descriptors, mostly), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time that aborted tasks get to notice.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives every accepted connection to `handle`, each in a task of its own.
///
/// At most `limits.connections_max` run at a time. Returns after `shutdown`, when all have ended or
/// `limits.drain_timeout` has passed; what runs then is dropped.
pub async fn accept_each<F, T>(
    listener: TcpListener,
    limits: &Limits,
    shutdown: &CancellationToken,
    handle: F,
) where
    F: Fn(TcpStream, SocketAddr) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    accept_each_on(None, listener, (limits, WhenFull::Wait), shutdown, handle).await;
}

/// What happens to a connection for which there is no place.
#[derive(Clone, Copy)]
pub enum WhenFull<'a> {
    /// It waits in the kernel's queue, where nobody sees it.
    Wait,
    /// It is closed at once, and this is told.
    TurnAway(&'a (dyn Fn(SocketAddr) + Sync)),
}

/// As [`accept_each`], each connection on a lane if there are any.
pub async fn accept_each_on<F, T>(
    lanes: Option<&Lanes>,
    listener: TcpListener,
    (limits, when_full): (&Limits, WhenFull<'_>),
    shutdown: &CancellationToken,
    handle: F,
) where
    F: Fn(TcpStream, SocketAddr) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let tracker = TaskTracker::new();
    let abort = CancellationToken::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places, when_full) => accepted,
        };
        let Some((place, stream, peer)) = accepted else { continue };
        let lane = lanes.map(Lanes::take_place);
        let runtime = lane.as_ref().map_or_else(Handle::current, |lane| lane.handle.clone());
        let connection = {
            let _entered = runtime.enter();
            let adopted = if lane.is_some() { adopt(stream) } else { Ok(stream) };
            match adopted {
                Ok(stream) => handle(stream, peer),
                Err(error) => {
                    warn!(%error, "could not move a connection to its lane");
                    continue;
                }
            }
        };
        let abort = abort.clone();
        let served = async move {
            let _held = (place, lane);
            tokio::select! {
                () = connection => {}
                () = abort.cancelled() => {}
            }
        };
        tracker.spawn_on(served, &runtime);
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(limits.drain_timeout, tracker.wait()).await.is_err() {
        warn!(connections = tracker.len(), "drain deadline passed, closing what is open");
        abort.cancel();
        if tokio::time::timeout(ABORT_TIMEOUT, tracker.wait()).await.is_err() {
            warn!("connections did not close in time");
        }
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    when_full: WhenFull<'_>,
) -> Option<(Place, TcpStream, SocketAddr)> {
    let place = match when_full {
        WhenFull::Wait => Some(Arc::clone(places).acquire_owned().await.ok()?),
        WhenFull::TurnAway(_) => None,
    };
    match listener.accept().await {
        Ok((stream, peer)) => {
            let place = place.or_else(|| Arc::clone(places).try_acquire_owned().ok());
            let Some(place) = place else {
                drop(stream);
                if let WhenFull::TurnAway(told) = when_full {
                    told(peer);
                }
                return None;
            };
            if let Err(error) = stream.set_nodelay(true) {
                warn!(%error, "could not set TCP_NODELAY");
            }
            Some((place, stream, peer))
        }
        Err(error) => {
            warn!(%error, "could not accept a connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Speaks HTTP/1.1 or 2 on one connection until it ends. After `shutdown` the running requests are
/// answered and the connection closes.
///
/// # Errors
///
/// What broke the connection; for the log at debug level, since it is mostly the peer going away.
pub async fn serve_http<I, S, B>(
    stream: I,
    service: S,
    limits: &Limits,
    shutdown: &CancellationToken,
) -> Result<(), BoxError>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let streams = TaskTracker::new();
    let abort = CancellationToken::new();
    let _abort_streams = abort.clone().drop_guard();
    let mut builder = auto::Builder::new(Tasks { tracker: streams.clone(), abort });
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes_max.max(8 * 1024));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(100)
        .initial_stream_window_size(1024 * 1024)
        .initial_connection_window_size(4 * 1024 * 1024)
        .keep_alive_interval(limits.header_timeout)
        .keep_alive_timeout(limits.handshake_timeout);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return done,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Runs the streams of one HTTP/2 connection and ends them with it.
#[derive(Clone)]
struct Tasks {
    tracker: TaskTracker,
    abort: CancellationToken,
}

impl<T> Executor<T> for Tasks
where
    T: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: T) {
        let abort = self.abort.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = task => {}
                () = abort.cancelled() => {}
            }
        });
    }
}
