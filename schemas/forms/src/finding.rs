//! One failed check. Data, not an error: a form with findings is still a form.

use serde::{Deserialize, Serialize};

use crate::item::Item;

/// A text in both languages, Japanese first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

impl Localized {
    /// Makes a text.
    pub fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Format: the form cannot be registered as it is.
    E,
    /// Consistency: the form can be registered; a person should look.
    W,
    /// A hint.
    I,
}

/// One failed check. Never holds what the patient's form says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the rule, stable across versions of the software: `check.required`,
    /// `basic.birth-before-onset`.
    pub rule: String,
    /// The item to look at first, if it is about one.
    pub item: Option<String>,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong.
    pub message: Localized,
    /// What to do about it.
    pub remedy: Localized,
    /// The cell of the item, if the item is a table and it is about one of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
}

/// A place in a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// The row, from 1, as written.
    pub row: usize,
    /// The column's id; `None` for the row as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

impl Finding {
    /// Makes a finding about a form or a file as a whole.
    pub fn general(
        rule: impl Into<String>,
        severity: Severity,
        message: Localized,
        remedy: Localized,
    ) -> Self {
        Self { rule: rule.into(), item: None, severity, message, remedy, cell: None }
    }

    /// Makes a finding about one item.
    pub fn about(
        item: impl Into<String>,
        rule: impl Into<String>,
        severity: Severity,
        message: Localized,
        remedy: Localized,
    ) -> Self {
        Self { rule: rule.into(), item: Some(item.into()), severity, message, remedy, cell: None }
    }

    /// Says that it is about one row of a table, or one cell of it: `item` and `cell` name the place,
    /// and the message begins with it.
    #[must_use]
    pub fn in_table(self, table: &Item, row: usize, column: Option<&Item>) -> Self {
        let message = Localized::new(
            format!("「{}」{row}行目：{}", table.label.ja, self.message.ja),
            format!("“{}”, row {row}: {}", table.label.en, self.message.en),
        );
        let column = column.map(|column| column.id.clone());
        Self { item: Some(table.id.clone()), message, cell: Some(Cell { row, column }), ..self }
    }

    /// Tells whether the form cannot be registered because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::E
    }
}
