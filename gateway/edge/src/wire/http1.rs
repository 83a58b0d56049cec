//! The bytes of an HTTP/1.1 connection, checked as they come in.
//!
//! A head is passed on when it is whole and right, a body as it comes, its framing checked in place. Only
//! the part of a head whose rest is still to come is held, so an idle connection holds nothing.

use super::head::{self, Framing};

/// Digits of a chunk's size.
const CHUNK_DIGITS_MAX: u8 = 8;

/// Where in the stream of messages we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Body(u64),
    Chunk(Chunk),
}

/// Where in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size { bytes: u64, digits: u8 },
    SizeEnd { bytes: u64 },
    Data(u64),
    DataReturn,
    DataEnd,
    LastReturn,
    LastEnd,
}

const CHUNK: Place = Place::Chunk(Chunk::Size { bytes: 0, digits: 0 });

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// So many may be passed on. The rest is held.
    Pass(usize),
    /// So many may be passed on, then comes a head that is refused.
    HeadRefused(usize, &'static str),
    /// So many may be passed on, then comes a body that is refused.
    BodyRefused(usize, &'static str),
}

/// The checker of one connection.
#[derive(Debug)]
pub(super) struct Http1 {
    place: Place,
    held: Vec<u8>,
    head_bytes_max: usize,
    fields_max: usize,
}

impl Http1 {
    pub(super) const fn new(head_bytes_max: usize, fields_max: usize) -> Self {
        Self { place: Place::Head, held: Vec::new(), head_bytes_max, fields_max }
    }

    /// Whether a head has begun whose end is still to come.
    pub(super) const fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether a body is still to come, so that closing now would cut it off.
    pub(super) fn is_in_body(&self) -> bool {
        self.place != Place::Head
    }

    /// Checks bytes that follow those held, and answers all that is to be passed on now.
    pub(super) fn check_held(&mut self, more: &[u8]) -> (Vec<u8>, Checked) {
        let mut whole = std::mem::take(&mut self.held);
        let from = whole.len().saturating_sub(2);
        whole.extend_from_slice(more);
        let checked = self.check_from(&whole, from);
        (whole, checked)
    }

    /// Checks bytes when none are held.
    pub(super) fn check(&mut self, bytes: &[u8]) -> Checked {
        self.check_from(bytes, 0)
    }

    fn check_from(&mut self, bytes: &[u8], mut searched: usize) -> Checked {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.place {
                Place::Head => {
                    let Some(end) = head::end(rest, searched.saturating_sub(at)) else {
                        return self.hold(rest, at);
                    };
                    searched = 0;
                    let (head, _) = rest.split_at(end);
                    if head.len() > self.head_bytes_max {
                        return Checked::HeadRefused(at, "wire-head-long");
                    }
                    match head::check(head, self.fields_max) {
                        Ok(framing) => self.place = after(framing),
                        Err(code) => return Checked::HeadRefused(at, code),
                    }
                    at += end;
                }
                Place::Body(left) => {
                    let taken = left.min(rest.len() as u64);
                    self.place =
                        if taken == left { Place::Head } else { Place::Body(left - taken) };
                    at += usize::try_from(taken).unwrap_or(rest.len());
                }
                Place::Chunk(chunk) => match self.chunk(chunk, rest) {
                    Ok(taken) => at += taken,
                    Err(code) => return Checked::BodyRefused(at, code),
                },
            }
        }
        Checked::Pass(at)
    }

    /// Holds a head that has only begun; refuses what can become none.
    fn hold(&mut self, begun: &[u8], at: usize) -> Checked {
        if !begun.first().is_some_and(u8::is_ascii_uppercase) {
            return Checked::HeadRefused(at, "wire-request-line");
        }
        if begun.len() > self.head_bytes_max {
            return Checked::HeadRefused(at, "wire-head-long");
        }
        self.held = begun.to_vec();
        Checked::Pass(at)
    }

    /// Takes one step in a chunked body and answers how many bytes it took.
    fn chunk(&mut self, chunk: Chunk, rest: &[u8]) -> Result<usize, &'static str> {
        let Some(byte) = rest.first().copied() else { return Ok(0) };
        let (next, taken) = match chunk {
            Chunk::Size { bytes, digits } => (size(byte, bytes, digits)?, 1),
            Chunk::SizeEnd { bytes } if byte == b'\n' => {
                (if bytes == 0 { Chunk::LastReturn } else { Chunk::Data(bytes) }, 1)
            }
            Chunk::Data(left) => {
                let taken = left.min(rest.len() as u64);
                let next =
                    if taken == left { Chunk::DataReturn } else { Chunk::Data(left - taken) };
                (next, usize::try_from(taken).unwrap_or(rest.len()))
            }
            Chunk::DataReturn if byte == b'\r' => (Chunk::DataEnd, 1),
            Chunk::DataEnd if byte == b'\n' => (Chunk::Size { bytes: 0, digits: 0 }, 1),
            Chunk::LastReturn if byte == b'\r' => (Chunk::LastEnd, 1),
            Chunk::LastEnd if byte == b'\n' => {
                self.place = Place::Head;
                return Ok(1);
            }
            // A trailer could carry what a header may not.
            Chunk::LastReturn => return Err("wire-trailer"),
            Chunk::SizeEnd { .. } | Chunk::DataReturn | Chunk::DataEnd | Chunk::LastEnd => {
                return Err("wire-chunk");
            }
        };
        self.place = Place::Chunk(next);
        Ok(taken)
    }
}

