//! Calculate: items the form derives from others, with formula and source shown.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde::{Deserialize, Serialize};

use crate::{
    answer::{Answer, Answers, Value},
    code_list::CodeList,
    definition::Definition,
    expression::{Choice, Condition, Expression, Missing, Quantity},
    finding::Localized,
    scope::{Chosen, Scope, Seen, View},
    truth::Truth,
};

use std::sync::Arc;

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
    /// How sure the definition is: see [`crate::Item::confidence`].
    pub confidence: Option<String>,
    /// The formula as the definition writes it, in CEL.
    pub value: String,
    /// Its slot: derived items come after the items.
    pub(crate) slot: usize,
    /// Calculated only then.
    pub(crate) when: Option<Expression>,
    pub(crate) formula_of: Formula,
}

/// How a derived item is calculated, by what it is.
#[derive(Debug)]
pub(crate) enum Formula {
    /// A number, rounded half away from zero to places if there are any, before anything compares it.
    Number(Quantity, Option<u32>),
    /// A code of a list.
    Code(Choice, Arc<CodeList>),
    /// True or false.
    Truth(Condition),
}

/// One calculated value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calculated {
    /// The derived item.
    pub item: String,
    /// What it is.
    pub label: Localized,
    /// The value; [`Answer::Blank`] while something it needs is missing. A whole number without
    /// declared places is [`Value::Integer`], any other number [`Value::Decimal`] with the declared
    /// places, a code [`Value::Code`]; true is the code `1` (はい), false the code `2` (いいえ).
    pub answer: Answer,
    /// The value as a person reads it, without the unit: the label of a code, はい or いいえ. Empty
    /// while there is none, and in values stored before it was written.
    #[serde(default)]
    pub shown: Localized,
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
        self.calculate_in(&Scope::new(self, answers))
    }

    pub(crate) fn calculate_in(&self, scope: &Scope<'_>) -> Vec<Calculated> {
        let view = scope.view();
        self.derived().iter().map(|derived| derived.calculated(view)).collect()
    }
}

impl Derived {
    /// Tells whether the value is a number.
    pub const fn is_number(&self) -> bool {
        matches!(self.formula_of, Formula::Number(..))
    }

    /// Digits after the point that the value is rounded to, if it is rounded.
    pub const fn places(&self) -> Option<u32> {
        match &self.formula_of {
            Formula::Number(_, places) => *places,
            Formula::Code(..) | Formula::Truth(_) => None,
        }
    }

    /// The list the value is a code of.
    pub fn codes(&self) -> Option<&CodeList> {
        match &self.formula_of {
            Formula::Code(_, list) => Some(list),
            Formula::Number(..) | Formula::Truth(_) => None,
        }
    }

    /// When it is calculated, in CEL, unless always.
    pub fn when(&self) -> Option<&str> {
        self.when.as_ref().map(Expression::text)
    }

    /// Calculates it from what is before it.
    pub(crate) fn seen<'a>(&self, view: View<'_>) -> Seen<'a> {
        if self.when.as_ref().is_some_and(|when| when.condition().truth(view) != Truth::True) {
            return Seen::Nothing;
        }
        match &self.formula_of {
            Formula::Number(value, None) => Seen::Number(value.number(view)),
            Formula::Number(value, Some(places)) => Seen::Number(value.number(view).round(*places)),
            Formula::Code(value, _) => Seen::Code(value.chosen(view)),
            Formula::Truth(value) => Seen::Truth(value.truth(view)),
        }
    }

    /// Adds the slots that could still give it a value.
    pub(crate) fn missing(&self, view: View<'_>, missing: &mut Missing) {
        if let Some(when) = &self.when {
            when.condition().missing(view, missing);
            if when.condition().truth(view) == Truth::False {
                return;
            }
        }
        match &self.formula_of {
            Formula::Number(value, _) => value.missing(view, missing),
            Formula::Code(value, _) => value.missing(view, missing),
            Formula::Truth(value) => value.missing(view, missing),
        }
    }

    fn calculated(&self, view: View<'_>) -> Calculated {
        let (answer, shown) = self.answer(view).unwrap_or((Answer::Blank, Localized::default()));
        Calculated {
            item: self.id.clone(),
            label: self.label.clone(),
            answer,
            shown,
            unit: self.unit.clone(),
            formula: self.formula.clone(),
            source: self.source.clone(),
        }
    }

    fn answer(&self, view: View<'_>) -> Option<(Answer, Localized)> {
        match (view.see(crate::expression::Var::Slot(self.slot))?, &self.formula_of) {
            (Seen::Number(number), Formula::Number(_, places)) => {
                let value = as_value(number.point()?, *places);
                let text = match &value {
                    Value::Decimal { value, .. } => value.to_string(),
                    Value::Integer(number) => number.to_string(),
                    _ => String::new(),
                };
                Some((Answer::Given(value), Localized::new(text.clone(), text)))
            }
            (Seen::Code(Chosen::One(place)), Formula::Code(_, list)) => {
                let option = list.options().get(*place)?;
                Some((Answer::Given(Value::Code(option.code.clone())), option.label.clone()))
            }
            (Seen::Truth(Truth::True), Formula::Truth(_)) => {
                Some((code("1"), Localized::new("はい", "Yes")))
            }
            (Seen::Truth(Truth::False), Formula::Truth(_)) => {
                Some((code("2"), Localized::new("いいえ", "No")))
            }
            _ => None,
        }
    }
}

fn code(code: &str) -> Answer {
    Answer::Given(Value::Code(code.to_owned()))
}

/// A number with the places it is declared with.
fn as_value(number: Decimal, places: Option<u32>) -> Value {
    let whole = || number.is_integer().then(|| number.to_i64()).flatten();
    match (places, whole()) {
        (None | Some(0), Some(number)) => Value::Integer(number),
        (Some(places), _) => {
            let mut value = number;
            value.rescale(places);
            Value::Decimal { value, comparator: None }
        }
        (None, _) => Value::Decimal { value: number.normalize(), comparator: None },
    }
}
