//! What an expression is compiled to: a tree over the slots of a form, one kind of node per type.

use std::sync::Arc;

use kakehashi_kernel::CivilDate;
use rust_decimal::Decimal;

use crate::{
    code_list::CodeList,
    days::Days,
    number::{Number, Relation},
    table::Table,
};

/// Where a value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Var {
    /// An item or derived item of the form.
    Slot(usize),
    /// A column of the row that a loop looks at.
    Column(usize),
}

/// Something true or false.
#[derive(Debug)]
pub(crate) enum Condition {
    Known(bool),
    Var(Var),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Compare(Relation, Box<(Quantity, Quantity)>),
    CompareDays(Relation, Box<(Moment, Moment)>),
    /// The code is one of those marked, by its place in the list.
    CodeIn(Box<Choice>, Box<[bool]>),
    SameCode(Box<(Choice, Choice)>),
    /// The code is among those chosen.
    Chosen(Var, String),
    SameText(Text, Text),
    Same(Box<(Condition, Condition)>),
    If(Box<(Condition, Condition, Condition)>),
    NotDone(Var),
    Answered(Var),
    /// The condition holds in a row of the table.
    Exists(usize, Box<Condition>),
    /// The condition holds in every row of the table.
    Every(usize, Box<Condition>),
}

/// A number.
#[derive(Debug)]
pub(crate) enum Quantity {
    Known(Decimal),
    Var(Var),
    /// A code of a list whose codes are all whole numbers.
    OfCode(Choice, Arc<CodeList>),
    /// The points of a code.
    Points(Choice, Arc<CodeList>),
    /// The points of several codes, added up.
    PointsOfAll(Var, Arc<CodeList>),
    Count(Vec<Condition>),
    Sum(Vec<Quantity>),
    Least(Vec<Quantity>),
    Greatest(Vec<Quantity>),
    Apply(fn(Number) -> Number, Box<Quantity>),
    Combine(fn(Number, Number) -> Number, Box<(Quantity, Quantity)>),
    Round(Box<Quantity>, u32),
    Measure(fn(CivilDate, CivilDate) -> i32, Box<(Moment, Moment)>),
    LookUp(Arc<Table>, Box<Quantity>),
    Size(Sized),
    /// A number several conditions look at.
    Shared(Arc<Quantity>),
    If(Box<(Condition, Quantity, Quantity)>),
}

/// What has a size.
#[derive(Debug)]
pub(crate) enum Sized {
    /// Chosen codes.
    Codes(Var),
    /// Characters.
    Text(Text),
    /// Rows of a table.
    Rows(usize),
}

/// A day, or the days a partial date can mean.
#[derive(Debug)]
pub(crate) enum Moment {
    Known(Days),
    Var(Var),
    First(Box<Moment>),
    Last(Box<Moment>),
    If(Box<(Condition, Moment, Moment)>),
}

/// A text.
#[derive(Debug)]
pub(crate) enum Text {
    Known(String),
    Var(Var),
}

/// A code, by its place in its list.
#[derive(Debug)]
pub(crate) enum Choice {
    Known(usize),
    Var(Var),
    /// The code that is this number.
    OfNumber(Box<Quantity>, Arc<CodeList>),
    If(Box<(Condition, Choice, Choice)>),
}
