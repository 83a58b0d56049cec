//! Tables in a posted form: one field per cell, `<item>.<row>.<column>`, rows counted from 1.

use std::collections::BTreeMap;

use kakehashi_forms::{Definition, Finding, Item, Kind, Row};
use kakehashi_kernel::limits::FORM_ROWS_MAX;

use super::typed::Typed;

/// The name of the buttons that ask for one more row; the value is the table's item.
pub const ADD_ROW: &str = "add-row";

/// The name of the field of one cell.
pub fn cell_field(item: &str, row: usize, column: &str) -> String {
    format!("{item}.{row}.{column}")
}

/// The name of the field that says how many rows of a table the page showed.
pub fn row_count_field(item: &str) -> String {
    format!("{item}.rows")
}

impl Typed {
    /// How many rows of a table something was sent for, empty ones before the last counted.
    pub fn rows(&self, item: &str) -> usize {
        let rows = self.fields().iter().filter(|(_, value)| !value.trim().is_empty());
        rows.filter_map(|(field, _)| Some(parts(item, field)?.0)).max().unwrap_or(0)
    }

    /// How many rows of a table the page showed that was sent.
    pub fn rows_shown(&self, item: &str) -> usize {
        self.first(&row_count_field(item)).parse().unwrap_or(0).min(FORM_ROWS_MAX)
    }

    /// Leaves out rows of tables in which nothing was typed and numbers the others anew, so that rows are
    /// counted as in the answer and in findings about it.
    #[must_use]
    pub fn without_empty_rows(self, definition: &Definition) -> Self {
        let tables = definition.items().filter(|item| matches!(item.kind, Kind::Rows { .. }));
        tables.fold(self, |typed, item| typed.compacted(&item.id))
    }

    fn compacted(&self, item: &str) -> Self {
        let typed_in = |(field, value): &(String, String)| {
            let (row, _) = parts(item, field)?;
            (!value.trim().is_empty()).then_some(row)
        };
        let mut places: BTreeMap<usize, usize> =
            self.fields().iter().filter_map(typed_in).map(|row| (row, 0)).collect();
        for (place, number) in (1..).zip(places.values_mut()) {
            *number = place;
        }
        let renumbered = |(field, value): &(String, String)| match parts(item, field) {
            Some((row, column)) => {
                Some((cell_field(item, *places.get(&row)?, column), value.clone()))
            }
            None => Some((field.clone(), value.clone())),
        };
        Self::new(self.fields().iter().filter_map(renumbered).collect())
    }

    /// Reads the rows of a table; `None` when nothing was typed into any.
    pub(super) fn read_rows(&self, item: &Item, findings: &mut Vec<Finding>) -> Option<Vec<Row>> {
        let rows = (1..=self.rows(&item.id)).map(|row| self.read_row(item, row, findings));
        let rows: Vec<Row> = rows.collect();
        (!rows.is_empty()).then_some(rows)
    }

    fn read_row(&self, item: &Item, row: usize, findings: &mut Vec<Finding>) -> Row {
        let mut cells = Row::new();
        for column in item.columns() {
            let place = |finding: Finding| finding.in_table(item, row, Some(column));
            match self.read_field(column, &cell_field(&item.id, row, &column.id)) {
                Ok(reading) => {
                    findings.extend(reading.notes.into_iter().map(place));
                    cells.set(&column.id, reading.answer);
                }
                Err(finding) => findings.push(place(*finding)),
            }
        }
        cells
    }
}

/// Row and column (with what follows it) of a cell's field.
fn parts<'a>(item: &str, field: &'a str) -> Option<(usize, &'a str)> {
    let (row, column) = field.strip_prefix(item)?.strip_prefix('.')?.split_once('.')?;
    let is_number = row.bytes().all(|byte| byte.is_ascii_digit()) && !row.starts_with('0');
    let row = is_number.then(|| row.parse().ok())??;
    (row <= FORM_ROWS_MAX).then_some((row, column))
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::{Answer, Catalogue, Value};

    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Typed::new(fields.iter().map(field).collect())
    }

    /// The form of Crohn's disease has a table of operations: `ym` and `operation`.
    fn with_crohn(test: impl Fn(&Definition)) {
        let catalogue = Catalogue::builtin().unwrap();
        test(catalogue.definition("nanbyo/0096-000/2403".parse().unwrap()).unwrap());
    }

    #[test]
    fn rows_are_read_cell_by_cell() {
        with_crohn(|crohn| {
            let typed = typed(&[
                ("surgeries.1.ym", "R1.5"),
                ("surgeries.1.operation", "回腸切除"),
                ("surgeries.2.ym.state", "unknown"),
                ("surgeries.2.operation", "瘻孔切除"),
            ]);
            let (answers, findings) = typed.read(crohn);
            assert!(findings.is_empty(), "{findings:?}");
            let Some(Value::Rows(rows)) = answers.value("surgeries") else { panic!("no rows") };
            assert_eq!(rows.len(), 2);
            assert_eq!(rows[1].get("ym"), Some(&Answer::Unknown));
            assert!(matches!(rows[0].value("ym"), Some(Value::PartialDate(_))));
        });
    }

    #[test]
    fn a_cell_that_does_not_read_is_named() {
        with_crohn(|crohn| {
            let typed = typed(&[("surgeries.1.operation", "切除"), ("surgeries.2.ym", "むかし")]);
            let (_, findings) = typed.read(crohn);
            assert_eq!(findings.len(), 1);
            let cell = findings[0].cell.as_ref().unwrap();
            assert_eq!((cell.row, cell.column.as_deref()), (2, Some("ym")));
            assert_eq!(findings[0].item.as_deref(), Some("surgeries"));
        });
    }

    #[test]
    fn empty_rows_are_left_out_and_the_others_move_up() {
        with_crohn(|crohn| {
            let typed = typed(&[
                ("surgeries.rows", "4"),
                ("surgeries.1.ym", ""),
                ("surgeries.2.ym", "2019-05"),
                ("surgeries.2.operation", " "),
                ("surgeries.4.operation", "切除"),
                ("surgeries.0.ym", "2001"),
                ("surgeries.999.ym", "2001"),
            ]);
            assert_eq!(typed.rows("surgeries"), 4);
            let typed = typed.without_empty_rows(crohn);
            assert_eq!((typed.rows("surgeries"), typed.rows_shown("surgeries")), (2, 4));
            assert_eq!(typed.first("surgeries.1.ym"), "2019-05");
            assert_eq!(typed.first("surgeries.2.operation"), "切除");
        });
    }

    #[test]
    fn a_table_nothing_was_typed_into_is_blank() {
        with_crohn(|crohn| {
            let (answers, findings) = typed(&[("surgeries.1.ym", "")]).read(crohn);
            assert!(findings.is_empty() && answers.get("surgeries").is_none());
        });
    }

    #[test]
    fn below_detection_is_chosen_where_the_item_takes_it() {
        with_crohn(|crohn| {
            let typed =
                typed(&[("crp.state", "below-detection"), ("sex.state", "below-detection")]);
            let (answers, _) = typed.read(crohn);
            assert_eq!(answers.value("crp"), Some(&Value::BelowDetection));
            assert!(answers.get("sex").is_none());
        });
    }
}
