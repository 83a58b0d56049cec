//! A day as far as it is known: from the first to the last day it can be.

use kakehashi_kernel::{CivilDate, PartialDate};

use crate::{
    number::{Number, Relation},
    truth::Truth,
};

/// The days a date can mean; the same day twice for a full date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) first: CivilDate,
    pub(crate) last: CivilDate,
}

impl Days {
    /// Exactly one day.
    pub(crate) const fn on(day: CivilDate) -> Self {
        Self { first: day, last: day }
    }

    /// One of the days of either.
    pub(crate) fn either(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// Compares two days.
    pub(crate) fn compare(self, relation: Relation, other: Self) -> Truth {
        let below = self.last < other.first;
        let above = other.last < self.first;
        let (yes, no) = match relation {
            Relation::Equal => {
                let certain = self.first == self.last && other.first == other.last;
                (certain && self.first == other.first, below || above)
            }
            Relation::Less => (below, other.last <= self.first),
            Relation::AtMost => (self.last <= other.first, above),
        };
        match (yes, no) {
            (true, _) => Truth::True,
            (_, true) => Truth::False,
            _ => Truth::Undetermined,
        }
    }

    /// A measure of the time to another day that grows with it: full years, full months, days.
    pub(crate) fn measure(self, until: Self, of: fn(CivilDate, CivilDate) -> i32) -> Number {
        Number::from_to(of(self.last, until.first), of(self.first, until.last))
    }
}

impl From<PartialDate> for Days {
    fn from(date: PartialDate) -> Self {
        Self { first: date.earliest(), last: date.latest() }
    }
}

/// Full years from one day to another; the anniversary counts.
pub(crate) fn years(from: CivilDate, until: CivilDate) -> i32 {
    i32::from(from.years_until(until))
}

/// Full months from one day to another; the same day of the month counts.
pub(crate) fn months(from: CivilDate, until: CivilDate) -> i32 {
    let month = |day: CivilDate| i32::from(day.year()) * 12 + i32::from(day.month());
    month(until) - month(from) - i32::from(until.day() < from.day())
}

/// Days from one day to another.
pub(crate) fn days(from: CivilDate, until: CivilDate) -> i32 {
    from.days_until(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDate {
        text.parse().unwrap()
    }

    #[test]
    fn months_and_years_are_full_ones() {
        for (from, until, full) in [
            ("2020-01-31", "2020-02-29", 0),
            ("2020-01-31", "2020-03-31", 2),
            ("2020-01-15", "2021-01-14", 11),
            ("2020-01-15", "2021-01-15", 12),
            ("2020-01-15", "2020-01-14", -1),
        ] {
            assert_eq!(months(day(from), day(until)), full, "{from} {until}");
        }
        assert_eq!(years(day("2000-02-29"), day("2001-02-28")), 0);
        assert_eq!(years(day("2000-02-29"), day("2001-03-01")), 1);
    }

    #[test]
    fn a_month_is_compared_by_its_days() {
        let month = Days::from("2020-04".parse::<PartialDate>().unwrap());
        let on = |text| Days::on(day(text));
        assert_eq!(on("2020-03-31").compare(Relation::Less, month), Truth::True);
        assert_eq!(on("2020-04-01").compare(Relation::AtMost, month), Truth::True);
        assert_eq!(on("2020-04-01").compare(Relation::Less, month), Truth::Undetermined);
        assert_eq!(on("2020-05-01").compare(Relation::AtMost, month), Truth::False);
        assert_eq!(on("2020-04-30").compare(Relation::Equal, month), Truth::Undetermined);
        assert_eq!(on("2020-05-01").compare(Relation::Equal, month), Truth::False);
    }
}
