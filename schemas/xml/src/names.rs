//! Names and characters of XML 1.0 and of its namespaces.

/// Tells whether text is a name with at most one colon, something on either side of it.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    is_name(text)
        || text.split_once(':').is_some_and(|(prefix, local)| is_name(prefix) && is_name(local))
}

/// Tells whether text is a name without a colon.
pub(crate) fn is_name(text: &str) -> bool {
    // What almost every name is made of.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(is_plain) {
        return true;
    }
    let mut characters = text.chars();
    characters.next().is_some_and(may_start) && characters.all(may_follow)
}

/// XML 1.0, production 4, without the colon.
fn may_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// XML 1.0, production 4a, without the colon.
fn may_follow(c: char) -> bool {
    matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
        || may_start(c)
}

/// XML 1.0, production 2.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// White space of XML, which is less than that of Unicode.
pub(crate) const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Tells whether text is white space only.
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// The character a reference stands for: `#38`, `#x26`, or one of the five predefined names.
pub(crate) fn resolve(reference: &str) -> Option<char> {
    let Some(number) = reference.strip_prefix('#') else {
        return match reference {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => None,
        };
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // Without this, a sign would be read too.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|c| is_xml_char(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_other_text() {
        for name in ["a", "hy", "f:hy", "_x.1-2", "氏名", "k:氏名"] {
            assert!(is_qualified_name(name), "{name}");
        }
        for other in ["", "1a", "-a", ":a", "a:", "a:b:c", "a b", "a\0", "a\"", "a:1", "×"] {
            assert!(!is_qualified_name(other), "{other}");
        }
    }

    #[test]
    fn references_stand_for_characters_of_xml() {
        assert_eq!(resolve("amp"), Some('&'));
        assert_eq!(resolve("#x2000B"), Some('𠀋'));
        assert_eq!(resolve("#38"), Some('&'));
        for odd in ["", "#", "#x", "nbsp", "#0", "#x1", "#+38", "#-1", "#xFFFE", "#xD800", "#X26"] {
            assert_eq!(resolve(odd), None, "{odd}");
        }
        assert_eq!(resolve("#99999999999999999999"), None);
    }
}
