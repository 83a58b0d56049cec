//! Calculate: items the form derives from others, with formula and source shown.

use serde::{Deserialize, Serialize};

use crate::{
    answer::{Answer, Answers, Value},
    definition::Definition,
    finding::Localized,
    item::Kind,
    scope::Scope,
};

/// A derived item.
#[derive(Debug)]
pub struct Derived {
    /// Unique among items and derived items.
    pub id: String,
    /// What it is.
    pub label: Localized,
    /// Its unit.
    pub unit: Option<String>,
    /// How it is calculated, in words.
    pub formula: Localized,
    /// Where the formula is from.
    pub source: String,
    pub(crate) calculation: Calculation,
}

/// How a derived item is calculated.
#[derive(Debug)]
pub(crate) enum Calculation {
    /// Full years from one date to another.
    Years { from: String, to: String },
    /// The points of the chosen codes, added up; not calculated while one is missing.
    Points(Vec<String>),
}

impl Calculation {
    /// The items it reads.
    pub(crate) fn inputs(&self) -> Vec<&str> {
        match self {
            Self::Years { from, to } => vec![from, to],
            Self::Points(items) => items.iter().map(String::as_str).collect(),
        }
    }
}

/// One calculated value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calculated {
    /// The derived item.
    pub item: String,
    /// What it is.
    pub label: Localized,
    /// The value; [`Answer::Blank`] while something it needs is missing.
    pub answer: Answer,
    /// Its unit.
    pub unit: Option<String>,
    /// How it was calculated, in words.
    pub formula: Localized,
    /// Where the formula is from.
    pub source: String,
}

impl Definition {
    /// Calculates every derived item, in the definition's order.
    pub fn calculate(&self, answers: &Answers) -> Vec<Calculated> {
        let scope = Scope::new(self, answers);
        let values = scope.derived().iter().zip(&self.derived);
        let calculated = values.map(|(value, derived)| Calculated {
            item: derived.id.clone(),
            label: derived.label.clone(),
            answer: value.map_or(Answer::Blank, |number| Answer::Given(Value::Integer(number))),
            unit: derived.unit.clone(),
            formula: derived.formula.clone(),
            source: derived.source.clone(),
        });
        calculated.collect()
    }
}

impl Derived {
    pub(crate) fn derive(&self, definition: &Definition, answers: &Answers) -> Option<i64> {
        match &self.calculation {
            Calculation::Years { from, to } => {
                let span = |item: &str| match answers.value(item)? {
                    Value::Date(date) => Some((*date, *date)),
                    Value::PartialDate(date) => Some((date.earliest(), date.latest())),
                    _ => None,
                };
                let ((from, _), (first, last)) = (span(from)?, span(to)?);
                // The month of birth itself is age 0 although its first day is before the birth.
                let to = if first < from && from <= last { from } else { first };
                let years = from.years_until(to);
                (years >= 0).then_some(i64::from(years))
            }
            Calculation::Points(items) => {
                let points =
                    |item: &String| match (&definition.item(item)?.kind, answers.value(item)?) {
                        (Kind::Code(list), Value::Code(code)) => list.option(code)?.points,
                        _ => None,
                    };
                items.iter().map(points).sum()
            }
        }
    }
}
