//! CSV as Excel writes and reads it, in UTF-8 with a byte order mark or in CP932.
//!
//! Rows end in CR LF; a cell is quoted where it must be (RFC 4180). Three things plain CSV gets wrong are
//! handled here:
//!
//! - **Formulas.** A text that Excel would run (`=`, `+`, `-`, `@`, tab, CR, LF or a full-width form of
//!   them at its start) gets an apostrophe before it; [`read`] takes that one apostrophe off again. Cells
//!   that *are* numbers ([`Cell::Number`]) stay numbers, `-1.5` included.
//! - **Leading zeros.** The file always keeps them. Excel drops them when it opens the file by double-click;
//!   with [`CodeStyle::Formula`] a [`Cell::Code`] is written `="01"`, which Excel shows as `01`. [`read`]
//!   accepts that form, and [`lost_zero`] finds codes that came back without their zero.
//! - **Characters CP932 does not have.** They are written as 〓 and reported with row, column and code point,
//!   never replaced silently. Four that Windows and Unix map differently are converted first (〜 → ～,
//!   − → －, ‖ → ∥, — → ―); they look the same and are not reported.

mod encoding;
mod read;
mod write;

pub use encoding::{Encoding, InvalidEncoding, Unmappable};
pub use read::{ReadError, Table, Warning, lost_zero, read};
pub use write::{Cell, CodeStyle, Writer};

/// Bytes of one cell at most, when reading. Excel holds 32,767 characters.
pub const CELL_BYTES_MAX: usize = 128 * 1024;
/// Cells of one row at most, when reading. Excel holds 16,384.
pub const ROW_CELLS_MAX: usize = 16_384;
/// Rows of one table at most, when reading. Excel holds 1,048,576.
pub const ROWS_MAX: usize = 1_048_576;

/// Whether Excel would take a text with this first character for a formula, or lose it.
pub(crate) fn starts_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠' | '−')
}

/// Whether a text is apostrophes and then what [`starts_formula`] says: one apostrophe is ours.
pub(crate) fn needs_apostrophe(text: &str) -> bool {
    text.trim_start_matches('\'').chars().next().is_some_and(starts_formula)
}
