//! Which host a request speaks to: named once, plainly, and the one that TLS was made for.

use http::{HeaderValue, header::HOST, request::Parts};

use crate::refusal::Refusal;

/// Answers the host as the component shall see it.
///
/// HTTP/2 names it in the target, HTTP/1.1 in the header; where both are there they must agree (RFC 9112
/// §3.2.2, RFC 9113 §8.3.1). `asked` is the name in the TLS handshake, `ours` the names of the listener;
/// an empty list takes any.
///
/// # Errors
///
/// [`Refusal::HostMalformed`], [`Refusal::HostMismatch`].
pub(crate) fn host(
    head: &Parts,
    asked: Option<&str>,
    ours: &[String],
) -> Result<HeaderValue, Refusal> {
    let mut values = head.headers.get_all(HOST).iter();
    let (first, second) = (values.next(), values.next());
    let target = head.uri.authority();
    let value = match (target, first, second) {
        (_, _, Some(_)) | (None, None, None) => return Err(Refusal::HostMalformed),
        (Some(target), None, None) => {
            HeaderValue::from_str(target.as_str()).map_err(|_| Refusal::HostMalformed)?
        }
        (target, Some(value), None) => {
            let named = value.as_bytes();
            let agrees = |target: &[u8]| target.eq_ignore_ascii_case(named);
            if !target.is_none_or(|target| agrees(target.as_str().as_bytes())) {
                return Err(Refusal::HostMalformed);
            }
            value.clone()
        }
    };
    let name = value.to_str().ok().and_then(name).ok_or(Refusal::HostMalformed)?;
    let is_asked = asked.is_none_or(|asked| asked.eq_ignore_ascii_case(name));
    let is_ours = ours.is_empty() || ours.iter().any(|our| our.eq_ignore_ascii_case(name));
    if is_asked && is_ours { Ok(value) } else { Err(Refusal::HostMismatch) }
}

/// Answers the name without its port; `None` when it is no plain host.
fn name(text: &str) -> Option<&str> {
    let (name, rest) = if let Some(inner) = text.strip_prefix('[') {
        let end = inner.find(']')? + 2;
        let (address, rest) = text.split_at_checked(end)?;
        let is_address = address[1..end - 1].parse::<std::net::Ipv6Addr>().is_ok();
        if !is_address {
            return None;
        }
        (address, rest)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        if name.is_empty() || name.len() > 253 || !name.bytes().all(is_plain) {
            return None;
        }
        (name, rest)
    };
    let Some(port) = rest.strip_prefix(':') else { return rest.is_empty().then_some(name) };
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    is_port.then_some(name)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(uri: &str, hosts: &[&str], asked: Option<&str>, expected: Result<&str, Refusal>) {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let found = host(&head, asked, &["gate.example".to_owned(), "[::1]".to_owned()]);
        assert_eq!(found.as_ref().map(|value| value.to_str().unwrap()), expected.as_ref().copied());
    }

    #[test]
    fn a_host_is_named_by_header_target_or_both() {
        check("/", &["gate.example"], None, Ok("gate.example"));
        check("/", &["Gate.Example:8443"], Some("gate.example"), Ok("Gate.Example:8443"));
        check("https://gate.example:1/", &[], Some("gate.example"), Ok("gate.example:1"));
        check("https://gate.example/", &["GATE.example"], None, Ok("GATE.example"));
        check("/", &["[::1]:443"], None, Ok("[::1]:443"));
    }

    #[test]
    fn an_odd_host_is_refused() {
        let no = Err(Refusal::HostMalformed);
        check("/", &[], None, no);
        check("/", &["gate.example", "gate.example"], None, no);
        check("https://gate.example/", &["other.example"], None, no);
        for host in
            ["", ":1", "gate.example:", "gate.example:x", "gate.example:123456", "u@gate.example"]
        {
            check("/", &[host], None, no);
        }
        for host in
            ["gate.example/x", "gate example", "gate_example", "[::1", "[x]", "[::1]x", "::1"]
        {
            check("/", &[host], None, no);
        }
    }

    #[test]
    fn a_host_that_is_not_ours_or_not_the_one_asked_for_is_refused() {
        check("/", &["other.example"], None, Err(Refusal::HostMismatch));
        check("/", &["gate.example"], Some("other.example"), Err(Refusal::HostMismatch));
        check("/", &["gate.example."], None, Err(Refusal::HostMismatch));
    }
}
