//! Which headers pass the gateway.
//!
//! From outside: nothing that speaks of an identity or an address, whatever its spelling, nothing that
//! belongs to one connection (RFC 9110 §7.6.1), and no name with an underscore, because some readers
//! take `_` and `-` for the same.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, COOKIE},
};

/// Names that only the gateway writes or nobody at all, exactly.
const IDENTITY_NAMES: [&str; 12] = [
    "client-ip",
    "forwarded",
    "x-real-ip",
    "x-remote-user",
    "remote-user",
    "true-client-ip",
    "x-cluster-client-ip",
    // Traces begin here: a stranger chooses neither their ids nor what is sampled.
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "uber-trace-id",
];

/// And everything that begins so.
const IDENTITY_PREFIXES: [&str; 10] = [
    "client-cert",
    "kakehashi-",
    "x-b3-",
    "x-forwarded",
    "x-client",
    "x-ssl",
    "ssl-client",
    "x-original-",
    "x-authenticated",
    "x-kakehashi",
];

/// Headers of one connection.
const HOP_NAMES: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Removes what must not come in from outside.
pub(crate) fn clean_request(headers: &mut HeaderMap) {
    remove(headers, |name| {
        is_of_the_hop(name) || is_about_identity(name) || name.contains('_') || name == "expect"
    });
    join_cookies(headers);
}

/// Removes what must not go out.
pub(crate) fn clean_response(headers: &mut HeaderMap) {
    remove(headers, |name| is_of_the_hop(name) || is_about_identity(name));
}

fn remove(headers: &mut HeaderMap, is_unwanted: impl Fn(&str) -> bool) {
    let mut unwanted: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| token.trim().parse().ok())
        .collect();
    unwanted.extend(headers.keys().filter(|name| is_unwanted(name.as_str())).cloned());
    for name in unwanted {
        headers.remove(name);
    }
}

fn is_of_the_hop(name: &str) -> bool {
    HOP_NAMES.contains(&name)
}

fn is_about_identity(name: &str) -> bool {
    let name = name.replace('_', "-");
    IDENTITY_NAMES.contains(&name.as_str())
        || IDENTITY_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// HTTP/2 may split the cookie header; HTTP/1.1 wants one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let values: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if values.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&values.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(pairs: &[(&str, &str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        clean_request(&mut headers);
        let mut left: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        left.sort();
        left
    }

    #[test]
    fn identity_headers_go_in_every_spelling() {
        for name in [
            "Client-Cert",
            "client-cert",
            "CLIENT-CERT",
            "Client_Cert",
            "client_cert",
            "Client-Cert-Chain",
            "Client_Cert-Chain",
            "Client-Cert-Verify",
            "X-Forwarded-For",
            "x_forwarded_for",
            "X-Forwarded_Proto",
            "X-FORWARDED-HOST",
            "X-Forwarded-Client-Cert",
            "X-Forwarded",
            "Forwarded",
            "FORWARDED",
            "X-Real-IP",
            "X_Real_IP",
            "X-Client-Cert",
            "X-Client-DN",
            "x_client_verify",
            "X-SSL-Client-Cert",
            "SSL_CLIENT_CERT",
            "SSL-Client-Verify",
            "Kakehashi-Request-Id",
            "kakehashi_request_id",
            "KAKEHASHI-Identity",
            "X-Kakehashi-Who",
            "Remote-User",
            "REMOTE_USER",
            "True-Client-IP",
            "X-Original-URL",
            "Traceparent",
            "tracestate",
            "Trace_Parent",
            "Baggage",
            "B3",
            "X-B3-TraceId",
        ] {
            assert_eq!(cleaned(&[(name, "forged"), (name, "twice")]), [""; 0], "{name}");
        }
    }

    #[test]
    fn headers_of_the_connection_stay_on_it() {
        let pairs = [
            ("connection", "keep-alive, x-hop"),
            ("connection", "X-Other-Hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("x-other-hop", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
        ];
        assert_eq!(cleaned(&pairs), [""; 0]);
    }

    #[test]
    fn ordinary_headers_pass() {
        let pairs = [("accept", "*/*"), ("tus-resumable", "1.0.0"), ("upload-offset", "0")];
        let expected = ["accept: */*", "tus-resumable: 1.0.0", "upload-offset: 0"];
        assert_eq!(cleaned(&pairs), expected);
    }

    #[test]
    fn split_cookies_are_joined() {
        assert_eq!(cleaned(&[("cookie", "a=1"), ("cookie", "b=2")]), ["cookie: a=1; b=2"]);
    }
}
