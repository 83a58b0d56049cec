//! All form definitions.

use std::{collections::BTreeMap, sync::OnceLock};

use kakehashi_kernel::FormKey;

use crate::{builtin::FILES, definition::Definition, load, search::SearchIndex};

/// One definition file: `path` is relative to the definitions folder and says what it is
/// (`forms/…`, `shared/…`, `codes/…`, `lists/…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile<'a> {
    /// For example `shared/nanbyo/basic.toml`.
    pub path: &'a str,
    /// Its text: TOML, or CSV for a list.
    pub text: &'a str,
}

/// A definition file is wrong. Names the place so that its author can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}{}: {problem}", at_line(*.line), of_rule(.rule.as_deref()))]
pub struct LoadError {
    /// The file.
    pub file: String,
    /// The line, from 1, where known.
    pub line: Option<usize>,
    /// The rule, item or criterion.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: String,
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

fn of_rule(rule: Option<&str>) -> String {
    rule.map_or_else(String::new, |rule| format!(", {rule}"))
}

/// Every form version there is.
#[derive(Debug)]
pub struct Catalogue {
    pub(crate) forms: BTreeMap<FormKey, Definition>,
    /// What forms are found by; made when somebody first looks for one.
    pub(crate) index: OnceLock<SearchIndex>,
}

impl Catalogue {
    /// Loads the definitions embedded in the program.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when one of them is wrong.
    pub fn builtin() -> Result<Self, LoadError> {
        Self::load(FILES)
    }

    /// Loads definitions. Order does not matter.
    ///
    /// # Errors
    ///
    /// [`LoadError`] for the first file that is wrong: not TOML, an unknown key, an unknown item or a
    /// wrong type in a rule, versions of a form with a gap or an overlap between them.
    pub fn load(files: &[SourceFile<'_>]) -> Result<Self, LoadError> {
        let (catalogue, errors) = Self::load_partly(files);
        match errors.into_iter().next() {
            None => Ok(catalogue),
            Some(error) => Err(error),
        }
    }

    /// Loads the definitions that are right, and says of every other file what is wrong first; each
    /// problem once, however many forms include the file. For tools; a program that works with forms
    /// wants [`Catalogue::load`].
    pub fn load_partly(files: &[SourceFile<'_>]) -> (Self, Vec<LoadError>) {
        let (forms, errors) = load::catalogue(files);
        (Self { forms, index: OnceLock::new() }, errors)
    }

    /// The definition of a form version.
    pub fn definition(&self, key: FormKey) -> Option<&Definition> {
        self.forms.get(&key)
    }

    /// All definitions, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.forms.values()
    }
}
