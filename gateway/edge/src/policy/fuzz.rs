//! Templates, paths and values against a stranger's bytes.

use std::fmt::Write;

use super::{
    parameter::{Kind, Plus, decode},
    template::{PlainPath, Segment, Template},
};

/// A template on the first line, a path on the second.
pub(crate) fn path(bytes: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(bytes) else { return "not text" };
    let (template, path) = text.split_once('\n').unwrap_or(("/scans/{scan:uuid}", text));
    let template = Template::parse(template);
    if let Some(template) = &template {
        let again = Template::parse(template.text()).expect("what is shown can be read");
        assert!(template.is_same_shape(&again), "{}", template.text());
    }
    let Some(plain) = PlainPath::parse(path) else { return "not plain" };
    assert_eq!(format!("/{}", plain.segments().join("/")), path, "nothing is lost on the way");
    for part in plain.segments() {
        let decoded = decode(part, Plus::IsPlus).unwrap_or_default();
        assert!(!matches!(&*decoded, "." | ".."), "{part}");
        assert!(!decoded.contains(['/', '\\', '\0', '%']), "{part}");
    }
    let Some(template) = template else { return "malformed template" };
    if !template.matches(&plain) {
        return "another shape";
    }
    assert_eq!(template.segments().len(), plain.segments().len());
    for (segment, part) in template.segments().iter().zip(plain.segments()) {
        if let Segment::Literal(text) = segment {
            assert_eq!(&**text, *part);
        }
    }
    "matches"
}

/// A declared type (TOML) before an empty line, a value as it stands in an address after it.
pub(crate) fn parameter(bytes: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(bytes) else { return "not text" };
    let (declared, value) = text.split_once("\n\n").unwrap_or(("kind = \"uuid\"", text));
    let Ok(table) = declared.parse::<toml::Table>() else { return "no table" };
    let Ok(kind) = Kind::read(table) else { return "no type" };
    for plus in [Plus::IsPlus, Plus::IsSpace] {
        let Some(decoded) = decode(value, plus) else { return "not decoded" };
        let mut encoded = String::new();
        for byte in decoded.bytes() {
            write!(encoded, "%{byte:02X}").expect("a String takes what is written");
        }
        assert_eq!(decode(&encoded, plus).as_deref(), Some(&*decoded), "one way to decode");
    }
    let decoded = decode(value, Plus::IsSpace).unwrap_or_default();
    if !kind.accepts(&decoded) {
        return "another value";
    }
    assert!(decoded.len() <= 4_096, "no value is longer");
    if !matches!(kind, Kind::Code { .. } | Kind::Word { .. }) {
        assert!(!decoded.chars().any(char::is_control), "{decoded:?}");
    }
    match kind {
        Kind::Uuid => "a uuid",
        Kind::Date => "a date",
        Kind::Sha256 => "a digest",
        Kind::Integer { min, max } => {
            let number: i64 = decoded.parse().expect("an integer");
            assert_eq!(number.to_string(), *decoded, "one way to write a number");
            assert!((min..=max).contains(&number));
            "an integer"
        }
        Kind::Word { prefix, suffix, .. } => {
            assert!(decoded.starts_with(&prefix) && decoded.ends_with(&suffix));
            assert!(decoded.is_ascii());
            "a word"
        }
        Kind::Code { .. } => "a code",
        Kind::Text { .. } => "text",
    }
}
