//! Tables as text: one row per line, columns separated by `|` or a tab.

use kakehashi_kernel::limits::FORM_ROWS_MAX;

use super::{Reading, format};
use crate::{
    answer::{Answer, Row, Value},
    finding::{Finding, Localized, Severity},
    item::{Item, Kind},
};

/// Reads a table; the row a finding names is the line, from 1, empty lines not counted.
pub(super) fn read(item: &Item, text: &str) -> Result<Reading, Finding> {
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for line in text.split('\n').filter(|line| !line.trim().is_empty()) {
        let place = rows.len() + 1;
        let (row, row_notes) = read_row(item, place, line)?;
        notes.extend(row_notes);
        rows.push(row);
        if rows.len() > FORM_ROWS_MAX {
            return Err(wrong_count(item));
        }
    }
    let value = Value::Rows(rows);
    item.examine(&value)?;
    Ok(Reading { answer: Answer::Given(value), notes })
}

fn read_row(item: &Item, place: usize, line: &str) -> Result<(Row, Vec<Finding>), Finding> {
    let mut row = Row::new();
    let mut notes = Vec::new();
    let cells = split(line);
    let columns = item.columns();
    if cells.iter().skip(columns.len()).any(|cell| !cell.is_empty()) {
        return Err(format(item).in_table(item, place, None));
    }
    for (column, cell) in columns.iter().zip(&cells) {
        let reading = column.read(cell);
        let reading = reading.map_err(|finding| finding.in_table(item, place, Some(column)))?;
        row.set(&column.id, reading.answer);
        notes.extend(reading.notes.into_iter().map(|n| n.in_table(item, place, Some(column))));
    }
    Ok((row, notes))
}

/// Splits a line into its cells, trimmed, escapes resolved.
fn split(line: &str) -> Vec<String> {
    // What an escape stands for must survive the trimming: the cell is trimmed as written.
    let mut cells = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let cell = cells.last_mut().expect("there is a cell from the start");
        match c {
            '|' | '\t' => cells.push(String::new()),
            '\\' if matches!(characters.peek(), Some('|' | '\\' | 'n' | 't')) => {
                cell.push('\\');
                cell.extend(characters.next());
            }
            _ => cell.push(c),
        }
    }
    cells.iter().map(|cell| unescape(cell.trim())).collect()
}

fn unescape(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let mut characters = cell.chars().peekable();
    while let Some(c) = characters.next() {
        let escaped = match (c, characters.peek()) {
            ('\\', Some('|')) => Some('|'),
            ('\\', Some('\\')) => Some('\\'),
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('t')) => Some('\t'),
            _ => None,
        };
        text.push(escaped.unwrap_or(c));
        if escaped.is_some() {
            characters.next();
        }
    }
    text
}

fn escape(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('|', "\\|").replace('\n', "\\n").replace('\t', "\\t")
}

/// Writes a table as [`read`] reads it: empty cells at the end of a row left out.
pub(super) fn write(columns: &[Item], rows: &[Row]) -> String {
    let write = |row: &Row| {
        let cell = |column: &Item| {
            escape(&row.get(&column.id).map_or_else(String::new, |answer| column.write(answer)))
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        cells.get(..filled).unwrap_or_default().join(" | ").trim().to_owned()
    };
    rows.iter().map(write).collect::<Vec<_>>().join("\n")
}

/// Shows a table: one row per line, each cell behind its column's label.
pub(super) fn display(item: &Item, rows: &[Row]) -> Localized {
    let mut shown = (Vec::new(), Vec::new());
    for row in rows {
        let mut cells = (Vec::new(), Vec::new());
        for column in item.columns() {
            if let Some(answer) = row.get(&column.id) {
                let text = column.display(answer);
                cells.0.push(format!("{}：{}", column.label.ja, text.ja));
                cells.1.push(format!("{}: {}", column.label.en, text.en));
            }
        }
        shown.0.push(cells.0.join("、"));
        shown.1.push(cells.1.join(", "));
    }
    Localized::new(shown.0.join("\n"), shown.1.join("\n"))
}

/// Everything that is wrong with the rows of a table, at most [`FORM_ROWS_MAX`] findings.
pub(super) fn examine(item: &Item, rows: &[Row]) -> Vec<Finding> {
    let Kind::Rows { min, max, .. } = item.kind else { return vec![format(item)] };
    if !(min.max(1)..=max.min(FORM_ROWS_MAX)).contains(&rows.len()) {
        return vec![wrong_count(item)];
    }
    let numbered = rows.iter().zip(1..);
    numbered.flat_map(|(row, place)| examine_row(item, place, row)).take(FORM_ROWS_MAX).collect()
}

fn examine_row(item: &Item, place: usize, row: &Row) -> Vec<Finding> {
    let is_unknown = |(id, _): &(&str, &Answer)| item.column(id).is_none();
    if row.is_empty() || row.iter().any(|cell| is_unknown(&cell)) {
        return vec![format(item).in_table(item, place, None)];
    }
    let examine = |column: &Item| {
        let finding = column.examine(row.value(&column.id)?).err()?;
        Some(finding.in_table(item, place, Some(column)))
    };
    item.columns().iter().filter_map(examine).collect()
}

fn wrong_count(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.rows",
        Severity::E,
        Localized::new(
            format!("「{}」の行の数が正しくありません。", item.label.ja),
            format!("“{}” does not have the right number of rows.", item.label.en),
        ),
        item.expectation(),
    )
}
