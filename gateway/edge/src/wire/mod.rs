//! Between TLS and the HTTP library: what comes in is checked, what stands still is noticed.
//!
//! HTTP/1.1 is held to its grammar byte by byte (`head.rs`, `http1.rs`), HTTP/2 to a number of frames
//! (`http2.rs`). Nothing of a refused request reaches the library: in its place comes [`REFUSED_METHOD`],
//! a request no stranger can send, and whoever serves it answers the fault that [`Pulse`] keeps. A
//! connection that asks too much of HTTP/2 is ended. Bodies are not looked into.

pub(crate) mod fuzz;
mod head;
mod http1;
mod http2;
mod pulse;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use http1::{Checked, Http1};
use http2::Http2;
pub(crate) use pulse::{Overdue, Pulse, Running};

/// The method of the request that stands for a refused one. The grammar lets no stranger send it.
pub(crate) const REFUSED_METHOD: &str = "!";
const REFUSED_HEAD: &[u8] = b"! / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
/// What is read and thrown away, so that a refused client hears our answer before the connection ends.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// What is spoken, as agreed in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    Http1,
    Http2,
}

/// What a connection is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireLimits {
    /// Bytes of a request's head, or of a header block.
    pub(crate) head_bytes_max: usize,
    /// Fields of a head.
    pub(crate) fields_max: usize,
    /// Streams a client may reset within ten seconds.
    pub(crate) resets_max: u32,
    /// Frames of each kind that moves nothing, within ten seconds.
    pub(crate) control_frames_max: u32,
    /// Frames that continue one header block.
    pub(crate) continuations_max: u32,
    /// For a head, from its first byte.
    pub(crate) header: Duration,
    /// Without a request.
    pub(crate) idle: Duration,
    /// Without the peer taking a byte of what we have for it.
    pub(crate) stall: Duration,
    /// For one request and its answer.
    pub(crate) total: Duration,
    /// Of a connection.
    pub(crate) lifetime: Duration,
    /// Requests of a connection.
    pub(crate) requests_max: u64,
}

impl Default for WireLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: 32 * 1024,
            fields_max: 100,
            resets_max: 100,
            control_frames_max: 50,
            continuations_max: 8,
            header: Duration::from_secs(20),
            idle: Duration::from_mins(1),
            stall: Duration::from_mins(1),
            total: Duration::from_hours(1),
            lifetime: Duration::from_hours(1),
            requests_max: 1_000_000,
        }
    }
}

#[derive(Debug)]
enum Checker {
    Http1(Http1),
    Http2(Box<Http2>),
}

/// A connection whose bytes are checked.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    checker: Checker,
    pulse: Arc<Pulse>,
    /// Checked bytes that still have to be passed on, and how many of them were.
    ready: Vec<u8>,
    passed: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    /// A head was refused: nothing is read any more.
    HeadRefused,
    /// A body was refused: whoever reads it is told so.
    BodyRefused,
    /// Our side is closed; what still comes is thrown away for a moment.
    Lingering(Pin<Box<Sleep>>, usize),
}

impl<S> Wire<S> {
    pub(crate) fn new(stream: S, spoken: Spoken, pulse: Arc<Pulse>) -> Self {
        let limits = pulse.limits();
        let checker = match spoken {
            Spoken::Http1 => Checker::Http1(Http1::new(limits.head_bytes_max, limits.fields_max)),
            Spoken::Http2 => Checker::Http2(Box::new(Http2::new(Instant::now()))),
        };
        Self { stream, checker, pulse, ready: Vec::new(), passed: 0, state: State::Open }
    }

    /// Passes on what is ready.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = self.ready.get(self.passed..).unwrap_or_default();
        let (given, _) = rest.split_at(rest.len().min(buffer.remaining()));
        buffer.put_slice(given);
        self.passed += given.len();
        if self.passed == self.ready.len() {
            (self.ready, self.passed) = (Vec::new(), 0);
        }
    }

    /// Checks what was read to `buffer` after `before`, and leaves there what may be passed on now.
    fn check(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let now = Instant::now();
        let came = buffer.filled().get(before..).unwrap_or_default();
        let http = match &mut self.checker {
            Checker::Http1(http) => http,
            Checker::Http2(http) => {
                if let Err(code) = http.check(came, now, self.pulse.limits()) {
                    buffer.set_filled(before);
                    self.state = State::HeadRefused;
                    self.pulse.fail_now(code);
                }
                return;
            }
        };
        let was_holding = http.is_holding();
        let (whole, checked) = if was_holding {
            let (whole, checked) = http.check_held(came);
            (Some(whole), checked)
        } else {
            (None, http.check(came))
        };
        let count = match checked {
            Checked::Pass(count) => count,
            Checked::HeadRefused(count, code) => {
                self.pulse.fail(code);
                self.state = State::HeadRefused;
                count
            }
            Checked::BodyRefused(count, code) => {
                self.pulse.fail(code);
                self.state = State::BodyRefused;
                count
            }
        };
        if http.is_holding() {
            self.pulse.head_began(now);
        } else if was_holding {
            self.pulse.head_ended();
        }
        if let Some(mut whole) = whole {
            whole.truncate(count);
            buffer.set_filled(before);
            self.ready = whole;
        } else {
            buffer.set_filled(before + count);
        }
        if matches!(self.state, State::HeadRefused) {
            self.ready.extend_from_slice(REFUSED_HEAD);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buffer.filled().len();
        loop {
            if !wire.ready.is_empty() {
                wire.give(buffer);
                return Poll::Ready(Ok(()));
            }
            match &wire.state {
                State::Open => {}
                // Whoever answers closes the connection, or the clock does.
                State::HeadRefused => return Poll::Pending,
                State::BodyRefused => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "refused")));
                }
                State::Lingering(..) => return Poll::Ready(Ok(())),
            }
            ready!(Pin::new(&mut wire.stream).poll_read(context, buffer))?;
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            wire.check(buffer, before);
            if buffer.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S> Wire<S> {
    fn note_written(&mut self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Pending => self.pulse.blocked(Instant::now()),
            Poll::Ready(Ok(count)) => {
                self.pulse.unblocked();
                if let Checker::Http2(http) = &mut self.checker {
                    http.sent(*count);
                }
            }
            Poll::Ready(Err(_)) => {}
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write(context, bytes);
        wire.note_written(&written);
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        let written = Pin::new(&mut wire.stream).poll_write_vectored(context, pieces);
        wire.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let flushed = Pin::new(&mut wire.stream).poll_flush(context);
        match &flushed {
            Poll::Pending => wire.pulse.blocked(Instant::now()),
            Poll::Ready(_) => wire.pulse.unblocked(),
        }
        flushed
    }

    /// Closes our side. Where the peer may still be sending, reads on for a moment: closing at once would
    /// reset the connection and take our answer with it.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if !matches!(wire.state, State::Lingering(..)) {
            ready!(Pin::new(&mut wire.stream).poll_shutdown(context))?;
            let is_cut = match &wire.checker {
                Checker::Http1(http) => wire.pulse.fault().is_some() || http.is_in_body(),
                Checker::Http2(_) => false,
            };
            if !is_cut {
                return Poll::Ready(Ok(()));
            }
            wire.state = State::Lingering(Box::pin(sleep(LINGER)), LINGER_BYTES_MAX);
        }
        let State::Lingering(timer, left) = &mut wire.state else { return Poll::Ready(Ok(())) };
        let mut waste = [0; 4096];
        while *left > 0 && timer.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut wire.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len());
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
