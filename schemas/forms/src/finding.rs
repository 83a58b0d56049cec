//! One failed check. Data, not an error: a form with findings is still a form.

use serde::{Deserialize, Serialize};

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
}

impl Finding {
    /// Makes a finding about one item.
    pub fn about(
        item: impl Into<String>,
        rule: impl Into<String>,
        severity: Severity,
        message: Localized,
        remedy: Localized,
    ) -> Self {
        Self { rule: rule.into(), item: Some(item.into()), severity, message, remedy }
    }

    /// Tells whether the form cannot be registered because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::E
    }
}
