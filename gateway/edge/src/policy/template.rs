//! Path templates: literal segments, `{name}` for one segment of the type `name`, `{name:type}` for one
//! of another type.
//!
//! The only paths that match anything are plain ones: no empty or dot segment, no backslash, no encoded
//! slash, dot, backslash or NUL, nothing but the characters of RFC 3986's segments.

use std::{cmp::Ordering, sync::Arc};

/// Longest path that is looked at.
const PATH_BYTES_MAX: usize = 2_048;

/// Most segments of a path that is looked at, and of a template.
const SEGMENTS_MAX: usize = 16;

/// One segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    Parameter { name: Box<str>, kind: Box<str> },
}

/// A checked path template.
#[derive(Debug, Clone)]
pub(super) struct Template {
    text: Arc<str>,
    segments: Vec<Segment>,
}

impl Template {
    /// Reads a template; `None` when it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let path = text.strip_prefix('/')?;
        let parts = path.split('/').filter(|_| !path.is_empty());
        let segments: Vec<Segment> = parts.map(segment).collect::<Option<_>>()?;
        let has_doubled_name = segments.iter().enumerate().any(|(i, segment)| {
            let name = segment.name();
            name.is_some() && segments[..i].iter().any(|earlier| earlier.name() == name)
        });
        if segments.len() > SEGMENTS_MAX || has_doubled_name {
            return None;
        }
        let shown: String = segments.iter().fold(String::new(), |shown, segment| match segment {
            Segment::Literal(text) => format!("{shown}/{text}"),
            Segment::Parameter { name, .. } => format!("{shown}/{{{name}}}"),
        });
        let text = if segments.is_empty() { "/".into() } else { shown.into() };
        Some(Self { text, segments })
    }

    /// Answers the template without its types: what the audit trail names instead of the path.
    pub(super) const fn text(&self) -> &Arc<str> {
        &self.text
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Answers whether both match the same shapes of path.
    pub(super) fn is_same_shape(&self, other: &Self) -> bool {
        self.specificity(other) == Ordering::Equal
    }

    /// Orders templates so that the first match is the most specific: a literal is tried before a
    /// parameter.
    pub(super) fn specificity(&self, other: &Self) -> Ordering {
        let key = |segment: &Segment| match segment {
            Segment::Literal(text) => (false, text.to_string()),
            Segment::Parameter { .. } => (true, String::new()),
        };
        self.segments.iter().map(key).cmp(other.segments.iter().map(key))
    }

    /// Answers whether the path has this shape; whether its values are right is not asked.
    pub(super) fn matches(&self, path: &PlainPath<'_>) -> bool {
        let parts = path.segments();
        parts.len() == self.segments.len()
            && self.segments.iter().zip(parts).all(|(segment, part)| match segment {
                Segment::Literal(text) => **text == **part,
                Segment::Parameter { .. } => true,
            })
    }
}

impl Segment {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter { name, .. } => Some(name),
        }
    }
}

fn segment(text: &str) -> Option<Segment> {
    let Some(inner) = text.strip_prefix('{') else {
        return is_plain(text.as_bytes()).then(|| Segment::Literal(text.into()));
    };
    let inner = inner.strip_suffix('}')?;
    let (name, kind) = inner.split_once(':').unwrap_or((inner, inner));
    let is_fine = is_name(name) && is_name(kind);
    is_fine.then(|| Segment::Parameter { name: name.into(), kind: kind.into() })
}

/// A path without tricks, in segments.
pub(super) struct PlainPath<'a> {
    parts: [&'a str; SEGMENTS_MAX],
    count: usize,
}

impl<'a> PlainPath<'a> {
    /// Reads a request's path; `None` when it is not plain. `/` has no segments; any other path no empty
    /// one.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let mut plain = Self { parts: [""; SEGMENTS_MAX], count: 0 };
        if path.len() > PATH_BYTES_MAX {
            return None;
        }
        let rest = path.strip_prefix('/')?;
        if rest.is_empty() {
            return Some(plain);
        }
        for part in rest.split('/') {
            if !is_plain(part.as_bytes()) {
                return None;
            }
            *plain.parts.get_mut(plain.count)? = part;
            plain.count += 1;
        }
        Some(plain)
    }

    pub(super) fn segments(&self) -> &[&'a str] {
        self.parts.get(..self.count).unwrap_or_default()
    }
}

fn is_plain(segment: &[u8]) -> bool {
    if matches!(segment, b"" | b"." | b"..") {
        return false;
    }
    let mut rest = segment;
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

/// Names of parameters and types: `a-z`, digits, `_` and `-`, beginning with a letter.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
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
            assert!(PlainPath::parse(path).is_none(), "{path}");
        }
        assert!(PlainPath::parse(&format!("/{}", "a".repeat(PATH_BYTES_MAX))).is_none());
        assert!(PlainPath::parse(&"/a".repeat(SEGMENTS_MAX)).is_some());
        assert!(PlainPath::parse(&"/a".repeat(SEGMENTS_MAX + 1)).is_none());
    }

    #[test]
    fn encoded_text_matches_a_parameter() {
        check("/people/{name}", "/people/%E5%B1%B1", true);
    }

    #[test]
    fn malformed_templates_are_refused() {
        for text in [
            "",
            "scans",
            "/a//b",
            "/a/",
            "/{",
            "/{}",
            "/{A}",
            "/a{b}",
            "/{*}",
            "/{a:}",
            "/{:a}",
            "/{a}/{a:b}",
            "/../a",
            "/%41%",
        ] {
            assert!(Template::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_template_is_shown_without_types() {
        for (text, shown) in [("/", "/"), ("/scans/{scan:uuid}/x", "/scans/{scan}/x")] {
            assert_eq!(&**Template::parse(text).unwrap().text(), shown);
        }
    }
}
