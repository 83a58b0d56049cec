//! One HTTP/1.1 request head, held to RFC 9112 without leniency.
//!
//! Two readers that understand a message differently are how requests are smuggled, so whatever any
//! reader could take two ways is refused here and reaches neither our HTTP library nor a component.

use memchr::memchr;

/// Longest method.
const METHOD_BYTES_MAX: usize = 16;

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Nothing,
    Length(u64),
    Chunked,
}

/// Answers where the first head in `bytes` ends, looking from `from` on.
///
/// Any line end counts, so that a head with wrong ones is found whole and then refused.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = memchr(b'\n', bytes.get(at..)?) {
        let next = at + found + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// Checks a whole head, with the empty line at its end.
///
/// # Errors
///
/// A stable code naming the first rule that is broken.
pub(super) fn check(head: &[u8], fields_max: usize) -> Result<Framing, &'static str> {
    let mut lines = Lines(head);
    request_line(lines.next()?)?;
    let mut seen = Seen::default();
    for _ in 0..=fields_max {
        let line = lines.next()?;
        if line.is_empty() {
            return seen.framing();
        }
        field(line, &mut seen)?;
    }
    Err("wire-fields-many")
}

/// Lines that end in CR LF and hold no other control character but tab.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], &'static str> {
        let end = memchr(b'\n', self.0).ok_or("wire-line-end")?;
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").ok_or("wire-line-end")?;
        let is_control = |byte: u8| (byte < 0x20 && byte != b'\t') || byte == 0x7f;
        if line.iter().fold(false, |found, byte| found | is_control(*byte)) {
            return Err(if line.contains(&b'\r') {
                "wire-line-end"
            } else {
                "wire-control-character"
            });
        }
        Ok(line)
    }
}

fn request_line(line: &[u8]) -> Result<(), &'static str> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("wire-request-line");
    };
    let is_method =
        (1..=METHOD_BYTES_MAX).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    if !is_method || method == b"CONNECT" || method == b"TRACE" {
        return Err("wire-method");
    }
    if version != b"HTTP/1.1" {
        return Err("wire-version");
    }
    if target == b"*" && method == b"OPTIONS" {
        return Ok(());
    }
    // Absolute and authority form would name a second host.
    if target.first() != Some(&b'/') || !target.iter().all(|byte| is_target(*byte)) {
        return Err("wire-target");
    }
    Ok(())
}

/// RFC 3986 without fragment, and what browsers leave as it is in a query.
const fn is_target(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\')
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// [`is_token`] as a table: every byte of every field name is looked up.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = is_token(byte);
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    table
};

/// What the fields so far say about the message.
#[derive(Default)]
struct Seen {
    length: Option<u64>,
    is_chunked: bool,
    hosts: u8,
}

impl Seen {
    fn framing(&self) -> Result<Framing, &'static str> {
        if self.hosts != 1 {
            return Err("host-malformed");
        }
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err("wire-length-conflict"),
            (None, true) => Ok(Framing::Chunked),
            (None | Some(0), false) => Ok(Framing::Nothing),
            (Some(length), false) => Ok(Framing::Length(length)),
        }
    }
}

fn field(line: &[u8], seen: &mut Seen) -> Result<(), &'static str> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err("wire-fold");
    }
    let colon = memchr(b':', line).ok_or("wire-field-name")?;
    let (name, value) = line.split_at(colon);
    if name.is_empty() || !name.iter().all(|byte| TOKEN[usize::from(*byte)]) {
        return Err("wire-field-name");
    }
    let value = value.get(1..).unwrap_or_default();
    match name.len() {
        4 if name.eq_ignore_ascii_case(b"host") => seen.hosts = seen.hosts.saturating_add(1),
        6 if name.eq_ignore_ascii_case(b"expect")
            && !value.trim_ascii().eq_ignore_ascii_case(b"100-continue") =>
        {
            return Err("wire-expectation");
        }
        // Nothing is upgraded: no h2c, no WebSocket.
        7 if name.eq_ignore_ascii_case(b"upgrade") => return Err("wire-upgrade"),
        14 if name.eq_ignore_ascii_case(b"content-length") => {
            if seen.length.is_some() {
                return Err("wire-length-conflict");
            }
            seen.length = Some(length(value.trim_ascii())?);
        }
        14 if name.eq_ignore_ascii_case(b"http2-settings") => return Err("wire-upgrade"),
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
            if seen.is_chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err("wire-encoding");
            }
            seen.is_chunked = true;
        }
        _ => {}
    }
    Ok(())
}

