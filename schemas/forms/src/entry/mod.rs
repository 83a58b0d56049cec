//! From what a person typed to an answer, and from an answer to its canonical text.
#![expect(
    clippy::result_large_err,
    reason = "a finding is what the caller shows; boxing it would only move the cost to the reader"
)]

mod expectation;
mod number;
mod partial_date;
mod reading;
mod table;
mod value;
mod writing;

use crate::{
    answer::Answer,
    definition::Definition,
    finding::{Finding, Localized, Severity},
    item::Item,
};

/// What a person's text was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The answer.
    pub answer: Answer,
    /// What the person should look at again although it was read (W): a date outside its era.
    pub notes: Vec<Finding>,
}

impl Reading {
    const fn plain(answer: Answer) -> Self {
        Self { answer, notes: Vec::new() }
    }
}

impl Definition {
    /// Reads what a person typed into an item.
    ///
    /// Accepts full-width digits, era dates (`R6.4.1`, `令和6年4月1日`), partial dates, thousands
    /// separators, a number's unit, `<0.1`, 0.1未満 and 感度以下 where the item takes comparators, a
    /// code or its label, several codes separated by spaces or commas, and 未実施 / 不明 where they are
    /// answers. White space around the text is dropped, line ends become `\n`, half-width kana of a kana
    /// item become full width, nothing else of a text is changed. Empty is blank.
    ///
    /// A table is one row per line, its columns separated by `|` or a tab in the form's order; columns
    /// left out at the end are blank, and so is an empty cell. `\|`, `\n`, `\t` and `\\` write those
    /// characters in a cell.
    ///
    /// # Errors
    ///
    /// A finding (E) that says what the item takes; never what was typed.
    pub fn read(&self, item: &str, text: &str) -> Result<Answer, Finding> {
        self.read_noting(item, text).map(|reading| reading.answer)
    }

    /// Reads like [`Definition::read`], and says what to look at again.
    ///
    /// # Errors
    ///
    /// As [`Definition::read`].
    pub fn read_noting(&self, item: &str, text: &str) -> Result<Reading, Finding> {
        self.item(item).ok_or_else(no_such_item)?.read(text)
    }

    /// Reads what a person typed into one cell of a table.
    ///
    /// # Errors
    ///
    /// As [`Definition::read`]; the finding is about the column by itself, without a row.
    pub fn read_cell(&self, item: &str, column: &str, text: &str) -> Result<Answer, Finding> {
        let column = self.item(item).and_then(|item| item.column(column));
        column.ok_or_else(no_such_item)?.read(text).map(|reading| reading.answer)
    }

    /// Writes an answer as canonical text: what [`Definition::read`] makes the same answer of. States
    /// that nobody types (illegible, struck, multiply marked) get the word that is shown for them.
    pub fn write(&self, item: &str, answer: &Answer) -> String {
        writing::write(self.item(item), answer)
    }

    /// Writes the answer of one cell of a table, like [`Definition::write`].
    pub fn write_cell(&self, item: &str, column: &str, answer: &Answer) -> String {
        writing::write(self.item(item).and_then(|item| item.column(column)), answer)
    }

    /// Shows an answer to a person: like [`Definition::write`], with codes as their labels and the
    /// unit behind a number; a table one row per line, each cell behind its column's label.
    pub fn display(&self, item: &str, answer: &Answer) -> Localized {
        if let Some(item) = self.item(item) {
            return item.display(answer);
        }
        let text = writing::write(None, answer);
        Localized::new(text.clone(), text)
    }
}

fn no_such_item() -> Finding {
    Finding::general(
        "check.unknown-item",
        Severity::E,
        Localized::new("この様式にない項目です。", "This form has no such item."),
        Localized::new("様式の版を確認してください。", "Please check the form version."),
    )
}

fn too_long(item: &Item) -> Finding {
    item.refuse("check.length", ("長すぎます", "is too long"))
}

fn format(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.format",
        Severity::E,
        Localized::new(
            format!("「{}」の形式が正しくありません。", item.label.ja),
            format!("“{}” does not have the right format.", item.label.en),
        ),
        item.expectation(),
    )
}

fn outside_era(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.era",
        Severity::W,
        Localized::new(
            format!(
                "「{}」の年月日は、書かれた元号の期間の外です。正しい元号に直して読み取りました。",
                item.label.ja
            ),
            format!(
                "“{}” lies outside the era it names; it was read in the right one.",
                item.label.en
            ),
        ),
        Localized::new("読み取った日付を確かめてください。", "Please check the date as read."),
    )
}
