//! From cells to bytes.

use super::{
    encoding::{BYTE_ORDER_MARK, Encoding, Unmappable, push_cp932},
    needs_apostrophe,
};

/// One cell, by what it is to a spreadsheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Words. Never run as a formula.
    Text(&'a str),
    /// A number of ours, `-1.5`. What is not one is written as text.
    Number(&'a str),
    /// Digits that are a name, `01100`: zeros in front matter.
    Code(&'a str),
}

/// What is done so that Excel shows the zeros in front of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CodeStyle {
    /// `01100`: right for every program, but Excel shows 1100 when the file is opened by double-click.
    #[default]
    Plain,
    /// `="01100"`: right for Excel only.
    Formula,
}

/// Writes rows, one at a time.
#[derive(Debug)]
pub struct Writer {
    encoding: Encoding,
    codes: CodeStyle,
    rows: usize,
}

impl Writer {
    /// Starts a table.
    pub const fn new(encoding: Encoding, codes: CodeStyle) -> Self {
        Self { encoding, codes, rows: 0 }
    }

    /// Rows written so far.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Appends one row to `out`; answers the characters that stand as 〓 in it. The byte order mark comes
    /// with the first row.
    pub fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>) -> Vec<Unmappable> {
        if self.rows == 0 && self.encoding == Encoding::Utf8 {
            out.extend_from_slice(&BYTE_ORDER_MARK);
        }
        self.rows += 1;
        let mut unmappable = Vec::new();
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let content = self.content(cell);
            // A row of one empty cell would be an empty line, which readers pass over.
            let is_lonely = cells.len() == 1 && content.is_empty();
            let text = if is_lonely { "\"\"".to_owned() } else { quoted(content) };
            match self.encoding {
                Encoding::Utf8 => out.extend_from_slice(text.as_bytes()),
                Encoding::Cp932 => {
                    let lost = push_cp932(out, &text).into_iter();
                    let (row, column) = (self.rows, place + 1);
                    unmappable.extend(lost.map(|character| Unmappable { row, column, character }));
                }
            }
        }
        out.extend_from_slice(b"\r\n");
        unmappable
    }

    fn content(&self, cell: &Cell<'_>) -> String {
        match *cell {
            Cell::Number(number) if is_number(number) => number.to_owned(),
            Cell::Code(code) if self.codes == CodeStyle::Formula && is_code(code) => {
                format!("=\"{code}\"")
            }
            Cell::Text(text) | Cell::Number(text) | Cell::Code(text) => {
                if needs_apostrophe(text) {
                    format!("'{text}")
                } else {
                    text.to_owned()
                }
            }
        }
    }
}

fn quoted(content: String) -> String {
    let is_special = |c| matches!(c, ',' | '"' | '\r' | '\n' | '\t');
    let is_edged = content.starts_with(' ') || content.ends_with(' ');
    if is_edged || content.contains(is_special) {
        format!("\"{}\"", content.replace('"', "\"\""))
    } else {
        content
    }
}

/// An optional minus, digits, and at most one point between digits. No exponent: nothing of ours has one.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    is_digits(whole) && is_digits(places)
}

/// What may stand between the quotes of `="…"`: nothing that ends them.
pub(super) fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cells: &[Cell<'_>], expected: &str) {
        let mut out = Vec::new();
        let lost = Writer::new(Encoding::Utf8, CodeStyle::Plain).row(cells, &mut out);
        assert!(lost.is_empty());
        assert_eq!(String::from_utf8(out).unwrap(), format!("\u{FEFF}{expected}\r\n"));
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        check(&[Cell::Text("a"), Cell::Text("b c"), Cell::Text("")], "a,b c,");
        check(&[Cell::Text("a,b"), Cell::Text("say \"x\"")], "\"a,b\",\"say \"\"x\"\"\"");
        check(&[Cell::Text("two\r\nlines"), Cell::Text(" edge")], "\"two\r\nlines\",\" edge\"");
        check(&[Cell::Text("")], "\"\"");
    }

    #[test]
    fn a_text_is_never_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "'=1"] {
            check(&[Cell::Text(text)], &format!("'{text}"));
        }
        check(&[Cell::Text("\tx")], "\"'\tx\"");
        check(&[Cell::Text("it's"), Cell::Text("'tis")], "it's,'tis");
    }

    #[test]
    fn a_number_stays_a_number_and_only_a_number() {
        check(&[Cell::Number("-1.5"), Cell::Number("0"), Cell::Number("12.50")], "-1.5,0,12.50");
        check(&[Cell::Number("-1+2"), Cell::Number("-.5"), Cell::Number("=1")], "'-1+2,'-.5,'=1");
    }

    #[test]
    fn a_code_keeps_its_zeros_and_gets_a_formula_only_on_request() {
        check(&[Cell::Code("01100")], "01100");
        let mut out = Vec::new();
        let mut writer = Writer::new(Encoding::Cp932, CodeStyle::Formula);
        writer.row(&[Cell::Code("01100"), Cell::Code("\"&A1"), Cell::Code("-1")], &mut out);
        assert_eq!(out, b"\"=\"\"01100\"\"\",\"\"\"&A1\",'-1\r\n");
    }

    #[test]
    fn unmappable_characters_are_reported_with_row_and_column() {
        let mut out = Vec::new();
        let mut writer = Writer::new(Encoding::Cp932, CodeStyle::Plain);
        assert_eq!(writer.row(&[Cell::Text("氏名")], &mut out), []);
        let lost = writer.row(&[Cell::Text("吉"), Cell::Text("𠮷é")], &mut out);
        let at = |character| Unmappable { row: 2, column: 2, character };
        assert_eq!(lost, [at('𠮷'), at('é')]);
        assert_eq!(writer.rows(), 2);
    }
}
