//! What the expressions of a definition see of one form's answers.

use cel::{
    common::{
        types::{CelDouble, CelInt, CelList, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use rust_decimal::prelude::ToPrimitive;

use crate::{
    answer::{Answer, Answers, Value},
    code_list::CodeList,
    definition::Definition,
    item::Kind,
};

/// The answers and derived values of one form. A variable without a value does not resolve.
pub(crate) struct Scope<'a> {
    definition: &'a Definition,
    answers: &'a Answers,
    derived: Vec<Option<i64>>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(definition: &'a Definition, answers: &'a Answers) -> Self {
        let derive = |derived: &crate::calculate::Derived| derived.derive(definition, answers);
        Self { definition, answers, derived: definition.derived.iter().map(derive).collect() }
    }

    /// Tells whether rules see a value for a variable.
    pub(crate) fn knows(&self, variable: &str) -> bool {
        self.lookup(variable, Some("first")).is_some() || self.lookup(variable, None).is_some()
    }

    /// The values of the derived items, in their order.
    pub(crate) fn derived(&self) -> &[Option<i64>] {
        &self.derived
    }

    fn lookup(&self, name: &str, part: Option<&str>) -> Option<CowVal<'_, '_>> {
        if let Some(place) = self.definition.derived.iter().position(|derived| derived.id == name) {
            let value = (*self.derived.get(place)?)?;
            return part.is_none().then(|| whole(value));
        }
        let Answer::Given(value) = self.answers.get(name)? else { return None };
        let kind = &self.definition.item(name)?.kind;
        match (value, kind, part) {
            (Value::PartialDate(date), Kind::PartialDate, Some("first")) => {
                Some(text(date.earliest().to_string()))
            }
            (Value::PartialDate(date), Kind::PartialDate, Some("last")) => {
                Some(text(date.latest().to_string()))
            }
            (Value::Date(date), Kind::Date, None) => Some(text(date.to_string())),
            (Value::Code(chosen), Kind::Code(list), None) => code(list, chosen).map(CowVal::Owned),
            (Value::Codes(chosen), Kind::Codes(list), None) => {
                let codes: Option<Vec<_>> =
                    chosen.iter().map(|chosen| code(list, chosen)).collect();
                Some(CowVal::owned(CelList::from(codes?)))
            }
            (Value::Integer(number), Kind::Integer { .. }, None) => Some(whole(*number)),
            // `<0.1` says where the value lies but not what it is: rules treat it as not known.
            (Value::Decimal { value, comparator: None }, Kind::Decimal { .. }, None) => {
                Some(CowVal::owned(CelDouble::from(value.to_f64()?)))
            }
            (Value::Text(given), kind, None) if kind.is_text() => {
                Some(CowVal::owned(CelString::from(given.as_str())))
            }
            _ => None,
        }
    }
}

impl VariableResolver for Scope<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        match variable.split_once('.') {
            Some((name, part)) => self.lookup(name, Some(part)),
            None => self.lookup(variable, None),
        }
    }
}

fn whole<'b, 'v>(number: i64) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(number))
}

fn text<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

/// A code that is not in the list, or says that nothing is known, has no value.
fn code<'v>(list: &CodeList, chosen: &str) -> Option<Box<dyn Val + 'v>> {
    let option = list.option(chosen).filter(|option| option.means.is_none())?;
    if list.is_numeric() {
        return Some(Box::new(CelInt::from(option.code.parse::<i64>().ok()?)));
    }
    Some(Box::new(CelString::from(option.code.clone())))
}
