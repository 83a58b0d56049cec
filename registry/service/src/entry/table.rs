//! A table as real cells: a line for every row, some to spare, and a button that adds one.
//!
//! Works without scripts: the button posts what was typed and the page comes back with a row more.

use kakehashi_forms::{Finding, Item, Kind};
use kakehashi_platform::web::Language;
use kakehashi_registry_core::entry::{ADD_ROW, cell_field, row_count_field};
use maud::{Markup, html};

use super::field::Field;
use crate::view::{
    findings::{anchor, row_anchor},
    pick,
};

/// More columns than this need the whole width of the page.
const NARROW_COLUMNS_MAX: usize = 3;

/// Renders a table.
pub(super) fn render(table: &Field<'_>) -> Markup {
    let Kind::Rows { min, max, columns } = &table.item.kind else { return html! {} };
    let language = table.language;
    let item = table.item;
    let has_error = table.findings.iter().any(|finding| finding.is_error());
    let rows = rows_shown(table, *min, *max);
    let whole = Field {
        item,
        name: item.id.clone(),
        spoken: None,
        application: table.application,
        typed: table.typed,
        findings: table.findings.iter().copied().filter(|found| found.cell.is_none()).collect(),
        language,
    };
    html! {
        div.field.table.wide[columns.len() > NARROW_COLUMNS_MAX].has-error[has_error]
            .has-warning[!has_error && !table.findings.is_empty()]
            id=(anchor(&item.id)) tabindex="-1" {
            fieldset {
                legend { (table.label()) }
                div.hint { (help(item, *max, language)) }
                (whole.messages())
                div.control {
                    input type="hidden" name=(row_count_field(&item.id)) value=(rows);
                    table.rows {
                        thead { tr {
                            th scope="col" { (language.pick("行", "Row")) }
                            @for column in columns { (head(table, column)) }
                        } }
                        tbody {
                            @for row in 1..=rows { (line(table, columns, row)) }
                        }
                    }
                    @if rows < *max {
                        button.quiet type="submit" name=(ADD_ROW) value=(item.id)
                            formaction={ "#" (anchor(&item.id)) } {
                            (language.pick("行を追加", "Add a row"))
                        }
                    }
                }
            }
            (whole.states())
        }
    }
}

/// The rows with something in them and one to spare, not fewer than were there or must be, and one more
/// when the button was pressed.
fn rows_shown(table: &Field<'_>, min: usize, max: usize) -> usize {
    let id = &table.item.id;
    let asked = usize::from(table.typed.first(ADD_ROW) == id);
    let before = table.typed.rows_shown(id) + asked;
    (table.typed.rows(id) + 1).max(min + 1).max(before).min(max)
}

fn help(item: &Item, max: usize, language: Language) -> Markup {
    html! {
        @if let Some(help) = &item.help { (pick(language, help)) " " }
        @match language {
            Language::Ja => { "1行に1件、" (max) "行まで。使わない行は空けておいてください。" }
            Language::En => { "One entry a row, at most " (max) ". Leave rows you do not need empty." }
        }
    }
}

fn head(table: &Field<'_>, column: &Item) -> Markup {
    let language = table.language;
    let expectation = column.expectation();
    let hint = column.help.as_ref().unwrap_or(&expectation);
    html! {
        th scope="col" {
            (pick(language, &column.label))
            @if let Some(unit) = &column.unit { "（" (unit) "）" }
            @if column.is_required(table.application) {
                span.required { (language.pick("必須", "required")) }
            }
            div.hint id=(hint_id(&cell_field(&table.item.id, 1, &column.id), &column.id)) {
                @if column.codes().is_none() || column.help.is_some() { (pick(language, hint)) }
            }
        }
    }
}

fn line(table: &Field<'_>, columns: &[Item], row: usize) -> Markup {
    let at = |column: Option<&str>| -> Vec<&Finding> {
        let is_there = |found: &&Finding| {
            let cell = found.cell.as_ref();
            cell.is_some_and(|cell| cell.row == row && cell.column.as_deref() == column)
        };
        table.findings.iter().copied().filter(is_there).collect()
    };
    let field = |item, name, spoken, findings| Field {
        item,
        name,
        spoken: Some(spoken),
        application: table.application,
        typed: table.typed,
        findings,
        language: table.language,
    };
    let whole_row = format!("{}.{row}", table.item.id);
    html! {
        tr id=(row_anchor(&table.item.id, row)) {
            th scope="row" {
                (row)
                (field(table.item, whole_row, String::new(), at(None)).messages())
            }
            @for column in columns {
                @let name = cell_field(&table.item.id, row, &column.id);
                @let spoken = spoken(column, row, table.language);
                @let cell = field(column, name, spoken, at(Some(&column.id)));
                @let has_error = cell.findings.iter().any(|finding| finding.is_error());
                td.has-error[has_error] {
                    (cell.cell())
                }
            }
        }
    }
}

/// The name of a cell for who hears the page: its column and its row.
fn spoken(column: &Item, row: usize, language: Language) -> String {
    match language {
        Language::Ja => format!("{} {row}行目", column.label.ja),
        Language::En => format!("{}, row {row}", column.label.en),
    }
}

/// The hint of a column, shared by all its cells.
pub(super) fn hint_id(cell: &str, column: &str) -> String {
    let table = cell.split('.').next().unwrap_or_default();
    format!("hint-{table}.{column}")
}
