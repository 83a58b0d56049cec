//! A body on its way through: counted, limited, timed, and without trailers. Nothing is buffered.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use kakehashi_platform::mtls::BoxError;
use tokio::time::{Instant, Sleep};

use crate::refusal::Refusal;

/// How far a request's body has come. Shared with whoever waits for the answer.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    moved_ms: AtomicU64,
    bytes: AtomicU64,
    is_waiting: AtomicBool,
    is_complete: AtomicBool,
    fault: OnceLock<Refusal>,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            moved_ms: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            is_waiting: AtomicBool::new(false),
            is_complete: AtomicBool::new(false),
            fault: OnceLock::new(),
        })
    }

    /// When the last piece came.
    pub(crate) fn moved(&self) -> Instant {
        self.started + Duration::from_millis(self.moved_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether it is the sender we wait for.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed) && !self.is_complete.load(Ordering::Relaxed)
    }

    /// Why the body was cut off, if it was.
    pub(crate) fn fault(&self) -> Option<Refusal> {
        self.fault.get().copied()
    }

    /// Only the first reason counts.
    fn fail(&self, why: Refusal) -> Refusal {
        *self.fault.get_or_init(|| why)
    }

    fn count(&self, bytes: u64) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.store(elapsed, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }
}

/// A body that passes through.
pub(crate) struct PassingBody {
    inner: Incoming,
    bytes_max: u64,
    idle: Duration,
    patience: Pin<Box<Sleep>>,
    progress: Arc<Progress>,
}

impl PassingBody {
    pub(crate) fn new(
        inner: Incoming,
        bytes_max: u64,
        idle: Duration,
        progress: Arc<Progress>,
    ) -> Self {
        if inner.is_end_stream() {
            progress.is_complete.store(true, Ordering::Relaxed);
        }
        Self { inner, bytes_max, idle, patience: Box::pin(tokio::time::sleep(idle)), progress }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        loop {
            let Poll::Ready(found) = Pin::new(&mut self.inner).poll_frame(context) else {
                // Patience runs while we wait for the sender, not while the receiver is busy.
                if !self.progress.is_waiting.swap(true, Ordering::Relaxed) {
                    self.patience.as_mut().reset(Instant::now() + self.idle);
                }
                ready!(self.patience.as_mut().poll(context));
                return Poll::Ready(Some(Err(self.progress.fail(Refusal::ClientSlow))));
            };
            self.progress.is_waiting.store(false, Ordering::Relaxed);
            let frame = match found {
                None => {
                    self.progress.is_complete.store(true, Ordering::Relaxed);
                    return Poll::Ready(None);
                }
                Some(Err(_)) => {
                    return Poll::Ready(Some(Err(self.progress.fail(Refusal::BodyBroken))));
                }
                Some(Ok(frame)) => frame,
            };
            // Trailers could carry what headers may not.
            let Ok(data) = frame.into_data() else { continue };
            if self.progress.count(data.len() as u64) > self.bytes_max {
                return Poll::Ready(Some(Err(self.progress.fail(Refusal::BodyTooLarge))));
            }
            if self.inner.is_end_stream() {
                self.progress.is_complete.store(true, Ordering::Relaxed);
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }
}

impl Body for PassingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.get_mut().poll(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
