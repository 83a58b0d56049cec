//! All form definitions, and which version applies when.

use std::collections::BTreeMap;

use kakehashi_kernel::{CivilDate, FormKey, Programme};

use crate::{builtin::FILES, definition::Definition, load};

/// One definition file: `path` is relative to the definitions folder and says what it is
/// (`forms/…`, `shared/…`, `codes/…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile<'a> {
    /// For example `shared/nanbyo/basic.toml`.
    pub path: &'a str,
    /// Its TOML text.
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
pub struct Catalogue(BTreeMap<FormKey, Definition>);

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
    /// wrong type in a rule, two versions of one form in force on the same day.
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
        (Self(forms), errors)
    }

    /// The definition of a form version.
    pub fn definition(&self, key: FormKey) -> Option<&Definition> {
        self.0.get(&key)
    }

    /// The version in force for a form written `on` a day.
    pub fn current(
        &self,
        programme: Programme,
        number: u16,
        branch: u16,
        on: CivilDate,
    ) -> Option<&Definition> {
        self.0.values().find(|definition| {
            let key = definition.key();
            (key.programme, key.number, key.branch) == (programme, number, branch)
                && definition.valid_from() <= on
                && definition.valid_until().is_none_or(|until| on < until)
        })
    }

    /// All definitions, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.0.values()
    }
}
