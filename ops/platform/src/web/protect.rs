//! What every response carries and every unsafe request must satisfy.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, header};

use super::{Language, ProblemResponse, shell};

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Middleware around all routes of a component that serves pages: refuses unsafe requests that
/// another site's page made the browser send, sets the security headers, shows problems to people as
/// pages, and remembers the language.
pub async fn protect(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let language = Language::of(&parts);
    let wants_page = accepts_html(&parts);
    let sets_language = parts.uri.query().is_some_and(|query| query.contains("lang="));
    let mut response = if is_cross_site(&parts) {
        ProblemResponse::forbidden("ほかのサイトからの操作は受け付けません").into_response()
    } else {
        next.run(Request::from_parts(parts, body)).await
    };
    if wants_page && let Some(problem) = response.extensions().get::<ProblemResponse>().cloned() {
        let status = response.status();
        response = (status, shell::problem_page(&problem.0, language)).into_response();
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if sets_language {
        let cookie = format!(
            "lang={}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Strict",
            language.tag()
        );
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }
    response
}

fn accepts_html(parts: &http::request::Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Browsers say where a request comes from: by Fetch Metadata, older ones by `Origin`. Other clients say
/// neither and hold a client certificate of their own.
fn is_cross_site(parts: &http::request::Parts) -> bool {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return false;
    }
    if let Some(site) = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        return site != b"same-origin" && site != b"none";
    }
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return false };
    let host = parts.headers.get(header::HOST).map(HeaderValue::as_bytes);
    origin.as_bytes().strip_prefix(b"https://") != host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, site: Option<&str>) -> http::request::Parts {
        let mut request = http::Request::builder().method(method).uri("/");
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn another_sites_form_cannot_post() {
        assert!(is_cross_site(&parts("POST", Some("cross-site"))));
        assert!(is_cross_site(&parts("PATCH", Some("same-site"))));
        assert!(!is_cross_site(&parts("POST", Some("same-origin"))));
        assert!(!is_cross_site(&parts("POST", None)));
        assert!(!is_cross_site(&parts("GET", Some("cross-site"))));
    }

    #[test]
    fn nor_can_it_in_a_browser_that_knows_only_the_origin() {
        let from = |origin: &str, host: &str| {
            let mut parts = parts("POST", None);
            parts.headers.insert("origin", origin.parse().unwrap());
            parts.headers.insert("host", host.parse().unwrap());
            is_cross_site(&parts)
        };
        assert!(from("https://elsewhere.example", "registry.example"));
        assert!(from("http://registry.example", "registry.example"));
        assert!(from("https://registry.example:444", "registry.example"));
        assert!(from("null", "registry.example"));
        assert!(!from("https://registry.example", "registry.example"));
        assert!(!from("https://localhost:8441", "localhost:8441"));
    }
}
