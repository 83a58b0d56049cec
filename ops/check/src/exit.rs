//! How the tool ends: exit codes for scripts, and the error that carries one.

use std::process::ExitCode;

use kakehashi_forms::Localized;

use crate::screen::{reason, shown_path};

/// Documented in `kakehashi-check --help` and the README; never renumbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything passed.
    Passed = 0,
    /// Some forms have errors.
    Findings = 1,
    /// Some input could not be read. Weighs more than findings.
    Unreadable = 2,
    /// A batch was refused.
    Refused = 3,
    /// Wrong arguments.
    Usage = 64,
    /// A file could not be read or written half-way.
    Failed = 70,
    /// Output could not be created.
    Output = 73,
    /// Keys are missing or wrong.
    Keys = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the tool stops, for the person at the screen.
#[derive(Debug, thiserror::Error)]
#[error("{}", .message.en)]
pub(crate) struct Stop {
    pub(crate) exit: Exit,
    pub(crate) message: Localized,
}

impl Stop {
    pub(crate) fn new(exit: Exit, ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { exit, message: Localized::new(ja, en) }
    }

    /// Output that could not be created, with what the system said.
    pub(crate) fn output(path: &std::path::Path, error: &std::io::Error) -> Self {
        let (path, Localized { ja, en }) = (shown_path(path), reason(error));
        Self::new(
            Exit::Output,
            format!(
                "「{path}」に書き込めません（{ja}）。フォルダーがあるか、ほかのプログラムで開いていないか確認してください。"
            ),
            format!("cannot write {path} ({en}); is the folder there, is it open elsewhere?"),
        )
    }

    /// An input that could not be read, with what the system said.
    pub(crate) fn input(exit: Exit, path: &std::path::Path, error: &std::io::Error) -> Self {
        let (path, Localized { ja, en }) = (shown_path(path), reason(error));
        Self::new(
            exit,
            format!("「{path}」を読めません（{ja}）。"),
            format!("cannot read {path} ({en})"),
        )
    }
}
