//! What values a parameter may have. One percent-decoding, strictly; then a kind with bounds.

use std::borrow::Cow;

use kakehashi_kernel::{CivilDate, Sha256Digest};
use serde::Deserialize;

/// Longest value of any kind, decoded: no limit of a policy goes beyond.
const VALUE_BYTES_MAX: usize = 4_096;

/// Kinds that need no bounds may be named without being declared.
const PLAIN_KINDS: [(&str, Kind); 3] =
    [("uuid", Kind::Uuid), ("date", Kind::Date), ("sha256", Kind::Sha256)];

/// A declared type of parameter, as the policy file writes it.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Declared {
    /// The hyphenated form of RFC 9562, hexadecimal digits of either case.
    Uuid {},
    /// `2026-11-23`, a day that exists.
    Date {},
    /// 64 lower-case hexadecimal digits.
    Sha256 {},
    /// An integer without sign plus or leading zeros.
    Integer { min: i64, max: i64 },
    /// ASCII characters out of `characters`, such as `a-z0-9_-`, between a prefix and a suffix.
    Word {
        characters: String,
        #[serde(default = "one")]
        length_min: usize,
        length_max: usize,
        #[serde(default)]
        prefix: String,
        #[serde(default)]
        suffix: String,
    },
    /// One of a list.
    Code { values: Vec<String> },
    /// Unicode text without control characters; the length counts characters.
    Text {
        #[serde(default)]
        characters_min: usize,
        characters_max: usize,
    },
}

const fn one() -> usize {
    1
}

/// A checked type of parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Date,
    Sha256,
    Integer { min: i64, max: i64 },
    Word { characters: Characters, length: (usize, usize), prefix: String, suffix: String },
    Code { values: Vec<String> },
    Text { length: (usize, usize) },
}

/// A set of printable ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Characters(u128);

/// Why a declared type cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KindFault {
    #[error("{0}")]
    Declaration(String),
    #[error(
        "the smallest is larger than the largest, or the largest is 0 or beyond {VALUE_BYTES_MAX}"
    )]
    Bounds,
    #[error("the characters are printable ASCII: single ones, ranges such as a-z, the hyphen last")]
    Characters,
    #[error("there are no values, or one of them twice")]
    Values,
}

impl Kind {
    /// Reads a `[type.NAME]` table.
    pub(super) fn read(table: toml::Table) -> Result<Self, KindFault> {
        let declared = toml::Value::Table(table).try_into();
        let declared: Declared =
            declared.map_err(|error: toml::de::Error| KindFault::Declaration(error.to_string()))?;
        let length = |min: usize, max: usize| {
            let is_fine = min <= max && (1..=VALUE_BYTES_MAX).contains(&max);
            is_fine.then_some((min, max)).ok_or(KindFault::Bounds)
        };
        Ok(match declared {
            Declared::Uuid {} => Self::Uuid,
            Declared::Date {} => Self::Date,
            Declared::Sha256 {} => Self::Sha256,
            Declared::Integer { min, max } if min <= max => Self::Integer { min, max },
            Declared::Integer { .. } => return Err(KindFault::Bounds),
            Declared::Word { characters, length_min, length_max, prefix, suffix } => {
                let characters = Characters::read(&characters).ok_or(KindFault::Characters)?;
                if !(prefix.is_ascii() && suffix.is_ascii()) {
                    return Err(KindFault::Characters);
                }
                Self::Word { characters, length: length(length_min, length_max)?, prefix, suffix }
            }
            Declared::Code { values } => {
                let is_doubled = |(i, value)| values[..i].contains(value);
                if values.is_empty() || values.iter().enumerate().any(is_doubled) {
                    return Err(KindFault::Values);
                }
                Self::Code { values }
            }
            Declared::Text { characters_min, characters_max } => {
                Self::Text { length: length(characters_min, characters_max)? }
            }
        })
    }

    /// Answers a kind that needs no declaration.
    pub(super) fn plain(name: &str) -> Option<Self> {
        PLAIN_KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone())
    }

    /// Answers whether a decoded value is one of these.
    pub(super) fn accepts(&self, value: &str) -> bool {
        if value.len() > VALUE_BYTES_MAX {
            return false;
        }
        match self {
            Self::Uuid => is_uuid(value.as_bytes()),
            Self::Date => value.len() == 10 && value.parse::<CivilDate>().is_ok(),
            Self::Sha256 => {
                let is_lower = value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                is_lower && value.parse::<Sha256Digest>().is_ok()
            }
            Self::Integer { min, max } => {
                integer(value).is_some_and(|found| (*min..=*max).contains(&found))
            }
            Self::Word { characters, length: (min, max), prefix, suffix } => {
                let inner = value.strip_prefix(&**prefix).and_then(|v| v.strip_suffix(&**suffix));
                inner.is_some_and(|inner| {
                    (*min..=*max).contains(&inner.len())
                        && inner.bytes().all(|byte| characters.contain(byte))
                })
            }
            Self::Code { values } => values.iter().any(|known| known == value),
            Self::Text { length: (min, max) } => {
                let count = value.chars().count();
                (*min..=*max).contains(&count) && !value.chars().any(char::is_control)
            }
        }
    }
}

