//! The criteria of a disease: named conditions, and dated sets of diagnosis categories and severity
//! grades.

use std::sync::Arc;

use kakehashi_kernel::CivilDate;

use crate::{expression::Expression, finding::Localized, item::Applications};

/// A named condition.
#[derive(Debug)]
pub(crate) struct Criterion {
    pub(crate) id: Arc<str>,
    pub(crate) label: Arc<Localized>,
    pub(crate) logic: Logic,
}

/// When a condition holds. Numbers are places of criteria earlier in the file, so there is no cycle.
#[derive(Debug)]
pub(crate) enum Logic {
    When(Expression),
    All(Vec<usize>),
    Any(Vec<usize>),
    AtLeast(usize, Vec<usize>),
    Not(usize),
}

impl Logic {
    /// The criteria it is made of.
    pub(crate) fn parts(&self) -> &[usize] {
        match self {
            Self::When(_) => &[],
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => parts,
            Self::Not(part) => std::slice::from_ref(part),
        }
    }
}

/// A diagnosis category or a severity grade: the first whose criterion holds is the answer.
#[derive(Debug)]
pub(crate) struct Grade {
    pub(crate) id: String,
    pub(crate) label: Arc<Localized>,
    pub(crate) is_eligible: bool,
    pub(crate) criterion: usize,
}

/// The categories of one text, or the grades of one, and for whom it holds.
#[derive(Debug)]
pub(crate) struct RuleSet {
    /// Names the text.
    pub(crate) version: String,
    /// What every screen that shows a judgement by it says about it.
    pub(crate) notice: Localized,
    /// First day of first certification (diagnosis) or writing (severity) it holds for.
    pub(crate) from: Option<CivilDate>,
    /// First day it no longer holds for.
    pub(crate) until: Option<CivilDate>,
    /// For which applications it holds.
    pub(crate) applies: Applications,
    pub(crate) grades: Vec<Grade>,
}

impl RuleSet {
    /// Tells whether it may hold on one of the days.
    pub(crate) fn may_hold(&self, first: CivilDate, last: CivilDate) -> bool {
        self.from.is_none_or(|from| from <= last) && self.until.is_none_or(|until| first < until)
    }
}

/// All there is to judge a form by.
#[derive(Debug, Default)]
pub(crate) struct Criteria {
    pub(crate) conditions: Vec<Criterion>,
    /// By first certification.
    pub(crate) diagnosis: Vec<RuleSet>,
    /// By the day the form is written.
    pub(crate) severity: Vec<RuleSet>,
}
