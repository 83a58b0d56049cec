//! Which encoding a document is in: from its first bytes and its declaration, which must agree.

use encoding_rs::{Decoder, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

/// How far into a document its declaration is looked for.
pub(crate) const DECLARATION_BYTES_MAX: usize = 1024;

/// Names of `Shift_JIS` with the extensions of Windows. What old exporters declare; all mean the same here.
const SHIFT_JIS_NAMES: [&str; 8] =
    ["shift_jis", "windows-31j", "cp932", "ms932", "ms_kanji", "sjis", "x-sjis", "csshiftjis"];

/// An encoding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    ShiftJis,
}

impl Encoding {
    /// Tells the encoding, and how many bytes its mark takes. `None`: one that is not read, among them
    /// UTF-32 and UTF-16 without a mark.
    pub(crate) fn detect(start: &[u8]) -> Option<(Self, usize)> {
        match start {
            [0xEF, 0xBB, 0xBF, ..] => Some((Self::Utf8, 3)),
            [0xFF, 0xFE, 0, 0, ..] | [0, ..] | [b'<', 0, ..] => None,
            [0xFF, 0xFE, ..] => Some((Self::Utf16Le, 2)),
            [0xFE, 0xFF, ..] => Some((Self::Utf16Be, 2)),
            _ => match declared(start) {
                Some(name) if is_utf8(name) => Some((Self::Utf8, 0)),
                Some(name) if is_shift_jis(name) => Some((Self::ShiftJis, 0)),
                Some(_) => None,
                None => Some((Self::Utf8, 0)),
            },
        }
    }

    /// Tells whether a document in this encoding may declare it by such a name.
    pub(crate) fn may_be_called(self, name: &str) -> bool {
        match self {
            Self::Utf8 => is_utf8(name.as_bytes()),
            Self::ShiftJis => is_shift_jis(name.as_bytes()),
            Self::Utf16Le => is_one_of(name, &["utf-16", "utf-16le"]),
            Self::Utf16Be => is_one_of(name, &["utf-16", "utf-16be"]),
        }
    }

    pub(crate) fn decoder(self) -> Decoder {
        let encoding = match self {
            Self::Utf8 => UTF_8,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::ShiftJis => SHIFT_JIS,
        };
        encoding.new_decoder_without_bom_handling()
    }
}

fn is_utf8(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"utf-8")
}

fn is_shift_jis(name: &[u8]) -> bool {
    SHIFT_JIS_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The encoding that the declaration names. Whether the declaration is right otherwise is seen later.
fn declared(start: &[u8]) -> Option<&[u8]> {
    let head = start.get(..start.len().min(DECLARATION_BYTES_MAX))?;
    let rest = head.strip_prefix(b"<?xml")?;
    let declaration = rest.get(..find(rest, b"?>")?)?;
    let after = declaration.get(find(declaration, b"encoding")? + b"encoding".len()..)?;
    let quoted = after.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = quoted.split_first()?;
    value.get(..value.iter().position(|byte| byte == quote)?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expected: Option<(Encoding, usize)>) {
        assert_eq!(Encoding::detect(start), expected);
    }

    #[test]
    fn marks_decide() {
        check(b"\xEF\xBB\xBF<a/>", Some((Encoding::Utf8, 3)));
        check(b"\xFF\xFE<\0", Some((Encoding::Utf16Le, 2)));
        check(b"\xFE\xFF\0<", Some((Encoding::Utf16Be, 2)));
    }

    #[test]
    fn without_a_mark_the_declaration_decides() {
        check(b"<form/>", Some((Encoding::Utf8, 0)));
        check(b"", Some((Encoding::Utf8, 0)));
        check(b"<?xml version='1.0'?><a/>", Some((Encoding::Utf8, 0)));
        check(b"<?xml version='1.0' encoding = 'Shift_JIS' ?>", Some((Encoding::ShiftJis, 0)));
        check(b"<?xml version=\"1.0\" encoding=\"windows-31J\"?>", Some((Encoding::ShiftJis, 0)));
        check(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>", Some((Encoding::Utf8, 0)));
    }

    #[test]
    fn what_is_not_read_is_told() {
        check(b"<\0?\0", None);
        check(b"\0<\0?", None);
        check(b"\xFF\xFE\0\0", None);
        check(b"\0\0\xFE\xFF", None);
        for name in ["UTF-7", "UTF-16", "EUC-JP", "ISO-2022-JP", "x"] {
            check(format!("<?xml version='1.0' encoding='{name}'?>").as_bytes(), None);
        }
    }
}
