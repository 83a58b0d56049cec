//! From bytes to cells. What people's spreadsheets did to a table is undone or reported.

use super::{
    CELL_BYTES_MAX, Encoding, ROW_CELLS_MAX, ROWS_MAX,
    encoding::{BYTE_ORDER_MARK, from_cp932},
    needs_apostrophe,
    write::is_code,
};

/// A table as read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// How it was encoded.
    pub encoding: Encoding,
    /// Its rows, the heading included. An empty line is a row without cells, so that numbers agree.
    pub rows: Vec<Vec<String>>,
    /// What looks wrong and does not stop anybody.
    pub warnings: Vec<Warning>,
}

/// Something a person should look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A row has more or fewer cells than the first.
    Uneven {
        /// The row, from 1.
        row: usize,
        /// Its cells.
        cells: usize,
    },
    /// Something follows a closing quote, or a quote stands inside an unquoted cell.
    StrayQuote {
        /// The row, from 1.
        row: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A 〓: a character was lost when the table was written.
    Geta {
        /// The row, from 1.
        row: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A code is all digits and too short: a spreadsheet took its leading zeros. See [`lost_zero`].
    LostZero {
        /// The row, from 1.
        row: usize,
        /// The column, from 1.
        column: usize,
    },
}

/// Why bytes are not a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Neither UTF-8 nor CP932.
    #[error("the table is neither UTF-8 nor CP932")]
    Encoding,
    /// A cell, a row or the table is larger than we read.
    #[error("row {row} of the table is beyond the limits")]
    TooLarge {
        /// The row, from 1.
        row: usize,
    },
    /// A quote is opened and not closed before the end.
    #[error("a quote opened in row {row} is not closed")]
    OpenQuote {
        /// The row, from 1.
        row: usize,
    },
}

/// Reads a table in either encoding: with a byte order mark as UTF-8; else as UTF-8 if it is, else as CP932.
/// Rows may end in CR LF, LF or CR. `="01"` is read as `01`, and one protecting apostrophe is taken off.
///
/// # Errors
///
/// [`ReadError`] when the bytes are no table or beyond the limits.
pub fn read(bytes: &[u8]) -> Result<Table, ReadError> {
    let (encoding, text) = decode(bytes)?;
    let mut reading = Reading { table: Table { encoding, ..Table::default() }, row: Vec::new() };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let line_end = if reading.row.is_empty() { after_line_end(rest) } else { None };
        rest = match line_end {
            Some(rest) => {
                reading.end_row()?;
                rest
            }
            None => reading.cell(rest)?,
        };
    }
    if !reading.row.is_empty() {
        reading.end_row()?;
    }
    Ok(reading.table)
}

/// Finds codes of `length` digits in `column` (from 1) that have fewer: `1100` where `01100` was meant.
/// `from_row` (from 1) is the first row below the heading.
pub fn lost_zero(table: &Table, column: usize, length: usize, from_row: usize) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (place, cells) in table.rows.iter().enumerate().skip(from_row.saturating_sub(1)) {
        let Some(cell) = column.checked_sub(1).and_then(|place| cells.get(place)) else { continue };
        let is_short = !cell.is_empty() && cell.len() < length;
        if is_short && cell.bytes().all(|byte| byte.is_ascii_digit()) {
            warnings.push(Warning::LostZero { row: place + 1, column });
        }
    }
    warnings
}

fn decode(bytes: &[u8]) -> Result<(Encoding, String), ReadError> {
    if let Some(rest) = bytes.strip_prefix(&BYTE_ORDER_MARK) {
        let text = std::str::from_utf8(rest).map_err(|_| ReadError::Encoding)?;
        return Ok((Encoding::Utf8, text.to_owned()));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((Encoding::Utf8, text.to_owned()));
    }
    let text = from_cp932(bytes).ok_or(ReadError::Encoding)?;
    Ok((Encoding::Cp932, text))
}

struct Reading {
    table: Table,
    row: Vec<String>,
}

