//! The two encodings Excel opens by double-click.

use std::{fmt, str::FromStr};

use encoding_rs::SHIFT_JIS;

/// Written instead of a character the encoding does not have: the geta mark of Japanese printing.
pub(crate) const GETA: char = '〓';
/// The bytes Excel knows UTF-8 by.
pub(crate) const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8 with a byte order mark. Holds every character.
    #[default]
    Utf8,
    /// `Shift_JIS` as Windows has it (code page 932).
    Cp932,
}

/// The text names no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an encoding is utf8 or cp932")]
pub struct InvalidEncoding;

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "utf8",
            Self::Cp932 => "cp932",
        })
    }
}

impl FromStr for Encoding {
    type Err = InvalidEncoding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "utf8" => Ok(Self::Utf8),
            "cp932" => Ok(Self::Cp932),
            _ => Err(InvalidEncoding),
        }
    }
}

/// A character that could not be written, and stands as 〓 in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmappable {
    /// The row, from 1; the heading is row 1 if there is one.
    pub row: usize,
    /// The column, from 1.
    pub column: usize,
    /// The character.
    pub character: char,
}

impl Unmappable {
    /// The code point as people look it up: `U+20BB7`.
    pub fn code_point(&self) -> String {
        format!("U+{:04X}", u32::from(self.character))
    }
}

/// Appends `text` in CP932; answers the characters that became 〓.
pub(crate) fn push_cp932(out: &mut Vec<u8>, text: &str) -> Vec<char> {
    let mut lost = Vec::new();
    let mut buffer = [0; 4];
    for c in text.chars() {
        if c.is_ascii() {
            out.push(u8::try_from(u32::from(c)).unwrap_or(b'?'));
            continue;
        }
        let c = if is_half_known(c) {
            lost.push(c);
            GETA
        } else {
            known_pair(c)
        };
        let (bytes, _, is_lossy) = SHIFT_JIS.encode(c.encode_utf8(&mut buffer));
        if is_lossy {
            lost.push(c);
            let (geta, _, _) = SHIFT_JIS.encode(GETA.encode_utf8(&mut buffer));
            out.extend_from_slice(&geta);
        } else {
            out.extend_from_slice(&bytes);
        }
    }
    lost
}

/// Reads CP932; `None` when some bytes are not.
pub(crate) fn from_cp932(bytes: &[u8]) -> Option<String> {
    let (text, is_wrong) = SHIFT_JIS.decode_without_bom_handling(bytes);
    (!is_wrong).then(|| text.into_owned())
}

/// Characters that Unix tables map to the same bytes as their Windows twin.
const fn known_pair(c: char) -> char {
    match c {
        '\u{301C}' => '\u{FF5E}',
        '\u{2212}' => '\u{FF0D}',
        '\u{2016}' => '\u{2225}',
        '\u{2014}' => '\u{2015}',
        _ => c,
    }
}

/// Characters the web's encoder writes as `\` and `~`, which is what would be read back.
const fn is_half_known(c: char) -> bool {
    matches!(c, '\u{A5}' | '\u{203E}' | '\u{80}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cp932(text: &str) -> (String, Vec<char>) {
        let mut bytes = Vec::new();
        let lost = push_cp932(&mut bytes, text);
        (from_cp932(&bytes).unwrap(), lost)
    }

    #[test]
    fn what_cp932_has_comes_back_as_it_was() {
        let text = "髙﨑 ①Ⅲ㈱ ｶﾅ 〓 ~\\";
        assert_eq!(cp932(text), (text.to_owned(), vec![]));
    }

    #[test]
    fn the_four_known_pairs_become_their_windows_twins() {
        assert_eq!(cp932("〜−‖—"), ("～－∥―".to_owned(), vec![]));
    }

    #[test]
    fn what_cp932_lacks_is_shown_as_a_geta_and_named() {
        assert_eq!(cp932("𠮷野"), ("〓野".to_owned(), vec!['𠮷']));
        assert_eq!(cp932("¥‾é"), ("〓〓〓".to_owned(), vec!['¥', '‾', 'é']));
        assert_eq!(cp932("葛\u{E0100}"), ("葛〓".to_owned(), vec!['\u{E0100}']));
    }

    #[test]
    fn the_code_point_is_written_as_people_look_it_up() {
        let unmappable = Unmappable { row: 2, column: 1, character: '𠮷' };
        assert_eq!(unmappable.code_point(), "U+20BB7");
        assert_eq!(Unmappable { character: 'é', ..unmappable }.code_point(), "U+00E9");
    }
}
