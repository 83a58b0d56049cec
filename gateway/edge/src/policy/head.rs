//! What a request's head says about its query, its headers and its body, held against a route.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Version,
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
    request::Parts,
};

use super::{
    methods::takes_body,
    parameter::{Kind, Plus, decode},
};
use crate::refusal::Refusal;

/// Longest query that is looked at.
const QUERY_BYTES_MAX: usize = 4_096;

/// Most parameters one route may declare.
pub(super) const PARAMETERS_MAX: usize = 32;

/// Longest content type that is looked at.
const MEDIA_BYTES_MAX: usize = 128;

/// A query parameter or a header.
#[derive(Debug, Clone)]
pub(super) struct Rule<N> {
    pub(super) name: N,
    pub(super) kind: Arc<Kind>,
    pub(super) is_required: bool,
    pub(super) times_max: u8,
}

/// What bodies a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bodies {
    /// None.
    None,
    /// Those of these content types, in lower case.
    Of(Vec<String>),
    /// Any, and whatever it is called.
    Any,
}

/// Checks a query: every parameter known, of its type, no more often than permitted.
pub(super) fn check_query(rules: &[Rule<Box<str>>], query: &str) -> Result<(), Refusal> {
    if query.len() > QUERY_BYTES_MAX || !query.bytes().all(is_of_a_query) {
        return Err(Refusal::QueryMalformed);
    }
    let mut times = [0_u8; PARAMETERS_MAX];
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, Plus::IsSpace).ok_or(Refusal::QueryMalformed)?;
        let found = rules.iter().zip(&mut times).find(|(rule, _)| *rule.name == *name);
        let (rule, times) = found.ok_or(Refusal::ParameterUnknown)?;
        if *times == rule.times_max {
            return Err(Refusal::ParameterDoubled);
        }
        *times += 1;
        let value = decode(value, Plus::IsSpace).ok_or(Refusal::QueryMalformed)?;
        if !rule.kind.accepts(&value) {
            return Err(Refusal::ParameterMalformed);
        }
    }
    let is_missing = |(rule, times): (&Rule<Box<str>>, &u8)| rule.is_required && *times == 0;
    if rules.iter().zip(&times).any(is_missing) {
        return Err(Refusal::ParameterMissing);
    }
    Ok(())
}

/// Checks the headers a route has rules for. Others are nobody's business here.
pub(super) fn check_headers(
    rules: &[Rule<HeaderName>],
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    for rule in rules {
        let mut times = 0;
        for value in headers.get_all(&rule.name) {
            let text = value.to_str().map_err(|_| Refusal::HeaderMalformed)?;
            times += 1;
            if times > rule.times_max || !rule.kind.accepts(text) {
                return Err(Refusal::HeaderMalformed);
            }
        }
        if rule.is_required && times == 0 {
            return Err(Refusal::HeaderMalformed);
        }
    }
    Ok(())
}

/// Checks what a head announces of its body. Answers whether there may be one at all: where not even a
/// content type is given, the body must turn out empty.
pub(super) fn check_body(bodies: &Bodies, head: &Parts) -> Result<bool, Refusal> {
    let announced = announced(head);
    let takes_none = *bodies == Bodies::None || !takes_body(&head.method);
    if takes_none {
        return match announced {
            Announced::Some => Err(Refusal::BodyUnexpected),
            Announced::Empty | Announced::Nothing => Ok(false),
        };
    }
    let Bodies::Of(types) = bodies else { return Ok(true) };
    let mut values = head.headers.get_all(CONTENT_TYPE).iter();
    match (values.next(), values.next(), announced) {
        (_, None, Announced::Empty) | (None, None, Announced::Nothing) => Ok(false),
        (Some(media), None, _) if is_one_of(types, media) => Ok(true),
        _ => Err(Refusal::ContentType),
    }
}

/// Answers whether a method and its route agree about bodies: for the checker of policies.
pub(super) fn may_have_body(methods: &[Method]) -> bool {
    methods.iter().any(takes_body)
}

/// What the head says of the body's length.
enum Announced {
    /// There is one.
    Some,
    /// There is none.
    Empty,
    /// Nothing: in HTTP/1.1 there is none, in HTTP/2 one may follow.
    Nothing,
}

fn announced(head: &Parts) -> Announced {
    let length = head.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    match length {
        _ if head.headers.contains_key(TRANSFER_ENCODING) => Announced::Some,
        Some(b"0") => Announced::Empty,
        Some(_) => Announced::Some,
        None if head.version == Version::HTTP_2 => Announced::Nothing,
        None => Announced::Empty,
    }
}

/// Answers whether a content type is among those named, with no parameter but a plain charset or
/// boundary.
fn is_one_of(types: &[String], media: &HeaderValue) -> bool {
    let Ok(text) = media.to_str() else { return false };
    if text.len() > MEDIA_BYTES_MAX {
        return false;
    }
    let mut parts = text.split(';');
    let essence = parts.next().unwrap_or_default().trim();
    types.iter().any(|known| known.eq_ignore_ascii_case(essence))
        && parts.all(|parameter| is_plain_parameter(parameter.trim()))
}

fn is_plain_parameter(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let inner = value.strip_prefix('"').map_or(Some(value), |value| value.strip_suffix('"'));
    let is_token = |text: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:+'/".contains(&b);
        !text.is_empty() && text.bytes().all(is_plain)
    };
    ["charset", "boundary"].iter().any(|known| name.eq_ignore_ascii_case(known))
        && inner.is_some_and(is_token)
}

