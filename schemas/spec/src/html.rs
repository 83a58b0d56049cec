//! The specification as one HTML page without scripts, styles inside, nothing fetched.

use kakehashi_forms::Definition;
use maud::{DOCTYPE, Markup, html as page};

use crate::{Table, tables};

const STYLE: &str = "body{font-family:'BIZ UDPGothic','Yu Gothic',Meiryo,sans-serif;margin:1.5rem;color:#1a1a1c;line-height:1.6}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}nav ul{columns:2}\
table{border-collapse:collapse;font-size:.875rem}th,td{border:1px solid #949494;padding:.25rem .5rem;text-align:left;vertical-align:top;white-space:pre-wrap}\
thead th{background:#e8f1fe;position:sticky;top:0}td:first-child{white-space:nowrap}\
.notice{border-left:.4rem solid #b78f00;background:#fbf5e0;padding:.5rem 1rem}\
@media print{thead th{position:static}}";

/// Answers the page.
pub fn html(definition: &Definition) -> String {
    let tables = tables(definition);
    let title = format!("様式仕様書 {} {}", definition.key(), definition.name().ja);
    page! {
        (DOCTYPE)
        html lang="ja" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                @if let Some(unverified) = definition.unverified() {
                    p.notice { strong { "要確認：" } (unverified.ja) }
                }
                nav aria-label="目次" { ul {
                    @for table in &tables { li { a href={ "#" (table.title) } { (table.title) } } }
                } }
                @for table in &tables { (section(table)) }
            }
        }
    }
    .into_string()
}

fn section(table: &Table) -> Markup {
    page! {
        section id=(table.title) {
            h2 { (table.title) }
            @if !table.note.is_empty() { p { (table.note) } }
            table {
                thead { tr { @for column in &table.columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in &table.rows { tr { @for cell in row { td { (cell) } } } }
                }
            }
        }
    }
}
