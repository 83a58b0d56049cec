//! A record: one form in the registry, where it came from and what it may become.

use std::{fmt, str::FromStr};

use kakehashi_forms::Finding;
use serde::{Deserialize, Serialize};

/// How a form reached the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// On paper: scanned, converted, loaded.
    Scan,
    /// Entered by a doctor.
    Online,
}

/// Where a record stands. Review and decision follow `Registered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being written. Seen by its writer alone.
    Draft,
    /// Read from paper. May hold findings: the paper says what it says.
    Loaded,
    /// Registered by a doctor. Holds no finding of severity E.
    Registered,
}

/// The text names no source or state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word of the registry")]
pub struct UnknownWord;

/// A form cannot be registered as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegisterRefused {
    /// Some findings are of severity E.
    #[error("the form has {errors} errors")]
    Errors {
        /// How many.
        errors: usize,
    },
    /// Only a draft can be registered.
    #[error("the record is not a draft")]
    NotDraft,
}

impl Source {
    /// The word in tables and XML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Online => "online",
        }
    }

    /// The source a record of this one can be linked to.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Scan => Self::Online,
            Self::Online => Self::Scan,
        }
    }
}

impl State {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Loaded => "loaded",
            Self::Registered => "registered",
        }
    }

    /// Registers a draft. Findings of severity W and I, and whatever the judgement says, do not block.
    ///
    /// # Errors
    ///
    /// [`RegisterRefused`] while a finding of severity E exists, or when it is no draft.
    pub fn register(self, findings: &[Finding]) -> Result<Self, RegisterRefused> {
        let Self::Draft = self else { return Err(RegisterRefused::NotDraft) };
        match findings.iter().filter(|finding| finding.is_error()).count() {
            0 => Ok(Self::Registered),
            errors => Err(RegisterRefused::Errors { errors }),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Scan, Self::Online]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or(UnknownWord)
    }
}

impl FromStr for State {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Draft, Self::Loaded, Self::Registered]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownWord)
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::{Localized, Severity};

    use super::*;

    fn findings(severities: &[Severity]) -> Vec<Finding> {
        let make = |severity: &Severity| {
            Finding::about("hy", "r", *severity, Localized::default(), Localized::default())
        };
        severities.iter().map(make).collect()
    }

    #[test]
    fn warnings_and_hints_do_not_block_registration() {
        let found = findings(&[Severity::W, Severity::I]);
        assert_eq!(State::Draft.register(&found), Ok(State::Registered));
        assert_eq!(State::Draft.register(&[]), Ok(State::Registered));
    }

    #[test]
    fn one_error_blocks_registration() {
        let found = findings(&[Severity::W, Severity::E, Severity::E]);
        assert_eq!(State::Draft.register(&found), Err(RegisterRefused::Errors { errors: 2 }));
    }

    #[test]
    fn only_a_draft_is_registered() {
        for state in [State::Loaded, State::Registered] {
            assert_eq!(state.register(&[]), Err(RegisterRefused::NotDraft));
        }
    }

    #[test]
    fn words_are_read_back_and_others_refused() {
        for state in [State::Draft, State::Loaded, State::Registered] {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        for source in [Source::Scan, Source::Online] {
            assert_eq!(source.as_str().parse(), Ok(source));
            assert_eq!(source.other().other(), source);
        }
        assert_eq!("fax".parse::<Source>(), Err(UnknownWord));
        assert_eq!("lost".parse::<State>(), Err(UnknownWord));
    }
}