/// Unreserved characters and what RFC 3986 permits in a query, less what has other meanings to some
/// readers.
const fn is_of_a_query(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
                | b'/'
                | b'?'
                | b'%'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule<N>(name: N, kind: &str, is_required: bool, times_max: u8) -> Rule<N> {
        let kind = Arc::new(Kind::read(toml::from_str(kind).unwrap()).unwrap());
        Rule { name, kind, is_required, times_max }
    }

    #[track_caller]
    fn query(text: &str, expected: Result<(), Refusal>) {
        let number = "kind = \"integer\"\nmin = 1\nmax = 99";
        let words = "kind = \"text\"\ncharacters_max = 20";
        let rules = [
            rule("page".into(), number, false, 1),
            rule("form".into(), words, true, 1),
            rule("tag".into(), words, false, 2),
        ];
        assert_eq!(check_query(&rules, text), expected, "{text}");
    }

    #[test]
    fn a_query_names_known_parameters_once_with_values_of_their_type() {
        query("form=", Ok(()));
        query("form", Ok(()));
        query("page=2&form=%E6%BD%B0%E7%98%8D+x&tag=a&tag=b", Ok(()));
        query("f%6Frm=x", Ok(()));
        query("form=a&page=0", Err(Refusal::ParameterMalformed));
        query("form=a&form=a", Err(Refusal::ParameterDoubled));
        query("form=a&f%6Frm=a", Err(Refusal::ParameterDoubled));
        query("form=a&tag=1&tag=2&tag=3", Err(Refusal::ParameterDoubled));
        query("form=a&debug=1", Err(Refusal::ParameterUnknown));
        query("form=a&Page=1", Err(Refusal::ParameterUnknown));
        query("form=a&", Err(Refusal::ParameterUnknown));
        query("", Err(Refusal::ParameterMissing));
        query("page=1", Err(Refusal::ParameterMissing));
    }

    #[test]
    fn a_query_that_readers_could_take_differently_is_refused() {
        for text in ["form=%", "form=%ff", "form=%E5%B1", "form=a;page=1", "form=a|b", "form=\"a\""]
        {
            query(text, Err(Refusal::QueryMalformed));
        }
        query("form=%2500", Ok(()));
        query("form=%00", Err(Refusal::ParameterMalformed));
        query(&format!("form={}", "a".repeat(QUERY_BYTES_MAX)), Err(Refusal::QueryMalformed));
    }

    #[test]
    fn headers_with_rules_are_checked_and_others_are_not() {
        let number = "kind = \"integer\"\nmin = 0\nmax = 99";
        let rules = [rule(HeaderName::from_static("upload-offset"), number, true, 1)];
        let check = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-other", HeaderValue::from_static("anything"));
            for value in values {
                headers.append("upload-offset", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            check_headers(&rules, &headers)
        };
        assert_eq!(check(&["7"]), Ok(()));
        for wrong in [&["100"][..], &["7", "7"], &[], &["７"], &["7,7"]] {
            assert_eq!(check(wrong), Err(Refusal::HeaderMalformed), "{wrong:?}");
        }
    }

    #[track_caller]
    fn body(
        bodies: &Bodies,
        method: Method,
        version: Version,
        headers: &[(&str, &str)],
        expected: Result<bool, Refusal>,
    ) {
        let mut request = http::Request::builder().method(method).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        assert_eq!(check_body(bodies, &head), expected, "{headers:?}");
    }

    #[test]
    fn a_body_has_a_content_type_that_is_named() {
        let xml = Bodies::Of(vec!["application/xml".to_owned()]);
        let of = |headers: &[(&str, &str)], expected| {
            body(&xml, Method::POST, Version::HTTP_11, headers, expected);
        };
        let refused = Err(Refusal::ContentType);
        of(&[("content-length", "3"), ("content-type", "application/xml")], Ok(true));
        of(
            &[("content-length", "3"), ("content-type", "Application/XML; charset=UTF-8")],
            Ok(true),
        );
        of(&[("transfer-encoding", "chunked"), ("content-type", "application/xml")], Ok(true));
        of(&[("content-length", "0"), ("content-type", "application/json")], Ok(false));
        of(&[], Ok(false));
        of(&[("content-length", "3")], refused);
        of(&[("content-length", "3"), ("content-type", "application/json")], refused);
        of(&[("content-length", "3"), ("content-type", "application/xml; x=y")], refused);
        of(&[("content-length", "3"), ("content-type", "application/xml;charset=a b")], refused);
        let twice = [("content-type", "application/xml"), ("content-type", "application/xml")];
        of(&[("content-length", "3"), twice[0], twice[1]], refused);
    }

    #[test]
    fn where_http2_announces_nothing_the_content_type_decides() {
        let xml = Bodies::Of(vec!["application/xml".to_owned()]);
        let of = |headers: &[(&str, &str)], expected| {
            body(&xml, Method::POST, Version::HTTP_2, headers, expected);
        };
        of(&[("content-type", "application/xml")], Ok(true));
        of(&[("content-type", "text/plain")], Err(Refusal::ContentType));
        of(&[], Ok(false));
    }

    #[test]
    fn what_takes_no_body_gets_none() {
        let some = [("content-length", "1"), ("content-type", "text/plain")];
        let refused = Err(Refusal::BodyUnexpected);
        body(&Bodies::None, Method::POST, Version::HTTP_11, &some, refused);
        body(&Bodies::Any, Method::GET, Version::HTTP_11, &some, refused);
        body(
            &Bodies::Any,
            Method::GET,
            Version::HTTP_11,
            &[("transfer-encoding", "chunked")],
            refused,
        );
        body(&Bodies::Any, Method::GET, Version::HTTP_2, &[], Ok(false));
        body(&Bodies::Any, Method::POST, Version::HTTP_11, &some, Ok(true));
        body(&Bodies::None, Method::POST, Version::HTTP_11, &[("content-length", "0")], Ok(false));
    }
}
