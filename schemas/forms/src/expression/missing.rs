//! Which items could still decide an expression: the walk down its undetermined parts.

use std::{collections::BTreeSet, ops::Bound};

use super::tree::{Choice, Condition, Moment, Quantity, Sized, Text, Var};
use crate::{
    number::Number,
    scope::{Chosen, View},
    truth::Truth,
};

/// The slots found so far: items, and the derived items on the way to them.
pub(crate) type Missing = BTreeSet<usize>;

impl Condition {
    /// Adds the slots that could still make it true or false.
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if self.truth(view) != Truth::Undetermined {
            return;
        }
        match self {
            Self::Known(_) => {}
            Self::Var(var) | Self::Chosen(var, _) | Self::NotDone(var) | Self::Answered(var) => {
                note(*var, view, missing);
            }
            Self::Not(inner) => inner.missing(view, missing),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.missing(view, missing);
                }
            }
            Self::Compare(_, sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::CompareDays(_, sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::CodeIn(choice, _) => choice.missing(view, missing),
            Self::SameCode(sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::SameText(left, right) => {
                left.missing(view, missing);
                right.missing(view, missing);
            }
            Self::Same(sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::If(parts) => branches(parts, view, missing, Self::missing),
            Self::Exists(table, inner) | Self::Every(table, inner) => match view.rows(*table) {
                Some(rows) => {
                    for row in rows {
                        inner.missing(view.in_row(*table, row), missing);
                    }
                }
                None => note(Var::Slot(*table), view, missing),
            },
        }
    }
}

impl Quantity {
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if self.number(view).point().is_some() {
            return;
        }
        match self {
            Self::Known(_) => {}
            Self::Var(var) | Self::PointsOfAll(var, _) | Self::Size(Sized::Codes(var)) => {
                note(*var, view, missing);
            }
            Self::OfCode(choice, _) | Self::Points(choice, _) => choice.missing(view, missing),
            Self::Count(conditions) => {
                for condition in conditions {
                    condition.missing(view, missing);
                }
            }
            Self::Sum(parts) => {
                for part in parts {
                    part.missing(view, missing);
                }
            }
            Self::Least(parts) => {
                let high = self.number(view).high();
                let parts = parts.iter().filter(|part| may_be_below(part.number(view), high));
                for part in parts {
                    part.missing(view, missing);
                }
            }
            Self::Greatest(parts) => {
                let low = self.number(view).negative().high();
                let parts =
                    parts.iter().filter(|part| may_be_below(part.number(view).negative(), low));
                for part in parts {
                    part.missing(view, missing);
                }
            }
            Self::Apply(_, inner) | Self::Round(inner, _) | Self::LookUp(_, inner) => {
                inner.missing(view, missing);
            }
            Self::Combine(_, sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::Measure(_, sides) => {
                sides.0.missing(view, missing);
                sides.1.missing(view, missing);
            }
            Self::Shared(inner) => inner.missing(view, missing),
            Self::Size(Sized::Text(text)) => text.missing(view, missing),
            Self::Size(Sized::Rows(table)) => note(Var::Slot(*table), view, missing),
            Self::If(parts) => branches(parts, view, missing, Self::missing),
        }
    }
}

impl Moment {
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if self.days(view).is_some_and(|days| days.first == days.last) {
            return;
        }
        match self {
            Self::Known(_) => {}
            Self::Var(var) => note(*var, view, missing),
            Self::First(inner) | Self::Last(inner) => inner.missing(view, missing),
            Self::If(parts) => branches(parts, view, missing, Self::missing),
        }
    }
}

impl Text {
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if let (Self::Var(var), None) = (self, self.text(view)) {
            note(*var, view, missing);
        }
    }
}

impl Choice {
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if let Chosen::One(_) = self.chosen(view) {
            return;
        }
        match self {
            Self::Known(_) => {}
            Self::Var(var) => note(*var, view, missing),
            Self::OfNumber(number, _) => number.missing(view, missing),
            Self::If(parts) => branches(parts, view, missing, Self::missing),
        }
    }
}

/// The parts of `?:` that are still open: the condition, and the branches it may still choose.
fn branches<T>(
    parts: &(Condition, T, T),
    view: View<'_>,
    missing: &mut Missing,
    of: fn(&T, View<'_>, &mut Missing),
) {
    parts.0.missing(view, missing);
    let condition = parts.0.truth(view);
    if condition != Truth::False {
        of(&parts.1, view, missing);
    }
    if condition != Truth::True {
        of(&parts.2, view, missing);
    }
}

/// Adds an item; of a derived one, itself and what it is still to be calculated from, once. A cell is
/// asked by asking its table.
fn note(var: Var, view: View<'_>, missing: &mut Missing) {
    let slot = match var {
        Var::Slot(slot) => slot,
        Var::Column(_) => view.table(),
    };
    if missing.insert(slot)
        && let Some(derived) = view.derived(slot)
    {
        derived.missing(missing);
    }
}

/// Tells whether a number may be below an upper end.
fn may_be_below(number: Number, high: Bound<rust_decimal::Decimal>) -> bool {
    use crate::number::value;
    match (value(number.low()), value(high)) {
        (Some(low), Some(high)) => low <= high,
        _ => true,
    }
}
