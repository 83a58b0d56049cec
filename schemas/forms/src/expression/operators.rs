//! The operators between two operands.

use std::sync::Arc;

use cel::common::ast::operators as op;
use kakehashi_kernel::PartialDate;

use super::{
    compile::{Precision, Tree, known_code, quantity, refuse},
    tree::{Condition, Moment, Quantity, Text},
};
use crate::{
    code_list::CodeList,
    days::Days,
    number::{Number, Relation},
};

pub(super) fn is_binary(name: &str) -> bool {
    matches!(
        name,
        op::LOGICAL_AND
            | op::LOGICAL_OR
            | op::EQUALS
            | op::NOT_EQUALS
            | op::LESS
            | op::LESS_EQUALS
            | op::GREATER
            | op::GREATER_EQUALS
            | op::IN
            | op::ADD
            | op::SUBSTRACT
            | op::MULTIPLY
            | op::DIVIDE
    )
}

pub(super) fn binary(name: &str, left: Tree, right: Tree) -> Result<Tree, String> {
    match name {
        op::LOGICAL_AND | op::LOGICAL_OR => match (left, right) {
            (Tree::Condition(left), Tree::Condition(right)) => {
                Ok(Tree::Condition(join(name == op::LOGICAL_AND, left, right)))
            }
            (left, right) => Err(refuse(name.trim_matches('_'), &[left, right])),
        },
        op::EQUALS => equal(left, right).map(Tree::Condition),
        op::NOT_EQUALS => {
            equal(left, right).map(|equal| Tree::Condition(Condition::Not(Box::new(equal))))
        }
        op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS => order(name, left, right),
        op::IN => is_in(left, right).map(Tree::Condition),
        _ => arithmetic(name, left, right),
    }
}

/// `a && b && c` is one node, not a tower.
fn join(is_all: bool, left: Condition, right: Condition) -> Condition {
    let mut parts = Vec::new();
    for side in [left, right] {
        match side {
            Condition::All(inner) if is_all => parts.extend(inner),
            Condition::Any(inner) if !is_all => parts.extend(inner),
            other => parts.push(other),
        }
    }
    if is_all { Condition::All(parts) } else { Condition::Any(parts) }
}

fn arithmetic(name: &str, left: Tree, right: Tree) -> Result<Tree, String> {
    let operation = match name {
        op::ADD => Number::plus,
        op::SUBSTRACT => Number::minus,
        op::MULTIPLY => Number::times,
        _ => Number::over,
    };
    match (quantity(left), quantity(right)) {
        (Ok(left), Ok(right)) => {
            Ok(Tree::Quantity(Quantity::Combine(operation, Box::new((left, right)))))
        }
        (left, right) => {
            let show = |side: Result<Quantity, Tree>| side.map_or_else(|tree| tree, Tree::Quantity);
            Err(refuse(name.trim_matches('_'), &[show(left), show(right)]))
        }
    }
}

fn order(name: &str, left: Tree, right: Tree) -> Result<Tree, String> {
    let relation = match name {
        op::LESS | op::GREATER => Relation::Less,
        _ => Relation::AtMost,
    };
    let is_turned = matches!(name, op::GREATER | op::GREATER_EQUALS);
    let (left, right) = with_dates(left, right)?;
    match (left, right) {
        (Tree::Moment(left, _), Tree::Moment(right, _)) => {
            let sides = if is_turned { (right, left) } else { (left, right) };
            Ok(Tree::Condition(Condition::CompareDays(relation, Box::new(sides))))
        }
        (left, right) => match (quantity(left), quantity(right)) {
            (Ok(left), Ok(right)) => {
                let sides = if is_turned { (right, left) } else { (left, right) };
                Ok(Tree::Condition(Condition::Compare(relation, Box::new(sides))))
            }
            (left, right) => {
                let show =
                    |side: Result<Quantity, Tree>| side.map_or_else(|tree| tree, Tree::Quantity);
                Err(refuse(name.trim_matches('_'), &[show(left), show(right)]))
            }
        },
    }
}

/// A text written beside a date is a date.
fn with_dates(left: Tree, right: Tree) -> Result<(Tree, Tree), String> {
    let date = |text: &str| match text.parse::<PartialDate>() {
        Ok(date) => Ok(Tree::Moment(Moment::Known(Days::from(date)), Precision::Partial)),
        Err(_) => Err(format!("'{text}' is not a date: write '2024-04-01'")),
    };
    Ok(match (left, right) {
        (left @ Tree::Moment(..), Tree::Text(Text::Known(text))) => (left, date(&text)?),
        (Tree::Text(Text::Known(text)), right @ Tree::Moment(..)) => (date(&text)?, right),
        both => both,
    })
}

