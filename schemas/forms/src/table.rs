//! Tables of numbers that calculations look up.

use std::ops::Bound::Unbounded;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::number::{Number, value};

/// What a table says between two of its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Between {
    /// A straight line from point to point.
    Line,
    /// The last point at or below.
    Step,
    /// Nothing.
    Exact,
}

/// What a table says outside its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outside {
    /// No value.
    None,
    /// The value at the end.
    Hold,
}

/// A table: at least one point, `x` rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) id: String,
    /// Points in rising order of the first number.
    pub(crate) points: Vec<(Decimal, Decimal)>,
    pub(crate) between: Between,
    pub(crate) below: Outside,
    pub(crate) above: Outside,
}

impl Table {
    /// Looks a number up. Of a span, all that the table says within it.
    pub(crate) fn look_up(&self, x: Number) -> Number {
        match x {
            Number::Point(x) => self.at(x).map_or(Number::UNKNOWN, Number::Point),
            Number::Span(..) if self.between == Between::Exact => Number::UNKNOWN,
            Number::Span(low, high) => self.within(low, high).unwrap_or(Number::UNKNOWN),
        }
    }

    fn at(&self, x: Decimal) -> Option<Decimal> {
        let after = self.points.partition_point(|(point, _)| *point <= x);
        let Some((left, value)) = after.checked_sub(1).and_then(|before| self.points.get(before))
        else {
            let (_, first) = self.points.first()?;
            return (self.below == Outside::Hold).then_some(*first);
        };
        if *left == x {
            return Some(*value);
        }
        let Some((right, next)) = self.points.get(after) else {
            return (self.above == Outside::Hold).then_some(*value);
        };
        match self.between {
            Between::Exact => None,
            Between::Step => Some(*value),
            Between::Line => {
                let rise = next.checked_sub(*value)?;
                let part = x.checked_sub(*left)?.checked_mul(rise)?;
                value.checked_add(part.checked_div(right.checked_sub(*left)?)?)
            }
        }
    }

    fn within(
        &self,
        low: std::ops::Bound<Decimal>,
        high: std::ops::Bound<Decimal>,
    ) -> Option<Number> {
        let first = match low {
            Unbounded => (self.below == Outside::Hold).then(|| self.points.first())??.1,
            _ => self.at(value(low)?)?,
        };
        let last = match high {
            Unbounded => (self.above == Outside::Hold).then(|| self.points.last())??.1,
            _ => self.at(value(high)?)?,
        };
        let is_inside = |x: Decimal| {
            value(low).is_none_or(|low| low <= x) && value(high).is_none_or(|high| x <= high)
        };
        let inside = self.points.iter().filter(|(x, _)| is_inside(*x)).map(|(_, y)| *y);
        let (mut bottom, mut top) = (first.min(last), first.max(last));
        for y in inside {
            bottom = bottom.min(y);
            top = top.max(y);
        }
        Some(Number::from_to(bottom, top))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(between: Between, outside: Outside) -> Table {
        let points = vec![(1.into(), 10.into()), (2.into(), 30.into()), (4.into(), 20.into())];
        Table { id: "t".to_owned(), points, between, below: outside, above: outside }
    }

    #[track_caller]
    fn check(between: Between, outside: Outside, x: &str, y: Option<&str>) {
        let found = table(between, outside).look_up(Number::Point(x.parse().unwrap())).point();
        assert_eq!(found, y.map(|y| y.parse().unwrap()), "{between:?} {x}");
    }

    #[test]
    fn a_number_is_looked_up_at_between_and_outside_the_points() {
        for (x, line, step, exact) in [
            ("1", Some("10"), Some("10"), Some("10")),
            ("1.5", Some("20"), Some("10"), None),
            ("3", Some("25"), Some("30"), None),
            ("4", Some("20"), Some("20"), Some("20")),
            ("0.9", None, None, None),
            ("4.1", None, None, None),
        ] {
            check(Between::Line, Outside::None, x, line);
            check(Between::Step, Outside::None, x, step);
            check(Between::Exact, Outside::None, x, exact);
        }
        check(Between::Line, Outside::Hold, "0.9", Some("10"));
        check(Between::Step, Outside::Hold, "99", Some("20"));
    }

    #[test]
    fn a_span_gives_all_the_table_says_within() {
        let line = table(Between::Line, Outside::None);
        let span = |low: &str, high: &str| {
            let of = |text: &str| text.parse::<Decimal>().unwrap();
            Number::from_to(of(low), of(high))
        };
        assert_eq!(line.look_up(span("1.5", "3")), Number::from_to(20, 30));
        assert_eq!(line.look_up(span("0.5", "3")), Number::UNKNOWN);
        assert_eq!(table(Between::Exact, Outside::None).look_up(span("1", "2")), Number::UNKNOWN);
        let hold = table(Between::Line, Outside::Hold);
        assert_eq!(hold.look_up(Number::UNKNOWN), Number::from_to(10, 30));
    }
}