fn length(value: &[u8]) -> Result<u64, &'static str> {
    if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return Err("wire-length-malformed");
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(head: &str, code: &str) {
        assert_eq!(check(head.as_bytes(), 100), Err(code), "{head:?}");
    }

    /// A head with these fields after the host.
    fn with(fields: &str) -> String {
        format!("POST /a HTTP/1.1\r\nHost: x\r\n{fields}\r\n")
    }

    #[test]
    fn a_plain_head_says_what_follows() {
        for (fields, framing) in [
            ("", Framing::Nothing),
            ("Content-Length: 0\r\n", Framing::Nothing),
            ("content-LENGTH:5\r\n", Framing::Length(5)),
            ("Content-Length:\t 007 \r\n", Framing::Length(7)),
            ("Transfer-Encoding: Chunked\r\n", Framing::Chunked),
            ("X: \u{e9}\u{3042}\t;=\"\r\nEmpty:\r\nExpect: 100-continue\r\n", Framing::Nothing),
        ] {
            assert_eq!(check(with(fields).as_bytes(), 100), Ok(framing), "{fields:?}");
        }
        assert_eq!(check(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 9), Ok(Framing::Nothing));
    }

    #[test]
    fn request_lines_are_exact() {
        let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n");
        for text in [
            "GET /",
            "GET  / HTTP/1.1",
            "GET / HTTP/1.1 ",
            " GET / HTTP/1.1",
            "GET",
            "",
            "GET\t/\tHTTP/1.1",
        ] {
            let found = check(line(text).as_bytes(), 100);
            assert!(matches!(found, Err("wire-request-line" | "wire-method")), "{text}: {found:?}");
        }
        for version in
            ["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "http/1.1", "HTTP/1.10", "HTTP/01.1", "HTTP/ 1.1"]
        {
            let found = check(line(&format!("GET / {version}")).as_bytes(), 100);
            assert!(
                matches!(found, Err("wire-version" | "wire-request-line")),
                "{version}: {found:?}"
            );
        }
        for target in [
            "http://x/",
            "https://x/",
            "x:1",
            "*",
            "//x\\y",
            "/#a",
            "/\"",
            "/<",
            "/\u{e9}",
            "?a",
            "a",
        ] {
            refused(&line(&format!("GET {target} HTTP/1.1")), "wire-target");
        }
        for method in ["CONNECT", "TRACE", "get", "G(T", "GET:", "ABCDEFGHIJKLMNOPQ"] {
            refused(&line(&format!("{method} / HTTP/1.1")), "wire-method");
        }
    }

    #[test]
    fn line_ends_and_characters_are_exact() {
        for head in [
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\n",
            "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
            "GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
        ] {
            refused(head, "wire-line-end");
        }
        for value in ["\0", "a\0b", "\x01", "\x1b[0m", "\x7f"] {
            refused(&with(&format!("A: {value}\r\n")), "wire-control-character");
        }
        refused(&with(" folded\r\n"), "wire-fold");
        refused(&with("A: b\r\n\tfolded\r\n"), "wire-fold");
    }

    #[test]
    fn field_names_are_tokens() {
        for field in [
            "A : b",
            "A\t: b",
            ": b",
            "A b: c",
            "A",
            "\u{e9}: b",
            "A(: b",
            "A;: b",
            "\"A\": b",
            "A/b: c",
        ] {
            refused(&with(&format!("{field}\r\n")), "wire-field-name");
        }
        let many = "A: b\r\n".repeat(100);
        refused(&with(&many), "wire-fields-many");
        assert!(check(with(&"A: b\r\n".repeat(99)).as_bytes(), 100).is_ok());
    }

    #[test]
    fn a_length_is_said_once_and_plainly() {
        for value in [
            "+5",
            "-5",
            "0x5",
            "5 5",
            "5,5",
            "5, 6",
            "",
            "5.0",
            "\u{ff15}",
            "5;",
            "9999999999999999999",
        ] {
            refused(&with(&format!("Content-Length: {value}\r\n")), "wire-length-malformed");
        }
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\ncontent-length: 6\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        ] {
            refused(&with(fields), "wire-length-conflict");
        }
        for value in [
            "gzip",
            "gzip, chunked",
            "chunked, chunked",
            "xchunked",
            "chunked;a",
            "identity",
            "",
            "\x0bchunked",
        ] {
            let found = check(with(&format!("Transfer-Encoding: {value}\r\n")).as_bytes(), 100);
            assert!(
                matches!(found, Err("wire-encoding" | "wire-control-character")),
                "{value}: {found:?}"
            );
        }
        refused(
            &with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            "wire-encoding",
        );
    }

    #[test]
    fn hosts_upgrades_and_expectations() {
        refused("GET / HTTP/1.1\r\n\r\n", "host-malformed");
        refused(&with("host: x\r\n"), "host-malformed");
        refused(&with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), "wire-upgrade");
        refused(&with("HTTP2-Settings: AAMAAABk\r\n"), "wire-upgrade");
        refused(&with("Expect: 200-ok\r\n"), "wire-expectation");
    }

    #[test]
    fn the_end_is_found_wherever_the_search_begins() {
        let text = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrest";
        assert_eq!((0..16).map(|from| end(text, from)).max(), Some(Some(27)));
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: x\r\n", 0), None);
        assert_eq!(end(b"a\n\nb", 0), Some(3));
        assert_eq!(end(b"", 0), None);
        assert_eq!(end(b"a", 5), None);
    }
}
