//! Headers every answer carries where its component said nothing: not to be stored, not to be guessed at,
//! and by TLS only. Components that serve pages set more of their own.

use std::net::Ipv4Addr;

use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};

/// One year: what browsers' lists and auditors ask for.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");

#[cfg_attr(not(test), expect(dead_code, reason = "wired in with the request's stages"))]
/// Adds what is missing. `host` is whom the client spoke to.
pub(crate) fn complete(headers: &mut HeaderMap, host: Option<&HeaderValue>) {
    headers.entry(X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if host.and_then(|host| host.to_str().ok()).is_some_and(is_a_name) {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
}

/// Addresses cannot be remembered (RFC 6797 §8.1.1), and remembering `localhost` would shut every other
/// program of a developer's machine out of the browser.
fn is_a_name(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_local = name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost");
    !(is_local || name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(host: Option<&'static str>, own: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in own {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        complete(&mut headers, host.map(HeaderValue::from_static).as_ref());
        headers
    }

    #[test]
    fn what_a_component_said_stays() {
        let headers = completed(None, &[("cache-control", "private, max-age=300")]);
        assert_eq!(headers["cache-control"], "private, max-age=300");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(completed(None, &[])["cache-control"], "no-store");
    }

    #[test]
    fn only_names_are_remembered_for_tls() {
        let is_remembered =
            |host| completed(Some(host), &[]).contains_key("strict-transport-security");
        for host in ["kakehashi.example", "kakehashi.example:8441"] {
            assert!(is_remembered(host), "{host}");
        }
        for host in ["localhost", "LOCALHOST:8441", "a.localhost", "127.0.0.1:8441", "[::1]:8441"] {
            assert!(!is_remembered(host), "{host}");
        }
        assert!(!completed(None, &[]).contains_key("strict-transport-security"));
    }
}
