//! Lists of codes an item can take.

use serde::Deserialize;

use crate::finding::Localized;

/// What a code says besides being chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// 不明: rules treat the item as undetermined.
    Unknown,
    /// 未実施: rules treat the item as undetermined.
    NotDone,
}

/// One code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeOption {
    /// The code as stored and printed.
    pub code: String,
    /// What it stands for.
    pub label: Localized,
    /// Set when choosing it says that nothing is known.
    pub means: Option<Means>,
    /// What it counts in a score.
    pub points: Option<i64>,
}

/// A list of codes, in printed order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    id: String,
    options: Vec<CodeOption>,
    is_numeric: bool,
}

impl CodeList {
    pub(crate) fn new(id: String, options: Vec<CodeOption>) -> Self {
        let plain = |code: &str| code.parse::<i64>().is_ok_and(|n| n.to_string() == code);
        let is_numeric = options.iter().all(|option| plain(&option.code));
        Self { id, options, is_numeric }
    }

    /// The name items refer to it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All codes in printed order.
    pub fn options(&self) -> &[CodeOption] {
        &self.options
    }

    /// The option of a code.
    pub fn option(&self, code: &str) -> Option<&CodeOption> {
        self.options.iter().find(|option| option.code == code)
    }

    /// Tells whether rules see the codes as whole numbers (every code is a plain number) or as text.
    pub fn is_numeric(&self) -> bool {
        self.is_numeric
    }

    pub(crate) fn meaning(&self, means: Means) -> Option<&CodeOption> {
        self.options.iter().find(|option| option.means == Some(means))
    }
}