impl Reading {
    /// Reads one cell and what ends it; answers the rest.
    fn cell<'t>(&mut self, text: &'t str) -> Result<&'t str, ReadError> {
        // `="01"` stands unquoted where a person typed it; a comma cannot be inside.
        let (content, after) = match text.strip_prefix('"') {
            Some(inside) => self.quoted(inside)?,
            None => self.unquoted(text),
        };
        if content.len() > CELL_BYTES_MAX || self.row.len() >= ROW_CELLS_MAX {
            return Err(ReadError::TooLarge { row: self.row_number() });
        }
        let content = plain(content);
        if content.contains('〓') {
            self.warn(|row, column| Warning::Geta { row, column });
        }
        self.row.push(content);
        if let Some(rest) = after.strip_prefix(',') {
            if rest.is_empty() {
                self.row.push(String::new());
            }
            return Ok(rest);
        }
        self.end_row()?;
        Ok(after_line_end(after).unwrap_or(after))
    }

    /// A cell up to its closing quote, and then up to the separator.
    fn quoted<'t>(&mut self, inside: &'t str) -> Result<(String, &'t str), ReadError> {
        let mut content = String::new();
        let mut rest = inside;
        loop {
            let Some((before, after)) = rest.split_once('"') else {
                return Err(ReadError::OpenQuote { row: self.row_number() });
            };
            content.push_str(before);
            if let Some(after) = after.strip_prefix('"') {
                content.push('"');
                rest = after;
                continue;
            }
            let (tail, after) = at_separator(after);
            if !tail.is_empty() {
                self.warn(|row, column| Warning::StrayQuote { row, column });
                content.push_str(tail);
            }
            return Ok((content, after));
        }
    }

    fn unquoted<'t>(&mut self, text: &'t str) -> (String, &'t str) {
        let (content, after) = at_separator(text);
        if content.contains('"') && formula_code(content).is_none() {
            self.warn(|row, column| Warning::StrayQuote { row, column });
        }
        (content.to_owned(), after)
    }

    fn end_row(&mut self) -> Result<(), ReadError> {
        let row = std::mem::take(&mut self.row);
        if self.table.rows.len() >= ROWS_MAX {
            return Err(ReadError::TooLarge { row: self.row_number() });
        }
        let first = self.table.rows.first().map_or(row.len(), Vec::len);
        if row.len() != first && !row.is_empty() {
            let row_number = self.row_number();
            self.table.warnings.push(Warning::Uneven { row: row_number, cells: row.len() });
        }
        self.table.rows.push(row);
        Ok(())
    }

    fn row_number(&self) -> usize {
        self.table.rows.len() + 1
    }

    fn warn(&mut self, warning: impl Fn(usize, usize) -> Warning) {
        let (row, column) = (self.row_number(), self.row.len() + 1);
        self.table.warnings.push(warning(row, column));
    }
}

fn after_line_end(text: &str) -> Option<&str> {
    text.strip_prefix("\r\n").or_else(|| text.strip_prefix(['\r', '\n']))
}

fn at_separator(text: &str) -> (&str, &str) {
    let end = text.find([',', '\r', '\n']).unwrap_or(text.len());
    text.split_at(end)
}

/// Undoes what the writer did to a cell.
fn plain(content: String) -> String {
    if let Some(code) = formula_code(&content) {
        return code.to_owned();
    }
    match content.strip_prefix('\'') {
        Some(rest) if needs_apostrophe(rest) => rest.to_owned(),
        _ => content,
    }
}

