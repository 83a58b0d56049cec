//! Linking: which record of the other source is the same form of the same person.

use kakehashi_kernel::{CivilDate, FormKey, RecordId};

/// Days between the entry dates of two records of one application. A renewal comes once a year, so
/// that the next one is never taken for this one.
pub const LINK_DAYS_MAX: i32 = 90;

/// What linking looks at. Person and source are already as they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSide {
    /// The record.
    pub record: RecordId,
    /// Its form.
    pub form: FormKey,
    /// The day the form was written, if it says so.
    pub entry_date: Option<CivilDate>,
}

/// Answers the record to link to: same form (versions may differ), entry dates at most
/// [`LINK_DAYS_MAX`] days apart, the nearest first, then the older record. A form without entry date
/// is linked to nothing.
pub fn link(this: &LinkSide, others: &[LinkSide]) -> Option<RecordId> {
    let days = |other: &LinkSide| {
        let days = this.entry_date?.days_until(other.entry_date?).abs();
        (is_same_form(this.form, other.form) && days <= LINK_DAYS_MAX).then_some(days)
    };
    let near = others.iter().filter_map(|other| Some((days(other)?, other.record)));
    near.min().map(|(_, record)| record)
}

fn is_same_form(one: FormKey, other: FormKey) -> bool {
    (one.programme, one.number, one.branch) == (other.programme, other.number, other.branch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(n: u8, form: &str, day: Option<&str>) -> LinkSide {
        LinkSide {
            record: uuid::Uuid::from_bytes([n; 16]).into(),
            form: form.parse().unwrap(),
            entry_date: day.map(|day| day.parse().unwrap()),
        }
    }

    const PARKINSON: &str = "nanbyo/0006-000/2403";

    #[track_caller]
    fn check(others: &[LinkSide], expected: Option<u8>) {
        let this = side(1, PARKINSON, Some("2026-06-01"));
        let expected = expected.map(|n| uuid::Uuid::from_bytes([n; 16]).into());
        assert_eq!(link(&this, others), expected);
    }

    #[test]
    fn ninety_days_either_way_link_and_one_more_does_not() {
        check(&[side(2, PARKINSON, Some("2026-08-30"))], Some(2));
        check(&[side(2, PARKINSON, Some("2026-03-03"))], Some(2));
        check(&[side(2, PARKINSON, Some("2026-08-31"))], None);
        check(&[side(2, PARKINSON, Some("2026-03-02"))], None);
    }

    #[test]
    fn another_form_does_not_link_but_another_version_does() {
        check(&[side(2, "nanbyo/0007-000/2403", Some("2026-06-01"))], None);
        check(&[side(2, "nanbyo/0006-001/2403", Some("2026-06-01"))], None);
        check(&[side(2, "shouman/0006-000/2403", Some("2026-06-01"))], None);
        check(&[side(2, "nanbyo/0006-000/2309", Some("2026-06-01"))], Some(2));
    }

    #[test]
    fn the_nearest_wins_and_then_the_older_record() {
        let far = side(2, PARKINSON, Some("2026-05-01"));
        let near = side(4, PARKINSON, Some("2026-06-03"));
        let as_near = side(3, PARKINSON, Some("2026-05-30"));
        check(&[far, near, as_near], Some(3));
    }

    #[test]
    fn without_an_entry_date_nothing_links() {
        check(&[side(2, PARKINSON, None)], None);
        let this = side(1, PARKINSON, None);
        assert_eq!(link(&this, &[side(2, PARKINSON, Some("2026-06-01"))]), None);
        check(&[], None);
    }
}
