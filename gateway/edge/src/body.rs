//! A body on its way through: counted, limited, timed, and without trailers. Nothing is buffered.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use kakehashi_platform::mtls::BoxError;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{refusal::Refusal, wire::Running};

/// Time a sender is given before its rate counts.
const RATE_WINDOW: Duration = Duration::from_secs(30);

/// One direction of an exchange.
#[derive(Debug, Default)]
struct Flow {
    /// Milliseconds since the begin of the exchange.
    moved_ms: AtomicU64,
    bytes: AtomicU64,
    /// Whether we wait for the sender rather than for the receiver.
    is_waiting: AtomicBool,
    is_complete: AtomicBool,
}

/// How far a request and its answer have come. Shared with whoever waits for either.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    up: Flow,
    down: Flow,
    is_answered: AtomicBool,
    fault: OnceLock<Refusal>,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            up: Flow::default(),
            down: Flow::default(),
            is_answered: AtomicBool::new(false),
            fault: OnceLock::new(),
        })
    }

    pub(crate) const fn started(&self) -> Instant {
        self.started
    }

    /// When the last piece of what is under way came: of the request, once answered of the answer.
    pub(crate) fn moved(&self) -> Instant {
        let flow = if self.is_answered.load(Relaxed) { &self.down } else { &self.up };
        self.started + Duration::from_millis(flow.moved_ms.load(Relaxed))
    }

    /// Bytes of the request's body.
    pub(crate) fn bytes(&self) -> u64 {
        self.up.bytes.load(Relaxed)
    }

    /// Whether it is the client we wait for.
    pub(crate) fn is_waiting(&self) -> bool {
        self.up.is_waiting.load(Relaxed) && !self.up.is_complete.load(Relaxed)
    }

    /// Whether there is more of an answer than the client takes. The end of a body may be waiting for it
    /// too, so that it is complete says nothing.
    pub(crate) fn is_starved(&self) -> bool {
        self.is_answered.load(Relaxed) && !self.down.is_waiting.load(Relaxed)
    }

    /// Notes that the answer's header is there.
    pub(crate) fn answered(&self) {
        self.count(&self.down, 0);
        self.is_answered.store(true, Relaxed);
    }

    /// Why the request's body was cut off, if it was.
    pub(crate) fn fault(&self) -> Option<Refusal> {
        self.fault.get().copied()
    }

    /// Only the first reason counts.
    fn fail(&self, why: Refusal) -> Refusal {
        *self.fault.get_or_init(|| why)
    }

    fn count(&self, flow: &Flow, bytes: u64) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        flow.moved_ms.store(elapsed, Relaxed);
        flow.bytes.fetch_add(bytes, Relaxed) + bytes
    }
}

/// Where a body goes.
#[derive(Debug)]
enum Way {
    /// To the component.
    Up,
    /// To the client; the request is running as long as this is there.
    Down { _running: Running },
}

/// What a body is granted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance {
    pub(crate) bytes_max: u64,
    /// Without a byte.
    pub(crate) idle: Duration,
    /// Bytes per second that a sender must reach on average; 0 for any.
    pub(crate) rate_min: u64,
}

/// A body that passes through.
pub(crate) struct PassingBody<B = Incoming> {
    inner: B,
    way: Way,
    allowance: Allowance,
    progress: Arc<Progress>,
    /// Runs while we wait for the sender, not while the receiver is busy; made when first needed.
    patience: Option<Pin<Box<Sleep>>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    window_bytes: u64,
}

impl<B: Body<Data = Bytes> + Unpin> PassingBody<B> {
    /// A request's body.
    pub(crate) fn up(inner: B, allowance: Allowance, progress: Arc<Progress>) -> Self {
        Self::new(inner, Way::Up, allowance, progress)
    }

    /// An answer's body. `running` ends with it.
    pub(crate) fn down(inner: B, idle: Duration, running: Running) -> Self {
        let progress = Arc::clone(running.progress());
        progress.answered();
        let allowance = Allowance { bytes_max: u64::MAX, idle, rate_min: 0 };
        Self::new(inner, Way::Down { _running: running }, allowance, progress)
    }

    fn new(inner: B, way: Way, allowance: Allowance, progress: Arc<Progress>) -> Self {
        let body = Self {
            inner,
            way,
            allowance,
            progress,
            patience: None,
            waiting_since: None,
            waited: Duration::ZERO,
            window_bytes: 0,
        };
        body.complete_at_end();
        body
    }

    fn flow(&self) -> &Flow {
        match self.way {
            Way::Up => &self.progress.up,
            Way::Down { .. } => &self.progress.down,
        }
    }

    fn complete_at_end(&self) {
        if self.inner.is_end_stream() {
            self.flow().is_complete.store(true, Relaxed);
        }
    }

    /// Waits for the sender, but not for ever.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        let idle = self.allowance.idle;
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.flow().is_waiting.store(true, Relaxed);
            match &mut self.patience {
                Some(patience) => patience.as_mut().reset(now + idle),
                None => self.patience = Some(Box::pin(sleep_until(now + idle))),
            }
        }
        if let Some(patience) = &mut self.patience {
            ready!(patience.as_mut().poll(context));
        }
        Poll::Ready(Refusal::ClientSlow)
    }

    /// Notes that something came; answers whether the sender is too slow on the whole.
    fn came(&mut self, bytes: u64) -> bool {
        self.window_bytes += bytes;
        let Some(since) = self.waiting_since.take() else { return false };
        self.flow().is_waiting.store(false, Relaxed);
        self.waited += since.elapsed();
        if self.waited < RATE_WINDOW {
            return false;
        }
        let is_slow = self.window_bytes < self.allowance.rate_min * self.waited.as_secs();
        (self.waited, self.window_bytes) = (Duration::ZERO, 0);
        is_slow
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Refusal>>> {
        loop {
            let Poll::Ready(found) = Pin::new(&mut self.inner).poll_frame(context) else {
                let refusal = ready!(self.wait(context));
                return Poll::Ready(Some(Err(self.progress.fail(refusal))));
            };
            let frame = match found {
                None => {
                    self.came(0);
                    self.flow().is_complete.store(true, Relaxed);
                    return Poll::Ready(None);
                }
                Some(Err(_)) => {
                    return Poll::Ready(Some(Err(self.progress.fail(Refusal::BodyBroken))));
                }
                Some(Ok(frame)) => frame,
            };
            // Trailers could carry what headers may not.
            let Ok(data) = frame.into_data() else { continue };
            if self.came(data.len() as u64) {
                return Poll::Ready(Some(Err(self.progress.fail(Refusal::ClientSlow))));
            }
            if self.progress.count(self.flow(), data.len() as u64) > self.allowance.bytes_max {
                return Poll::Ready(Some(Err(self.progress.fail(Refusal::BodyTooLarge))));
            }
            self.complete_at_end();
            return Poll::Ready(Some(Ok(data)));
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for PassingBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.get_mut().poll(context).map_ok(Frame::data).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
