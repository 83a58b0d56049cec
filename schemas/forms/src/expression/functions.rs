//! The functions expressions may call.

use std::sync::Arc;

use super::{
    compile::{Compiler, Tree, quantity, refuse},
    tree::{Choice, Condition, Moment, Quantity, Sized, Text, Var},
};
use crate::{days, number::Number};

/// Most places a number can be rounded to.
const PLACES_MAX: u32 = 10;

impl Compiler<'_> {
    pub(super) fn function(&self, name: &str, args: Vec<Tree>) -> Result<Tree, String> {
        let number = |quantity| Ok(Tree::Quantity(quantity));
        match name {
            "count" => {
                let conditions = list(name, args, |tree| match tree {
                    Tree::Condition(condition) => Ok(condition),
                    other => Err(other),
                })?;
                number(Quantity::Count(conditions))
            }
            "sum" => number(Quantity::Sum(list(name, args, quantity)?)),
            "min" => number(Quantity::Least(some(name, list(name, args, quantity)?)?)),
            "max" => number(Quantity::Greatest(some(name, list(name, args, quantity)?)?)),
            "abs" => apply(name, Number::absolute, args),
            "sqrt" => apply(name, Number::square_root, args),
            "ln" => apply(name, Number::logarithm, args),
            "exp" => apply(name, Number::exponential, args),
            "years" => measure(name, days::years, args),
            "months" => measure(name, days::months, args),
            "days" => measure(name, days::days, args),
            "points" => points(name, args),
            "size" => size(name, args),
            "round" | "pow" | "table" => self.of_two(name, args),
            "not_done" => Ok(Tree::Condition(Condition::NotDone(variable(name, args)?))),
            "answered" if self.may_ask_answered => {
                Ok(Tree::Condition(Condition::Answered(variable(name, args)?)))
            }
            "answered" => Err("answered is allowed in holds, relevant and required_when only: \
                what is answered later must not change a result"
                .to_owned()),
            other => Err(format!("the function {other} is not allowed")),
        }
    }

    fn of_two(&self, name: &str, args: Vec<Tree>) -> Result<Tree, String> {
        let two = |args: Vec<Tree>| <[Tree; 2]>::try_from(args).map_err(|args| refuse(name, &args));
        match (name, two(args)?) {
            ("table", [Tree::Text(Text::Known(id)), x]) => {
                let Some(table) = self.tables.get(&id) else {
                    return Err(format!("there is no table {id}"));
                };
                let x = quantity(x).map_err(|x| refuse(name, &[x]))?;
                Ok(Tree::Quantity(Quantity::LookUp(Arc::clone(table), Box::new(x))))
            }
            ("round", [x, Tree::Quantity(Quantity::Known(places))]) => {
                let places = u32::try_from(places).ok().filter(|_| places.is_integer());
                let Some(places) = places.filter(|places| *places <= PLACES_MAX) else {
                    return Err(format!("round takes 0 to {PLACES_MAX} places"));
                };
                let x = quantity(x).map_err(|x| refuse(name, &[x]))?;
                Ok(Tree::Quantity(Quantity::Round(Box::new(x), places)))
            }
            ("pow", [base, exponent]) => match (quantity(base), quantity(exponent)) {
                (Ok(base), Ok(exponent)) => {
                    Ok(Tree::Quantity(Quantity::Combine(Number::power, Box::new((base, exponent)))))
                }
                (Err(other), _) | (_, Err(other)) => Err(refuse(name, &[other])),
            },
            (_, args) => Err(refuse(name, &args)),
        }
    }
}

/// The elements of the one list a function takes.
fn list<T>(name: &str, args: Vec<Tree>, of: fn(Tree) -> Result<T, Tree>) -> Result<Vec<T>, String> {
    match <[Tree; 1]>::try_from(args) {
        Ok([Tree::List(elements)]) => elements
            .into_iter()
            .map(|element| of(element).map_err(|other| refuse(name, &[other])))
            .collect(),
        Ok(args) => Err(refuse(name, &args)),
        Err(args) => Err(refuse(name, &args)),
    }
}

fn some<T>(name: &str, list: Vec<T>) -> Result<Vec<T>, String> {
    if list.is_empty() { Err(format!("{name} takes a list that is not empty")) } else { Ok(list) }
}

fn apply(name: &str, function: fn(Number) -> Number, args: Vec<Tree>) -> Result<Tree, String> {
    let [argument] = <[Tree; 1]>::try_from(args).map_err(|args| refuse(name, &args))?;
    let argument = quantity(argument).map_err(|other| refuse(name, &[other]))?;
    Ok(Tree::Quantity(Quantity::Apply(function, Box::new(argument))))
}

fn measure(
    name: &str,
    of: fn(kakehashi_kernel::CivilDate, kakehashi_kernel::CivilDate) -> i32,
    args: Vec<Tree>,
) -> Result<Tree, String> {
    match <[Tree; 2]>::try_from(args) {
        Ok([Tree::Moment(from, _), Tree::Moment(until, _)]) => {
            Ok(Tree::Quantity(Quantity::Measure(of, Box::new((from, until)))))
        }
        Ok(args) => Err(refuse(name, &args)),
        Err(args) => Err(refuse(name, &args)),
    }
}

fn points(name: &str, args: Vec<Tree>) -> Result<Tree, String> {
    match <[Tree; 1]>::try_from(args) {
        Ok([Tree::Choice(choice, list)]) if list.has_points() => {
            Ok(Tree::Quantity(Quantity::Points(choice, list)))
        }
        Ok([Tree::Codes(var, list)]) if list.has_points() => {
            Ok(Tree::Quantity(Quantity::PointsOfAll(var, list)))
        }
        Ok([Tree::Choice(_, list) | Tree::Codes(_, list)]) => {
            Err(format!("not every code of {} has points", list.id()))
        }
        Ok(args) => Err(refuse(name, &args)),
        Err(args) => Err(refuse(name, &args)),
    }
}

fn size(name: &str, args: Vec<Tree>) -> Result<Tree, String> {
    match <[Tree; 1]>::try_from(args) {
        Ok([Tree::Codes(var, _)]) => Ok(Tree::Quantity(Quantity::Size(Sized::Codes(var)))),
        Ok([Tree::Text(text)]) => Ok(Tree::Quantity(Quantity::Size(Sized::Text(text)))),
        Ok([Tree::Rows(slot, _)]) => Ok(Tree::Quantity(Quantity::Size(Sized::Rows(slot)))),
        Ok(args) => Err(refuse(name, &args)),
        Err(args) => Err(refuse(name, &args)),
    }
}

/// The item that `not_done` and `answered` ask about.
fn variable(name: &str, args: Vec<Tree>) -> Result<Var, String> {
    match <[Tree; 1]>::try_from(args) {
        Ok(
            [
                Tree::Condition(Condition::Var(var))
                | Tree::Quantity(Quantity::Var(var))
                | Tree::Moment(Moment::Var(var), _)
                | Tree::Text(Text::Var(var))
                | Tree::Choice(Choice::Var(var), _)
                | Tree::Codes(var, _),
            ],
        ) => Ok(var),
        Ok([Tree::Rows(slot, _)]) => Ok(Var::Slot(slot)),
        Ok(args) => Err(refuse(name, &args)),
        Err(args) => Err(refuse(name, &args)),
    }
}
