//! The specification as an XLSX workbook: one sheet per table.

use kakehashi_forms::Definition;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, XlsxError,
};

use crate::tables;

/// Widest column, in characters.
const WIDTH_MAX: f64 = 60.0;

/// The workbook could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the workbook of {form} could not be written")]
pub struct CannotWrite {
    form: String,
    source: XlsxError,
}

/// Answers the bytes of the workbook. The same definition gives the same bytes.
///
/// # Errors
///
/// [`CannotWrite`] when a text is longer than a cell can hold.
pub fn xlsx(definition: &Definition) -> Result<Vec<u8>, CannotWrite> {
    write(definition).map_err(|source| CannotWrite { form: definition.key().to_string(), source })
}

fn write(definition: &Definition) -> Result<Vec<u8>, XlsxError> {
    let head = Format::new()
        .set_bold()
        .set_background_color("#E8F1FE")
        .set_border(FormatBorder::Thin)
        .set_text_wrap();
    let body =
        Format::new().set_border(FormatBorder::Thin).set_text_wrap().set_align(FormatAlign::Top);
    let mut workbook = Workbook::new();
    let from = definition.valid_from();
    let made = ExcelDateTime::parse_from_str(&from.to_string())?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(format!("様式仕様書 {}", definition.key()))
            .set_creation_datetime(&made),
    );
    for table in tables(definition) {
        let sheet = workbook.add_worksheet();
        sheet.set_name(table.title)?;
        sheet.set_freeze_panes(1, 0)?;
        sheet.set_landscape();
        for (column, name) in (0_u16..).zip(&table.columns) {
            sheet.write_string_with_format(0, column, *name, &head)?;
            let cells = table.rows.iter().filter_map(|row| row.get(usize::from(column)));
            sheet.set_column_width(column, width(name, cells))?;
        }
        for (row, cells) in (1_u32..).zip(&table.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                sheet.write_string_with_format(row, column, cell, &body)?;
            }
        }
    }
    workbook.save_to_buffer()
}

/// A full-width character counts as two.
fn width<'a>(name: &str, cells: impl Iterator<Item = &'a String>) -> f64 {
    let wide = |line: &str| line.chars().map(|c| if c.is_ascii() { 1.0 } else { 2.0 }).sum::<f64>();
    let widest = cells.flat_map(|cell| cell.lines()).map(wide).fold(wide(name), f64::max);
    (widest + 2.0).min(WIDTH_MAX)
}
