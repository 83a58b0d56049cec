//! Bodies on the way to a component and back; the latter gives its connection back when it ends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use kakehashi_platform::mtls::BoxError;

use super::member::{Line, Running};
use crate::body::PassingBody;

/// What goes to a component.
pub(crate) enum Outgoing {
    /// Nothing.
    Empty,
    /// What the client sends.
    Passing(PassingBody),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Passing(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Passing(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Passing(body) => body.size_hint(),
        }
    }
}

/// The connection an answer comes over.
pub(super) struct Lease {
    line: Line,
    running: Running,
    idle_max: usize,
}

impl Lease {
    pub(super) const fn new(line: Line, running: Running, idle_max: usize) -> Self {
        Self { line, running, idle_max }
    }

    fn give_back(self) {
        self.running.0.keep(self.line, self.idle_max);
    }
}

/// What comes from a component. Dropped before its end, it takes the connection with it.
pub(crate) struct Incoming {
    inner: hyper::body::Incoming,
    lease: Option<Lease>,
}

impl Incoming {
    pub(super) fn new(inner: hyper::body::Incoming, lease: Lease) -> Self {
        let mut body = Self { inner, lease: Some(lease) };
        body.settle();
        body
    }

    fn settle(&mut self) {
        if self.inner.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(context));
        match &frame {
            Some(Ok(_)) => this.settle(),
            Some(Err(_)) => drop(this.lease.take()),
            None => {
                if let Some(lease) = this.lease.take() {
                    lease.give_back();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