impl Characters {
    fn read(text: &str) -> Option<Self> {
        let is_printable = |byte: &u8| (0x20..0x7f).contains(byte);
        let bytes = text.as_bytes();
        if bytes.is_empty() || !bytes.iter().all(is_printable) {
            return None;
        }
        let mut set = 0_u128;
        let mut rest = bytes;
        while let Some((&first, after)) = rest.split_first() {
            let last = if let [b'-', last, beyond @ ..] = after {
                rest = beyond;
                *last
            } else {
                rest = after;
                first
            };
            if first > last {
                return None;
            }
            for byte in first..=last {
                set |= 1 << byte;
            }
        }
        Some(Self(set))
    }

    const fn contain(self, byte: u8) -> bool {
        byte < 0x80 && self.0 & (1 << byte) != 0
    }
}

/// Decodes percent-encoding once. `None` for an incomplete or wrong escape and for invalid UTF-8.
pub(super) fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let has_plus = plus == Plus::IsSpace && text.contains('+');
    if !has_plus && !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'%' => {
                let [high, low, after @ ..] = after else { return None };
                rest = after;
                hexadecimal(*high)? << 4 | hexadecimal(*low)?
            }
            b'+' if has_plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// What a plus sign stands for: itself in a path, a space in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    IsPlus,
    IsSpace,
}

fn hexadecimal(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// One spelling per number: no plus, no leading zero, no minus zero.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Result<Kind, KindFault> {
        Kind::read(toml::from_str(text).unwrap())
    }

    #[track_caller]
    fn check(text: &str, good: &[&str], bad: &[&str]) {
        let kind = kind(text).unwrap();
        for value in good {
            assert!(kind.accepts(value), "{value}");
        }
        for value in bad {
            assert!(!kind.accepts(value), "{value}");
        }
    }

    #[test]
    fn uuids_are_hyphenated() {
        let plain = "0192f0c1-2a3b-7c4d-8e5f-001122334455";
        let braced = format!("{{{plain}}}");
        let bad = [
            "",
            "0192f0c12a3b7c4d8e5f001122334455",
            &braced,
            "0192f0c1-2a3b-7c4d-8e5f-00112233445g",
        ];
        check("kind = \"uuid\"", &[plain, &plain.to_uppercase()], &bad);
    }

    #[test]
    fn integers_have_one_spelling_and_bounds() {
        let good = ["-3", "0", "7", "60"];
        let bad = ["", "-", "+7", "07", "-0", "61", "-4", "7.0", "７", "99999999999999999999"];
        check("kind = \"integer\"\nmin = -3\nmax = 60", &good, &bad);
    }

    #[test]
    fn dates_exist() {
        check("kind = \"date\"", &["2024-02-29"], &["2023-02-29", "2024-2-9", "２０２４-02-29"]);
    }

    #[test]
    fn digests_are_lower_case() {
        let digest = "a".repeat(64);
        check("kind = \"sha256\"", &[&digest], &[&digest.to_uppercase(), &digest[1..], ""]);
    }

    #[test]
    fn words_are_made_of_their_characters() {
        let text = "kind = \"word\"\ncharacters = \"0-9a-f_-\"\nlength_max = 4\nsuffix = \".xsd\"";
        check(
            text,
            &["2403.xsd", "a-_.xsd"],
            &["2403", ".xsd", "24030.xsd", "g.xsd", "a\u{e9}.xsd"],
        );
    }

    #[test]
    fn codes_are_listed() {
        check("kind = \"code\"\nvalues = [\"\", \"new\"]", &["", "new"], &["New", "new "]);
    }

    #[test]
    fn text_counts_characters_and_has_no_control_characters() {
        let good = ["", "潰瘍性大腸炎", "Select the union of T1", "𠮷野 一郎"];
        check(
            "kind = \"text\"\ncharacters_max = 22",
            &good,
            &["a\nb", "\0", "\u{85}", &"あ".repeat(23)],
        );
    }

    #[test]
    fn types_that_cannot_be_meant_are_refused() {
        for text in [
            "kind = \"moon\"",
            "kind = \"uuid\"\nmin = 1",
            "kind = \"integer\"\nmin = 2\nmax = 1",
            "kind = \"word\"\ncharacters = \"\"\nlength_max = 4",
            "kind = \"word\"\ncharacters = \"z-a\"\nlength_max = 4",
            "kind = \"word\"\ncharacters = \"あ\"\nlength_max = 4",
            "kind = \"word\"\ncharacters = \"a\"\nlength_max = 0",
            "kind = \"word\"\ncharacters = \"a\"\nlength_max = 5000",
            "kind = \"code\"\nvalues = []",
            "kind = \"code\"\nvalues = [\"a\", \"a\"]",
            "kind = \"text\"\ncharacters_min = 2\ncharacters_max = 1",
        ] {
            assert!(kind(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percent_is_decoded_once_and_strictly() {
        let query = |text| decode(text, Plus::IsSpace).map(Cow::into_owned);
        assert_eq!(query("a+b%2Bc").as_deref(), Some("a b+c"));
        assert_eq!(decode("a+b", Plus::IsPlus).as_deref(), Some("a+b"));
        assert_eq!(query("%E5%B1%B1").as_deref(), Some("山"));
        assert_eq!(query("%2541").as_deref(), Some("%41"));
        for text in ["%", "%4", "%zz", "%+1", "%ff", "%E5%B1", "%C0%AF"] {
            assert_eq!(query(text), None, "{text}");
        }
    }
}
