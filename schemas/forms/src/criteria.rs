//! The criteria of a disease: named conditions, diagnosis categories, severity grades.

use crate::{expression::Expression, finding::Localized};

/// A named condition.
#[derive(Debug)]
pub(crate) struct Criterion {
    pub(crate) id: String,
    pub(crate) label: Localized,
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
    pub(crate) label: Localized,
    pub(crate) is_eligible: bool,
    pub(crate) criterion: usize,
}

/// All there is to judge a form by.
#[derive(Debug)]
pub(crate) struct Criteria {
    pub(crate) conditions: Vec<Criterion>,
    pub(crate) categories: Vec<Grade>,
    pub(crate) grades: Vec<Grade>,
}
