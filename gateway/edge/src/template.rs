//! Path templates: literal segments, `{name}` for one segment, `{*name}` for the rest.
//!
//! The only paths that match anything are plain ones: no empty or dot segment, no backslash, no encoded
//! slash, dot, backslash or NUL, nothing but the characters of RFC 3986's segments.

/// Longest path that is looked at.
const PATH_BYTES_MAX: usize = 2_048;

/// Specificity orders segments: a literal is tried before a parameter, that before the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Parameter,
    Rest,
}

/// A checked path template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    text: String,
    segments: Vec<Segment>,
}

impl Template {
    /// Reads a template; `None` when it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut segments = Vec::new();
        for part in split(text)? {
            if segments.last() == Some(&Segment::Rest) {
                return None;
            }
            segments.push(match part.strip_prefix('{').map(|inner| inner.strip_suffix('}')) {
                None if is_plain(part) => Segment::Literal(part.to_owned()),
                None | Some(None) => return None,
                Some(Some(name)) => {
                    let (segment, name) = match name.strip_prefix('*') {
                        None => (Segment::Parameter, name),
                        Some(name) => (Segment::Rest, name),
                    };
                    if !is_name(name) {
                        return None;
                    }
                    segment
                }
            });
        }
        Some(Self { text: text.to_owned(), segments })
    }

    /// Answers the template as written: what the audit trail names instead of the path.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Answers whether both match the same paths.
    pub(crate) fn is_same_shape(&self, other: &Self) -> bool {
        self.segments == other.segments
    }

    /// Orders templates so that the first match is the most specific.
    pub(crate) fn specificity(&self, other: &Self) -> std::cmp::Ordering {
        self.segments.cmp(&other.segments)
    }

    pub(crate) fn matches(&self, path: &PlainPath<'_>) -> bool {
        let mut parts = path.0.iter();
        for segment in &self.segments {
            match segment {
                Segment::Rest => return parts.len() > 0,
                Segment::Parameter if parts.next().is_some() => {}
                Segment::Literal(text) if parts.next() == Some(&text.as_str()) => {}
                Segment::Parameter | Segment::Literal(_) => return false,
            }
        }
        parts.len() == 0
    }
}

/// A path without tricks, in segments.
pub(crate) struct PlainPath<'a>(Vec<&'a str>);

impl<'a> PlainPath<'a> {
    /// Reads a request's path; `None` when it is not plain.
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let parts = split(path)?;
        parts.iter().all(|part| is_plain(part)).then_some(Self(parts))
    }
}

/// `/` has no segments; any other path no empty one.
fn split(path: &str) -> Option<Vec<&str>> {
    if path.len() > PATH_BYTES_MAX {
        return None;
    }
    match path.strip_prefix('/')? {
        "" => Some(Vec::new()),
        rest => Some(rest.split('/').collect()),
    }
}

fn is_plain(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if matches!(bytes, b"" | b"." | b"..") {
        return false;
    }
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let [high, low, after @ ..] = after else { return false };
            if !is_encoded_plainly(*high, *low) {
                return false;
            }
            rest = after;
        } else if !(byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)) {
            return false;
        }
    }
    true
}

/// Refuses control characters and everything that a later decoder could take for structure: `%2e`,
/// `%2f`, `%5c`, a second `%25`.
fn is_encoded_plainly(high: u8, low: u8) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return false };
    let byte = high * 16 + low;
    byte >= 0x20 && byte != 0x7f && ![0x25, 0x2e, 0x2f, 0x5c].contains(&byte)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, path: &str, expected: bool) {
        let template = Template::parse(template).unwrap();
        let found = PlainPath::parse(path).is_some_and(|path| template.matches(&path));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn literals_match_themselves() {
        check("/", "/", true);
        check("/scans", "/scans", true);
        check("/scans", "/Scans", false);
        check("/scans", "/scans/", false);
        check("/scans", "/", false);
    }

    #[test]
    fn a_parameter_matches_one_segment() {
        check("/scans/{scan}", "/scans/1", true);
        check("/scans/{scan}", "/scans", false);
        check("/scans/{scan}", "/scans/", false);
        check("/scans/{scan}", "/scans/1/2", false);
        check("/scans/{scan}/pages", "/scans/1/pages", true);
    }

    #[test]
    fn the_rest_matches_at_least_one_segment() {
        check("/assets/{*path}", "/assets/a/b.css", true);
        check("/assets/{*path}", "/assets", false);
    }

    #[test]
    fn paths_with_tricks_match_nothing() {
        for path in [
            "",
            "scans",
            "//",
            "/a//b",
            "/./a",
            "/a/..",
            "/%2e%2e/a",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0a",
            "/a%252f",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a b",
            "/ä",
            "/a\u{7f}",
            "/a#b",
        ] {
            check("/{*all}", path, false);
        }
        check("/{*all}", &format!("/{}", "a".repeat(PATH_BYTES_MAX)), false);
    }

    #[test]
    fn encoded_text_matches_a_parameter() {
        check("/people/{name}", "/people/%E5%B1%B1", true);
    }

    #[test]
    fn malformed_templates_are_refused() {
        for text in ["", "scans", "/a//b", "/{", "/{}", "/{A}", "/a{b}", "/{*}", "/{*a}/b", "/../a"]
        {
            assert!(Template::parse(text).is_none(), "{text}");
        }
    }
}
