//! Headers every answer carries where its component said nothing: not to be stored, not to be guessed at,
//! and by TLS only. Components that serve pages set more of their own.

use std::net::Ipv4Addr;

use http::{
    HeaderMap, HeaderValue, Request,
    header::{CACHE_CONTROL, HOST, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    uri::Authority,
};

/// One year: what browsers' lists and auditors ask for.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Whom the client spoke to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Somebody with a name that a browser may remember.
    Name,
    /// An address, this machine, or nobody. Addresses cannot be remembered (RFC 6797 §8.1.1), and
    /// remembering `localhost` would shut every other program of a developer's machine out.
    Other,
}

impl Host {
    /// Reads it from the target or, in HTTP/1.1, the header.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let target = request.uri().authority().map(Authority::as_str);
        let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        if target.or(header).is_some_and(is_a_name) { Self::Name } else { Self::Other }
    }
}

/// Adds what is missing.
pub(crate) fn complete(headers: &mut HeaderMap, host: Host) {
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if host == Host::Name {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
}

fn is_a_name(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local = name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost");
    !(is_local || name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(host: Host, own: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        complete(&mut headers, host);
        headers
    }

    #[test]
    fn what_a_component_said_stays() {
        let headers = completed(Host::Other, &[("cache-control", "private, max-age=300")]);
        assert_eq!(headers["cache-control"], "private, max-age=300");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(completed(Host::Other, &[])["cache-control"], "no-store");
    }

    #[test]
    fn only_names_are_remembered_for_tls() {
        let names = ["kakehashi.example", "kakehashi.example:8441"];
        let others = ["localhost", "LOCALHOST:8441", "a.localhost", "127.0.0.1:8441", "[::1]:8441"];
        let both = names.map(|host| (host, Host::Name)).into_iter();
        for (host, expected) in both.chain(others.map(|host| (host, Host::Other))) {
            let header = Request::get("/").header("host", host).body(()).unwrap();
            let target = Request::get(format!("https://{host}/")).body(()).unwrap();
            assert_eq!((Host::of(&header), Host::of(&target)), (expected, expected), "{host}");
        }
        assert_eq!(Host::of(&Request::get("/").body(()).unwrap()), Host::Other);
        assert!(completed(Host::Name, &[]).contains_key("strict-transport-security"));
        assert!(!completed(Host::Other, &[]).contains_key("strict-transport-security"));
    }
}
