//! The error list: a table for Excel, or lines on the screen.

use std::{
    io::{self, Write},
    path::Path,
};

use kakehashi_exchange::csv::{Cell, CodeStyle, Encoding, Unmappable, Writer};
use kakehashi_forms::Severity;

use crate::{
    checked::Row,
    exit::Stop,
    fresh_file::FreshFile,
    language::Language,
    screen::{answer, shown_path, tell},
};

/// Lines shown on the screen when there is no list.
const SHOWN_MAX: u64 = 50;
/// Characters that could not be written, shown one by one.
const UNMAPPABLE_SHOWN_MAX: usize = 20;

const COLUMNS_JA: [&str; 12] = [
    "ファイル",
    "行",
    "項目ID",
    "項目",
    "規則",
    "区分",
    "内容",
    "対処",
    "何件目",
    "整理番号",
    "様式",
    "場所",
];
const COLUMNS_EN: [&str; 12] = [
    "file",
    "line",
    "item id",
    "item",
    "rule",
    "severity",
    "message",
    "remedy",
    "form no.",
    "reference",
    "form",
    "path",
];

/// Takes rows as they come.
pub(crate) struct ErrorList {
    language: Language,
    target: Target,
    rows: u64,
}

enum Target {
    Screen,
    Table(Box<Table>),
    Nowhere,
}

struct Table {
    path: std::path::PathBuf,
    file: FreshFile,
    writer: Writer,
    unmappable: Vec<Unmappable>,
    unmappable_count: u64,
}

impl ErrorList {
    /// Starts a table, seen under its name when it is finished.
    pub(crate) fn table(
        path: &Path,
        encoding: Encoding,
        language: Language,
    ) -> anyhow::Result<Self> {
        let file = FreshFile::create(path).map_err(|error| Stop::output(path, &error))?;
        let mut table = Table {
            path: path.to_owned(),
            file,
            writer: Writer::new(encoding, CodeStyle::Plain),
            unmappable: Vec::new(),
            unmappable_count: 0,
        };
        let columns = if language == Language::Ja { COLUMNS_JA } else { COLUMNS_EN };
        table.write(&columns.map(Cell::Text)).map_err(|error| Stop::output(path, &error))?;
        Ok(Self { language, target: Target::Table(Box::new(table)), rows: 0 })
    }

    /// Shows the first rows on the screen.
    pub(crate) const fn screen(language: Language) -> Self {
        Self { language, target: Target::Screen, rows: 0 }
    }

    /// Only counts.
    pub(crate) const fn nowhere(language: Language) -> Self {
        Self { language, target: Target::Nowhere, rows: 0 }
    }

    /// Takes a row.
    pub(crate) fn push(&mut self, row: &Row) -> anyhow::Result<()> {
        self.rows += 1;
        match &mut self.target {
            Target::Screen if self.rows <= SHOWN_MAX => answer(line(row, self.language))?,
            Target::Screen | Target::Nowhere => {}
            Target::Table(table) => {
                let written = table.row(row, self.language);
                written.map_err(|error| Stop::output(&table.path, &error))?;
            }
        }
        Ok(())
    }

    /// Ends the list and says what a person must know about it.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let language = self.language;
        match self.target {
            Target::Screen if self.rows > SHOWN_MAX => {
                let more = self.rows - SHOWN_MAX;
                tell(match language {
                    Language::Ja => format!("ほか {more} 行。--errors FILE で一覧を作れます。"),
                    Language::En => format!("{more} more; --errors FILE writes all."),
                });
            }
            Target::Screen | Target::Nowhere => {}
            Target::Table(table) => {
                let Table { path, file, unmappable, unmappable_count, .. } = *table;
                file.commit().map_err(|error| Stop::output(&path, &error))?;
                let rows = self.rows;
                tell(match language {
                    Language::Ja => format!("エラー一覧: {}（{rows} 行）", shown_path(&path)),
                    Language::En => format!("error list: {} ({rows} rows)", shown_path(&path)),
                });
                report(&unmappable, unmappable_count, language);
            }
        }
        Ok(())
    }
}

impl Table {
    fn row(&mut self, row: &Row, language: Language) -> io::Result<()> {
        let finding = &row.finding;
        let number = |number: u64| number.to_string();
        let line = row.place.as_ref().map(|place| place.line.to_string()).unwrap_or_default();
        let count = row.number.map(number).unwrap_or_default();
        let (item, label) = match &row.item {
            Some((item, label)) => (item.as_str(), language.of(label)),
            None => ("", ""),
        };
        let cells = [
            Cell::Text(&row.file),
            Cell::Number(&line),
            Cell::Text(item),
            Cell::Text(label),
            Cell::Text(&finding.rule),
            Cell::Text(letter(finding.severity)),
            Cell::Text(language.of(&finding.message)),
            Cell::Text(language.of(&finding.remedy)),
            Cell::Number(&count),
            Cell::Code(row.reference.as_deref().unwrap_or_default()),
            Cell::Text(row.form.as_deref().unwrap_or_default()),
            Cell::Text(row.place.as_ref().map_or("", |place| &place.path)),
        ];
        self.write(&cells)
    }

    fn write(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let lost = self.writer.row(cells, &mut bytes);
        self.unmappable_count += lost.len() as u64;
        let room = UNMAPPABLE_SHOWN_MAX.saturating_sub(self.unmappable.len());
        self.unmappable.extend(lost.into_iter().take(room));
        self.file.write_all(&bytes)
    }
}

fn report(unmappable: &[Unmappable], count: u64, language: Language) {
    for lost in unmappable {
        let (row, column, code_point) = (lost.row, lost.column, lost.code_point());
        tell(match language {
            Language::Ja => {
                format!("{row}行{column}列: {code_point} はCP932にないため〓と書きました。")
            }
            Language::En => {
                format!("row {row}, column {column}: {code_point} is not in CP932, written as 〓")
            }
        });
    }
    if count > unmappable.len() as u64 {
        tell(match language {
            Language::Ja => {
                format!("CP932にない文字は全部で {count} 個です。--encoding utf8 なら書けます。")
            }
            Language::En => format!("{count} such characters in all; --encoding utf8 keeps them"),
        });
    }
}

/// One row as a line.
fn line(row: &Row, language: Language) -> String {
    let finding = &row.finding;
    let place = row.place.as_ref().map(|place| format!(":{}", place.line)).unwrap_or_default();
    let label = row.item.as_ref().map(|(_, label)| language.of(label)).unwrap_or_default();
    let severity = letter(finding.severity);
    let message = language.of(&finding.message);
    format!("{}{place}: [{severity}] {label} {message} ({})", row.file, finding.rule)
}

const fn letter(severity: Severity) -> &'static str {
    match severity {
        Severity::E => "E",
        Severity::W => "W",
        Severity::I => "I",
    }
}
