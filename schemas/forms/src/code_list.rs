//! Lists of codes an item can take.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{finding::Localized, number::Number};

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
    /// What each code is as a number; empty unless every code is one.
    numbers: Vec<Decimal>,
    /// The points of a code that is not known.
    points_of_any: Number,
    /// The points of any number of codes that are not known.
    points_of_several: Number,
}

impl CodeList {
    pub(crate) fn new(id: String, options: Vec<CodeOption>) -> Self {
        let plain = |option: &CodeOption| {
            let number = option.code.parse::<i64>().ok()?;
            (number.to_string() == option.code).then(|| Decimal::from(number))
        };
        let numbers = options.iter().map(plain).collect::<Option<_>>().unwrap_or_default();
        let said = || options.iter().filter(|option| option.means.is_none());
        let points = || said().filter_map(|option| option.points);
        // A list of one code says nothing: not choosing it is an answer, too.
        let points_of_any = match (points().min(), points().max()) {
            (Some(least), Some(most)) if said().count() > 1 => Number::from_to(least, most),
            _ => Number::UNKNOWN,
        };
        let below: i64 = points().filter(|points| *points < 0).sum();
        let above: i64 = points().filter(|points| *points > 0).sum();
        let points_of_several = Number::from_to(below, above);
        Self { id, options, numbers, points_of_any, points_of_several }
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
    pub const fn is_numeric(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// The place of a code in the list.
    pub(crate) fn place(&self, code: &str) -> Option<usize> {
        self.options.iter().position(|option| option.code == code)
    }

    /// The code at a place, as a number.
    pub(crate) fn number(&self, place: usize) -> Option<Decimal> {
        self.numbers.get(place).copied()
    }

    /// What the code at a place counts in a score.
    pub(crate) fn points(&self, place: usize) -> Option<Decimal> {
        self.options.get(place)?.points.map(Decimal::from)
    }

    /// Tells whether every code that says something counts in a score.
    pub(crate) fn has_points(&self) -> bool {
        self.options.iter().all(|option| option.points.is_some() || option.means.is_some())
    }

    /// The points of a code that is not known.
    pub(crate) const fn points_of_any(&self) -> Number {
        self.points_of_any
    }

    /// The points of any number of codes that are not known.
    pub(crate) const fn points_of_several(&self) -> Number {
        self.points_of_several
    }

    pub(crate) fn meaning(&self, means: Means) -> Option<&CodeOption> {
        self.options.iter().find(|option| option.means == Some(means))
    }
}
