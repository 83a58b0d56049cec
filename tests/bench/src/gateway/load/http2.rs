//! Requests multiplexed on HTTP/2 (RFC 9113): so many streams at a time on every connection.
//!
//! Frames are written and read by hand. Requests are literals of HPACK (RFC 7541) made once; of an answer
//! only the status is looked at, which every server writes as the first, indexed field.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::{LoadArgs, Order, Tally, Window, http1::open, tls::SERVER_NAME};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// What we let the server send before it hears from us.
const OUR_WINDOW: u32 = 16 * 1024 * 1024;
/// What RFC 9113 §6.9.2 lets us send before we hear from the server.
const FIRST_WINDOW: i64 = 65_535;
const PATIENCE: Duration = Duration::from_secs(30);

mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` in the static table.
const STATUS_200: u8 = 0x88;

/// One connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    out: Vec<u8>,
    input: Vec<u8>,
    next_stream: u32,
    open: HashMap<u32, Asked>,
    /// What a new stream may send.
    stream_window: i64,
    /// What all streams together may send.
    window: i64,
    /// What was received since we last opened our own window.
    unacknowledged: u32,
}

/// A request under way.
struct Asked {
    since: Instant,
    unsent: usize,
    window: i64,
    bytes: u64,
    is_ok: bool,
}

/// Opens connections, one after the other.
pub(crate) async fn connect(order: &Order, count: usize) -> anyhow::Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::new(open(order).await?)?);
    }
    Ok(connections)
}

/// Asks on every connection until the window closes.
pub(crate) async fn run(
    order: &Order,
    connections: Vec<Connection>,
    window: Window,
) -> anyhow::Result<Tally> {
    let mut running = JoinSet::new();
    for connection in connections {
        let args = order.args.clone();
        running.spawn(connection.ask(args, window));
    }
    let mut tally = Tally::default();
    while let Some(ended) = running.join_next().await {
        tally.add(&ended??);
    }
    Ok(tally)
}

/// The header block of the request that is sent again and again.
fn block(args: &LoadArgs) -> Vec<u8> {
    // Indexed: `:method` and `:scheme: https`.
    let mut block = vec![if args.body == 0 { 0x82 } else { 0x83 }, 0x87];
    let mut literal = |index: u8, value: &str| {
        // Without indexing, four bits of index, the rest in a second byte (RFC 7541 §6.2.2).
        match index.checked_sub(15) {
            None => block.push(index),
            Some(rest) => block.extend([0x0f, rest]),
        }
        block.push(u8::try_from(value.len()).expect("our own values are short"));
        block.extend(value.as_bytes());
    };
    literal(1, SERVER_NAME);
    literal(4, &args.path);
    literal(19, "*/*");
    literal(58, "kakehashi-bench");
    if args.body > 0 {
        literal(28, &args.body.to_string());
        literal(31, "application/octet-stream");
    }
    block
}

impl Connection {
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> anyhow::Result<Self> {
        let protocol = stream.get_ref().1.alpn_protocol();
        ensure!(protocol == Some(b"h2"), "the server does not speak HTTP/2");
        let mut connection = Self {
            stream,
            out: PREFACE.to_vec(),
            input: Vec::new(),
            next_stream: 1,
            open: HashMap::new(),
            stream_window: FIRST_WINDOW,
            window: FIRST_WINDOW,
            unacknowledged: 0,
        };
        // SETTINGS_INITIAL_WINDOW_SIZE, and the same for the connection.
        let mut settings = vec![0, 4];
        settings.extend(OUR_WINDOW.to_be_bytes());
        connection.frame(kind::SETTINGS, 0, 0, &settings);
        connection.frame(kind::WINDOW_UPDATE, 0, 0, &OUR_WINDOW.to_be_bytes());
        Ok(connection)
    }

    pub(crate) async fn ask(mut self, args: LoadArgs, window: Window) -> anyhow::Result<Tally> {
        let (block, body) = (block(&args), vec![b'u'; FRAME_BYTES_MAX]);
        let mut tally = Tally::default();
        let mut piece = vec![0; 4 * FRAME_BYTES_MAX];
        loop {
            let is_over = window.is_over();
            while !is_over && self.open.len() < args.streams {
                self.begin(&block, args.body);
            }
            if self.open.is_empty() {
                return Ok(tally);
            }
            self.send_bodies(&body);
            if !self.out.is_empty() {
                self.stream.write_all(&self.out).await?;
                self.stream.flush().await?;
                self.out.clear();
            }
            let reading = self.stream.read(&mut piece);
            let count = timeout(PATIENCE, reading).await.context("no answer on HTTP/2")??;
            ensure!(count > 0, "the server closed a connection");
            self.input.extend_from_slice(&piece[..count]);
            self.take_frames(&window, &mut tally)?;
        }
    }

    fn begin(&mut self, block: &[u8], body: usize) {
        let stream = self.next_stream;
        self.next_stream += 2;
        let last = if body == 0 { END_STREAM } else { 0 };
        self.frame(kind::HEADERS, END_HEADERS | last, stream, block);
        let asked = Asked {
            since: Instant::now(),
            unsent: body,
            window: self.stream_window,
            bytes: body as u64,
            is_ok: false,
        };
        self.open.insert(stream, asked);
    }

    /// Sends as much of the bodies as the server's windows allow.
    fn send_bodies(&mut self, body: &[u8]) {
        for (stream, asked) in &mut self.open {
            while asked.unsent > 0 && asked.window > 0 && self.window > 0 {
                let allowed = usize::try_from(asked.window.min(self.window)).unwrap_or(0);
                let count = asked.unsent.min(allowed).min(body.len());
                asked.unsent -= count;
                asked.window = asked.window.saturating_sub_unsigned(count as u64);
                self.window = self.window.saturating_sub_unsigned(count as u64);
                let last = if asked.unsent == 0 { END_STREAM } else { 0 };
                write_frame(&mut self.out, kind::DATA, last, *stream, &body[..count]);
            }
        }
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        write_frame(&mut self.out, kind, flags, stream, payload);
    }

    fn take_frames(&mut self, window: &Window, tally: &mut Tally) -> anyhow::Result<()> {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        while let [a, b, c, kind, flags, s, t, u, v, after @ ..] = rest {
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            let stream = u32::from_be_bytes([s & 0x7f, *t, *u, *v]);
            let Some(payload) = after.get(..length) else { break };
            self.take_frame(*kind, *flags, stream, payload)?;
            let is_last = matches!(*kind, kind::DATA | kind::HEADERS) && flags & END_STREAM != 0;
            if is_last && let Some(asked) = self.open.remove(&stream) {
                let now = Instant::now();
                if !asked.is_ok {
                    bail!("an answer on HTTP/2 was not 200");
                }
                if window.holds(now) {
                    tally.succeeded(asked.since, now, asked.bytes);
                }
            }
            rest = &after[length..];
        }
        self.input = rest.to_vec();
        Ok(())
    }

    fn take_frame(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> anyhow::Result<()> {
        match kind {
            kind::HEADERS => {
                if let Some(asked) = self.open.get_mut(&stream) {
                    // A change of the table's size may come first (RFC 7541 §6.3).
                    let field = payload.iter().find(|byte| *byte & 0xe0 != 0x20);
                    asked.is_ok = field == Some(&STATUS_200);
                }
            }
            kind::DATA => self.received(stream, payload.len()),
            kind::SETTINGS if flags & ACK == 0 => self.settle(payload),
            kind::PING if flags & ACK == 0 => self.frame(kind::PING, ACK, 0, payload),
            kind::WINDOW_UPDATE => {
                let more = payload.try_into().map(u32::from_be_bytes).context("a window update")?;
                let more = i64::from(more & 0x7fff_ffff);
                match self.open.get_mut(&stream) {
                    Some(asked) => asked.window += more,
                    None if stream == 0 => self.window += more,
                    None => {}
                }
            }
            kind::RST_STREAM => bail!("the server reset a stream"),
            kind::GOAWAY => bail!("the server said goodbye"),
            _ => {}
        }
        Ok(())
    }

    fn received(&mut self, stream: u32, count: usize) {
        if let Some(asked) = self.open.get_mut(&stream) {
            asked.bytes += count as u64;
        }
        self.unacknowledged += u32::try_from(count).unwrap_or(u32::MAX);
        if self.unacknowledged > OUR_WINDOW / 2 {
            let more = std::mem::take(&mut self.unacknowledged);
            self.frame(kind::WINDOW_UPDATE, 0, 0, &more.to_be_bytes());
        }
    }

    /// Follows `SETTINGS_INITIAL_WINDOW_SIZE`, for what is open too (RFC 9113 §6.9.2).
    fn settle(&mut self, payload: &[u8]) {
        for entry in payload.chunks_exact(6) {
            if let [0, 4, value @ ..] = entry
                && let Ok(value) = value.try_into().map(u32::from_be_bytes)
            {
                let change = i64::from(value) - self.stream_window;
                self.stream_window = i64::from(value);
                self.open.values_mut().for_each(|asked| asked.window += change);
            }
        }
        self.frame(kind::SETTINGS, ACK, 0, &[]);
    }
}

fn write_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("our own frames are small").to_be_bytes();
    out.extend([length[1], length[2], length[3], kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
}