fn formula_code(content: &str) -> Option<&str> {
    content.strip_prefix("=\"")?.strip_suffix('"').filter(|code| is_code(code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{Cell, CodeStyle, Writer},
        *,
    };

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        read(bytes).unwrap().rows
    }

    #[test]
    fn every_line_end_and_both_encodings_are_read() {
        for text in ["a,b\r\n1,2\r\n", "a,b\n1,2", "a,b\r1,2\r"] {
            assert_eq!(rows(text.as_bytes()), [["a", "b"], ["1", "2"]], "{text:?}");
        }
        let table = read(b"\x96\xBC\r\n").unwrap();
        assert_eq!((table.encoding, table.rows), (Encoding::Cp932, vec![vec!["名".to_owned()]]));
        assert_eq!(read("\u{FEFF}名\r\n".as_bytes()).unwrap().rows, [["名"]]);
        assert_eq!(read(b"\xFF\xFF"), Err(ReadError::Encoding));
        assert_eq!(read(b"\xEF\xBB\xBF\x96\xBC"), Err(ReadError::Encoding));
    }

    #[test]
    fn excel_formulas_around_codes_are_taken_off() {
        assert_eq!(rows(b"=\"01\",\"=\"\"02\"\"\",'=x,'y"), [["01", "02", "=x", "'y"]]);
        assert_eq!(read(b"=\"01\"").unwrap().warnings, []);
    }

    #[test]
    fn an_empty_line_keeps_its_number() {
        assert_eq!(rows(b"a\r\n\r\nb\r\n").len(), 3);
        assert_eq!(rows(b"a,\r\n,b,"), [vec!["a", ""], vec!["", "b", ""]]);
    }

    #[test]
    fn what_looks_wrong_is_a_warning() {
        let warnings = |text: &str| read(text.as_bytes()).unwrap().warnings;
        assert_eq!(warnings("a,b\nc\n"), [Warning::Uneven { row: 2, cells: 1 }]);
        assert_eq!(warnings("a,b\"c"), [Warning::StrayQuote { row: 1, column: 2 }]);
        assert_eq!(warnings("\"a\"b"), [Warning::StrayQuote { row: 1, column: 1 }]);
        assert_eq!(warnings("x,〓野"), [Warning::Geta { row: 1, column: 2 }]);
    }

    #[test]
    fn a_code_that_lost_its_zero_is_found() {
        let table = read(b"code,n\r\n01100,1\r\n1100,2\r\n,3\r\nx,4\r\n").unwrap();
        assert_eq!(lost_zero(&table, 1, 5, 2), [Warning::LostZero { row: 3, column: 1 }]);
        assert_eq!(lost_zero(&table, 9, 5, 2), []);
        assert_eq!(lost_zero(&table, 0, 5, 2), []);
    }

    #[test]
    fn an_open_quote_and_a_huge_cell_are_refused() {
        assert_eq!(read(b"a\r\n\"b"), Err(ReadError::OpenQuote { row: 2 }));
        let huge = vec![b'x'; CELL_BYTES_MAX + 1];
        assert_eq!(read(&huge), Err(ReadError::TooLarge { row: 1 }));
        let wide = vec![b','; ROW_CELLS_MAX + 1];
        assert_eq!(read(&wide), Err(ReadError::TooLarge { row: 1 }));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,8}",
            "['=+@\"\r\n,\t -]{0,6}",
            "[名髙①ｶ〓＝－～]{0,5}",
            "\\PC{0,6}",
            "[0-9]{1,5}"
        ]
    }

    proptest! {
        #[test]
        fn any_table_comes_back_as_it_was(
            table in prop::collection::vec(prop::collection::vec(text(), 0..5), 0..6),
            is_formula: bool,
        ) {
            let codes = if is_formula { CodeStyle::Formula } else { CodeStyle::Plain };
            let mut writer = Writer::new(Encoding::Utf8, codes);
            let mut out = Vec::new();
            for (place, row) in table.iter().enumerate() {
                let cell = if place % 2 == 0 { Cell::Text } else { Cell::Code };
                let cells: Vec<_> = row.iter().map(|text| cell(text)).collect();
                prop_assert!(writer.row(&cells, &mut out).is_empty());
            }
            prop_assert_eq!(read(&out).unwrap().rows, table);
        }

        #[test]
        fn in_cp932_what_is_not_reported_comes_back(
            row in prop::collection::vec(text(), 1..5),
        ) {
            let mut out = Vec::new();
            let cells: Vec<_> = row.iter().map(|text| Cell::Text(text)).collect();
            let lost = Writer::new(Encoding::Cp932, CodeStyle::Plain).row(&cells, &mut out);
            // Bytes that are also UTF-8 are read as such: CP932 is chosen only where it must be.
            let (decoded, _, _) = encoding_rs::SHIFT_JIS.decode(&out);
            let back = rows(decoded.as_bytes());
            let back = back.first().map_or(&[][..], Vec::as_slice);
            prop_assert_eq!(back.len(), row.len());
            for (place, (cell, back)) in row.iter().zip(back).enumerate() {
                let twin = |c| match c { '〜' => '～', '−' => '－', '‖' => '∥', '—' => '―', c => c };
                let is_lost = |c: char| {
                    lost.iter().any(|lost| lost.column == place + 1 && lost.character == c)
                };
                let wanted: String =
                    cell.chars().map(|c| if is_lost(c) { '〓' } else { twin(c) }).collect();
                prop_assert_eq!(back, &wanted);
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _table = read(&bytes);
        }
    }
}