const fn after(framing: Framing) -> Place {
    match framing {
        Framing::Nothing => Place::Head,
        Framing::Length(length) => Place::Body(length),
        Framing::Chunked => CHUNK,
    }
}

/// Reads one character of a chunk's size line. Extensions are refused: nobody needs them.
fn size(byte: u8, bytes: u64, digits: u8) -> Result<Chunk, &'static str> {
    let digit = match byte {
        b'\r' if digits > 0 => return Ok(Chunk::SizeEnd { bytes }),
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => return Err("wire-chunk"),
    };
    if digits == CHUNK_DIGITS_MAX {
        return Err("wire-chunk");
    }
    Ok(Chunk::Size { bytes: bytes * 16 + u64::from(digit), digits: digits + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Feeds the text in pieces and answers what is passed on, and the code it ends with.
    fn feed(text: &[u8], piece: usize) -> (Vec<u8>, Option<&'static str>) {
        let mut http = Http1::new(1000, 20);
        let mut passed = Vec::new();
        for bytes in text.chunks(piece) {
            let (whole, checked) = if http.is_holding() {
                http.check_held(bytes)
            } else {
                (bytes.to_vec(), http.check(bytes))
            };
            match checked {
                Checked::Pass(count) => passed.extend_from_slice(&whole[..count]),
                Checked::HeadRefused(count, code) | Checked::BodyRefused(count, code) => {
                    passed.extend_from_slice(&whole[..count]);
                    return (passed, Some(code));
                }
            }
        }
        (passed, None)
    }

    #[track_caller]
    fn check(text: &str, passed: &str, code: Option<&str>) {
        for piece in [1, 2, 3, 7, 4096] {
            let found = feed(text.as_bytes(), piece);
            assert_eq!(
                (std::str::from_utf8(&found.0).unwrap(), found.1),
                (passed, code),
                "{piece}"
            );
        }
    }

    #[test]
    fn whatever_pieces_they_come_in_right_messages_pass() {
        let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
        let chunks = format!("{CHUNKED}5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n");
        for text in [GET.to_owned(), GET.repeat(3), format!("{post}{GET}"), chunks + GET] {
            check(&text, &text, None);
        }
    }

    #[test]
    fn nothing_of_a_refused_head_passes_and_all_before_it_does() {
        check(&format!("{GET}GET / HTTP/1.0\r\n\r\n"), GET, Some("wire-version"));
        check(&format!("{GET}\r\n{GET}"), GET, Some("wire-request-line"));
        check("\u{16}\u{3}", "", Some("wire-request-line"));
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(1000));
        check(&long, "", Some("wire-head-long"));
    }

    #[test]
    fn a_head_that_is_not_whole_is_held() {
        for end in 0..GET.len() {
            check(&GET[..end], "", None);
        }
    }

    #[test]
    fn odd_chunks_are_refused_where_they_begin_to_be_odd() {
        for (body, code) in [
            ("+5\r\nhello", "wire-chunk"),
            ("0x5\r\nhello", "wire-chunk"),
            (" 5\r\nhello", "wire-chunk"),
            ("5 \r\nhello", "wire-chunk"),
            ("5;a=b\r\nhello", "wire-chunk"),
            ("5\nhello", "wire-chunk"),
            ("5\r\rhello", "wire-chunk"),
            ("\r\n", "wire-chunk"),
            ("g\r\n", "wire-chunk"),
            ("-1\r\n", "wire-chunk"),
            ("000000005\r\nhello", "wire-chunk"),
            ("5\r\nhello!\r\n", "wire-chunk"),
            ("5\r\nhello\n0\r\n\r\n", "wire-chunk"),
            ("0\r\nX: y\r\n\r\n", "wire-trailer"),
            ("0\r\n\n", "wire-trailer"),
            ("0\r\n\rx", "wire-chunk"),
        ] {
            for piece in [1, 3, 4096] {
                let (_, found) = feed(format!("{CHUNKED}{body}").as_bytes(), piece);
                assert_eq!(found, Some(code), "{body:?}");
            }
        }
    }

    #[test]
    fn a_chunked_body_ends_where_the_next_head_begins() {
        let text = format!("{CHUNKED}0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nA: b\n\r\n");
        let passed = format!("{CHUNKED}0\r\n\r\n");
        check(&text, &passed, Some("wire-line-end"));
    }
}
