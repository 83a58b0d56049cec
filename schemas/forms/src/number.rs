//! A number as far as it is known: a point, or a span it certainly lies in.
//!
//! Every operation answers a span that holds the result for every number of its operands' spans, and
//! never a wider one for narrower operands: more information never takes a certainty away. What has no
//! value (division by zero) is a number nothing is known about; what is too large to be written is
//! known to be larger than what can be.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    reach::{CLOSED, End, OPEN, Reach, add, divide, multiply, power, real, turned},
    truth::Truth,
};

/// A number as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    /// Exactly this.
    Point(Decimal),
    /// Somewhere from the one end to the other.
    Span(Bound<Decimal>, Bound<Decimal>),
}

/// How two numbers or days are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// `==`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
}

impl Number {
    /// Nothing is known about it.
    pub(crate) const UNKNOWN: Self = Self::Span(Unbounded, Unbounded);

    /// Zero.
    pub(crate) const ZERO: Self = Self::Point(Decimal::ZERO);

    /// A number from the one end to the other.
    pub(crate) fn between(low: End, high: End) -> Self {
        match (low, high) {
            (Included(low), Included(high)) if low == high => Self::Point(low),
            _ => Self::Span(low, high),
        }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn from_to(low: impl Into<Decimal>, high: impl Into<Decimal>) -> Self {
        Self::between(Included(low.into()), Included(high.into()))
    }

    /// The number, if it is certain.
    pub(crate) const fn point(self) -> Option<Decimal> {
        match self {
            Self::Point(number) => Some(number),
            Self::Span(..) => None,
        }
    }

    pub(crate) const fn low(self) -> End {
        match self {
            Self::Point(number) => Included(number),
            Self::Span(low, _) => low,
        }
    }

    pub(crate) const fn high(self) -> End {
        match self {
            Self::Point(number) => Included(number),
            Self::Span(_, high) => high,
        }
    }

    fn of(result: Reach) -> Self {
        Self::between(result.as_low(Included), result.as_high(Included))
    }

    /// Compares two numbers.
    pub(crate) fn compare(self, relation: Relation, other: Self) -> Truth {
        if let (Self::Point(left), Self::Point(right)) = (self, other) {
            return match relation {
                Relation::Equal => left == right,
                Relation::Less => left < right,
                Relation::AtMost => left <= right,
            }
            .into();
        }
        let (below, above) = (self.is_below(other), other.is_below(self));
        let (yes, no) = match relation {
            Relation::Equal => (false, below || above),
            Relation::Less => (below, other.is_at_most(self)),
            Relation::AtMost => (self.is_at_most(other), above),
        };
        match (yes, no) {
            (true, _) => Truth::True,
            (_, true) => Truth::False,
            _ => Truth::Undetermined,
        }
    }

    /// Tells whether it is certainly less.
    fn is_below(self, other: Self) -> bool {
        match (self.high(), other.low()) {
            (Included(high), Included(low)) => high < low,
            (Included(high) | Excluded(high), Included(low) | Excluded(low)) => high <= low,
            (Unbounded, _) | (_, Unbounded) => false,
        }
    }

    /// Tells whether it is certainly less or equal.
    fn is_at_most(self, other: Self) -> bool {
        match (value(self.high()), value(other.low())) {
            (Some(high), Some(low)) => high <= low,
            _ => false,
        }
    }

    /// One of the two.
    pub(crate) fn either(self, other: Self) -> Self {
        let low = if is_lower(self.low(), other.low()) { self.low() } else { other.low() };
        let high = if is_higher(self.high(), other.high()) { self.high() } else { other.high() };
        Self::between(low, high)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        if let (Self::Point(left), Self::Point(right)) = (self, other) {
            return Self::of(add(left, right));
        }
        let sum = |left: End, right: End| match (left, right) {
            (Included(left), Included(right)) => Some((add(left, right), CLOSED)),
            (Included(left) | Excluded(left), Included(right) | Excluded(right)) => {
                Some((add(left, right), OPEN))
            }
            (Unbounded, _) | (_, Unbounded) => None,
        };
        let low = sum(self.low(), other.low()).map_or(Unbounded, |(end, kind)| end.as_low(kind));
        let high =
            sum(self.high(), other.high()).map_or(Unbounded, |(end, kind)| end.as_high(kind));
        Self::between(low, high)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(other.negative())
    }

    pub(crate) fn negative(self) -> Self {
        match self {
            Self::Point(number) => Self::Point(turned(number)),
            Self::Span(low, high) => Self::Span(high.map(turned), low.map(turned)),
        }
    }

    pub(crate) fn times(self, other: Self) -> Self {
        match (self, other) {
            (Self::Point(left), Self::Point(right)) => Self::of(multiply(left, right)),
            (Self::Point(factor), span @ Self::Span(..))
            | (span @ Self::Span(..), Self::Point(factor)) => {
                if factor.is_zero() {
                    return Self::ZERO;
                }
                span.scale(factor.is_sign_negative(), |end| multiply(end, factor))
            }
            (Self::Span(..), Self::Span(..)) if self.is_natural() && other.is_natural() => {
                let product = |left, right| value(left).zip(value(right));
                let product = |left, right| product(left, right).map(|(l, r)| multiply(l, r));
                let low = product(self.low(), other.low());
                let high = product(self.high(), other.high());
                Self::between(
                    low.map_or(Unbounded, |low| low.as_low(CLOSED)),
                    high.map_or(Unbounded, |high| high.as_high(CLOSED)),
                )
            }
            (Self::Span(..), Self::Span(..)) => self.corners(other, multiply),
        }
    }

    pub(crate) fn over(self, other: Self) -> Self {
        match (self, other) {
            (_, Self::Point(divisor)) if divisor.is_zero() => Self::UNKNOWN,
            (Self::Point(left), Self::Point(right)) => Self::of(divide(left, right)),
            (Self::Span(..), Self::Point(divisor)) => {
                self.scale(divisor.is_sign_negative(), |end| divide(end, divisor))
            }
            (_, Self::Span(least, most)) => {
                let Some(least) = value(least).filter(|least| *least > Decimal::ZERO) else {
                    return Self::UNKNOWN;
                };
                if !self.is_natural() {
                    return self.corners(other, divide);
                }
                let low = value(self.low()).zip(value(most)).map(|(low, most)| divide(low, most));
                let high = value(self.high()).map(|high| divide(high, least));
                Self::between(
                    low.map_or(Included(Decimal::ZERO), |low| low.as_low(CLOSED)),
                    high.map_or(Unbounded, |high| high.as_high(CLOSED)),
                )
            }
        }
    }

    /// Multiplies or divides by one number.
    fn scale(self, is_turned: bool, by: impl Fn(Decimal) -> Reach) -> Self {
        let (low, high) =
            if is_turned { (self.high(), self.low()) } else { (self.low(), self.high()) };
        let low = match low {
            Included(low) => by(low).as_low(CLOSED),
            Excluded(low) => by(low).as_low(OPEN),
            Unbounded => Unbounded,
        };
        let high = match high {
            Included(high) => by(high).as_high(CLOSED),
            Excluded(high) => by(high).as_high(OPEN),
            Unbounded => Unbounded,
        };
        Self::between(low, high)
    }

    /// The span from the results for the ends, where all four are known.
    fn corners(self, other: Self, operate: fn(Decimal, Decimal) -> Reach) -> Self {
        let of = |left, right| Some(operate(value(left)?, value(right)?));
        let corners = [
            of(self.low(), other.low()),
            of(self.low(), other.high()),
            of(self.high(), other.low()),
            of(self.high(), other.high()),
        ];
        let corners: Option<Vec<Reach>> = corners.into_iter().collect();
        let span = corners.and_then(|all| all.iter().min().copied().zip(all.iter().max().copied()));
        span.map_or(Self::UNKNOWN, |(low, high)| {
            Self::between(low.as_low(CLOSED), high.as_high(CLOSED))
        })
    }

    /// The least or the greatest of some numbers; of none, nothing is known.
    pub(crate) fn least(numbers: impl IntoIterator<Item = Self>) -> Self {
        let least = |left: Self, right: Self| {
            let low = if is_lower(left.low(), right.low()) { left.low() } else { right.low() };
            let high =
                if is_higher(left.high(), right.high()) { right.high() } else { left.high() };
            Self::between(low, high)
        };
        numbers.into_iter().reduce(least).unwrap_or(Self::UNKNOWN)
    }

    /// The greatest of some numbers.
    pub(crate) fn greatest(numbers: impl IntoIterator<Item = Self>) -> Self {
        Self::least(numbers.into_iter().map(Self::negative)).negative()
    }

    pub(crate) fn absolute(self) -> Self {
        match self {
            Self::Point(number) => Self::Point(number.abs()),
            Self::Span(..) if self.is_natural() => self,
            Self::Span(low, high) => {
                let greatest = match (value(low), value(high)) {
                    (Some(low), Some(high)) => Included(low.abs().max(high.abs())),
                    _ => Unbounded,
                };
                Self::between(Included(Decimal::ZERO), greatest)
            }
        }
    }

    /// Rounds to decimal places; half goes away from zero.
    pub(crate) fn round(self, places: u32) -> Self {
        let round = |number: Decimal| {
            number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
        };
        match self {
            Self::Point(number) => Self::Point(round(number)),
            Self::Span(low, high) => Self::between(closed(low.map(round)), closed(high.map(round))),
        }
    }

    pub(crate) fn square_root(self) -> Self {
        self.rising(|number| (number >= Decimal::ZERO).then(|| real(number, f64::sqrt)))
    }

    pub(crate) fn logarithm(self) -> Self {
        self.rising(|number| (number > Decimal::ZERO).then(|| real(number, f64::ln)))
    }

    pub(crate) fn exponential(self) -> Self {
        self.rising(|number| Some(real(number, f64::exp)))
    }

    pub(crate) fn power(self, exponent: Self) -> Self {
        let Self::Point(exponent) = exponent else { return Self::UNKNOWN };
        let of = |base: Decimal| power(base, exponent);
        match self {
            Self::Point(base) => of(base).map_or(Self::UNKNOWN, Self::of),
            Self::Span(..) if exponent.is_zero() => Self::Point(Decimal::ONE),
            Self::Span(..) if !self.is_natural() => Self::UNKNOWN,
            Self::Span(..) if exponent.is_sign_positive() => self.rising(of),
            Self::Span(low, high) => {
                // A falling curve, which has no value at zero.
                let Some(most) = value(low).and_then(of) else { return Self::UNKNOWN };
                let least = value(high).and_then(of);
                Self::between(
                    least.map_or(Included(Decimal::ZERO), |least| least.as_low(CLOSED)),
                    most.as_high(CLOSED),
                )
            }
        }
    }

    /// Applies a function that rises. Where it has no value at the lower end, nothing is known.
    fn rising(self, of: impl Fn(Decimal) -> Option<Reach>) -> Self {
        match self {
            Self::Point(number) => of(number).map_or(Self::UNKNOWN, Self::of),
            Self::Span(low, high) => match value(low).and_then(&of) {
                Some(low) => {
                    let high = value(high).and_then(of);
                    Self::between(
                        low.as_low(CLOSED),
                        high.map_or(Unbounded, |high| high.as_high(CLOSED)),
                    )
                }
                None => Self::UNKNOWN,
            },
        }
    }

    /// Tells whether it is certainly not negative.
    fn is_natural(self) -> bool {
        value(self.low()).is_some_and(|low| low >= Decimal::ZERO)
    }
}

/// The number at an end, whether the end belongs to the span or not.
pub(crate) const fn value(end: End) -> Option<Decimal> {
    match end {
        Included(value) | Excluded(value) => Some(value),
        Unbounded => None,
    }
}

fn closed(end: End) -> End {
    value(end).map_or(Unbounded, Included)
}

/// Tells whether a lower end lets more through than another.
fn is_lower(end: End, other: End) -> bool {
    match (end, other) {
        (Unbounded, _) => true,
        (_, Unbounded) => false,
        (Included(end), Excluded(other)) => end <= other,
        (Included(end) | Excluded(end), Included(other) | Excluded(other)) => end < other,
    }
}

/// Tells whether an upper end lets more through than another.
fn is_higher(end: End, other: End) -> bool {
    match (end, other) {
        (Unbounded, _) => true,
        (_, Unbounded) => false,
        (Included(end), Excluded(other)) => end >= other,
        (Included(end) | Excluded(end), Included(other) | Excluded(other)) => end > other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn n(text: &str) -> Number {
        Number::Point(d(text))
    }

    fn span(low: &str, high: &str) -> Number {
        Number::from_to(d(low), d(high))
    }

    #[test]
    fn half_is_rounded_away_from_zero() {
        for (number, rounded) in
            [("2.25", "2.3"), ("2.249", "2.2"), ("-2.25", "-2.3"), ("0.05", "0.1")]
        {
            assert_eq!(n(number).round(1), n(rounded));
        }
    }

    #[test]
    fn a_laboratory_limit_is_compared_with_its_open_end() {
        let below = Number::between(Unbounded, Excluded(d("0.1")));
        assert_eq!(below.compare(Relation::Less, n("0.1")), Truth::True);
        assert_eq!(below.compare(Relation::AtMost, n("0.1")), Truth::True);
        assert_eq!(below.compare(Relation::Equal, n("0.1")), Truth::False);
        assert_eq!(below.compare(Relation::Less, n("0.05")), Truth::Undetermined);
        assert_eq!(n("0.1").compare(Relation::AtMost, below), Truth::False);
    }

    #[test]
    fn what_has_no_value_is_unknown_and_never_a_panic() {
        for unknown in [
            n("1").over(n("0")),
            n("1").over(span("-1", "1")),
            n("-1").logarithm(),
            n("0").logarithm(),
            n("-4").square_root(),
            n("0").power(n("-1")),
            n("-2").power(n("0.5")),
        ] {
            assert_eq!(unknown, Number::UNKNOWN);
        }
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(n("0").negative().point().unwrap().to_string(), "0");
        assert_eq!(n("0.0").negative().square_root(), n("0"));
        assert_eq!(Number::greatest([n("0"), n("-1")]).point().unwrap().to_string(), "0");
    }

    #[test]
    fn an_end_that_was_rounded_belongs_to_the_span() {
        let above_one = Number::between(Excluded(d("1")), Unbounded);
        let least = d("1.0000000000000000000000000001");
        let (span, point) = (above_one.over(n("30")), Number::Point(least).over(n("30")));
        assert_eq!(span.either(point), span);
        let half = above_one.over(n("2"));
        assert_eq!(half.compare(Relation::AtMost, n("0.5")), Truth::False, "exact ends stay open");
    }

    #[test]
    fn what_is_too_large_is_larger_than_what_can_be_written() {
        let greatest = Number::Point(Decimal::MAX);
        for beyond in [
            greatest.plus(greatest),
            greatest.times(greatest),
            greatest.over(n("0.1")),
            greatest.exponential(),
            n("2").power(n("1000")),
            n("20").power(n("60")),
        ] {
            assert_eq!(beyond, Number::Span(Excluded(Decimal::MAX), Unbounded));
        }
        let below = greatest.negative().minus(greatest);
        assert_eq!(below, Number::Span(Unbounded, Excluded(Decimal::MIN)));
        assert_eq!(n("-20").power(n("61")), below);
    }

    #[test]
    fn powers_are_exact_where_they_can_be() {
        assert_eq!(n("1.72").power(n("2")), n("2.9584"));
        assert_eq!(n("2").power(n("-2")), n("0.25"));
        assert_eq!(n("16").power(n("0.25")), n("2"));
        assert_eq!(n("0").power(n("0.5")), n("0"));
    }

    #[test]
    fn spans_go_through_the_operations() {
        assert_eq!(span("1", "2").plus(span("3", "5")), span("4", "7"));
        assert_eq!(span("1", "2").minus(span("3", "5")), span("-4", "-1"));
        assert_eq!(span("-1", "2").times(span("3", "5")), span("-5", "10"));
        assert_eq!(span("2", "6").over(span("1", "2")), span("1", "6"));
        assert_eq!(span("2", "6").over(n("-2")), span("-3", "-1"));
        assert_eq!(span("-3", "2").absolute(), span("0", "3"));
        assert_eq!(span("1", "4").square_root(), span("1", "2"));
        assert_eq!(span("1", "4").power(n("-1")), span("0.25", "1"));
        assert_eq!(Number::greatest([span("1", "4"), n("3")]), span("3", "4"));
        assert_eq!(Number::least([span("1", "4"), n("3")]), span("1", "3"));
        let unbounded = Number::greatest([Number::UNKNOWN, n("3")]);
        assert_eq!(unbounded.compare(Relation::Less, n("3")), Truth::False);
    }
}
