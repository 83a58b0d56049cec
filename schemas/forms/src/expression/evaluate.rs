//! Evaluation of trees. Cannot fail: what has no value is undetermined.

use rust_decimal::Decimal;

use super::tree::{Choice, Condition, Moment, Quantity, Sized, Text};
use crate::{
    code_list::CodeList,
    days::Days,
    number::Number,
    scope::{Chosen, Seen, Slot, View},
    truth::Truth,
};

impl Condition {
    pub(crate) fn truth(&self, view: View<'_>) -> Truth {
        match self {
            Self::Known(is_true) => (*is_true).into(),
            Self::Var(var) => match view.see(*var) {
                Some(Seen::Truth(truth)) => *truth,
                _ => Truth::Undetermined,
            },
            Self::Not(inner) => inner.truth(view).not(),
            Self::All(parts) => Truth::all(parts.iter().map(|part| part.truth(view))),
            Self::Any(parts) => Truth::any(parts.iter().map(|part| part.truth(view))),
            Self::Compare(relation, sides) => {
                sides.0.number(view).compare(*relation, sides.1.number(view))
            }
            Self::CompareDays(relation, sides) => match (sides.0.days(view), sides.1.days(view)) {
                (Some(left), Some(right)) => left.compare(*relation, right),
                _ => Truth::Undetermined,
            },
            Self::CodeIn(choice, wanted) => choice.chosen(view).is_in(wanted),
            Self::SameCode(sides) => sides.0.chosen(view).same(sides.1.chosen(view)),
            Self::Chosen(var, code) => match view.see(*var) {
                Some(Seen::Codes(codes)) => codes.contains(code).into(),
                _ => Truth::Undetermined,
            },
            Self::SameText(left, right) => match (left.text(view), right.text(view)) {
                (Some(left), Some(right)) => (left == right).into(),
                _ => Truth::Undetermined,
            },
            Self::Same(sides) => sides.0.truth(view).same(sides.1.truth(view)),
            Self::If(parts) => branch(
                &parts.0,
                view,
                || parts.1.truth(view),
                || parts.2.truth(view),
                |a, b| {
                    if a == b { a } else { Truth::Undetermined }
                },
            ),
            Self::NotDone(var) => match view.see(*var) {
                Some(Seen::NotDone) => Truth::True,
                Some(Seen::Nothing) | None => Truth::Undetermined,
                Some(_) => Truth::False,
            },
            Self::Answered(var) => view.slot(*var).is_some_and(Slot::is_answered).into(),
            Self::Exists(table, condition) => match view.rows(*table) {
                Some(rows) => {
                    Truth::any(rows.iter().map(|row| condition.truth(view.in_row(*table, row))))
                }
                None => Truth::Undetermined,
            },
            Self::Every(table, condition) => match view.rows(*table) {
                Some(rows) => {
                    Truth::all(rows.iter().map(|row| condition.truth(view.in_row(*table, row))))
                }
                None => Truth::Undetermined,
            },
        }
    }
}

impl Quantity {
    pub(crate) fn number(&self, view: View<'_>) -> Number {
        match self {
            Self::Known(number) => Number::Point(*number),
            Self::Var(var) => match view.see(*var) {
                Some(Seen::Number(number)) => *number,
                _ => Number::UNKNOWN,
            },
            Self::OfCode(choice, list) => match choice.chosen(view) {
                Chosen::One(place) => list.number(place).map_or(Number::UNKNOWN, Number::Point),
                Chosen::Among(mask) => spread(list, mask, |place| list.number(place)),
                Chosen::Nothing => Number::UNKNOWN,
            },
            Self::Points(choice, list) => match choice.chosen(view) {
                Chosen::One(place) => list.points(place).map_or(Number::UNKNOWN, Number::Point),
                Chosen::Among(mask) => spread(list, mask, |place| list.points(place)),
                Chosen::Nothing => list.points_of_any(),
            },
            Self::PointsOfAll(var, list) => match view.see(*var) {
                Some(Seen::Codes(codes)) => points_of(list, codes),
                _ => list.points_of_several(),
            },
            Self::Count(conditions) => {
                let truths = conditions.iter().map(|condition| condition.truth(view));
                let (least, most) = Truth::count(truths);
                Number::from_to(Decimal::from(least), Decimal::from(most))
            }
            Self::Sum(parts) => {
                parts.iter().map(|part| part.number(view)).fold(Number::ZERO, Number::plus)
            }
            Self::Least(parts) => Number::least(parts.iter().map(|part| part.number(view))),
            Self::Greatest(parts) => Number::greatest(parts.iter().map(|part| part.number(view))),
            Self::Apply(function, inner) => function(inner.number(view)),
            Self::Combine(operation, sides) => {
                operation(sides.0.number(view), sides.1.number(view))
            }
            Self::Round(inner, places) => inner.number(view).round(*places),
            Self::Measure(of, sides) => match (sides.0.days(view), sides.1.days(view)) {
                (Some(from), Some(until)) => from.measure(until, *of),
                _ => Number::UNKNOWN,
            },
            Self::LookUp(table, inner) => table.look_up(inner.number(view)),
            Self::Size(sized) => {
                sized.size(view).map_or(Number::UNKNOWN, |size| Number::Point(Decimal::from(size)))
            }
            Self::Shared(inner) => inner.number(view),
            Self::If(parts) => branch(
                &parts.0,
                view,
                || parts.1.number(view),
                || parts.2.number(view),
                Number::either,
            ),
        }
    }
}

