//! Keep-alive requests on HTTP/1.1: one after the other on every connection, or at a given rate.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{LoadArgs, Order, Tally, Window, tls::SERVER_NAME};

/// What an answer's head may be.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READ_BYTES: usize = 64 * 1024;
/// An exchange that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// Connects and finishes the handshake.
pub(crate) async fn open(order: &Order) -> anyhow::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(order.args.address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(SERVER_NAME)?;
    let connecting = TlsConnector::from(Arc::clone(&order.tls)).connect(name, stream);
    Ok(timeout(PATIENCE, connecting).await.context("a handshake took too long")??)
}

/// Opens connections, one after the other.
pub(crate) async fn connect(order: &Order, count: usize) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::new(open(order).await?));
    }
    Ok(connections)
}

/// The head and body of the request that is sent again and again.
pub(crate) fn request(args: &LoadArgs) -> Vec<u8> {
    let mut bytes = request_head(args);
    bytes.resize(bytes.len() + args.body, b'u');
    bytes
}

/// The head of that request.
pub(crate) fn request_head(args: &LoadArgs) -> Vec<u8> {
    let path = &args.path;
    let method = if args.body == 0 { "GET" } else { "POST" };
    let body = match args.body {
        0 => String::new(),
        length => format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n"),
    };
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {SERVER_NAME}\r\nUser-Agent: kakehashi-bench\r\nAccept: */*\r\n{body}\r\n"
    );
    text.into_bytes()
}

/// Asks on every connection until the window closes.
pub(crate) async fn run(
    order: &Order,
    connections: Vec<Connection>,
    window: Window,
) -> anyhow::Result<Tally> {
    let request: Arc<[u8]> = request(&order.args).into();
    // The rate of one connection; every thread has its share of them.
    let share = order.args.rate / order.args.connections as f64;
    let count = connections.len();
    let mut running = JoinSet::new();
    for (index, connection) in connections.into_iter().enumerate() {
        let request = Arc::clone(&request);
        running.spawn(async move {
            if share > 0.0 {
                let period = Duration::from_secs_f64(1.0 / share);
                let offset = period.mul_f64(index as f64 / count as f64);
                at_a_rate(connection, &request, window, period, offset).await
            } else {
                one_after_the_other(connection, &request, window).await
            }
        });
    }
    let mut tally = Tally::default();
    while let Some(ended) = running.join_next().await {
        tally.add(&ended??);
    }
    Ok(tally)
}

async fn one_after_the_other(
    mut connection: Connection,
    request: &[u8],
    window: Window,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut since = Instant::now();
    while since < window.until {
        let bytes = connection.exchange(request).await?;
        let now = Instant::now();
        if window.holds(now) {
            tally.succeeded(since, now, bytes);
        }
        since = now;
    }
    Ok(tally)
}

/// Sends when it is time, not when the last answer came. A request that had to wait for the connection
/// has waited since its time came (no coordinated omission); one that our own timer woke late, since then.
async fn at_a_rate(
    mut connection: Connection,
    request: &[u8],
    window: Window,
    period: Duration,
    offset: Duration,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut due = Instant::now() + offset;
    while due < window.until {
        let mut since = due;
        if Instant::now() < due {
            tokio::time::sleep_until(due.into()).await;
            since = Instant::now();
        }
        let bytes = connection.exchange(request).await?;
        let now = Instant::now();
        if window.holds(now) {
            tally.succeeded(since, now, bytes);
        }
        due += period;
    }
    Ok(tally)
}

impl Connection {
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> Self {
        Self { stream, buffer: vec![0; READ_BYTES] }
    }

    pub(crate) const fn stream(&mut self) -> &mut TlsStream<TcpStream> {
        &mut self.stream
    }

    /// Sends a whole request and reads the whole answer; answers the bytes of both bodies.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<u64> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let (length, mut read) = self.head().await?;
        while read < length {
            let count = self.stream.read(&mut self.buffer).await?;
            ensure!(count > 0, "an answer broke off");
            read += count as u64;
        }
        ensure!(read == length, "an answer is longer than it says");
        Ok(length)
    }

    /// Reads to the end of an answer's head; answers the length of its body and how much came already.
    pub(crate) async fn head(&mut self) -> anyhow::Result<(u64, u64)> {
        let mut filled = 0;
        loop {
            let count = self.stream.read(&mut self.buffer[filled..]).await?;
            ensure!(count > 0, "the connection ended before an answer");
            filled += count;
            let found = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = found {
                let length = length(&self.buffer[..end])?;
                return Ok((length, (filled - end - 4) as u64));
            }
            ensure!(filled < HEAD_BYTES_MAX, "an answer's head is too long");
        }
    }
}

/// The length of the body of an answer that must be 200.
fn length(head: &[u8]) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        bail!("answered: {status}");
    }
    let named = lines.filter_map(|line| line.split_once(':'));
    let mut lengths = named.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, value) = lengths.next().context("an answer without content-length")?;
    let length = value.trim().parse()?;
    ensure!(length > 0, "an empty answer");
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_answer_of_the_upstream_counts() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nServer: a\r\ncontent-Length: 12").unwrap(), 12);
        for head in [
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\r\nContent-Length: 0",
            "",
        ] {
            assert!(length(head.as_bytes()).is_err(), "{head}");
        }
    }
}
