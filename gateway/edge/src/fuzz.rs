//! A door for the fuzz targets to what reads strangers' bytes here and is nobody else's business. Each
//! function answers a word for how the bytes were taken, and panics when a reader contradicts itself.

use http::{HeaderMap, HeaderName, HeaderValue, Request, header::CONNECTION, request::Parts};
use rustls::server::Acceptor;

use crate::{
    guard::Fingerprint,
    headers::{clean_request, clean_response},
    host::host,
    note::{CertificateNote, serial_of},
    policy, wire,
};

/// An HTTP/1.1 stream, whole and cut.
pub fn http1(bytes: &[u8]) -> &'static str {
    wire::fuzz::http1(bytes)
}

/// An HTTP/2 stream, whole and cut.
pub fn http2(bytes: &[u8]) -> &'static str {
    wire::fuzz::http2(bytes)
}

/// A path template and a path.
pub fn path(bytes: &[u8]) -> &'static str {
    policy::fuzz::path(bytes)
}

/// A type of parameter and a value.
pub fn parameter(bytes: &[u8]) -> &'static str {
    policy::fuzz::parameter(bytes)
}

/// Headers, one a line, as they come from outside.
pub fn headers(bytes: &[u8]) -> &'static str {
    let mut headers = read_headers(bytes);
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let before = headers.len();
    let mut outward = headers.clone();
    clean_response(&mut outward);
    clean_request(&mut headers);
    for name in headers.keys().map(HeaderName::as_str) {
        assert!(!name.contains('_'), "{name} can be read as another");
        assert!(!named.iter().any(|hop| hop == name), "{name} belongs to the connection");
        assert!(!tells_who(name), "{name} tells who somebody is");
    }
    for name in outward.keys().map(HeaderName::as_str) {
        assert!(!tells_who(&name.replace('_', "-")), "{name} tells who somebody is");
    }
    assert!(headers.get_all("cookie").iter().count() <= 1, "cookies come in one piece");
    let mut again = headers.clone();
    clean_request(&mut again);
    assert_eq!(again, headers, "clean stays clean");
    match before - headers.len().min(before) {
        0 => "kept",
        _ if headers.is_empty() => "nothing left",
        _ => "cleaned",
    }
}

/// Written anew, not the table that is tried: who the components believe somebody is.
fn tells_who(name: &str) -> bool {
    let begins = [
        "client-cert",
        "forwarded",
        "x-forwarded",
        "x-real-ip",
        "remote-user",
        "ssl-client",
        "true-client-ip",
    ];
    let ours = ["kakehashi-", "x-kakehashi", "x-client", "x-ssl", "x-original-"];
    begins.iter().chain(&ours).any(|begin| name == *begin)
        || ["client-cert", "x-forwarded"].iter().chain(&ours).any(|begin| name.starts_with(begin))
}

fn read_headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), value) = (parts.next(), parts.next().unwrap_or_default()) else {
            continue;
        };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    headers
}

/// A request target, `Host` headers, one a line, after an empty line the name asked for in the handshake.
pub fn request_host(bytes: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(bytes) else { return "not text" };
    let (head, asked) = text.split_once("\n\n").map_or((text, None), |(h, asked)| (h, Some(asked)));
    let mut lines = head.lines();
    let mut request = Request::builder().uri(lines.next().unwrap_or_default());
    for host in lines.take(3) {
        request = request.header("host", host);
    }
    let Ok(request) = request.body(()) else { return "no request" };
    let (head, ()): (Parts, ()) = request.into_parts();
    let ours = ["gate.example".to_owned(), "localhost".to_owned()];
    let Ok(value) = host(&head, asked, &ours) else {
        return if host(&head, asked, &[]).is_ok() { "not ours" } else { "refused" };
    };
    let authority: http::uri::Authority =
        value.to_str().ok().and_then(|value| value.parse().ok()).expect("an authority");
    let name = authority.host();
    assert!(ours.iter().any(|our| our.eq_ignore_ascii_case(name)), "{name}");
    assert!(asked.is_none_or(|asked| asked.eq_ignore_ascii_case(name)), "{name}");
    assert!(!authority.as_str().contains('@'), "{authority}");
    if let Some(target) = head.uri.authority() {
        assert!(target.as_str().eq_ignore_ascii_case(authority.as_str()), "{target} {authority}");
    }
    "ours"
}

/// A client's first message, whole and in pieces.
pub fn hello(bytes: &[u8]) -> &'static str {
    let whole = read_hello(&mut std::iter::once(bytes));
    let third = (bytes.len() / 3).max(1);
    let cut = read_hello(&mut bytes.chunks(third));
    if let (Ok(Some(whole)), Ok(Some(cut))) = (&whole, &cut) {
        assert_eq!(whole, cut, "a client looks the same however it is heard");
    }
    match whole {
        Ok(Some((_, Some(_)))) => "hello by name",
        Ok(Some(_)) => "hello",
        Ok(None) => "not whole",
        Err(()) => "refused",
    }
}

type Heard = (Fingerprint, Option<String>);

fn read_hello(pieces: &mut dyn Iterator<Item = &[u8]>) -> Result<Option<Heard>, ()> {
    let mut acceptor = Acceptor::default();
    for mut piece in pieces {
        while !piece.is_empty() {
            if acceptor.read_tls(&mut piece).map_err(|_| ())? == 0 {
                break;
            }
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    let hello = accepted.client_hello();
                    let name = hello.server_name().map(str::to_owned);
                    return Ok(Some((Fingerprint::of(&hello), name)));
                }
                Ok(None) => {}
                Err(_) => return Err(()),
            }
        }
    }
    Ok(None)
}

/// A certificate that is refused, as far as a person and the ledger are told of it.
pub fn note(bytes: &[u8]) -> &'static str {
    let (note, serial) = (CertificateNote::of(bytes), serial_of(bytes));
    assert_eq!(note.is_some(), serial.is_some());
    let (Some(note), Some(serial)) = (note, serial) else { return "unreadable" };
    assert!(note.issuer.chars().count() <= 80 && !note.issuer.chars().any(char::is_control));
    assert!(serial.len() <= 64 && serial.bytes().all(|byte| byte.is_ascii_hexdigit()), "{serial}");
    assert_eq!(note.serial_end.len(), 8);
    "told"
}
