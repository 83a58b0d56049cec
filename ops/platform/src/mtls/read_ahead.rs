//! Reads ahead of TLS while data flows.
//!
//! The TLS library asks the socket for four KiB at a time: five calls to the kernel for every full record.
//! Whoever fills that twice is sending much, so we read [`AHEAD_BYTES`] at once and serve from there. The
//! buffer goes away as soon as the socket has no more: an idle connection holds none.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read at once while data flows: two full records.
const AHEAD_BYTES: usize = 34 * 1024;

/// A socket that is read ahead.
#[derive(Debug)]
pub struct ReadAhead<S> {
    socket: S,
    ahead: Vec<u8>,
    taken: usize,
    /// The last read filled all the room it was given.
    is_flowing: bool,
}

impl<S> ReadAhead<S> {
    /// Wraps a socket.
    pub const fn new(socket: S) -> Self {
        Self { socket, ahead: Vec::new(), taken: 0, is_flowing: false }
    }

    /// The socket itself.
    pub const fn socket(&self) -> &S {
        &self.socket
    }

    /// Hands out what was read ahead.
    fn serve(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = &self.ahead[self.taken..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.taken += count;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.taken < this.ahead.len() {
            this.serve(buffer);
            return Poll::Ready(Ok(()));
        }
        if !this.is_flowing || buffer.remaining() >= AHEAD_BYTES {
            let before = buffer.remaining();
            ready!(Pin::new(&mut this.socket).poll_read(context, buffer))?;
            this.is_flowing = before > 0 && buffer.remaining() == 0;
            return Poll::Ready(Ok(()));
        }
        this.taken = 0;
        this.ahead.resize(AHEAD_BYTES, 0);
        let mut ahead = ReadBuf::new(&mut this.ahead);
        let read = Pin::new(&mut this.socket).poll_read(context, &mut ahead);
        let filled = ahead.filled().len();
        this.ahead.truncate(filled);
        if !matches!(read, Poll::Ready(Ok(()))) || filled == 0 {
            this.ahead = Vec::new();
            this.is_flowing = false;
            return read;
        }
        this.serve(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn every_byte_comes_in_order_and_nothing_is_held_when_none_flows() {
        let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        let (mut far, near) = duplex(256 * 1024);
        let mut near = ReadAhead::new(near);
        let mut found = vec![0; sent.len()];
        let reading = async {
            for piece in found.chunks_mut(4096) {
                near.read_exact(piece).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(far.write_all(&sent), reading);
        written.unwrap();
        assert!(found == sent, "bytes changed on their way");
        assert!(near.is_flowing, "much came at a time");
        // Who waits for more holds no buffer.
        let mut byte = [0; 1];
        let mut waiting = pin!(near.read(&mut byte));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        far.write_u8(7).await.unwrap();
        assert_eq!(waiting.await.unwrap(), 1);
        assert_eq!((byte, near.ahead.capacity(), near.is_flowing), ([7], 0, true));
        drop(far);
        assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
