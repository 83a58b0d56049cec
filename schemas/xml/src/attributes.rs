//! The attributes of one element, read strictly and kept in one text that is used again.

use std::ops::Range;

use kakehashi_kernel::limits::{XML_ATTRIBUTES_MAX, XML_TEXT_BYTES_MAX};

use crate::{
    names::{is_qualified_name, is_space, resolve},
    refusal::Why,
};

/// Attributes of one element, in written order.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    text: String,
    spans: Vec<(Range<usize>, Range<usize>)>,
}

impl Attributes {
    /// Reads what stands between a tag's name and its end.
    ///
    /// # Errors
    ///
    /// Not well-formed, or a limit.
    pub(crate) fn parse(&mut self, mut rest: &str) -> Result<(), Why> {
        self.clear();
        if rest.len() > XML_TEXT_BYTES_MAX {
            return Err(Why::TextTooLong);
        }
        loop {
            let next = rest.trim_start_matches(is_space);
            if next.is_empty() {
                return Ok(());
            }
            if next.len() == rest.len() {
                return Err(Why::NotWellFormed);
            }
            if self.spans.len() == XML_ATTRIBUTES_MAX {
                return Err(Why::TooManyAttributes);
            }
            rest = self.one(next).ok_or(Why::NotWellFormed)?;
        }
    }

    /// Reads one attribute; answers what stands behind it.
    fn one<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (name, value) = text.split_once('=')?;
        let name = name.trim_end_matches(is_space);
        let value = value.trim_start_matches(is_space);
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, rest) = value.get(1..)?.split_once(quote)?;
        if !is_qualified_name(name) || value.contains('<') || self.get(name).is_some() {
            return None;
        }
        let from = self.text.len();
        self.text.push_str(name);
        let between = self.text.len();
        self.push_normalised(value)?;
        self.spans.push((from..between, between..self.text.len()));
        Some(rest)
    }

    /// XML 1.0 §3.3.3: references resolved, each white space (a line end counts as one) a space.
    fn push_normalised(&mut self, value: &str) -> Option<()> {
        let mut rest = value;
        while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
            let (before, from) = rest.split_at_checked(at)?;
            self.text.push_str(before);
            if let Some(reference) = from.strip_prefix('&') {
                let (reference, after) = reference.split_once(';')?;
                self.text.push(resolve(reference)?);
                rest = after;
            } else {
                self.text.push(' ');
                rest = from.strip_prefix("\r\n").or_else(|| from.get(1..))?;
            }
        }
        self.text.push_str(rest);
        Some(())
    }

    /// Every name and value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let of = |span: &Range<usize>| self.text.get(span.clone()).unwrap_or_default();
        self.spans.iter().map(move |(name, value)| (of(name), of(value)))
    }

    /// The value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Keeps those whose name and value are wanted.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&str, &str) -> bool) {
        let Self { text, spans } = self;
        let of = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        spans.retain(|(name, value)| is_wanted(of(name), of(value)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: Result<&[(&str, &str)], Why>) {
        let mut attributes = Attributes::default();
        let result = attributes.parse(raw);
        assert_eq!(
            result.map(|()| attributes.iter().collect::<Vec<_>>()),
            expected.map(<[_]>::to_vec)
        );
    }

    #[test]
    fn attributes_are_read_in_order() {
        check("", Ok(&[]));
        check(" \n", Ok(&[]));
        check(" a=\"1\" b = '\"2'", Ok(&[("a", "1"), ("b", "\"2")]));
        check("\n\tx:a=\"&lt;&#x9AD9;\r\n&#10;\"", Ok(&[("x:a", "<髙 \n")]));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for raw in [
            "a=\"1\"",
            " a",
            " a=",
            " a=1",
            " a=\"1",
            " a=\"1\"b=\"2\"",
            " a=\"1\" a=\"2\"",
            " a=\"<\"",
            " a=\"&\"",
            " a=\"&x;\"",
            " a=\"&lt\"",
            " 1=\"\"",
            " a b=\"\"",
            " =\"\"",
            " a=\u{3000}\"\"",
        ] {
            check(raw, Err(Why::NotWellFormed));
        }
    }

    #[test]
    fn both_limits_are_kept() {
        let many = |count: usize| {
            let all: Vec<String> = (0..count).map(|n| format!(" a{n}=''")).collect();
            all.concat()
        };
        let mut attributes = Attributes::default();
        assert_eq!(attributes.parse(&many(16)), Ok(()));
        assert_eq!(attributes.parse(&many(17)), Err(Why::TooManyAttributes));
        let long = format!(" a='{}'", "x".repeat(XML_TEXT_BYTES_MAX));
        assert_eq!(attributes.parse(&long), Err(Why::TextTooLong));
    }
}
