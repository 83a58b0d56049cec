//! Operations on two decimal numbers that cannot fail: what is too large to be written is above or below
//! all that can be.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use rust_decimal::{
    Decimal,
    prelude::{FromPrimitive as _, ToPrimitive as _},
};

/// One end of a span.
pub(crate) type End = Bound<Decimal>;

/// What an operation on two numbers comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Less than any number that can be written.
    Below,
    Exactly(Decimal),
    /// More than any number that can be written.
    Above,
}

/// How an end is made of a number.
pub(crate) type Kind = fn(Decimal) -> End;

pub(crate) const CLOSED: Kind = Included;
pub(crate) const OPEN: Kind = Excluded;

impl Reach {
    /// A result, or the side on which it is too large.
    pub(crate) fn or_beyond(result: Option<Decimal>, is_negative: bool) -> Self {
        match result {
            Some(number) => Self::Exactly(number),
            None if is_negative => Self::Below,
            None => Self::Above,
        }
    }

    pub(crate) fn as_low(self, kind: Kind) -> End {
        match self {
            Self::Below => Unbounded,
            Self::Exactly(number) if is_rounded(number) => Included(number),
            Self::Exactly(number) => kind(number),
            Self::Above => Excluded(Decimal::MAX),
        }
    }

    pub(crate) fn as_high(self, kind: Kind) -> End {
        match self {
            Self::Below => Excluded(Decimal::MIN),
            Self::Exactly(number) if is_rounded(number) => Included(number),
            Self::Exactly(number) => kind(number),
            Self::Above => Unbounded,
        }
    }
}

/// Tells whether a result has all the digits there are, so that numbers beside it may have been rounded
/// to it: an end that it does not belong to would leave them out.
fn is_rounded(number: Decimal) -> bool {
    const DIGITS_FULL: u128 = 1 << 92;
    number.scale() == Decimal::MAX_SCALE || number.mantissa().unsigned_abs() >= DIGITS_FULL
}

/// The number below zero that is as far from it, and the other way round. Zero has no sign: nobody is
/// shown -0.
pub(crate) fn turned(number: Decimal) -> Decimal {
    if number.is_zero() { Decimal::ZERO } else { -number }
}

pub(crate) fn add(left: Decimal, right: Decimal) -> Reach {
    Reach::or_beyond(left.checked_add(right), left.is_sign_negative())
}

pub(crate) fn multiply(left: Decimal, right: Decimal) -> Reach {
    let is_negative = left.is_sign_negative() != right.is_sign_negative();
    Reach::or_beyond(left.checked_mul(right), is_negative)
}

/// The divisor is not zero.
pub(crate) fn divide(left: Decimal, right: Decimal) -> Reach {
    let is_negative = left.is_sign_negative() != right.is_sign_negative();
    Reach::or_beyond(left.checked_div(right), is_negative)
}

/// A power; exact for whole exponents up to 64 as long as the digits suffice. None where there is no
/// such number.
pub(crate) fn power(base: Decimal, exponent: Decimal) -> Option<Reach> {
    let whole = exponent.abs().to_u32().filter(|times| exponent.is_integer() && *times <= 64);
    if let Some(times) = whole {
        let is_negative = base.is_sign_negative() && times % 2 == 1;
        let product = (0..times).try_fold(Decimal::ONE, |product, _| product.checked_mul(base));
        return match (exponent.is_sign_negative(), product) {
            (true, _) if base.is_zero() => None,
            (true, None) => Some(Reach::Exactly(Decimal::ZERO)),
            (true, Some(product)) => {
                Some(Reach::or_beyond(Decimal::ONE.checked_div(product), is_negative))
            }
            (false, product) => Some(Reach::or_beyond(product, is_negative)),
        };
    }
    if base.is_zero() && exponent.is_sign_positive() {
        return Some(Reach::Exactly(Decimal::ZERO));
    }
    if base <= Decimal::ZERO {
        return None;
    }
    let exponent = exponent.to_f64()?;
    Some(real(base, |base| base.powf(exponent)))
}

/// Fifteen digits of a function that has no exact value. Its result is rounded to the places of the
/// derived item before anything compares it.
pub(crate) fn real(number: Decimal, of: impl Fn(f64) -> f64) -> Reach {
    let result = number.to_f64().map(of);
    let is_negative = result.is_some_and(|result| result < 0.0);
    Reach::or_beyond(result.and_then(Decimal::from_f64), is_negative)
}
