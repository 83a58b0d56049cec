//! What a run came to: counts, in words and as JSON.

use kakehashi_forms::Severity;
use serde::Serialize;

use crate::{
    checked::{CheckedForm, Row},
    exit::Exit,
    language::Language,
};

/// Counts of one run. The fields are the JSON that scripts read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Summary {
    /// Files and entries of archives.
    pub(crate) files: u64,
    /// Forms read.
    pub(crate) forms: u64,
    /// Forms that passed.
    pub(crate) passed: u64,
    /// Forms, and parts of documents that are no forms, that did not.
    pub(crate) failed: u64,
    /// Findings E.
    pub(crate) errors: u64,
    /// Findings W.
    pub(crate) warnings: u64,
    /// Findings I.
    pub(crate) hints: u64,
    /// Files and entries that could not be read, or not to their end.
    pub(crate) unreadable: u64,
}

impl Summary {
    /// Counts a form.
    pub(crate) fn form(&mut self, form: &CheckedForm<'_>, passes: bool) {
        self.forms += 1;
        if passes {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        for row in &form.rows {
            self.row(row);
        }
    }

    /// Counts something that is no form.
    pub(crate) fn defect(&mut self, row: &Row) {
        self.failed += 1;
        self.row(row);
    }

    /// Counts something that could not be read.
    pub(crate) fn unreadable(&mut self, row: &Row) {
        self.unreadable += 1;
        self.row(row);
    }

    fn row(&mut self, row: &Row) {
        match row.finding.severity {
            Severity::E => self.errors += 1,
            Severity::W => self.warnings += 1,
            Severity::I => self.hints += 1,
        }
    }

    /// How the tool ends.
    pub(crate) const fn exit(&self) -> Exit {
        if self.unreadable > 0 {
            Exit::Unreadable
        } else if self.failed > 0 {
            Exit::Findings
        } else {
            Exit::Passed
        }
    }

    /// For a person.
    pub(crate) fn words(&self, language: Language) -> String {
        let Self { files, forms, passed, failed, errors, warnings, hints, unreadable } = self;
        match language {
            Language::Ja => format!(
                "検査結果: {files} ファイル、{forms} 件\n  合格              {passed} 件\n  \
                 不合格            {failed} 件\n  読めなかったもの  {unreadable} 個\n  \
                 エラー {errors}、警告 {warnings}、参考 {hints}"
            ),
            Language::En => format!(
                "Result: {files} files, {forms} forms\n  passed      {passed}\n  \
                 not passed  {failed}\n  unreadable  {unreadable}\n  \
                 errors {errors}, warnings {warnings}, hints {hints}"
            ),
        }
    }
}