impl Sized {
    fn size(&self, view: View<'_>) -> Option<usize> {
        match self {
            Self::Codes(var) => match view.see(*var) {
                Some(Seen::Codes(codes)) => Some(codes.len()),
                _ => None,
            },
            Self::Text(text) => text.text(view).map(|text| text.chars().count()),
            Self::Rows(table) => view.rows(*table).map(<[_]>::len),
        }
    }
}

impl Moment {
    pub(crate) fn days(&self, view: View<'_>) -> Option<Days> {
        match self {
            Self::Known(days) => Some(*days),
            Self::Var(var) => match view.see(*var) {
                Some(Seen::Days(days)) => Some(*days),
                _ => None,
            },
            Self::First(inner) => inner.days(view).map(|days| Days::on(days.first)),
            Self::Last(inner) => inner.days(view).map(|days| Days::on(days.last)),
            Self::If(parts) => branch(
                &parts.0,
                view,
                || parts.1.days(view),
                || parts.2.days(view),
                |a, b| Some(a?.either(b?)),
            ),
        }
    }
}

impl Text {
    pub(crate) fn text<'s>(&'s self, view: View<'s>) -> Option<&'s str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Var(var) => match view.see(*var) {
                Some(Seen::Text(text)) => Some(text),
                _ => None,
            },
        }
    }
}

impl Choice {
    pub(crate) fn chosen(&self, view: View<'_>) -> Chosen {
        match self {
            Self::Known(place) => Chosen::One(*place),
            Self::Var(var) => match view.see(*var) {
                Some(Seen::Code(chosen)) => *chosen,
                _ => Chosen::Nothing,
            },
            Self::OfNumber(number, list) => code_of(list, number.number(view)),
            Self::If(parts) => branch(
                &parts.0,
                view,
                || parts.1.chosen(view),
                || parts.2.chosen(view),
                Chosen::either,
            ),
        }
    }
}

/// Takes the branch the condition chooses; while it is open, what holds of both.
fn branch<T>(
    condition: &Condition,
    view: View<'_>,
    yes: impl FnOnce() -> T,
    no: impl FnOnce() -> T,
    either: impl FnOnce(T, T) -> T,
) -> T {
    match condition.truth(view) {
        Truth::True => yes(),
        Truth::False => no(),
        Truth::Undetermined => either(yes(), no()),
    }
}

fn spread(list: &CodeList, mask: u64, of: impl Fn(usize) -> Option<Decimal>) -> Number {
    let places = (0..list.options().len().min(64)).filter(|place| mask & (1 << place) != 0);
    let mut span: Option<(Decimal, Decimal)> = None;
    for place in places {
        let Some(number) = of(place) else { return Number::UNKNOWN };
        let (low, high) = span.unwrap_or((number, number));
        span = Some((low.min(number), high.max(number)));
    }
    span.map_or(Number::UNKNOWN, |(low, high)| Number::from_to(low, high))
}

fn points_of(list: &CodeList, codes: &[String]) -> Number {
    let points = |code: &String| list.points(list.place(code)?);
    let mut sum = Number::ZERO;
    for code in codes {
        sum = points(code).map_or(Number::UNKNOWN, |points| sum.plus(Number::Point(points)));
    }
    sum
}

/// The code that is a number. A number between two codes has none, so a span never has.
fn code_of(list: &CodeList, number: Number) -> Chosen {
    let Some(number) = number.point() else { return Chosen::Nothing };
    let mut places = 0..list.options().len();
    let place = places.find(|place| list.number(*place) == Some(number));
    place.map_or(Chosen::Nothing, Chosen::One)
}
