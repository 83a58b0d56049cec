//! Verdicts: what a return's document is worth, in one word and a list of findings.

use std::collections::BTreeSet;

use kakehashi_forms::{Answers, Application, Definition, Finding, Localized};

use crate::Reconciled;

/// Findings kept for one document; the contractor mends these first.
const FINDINGS_MAX: usize = 200;

/// The word about one document of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Valid: it goes to the registry.
    Accepted,
    /// Does not read or does not pass the checks: it goes round again.
    SentBack,
    /// Not in a whole return: it goes round again.
    Missing,
    /// Twice with different contents: it goes round again.
    Duplicate,
    /// Another round than handed over: it goes round again.
    WrongRound,
    /// Another form than handed over: it goes round again.
    WrongForm,
    /// Not in the lot: ignored.
    Unexpected,
    /// Decided before: nothing changes.
    Repeat,
    /// Withdrawn by the municipality: nothing changes, the contractor deletes it.
    Withdrawn,
}

/// What the examination of one matched document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// [`Verdict::Accepted`] or [`Verdict::SentBack`].
    pub verdict: Verdict,
    /// What is wrong or worth a look, errors first. Never what the form says.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::SentBack,
        Self::Missing,
        Self::Duplicate,
        Self::WrongRound,
        Self::WrongForm,
        Self::Unexpected,
        Self::Repeat,
        Self::Withdrawn,
    ];

    /// The word in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::SentBack => "sent_back",
            Self::Missing => "missing",
            Self::Duplicate => "duplicate",
            Self::WrongRound => "wrong_round",
            Self::WrongForm => "wrong_form",
            Self::Unexpected => "unexpected",
            Self::Repeat => "repeat",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }

    /// The verdict that reconciliation alone gives; `None` for a document that must be examined.
    pub const fn of(reconciled: Reconciled) -> Option<Self> {
        match reconciled {
            Reconciled::Matched { .. } => None,
            Reconciled::Missing => Some(Self::Missing),
            Reconciled::Duplicate => Some(Self::Duplicate),
            Reconciled::Unexpected => Some(Self::Unexpected),
            Reconciled::WrongRound => Some(Self::WrongRound),
            Reconciled::WrongForm => Some(Self::WrongForm),
            Reconciled::Repeat => Some(Self::Repeat),
            Reconciled::Withdrawn => Some(Self::Withdrawn),
        }
    }

    /// Tells whether the document goes round again.
    pub const fn sends_back(self) -> bool {
        match self {
            Self::SentBack
            | Self::Missing
            | Self::Duplicate
            | Self::WrongRound
            | Self::WrongForm => true,
            Self::Accepted | Self::Unexpected | Self::Repeat | Self::Withdrawn => false,
        }
    }

    /// What the verdict means for the contractor.
    pub fn explanation(self) -> Localized {
        let (ja, en) = match self {
            Self::Accepted => ("受け入れました。", "Accepted."),
            Self::SentBack => (
                "不備があるため、次のロットで再入力をお願いします。",
                "Faulty: it comes again in a later lot.",
            ),
            Self::Missing => (
                "納品に含まれていないため、次のロットで再度お渡しします。",
                "Not in the return: it comes again in a later lot.",
            ),
            Self::Duplicate => (
                "内容の異なるものが二つあるため、次のロットで再入力をお願いします。",
                "Twice with different contents: it comes again in a later lot.",
            ),
            Self::WrongRound => (
                "回次がロットの目録と異なるため、次のロットで再入力をお願いします。",
                "Another round than the manifest says: it comes again in a later lot.",
            ),
            Self::WrongForm => (
                "様式がロットの目録と異なるため、次のロットで再入力をお願いします。",
                "Another form than the manifest says: it comes again in a later lot.",
            ),
            Self::Unexpected => (
                "このロットにない文書のため、取り込みませんでした。",
                "Not a document of this lot: it was not taken.",
            ),
            Self::Repeat => (
                "このロットの以前の納品で判定済みのため、変更はありません。",
                "An earlier return of this lot decided it: nothing changed.",
            ),
            Self::Withdrawn => (
                "取り下げられた文書です。控えを消去してください。",
                "Withdrawn: please delete your copies.",
            ),
        };
        Localized::new(ja, en)
    }
}

/// Examines the answers of a matched document, of which `read` was found wrong while reading. Errors (E)
/// send it back; warnings and hints are kept but do not stop it: what the doctor wrote stays what the
/// doctor wrote.
///
/// An item that could not be read has no answer; that it is then missing is not said a second time.
pub fn examine(
    definition: &Definition,
    answers: &Answers,
    application: Application,
    mut read: Vec<Finding>,
) -> Examined {
    let unread: BTreeSet<String> = read.iter().filter_map(|found| found.item.clone()).collect();
    let checked = definition.check(answers, application).into_iter();
    read.extend(checked.filter(|found| {
        found.item.as_ref().is_none_or(|item| !found.is_error() || !unread.contains(item))
    }));
    judge(read)
}

/// Turns findings into a verdict.
pub fn judge(mut findings: Vec<Finding>) -> Examined {
    findings.sort_by_key(|finding| finding.severity);
    let verdict = match findings.first() {
        Some(worst) if worst.is_error() => Verdict::SentBack,
        Some(_) | None => Verdict::Accepted,
    };
    findings.truncate(FINDINGS_MAX);
    Examined { verdict, findings }
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::Severity;

    use super::*;

    fn finding(severity: Severity) -> Finding {
        Finding::about("item", "rule", severity, Localized::default(), Localized::default())
    }

    #[test]
    fn one_error_sends_back_and_comes_first() {
        let examined = judge(vec![finding(Severity::W), finding(Severity::E)]);
        assert_eq!(examined.verdict, Verdict::SentBack);
        assert_eq!(examined.findings[0].severity, Severity::E);
    }

    #[test]
    fn warnings_are_kept_and_do_not_stop_a_document() {
        let examined = judge(vec![finding(Severity::I), finding(Severity::W)]);
        assert_eq!(examined.verdict, Verdict::Accepted);
        assert_eq!(examined.findings.len(), 2);
    }

    #[test]
    fn a_flood_of_findings_is_cut() {
        let examined = judge(vec![finding(Severity::E); 1000]);
        assert_eq!(examined.findings.len(), FINDINGS_MAX);
    }

    #[test]
    fn every_word_reads_back() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::from_word(verdict.as_str()), Some(verdict));
        }
        assert_eq!(Verdict::from_word("fine"), None);
    }

    #[test]
    fn only_a_match_is_examined() {
        assert_eq!(Verdict::of(Reconciled::Matched { place: 0 }), None);
        assert_eq!(Verdict::of(Reconciled::Repeat), Some(Verdict::Repeat));
        assert!(!Verdict::Repeat.sends_back() && Verdict::Missing.sends_back());
    }
}