/// A code a rule may ask for: not one that says nothing is known, which no rule ever sees.
fn wanted_code(list: &CodeList, code: &str) -> Result<usize, String> {
    let place = known_code(list, code)?;
    match list.options().get(place).and_then(|option| option.means) {
        None => Ok(place),
        Some(_) => Err(format!(
            "{code} of {} says that nothing is known, so that it is never seen here: ask with not_done",
            list.id()
        )),
    }
}

fn marked(list: &CodeList, places: &[usize]) -> Box<[bool]> {
    (0..list.options().len()).map(|place| places.contains(&place)).collect()
}

fn equal(left: Tree, right: Tree) -> Result<Condition, String> {
    let (left, right) = with_dates(left, right)?;
    match (left, right) {
        (Tree::Choice(choice, list), Tree::Quantity(Quantity::Known(code)))
        | (Tree::Quantity(Quantity::Known(code)), Tree::Choice(choice, list))
            if list.is_numeric() =>
        {
            let place = wanted_code(&list, &code.to_string())?;
            Ok(Condition::CodeIn(Box::new(choice), marked(&list, &[place])))
        }
        (Tree::Choice(choice, list), Tree::Text(Text::Known(code)))
        | (Tree::Text(Text::Known(code)), Tree::Choice(choice, list))
            if !list.is_numeric() =>
        {
            let place = wanted_code(&list, &code)?;
            Ok(Condition::CodeIn(Box::new(choice), marked(&list, &[place])))
        }
        (Tree::Choice(left, list), Tree::Choice(right, other)) if list == other => {
            Ok(Condition::SameCode(Box::new((left, right))))
        }
        (Tree::Condition(left), Tree::Condition(right)) => {
            Ok(Condition::Same(Box::new((left, right))))
        }
        (Tree::Text(left), Tree::Text(right)) => Ok(Condition::SameText(left, right)),
        (Tree::Moment(left, _), Tree::Moment(right, _)) => {
            Ok(Condition::CompareDays(Relation::Equal, Box::new((left, right))))
        }
        (left, right) => match (quantity(left), quantity(right)) {
            (Ok(left), Ok(right)) => {
                Ok(Condition::Compare(Relation::Equal, Box::new((left, right))))
            }
            (left, right) => {
                let show =
                    |side: Result<Quantity, Tree>| side.map_or_else(|tree| tree, Tree::Quantity);
                Err(format!("{} cannot be compared with {}", show(left), show(right)))
            }
        },
    }
}

fn is_in(element: Tree, list: Tree) -> Result<Condition, String> {
    match (element, list) {
        (Tree::Choice(choice, list), Tree::List(codes)) => {
            let place = |code: &Tree| match code {
                Tree::Quantity(Quantity::Known(code)) if list.is_numeric() => {
                    wanted_code(&list, &code.to_string())
                }
                Tree::Text(Text::Known(code)) if !list.is_numeric() => wanted_code(&list, code),
                other => Err(format!("a code of {} cannot be compared with {other}", list.id())),
            };
            let places: Vec<usize> = codes.iter().map(place).collect::<Result<_, _>>()?;
            Ok(Condition::CodeIn(Box::new(choice), marked(&list, &places)))
        }
        (Tree::Quantity(Quantity::Known(code)), Tree::Codes(var, list)) if list.is_numeric() => {
            wanted_code(&list, &code.to_string())?;
            Ok(Condition::Chosen(var, code.to_string()))
        }
        (Tree::Text(Text::Known(code)), Tree::Codes(var, list)) if !list.is_numeric() => {
            wanted_code(&list, &code)?;
            Ok(Condition::Chosen(var, code))
        }
        (Tree::Quantity(quantity), Tree::List(numbers)) => {
            let quantity = Arc::new(quantity);
            let mut any = Vec::new();
            for number in numbers {
                let Tree::Quantity(Quantity::Known(number)) = number else {
                    return Err(format!("a number cannot be compared with {number}"));
                };
                let sides = (Quantity::Shared(Arc::clone(&quantity)), Quantity::Known(number));
                any.push(Condition::Compare(Relation::Equal, Box::new(sides)));
            }
            Ok(Condition::Any(any))
        }
        (Tree::Text(Text::Var(var)), Tree::List(texts)) => {
            let mut any = Vec::new();
            for text in texts {
                let Tree::Text(text) = text else {
                    return Err(format!("a text cannot be compared with {text}"));
                };
                any.push(Condition::SameText(Text::Var(var), text));
            }
            Ok(Condition::Any(any))
        }
        (element, list) => Err(refuse("in", &[element, list])),
    }
}
