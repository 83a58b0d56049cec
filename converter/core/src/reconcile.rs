//! Reconciliation: what came back against what was handed over.

use std::collections::BTreeMap;

use kakehashi_kernel::{DocumentId, FormKey, Sha256Digest};

/// A document the lot's manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The document.
    pub document: DocumentId,
    /// The round it was handed over in.
    pub round: u32,
    /// Whether the lot still waits for it.
    pub standing: Standing,
}

/// Whether a lot still waits for a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It waits.
    Outstanding,
    /// An earlier return of the lot decided it.
    Decided,
    /// The municipality withdrew it.
    Withdrawn,
}

/// A document in a return. Its place in the slice names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// The document.
    pub document: DocumentId,
    /// The round the contractor says.
    pub round: u32,
    /// The form version the contractor says.
    pub form: FormKey,
    /// Digest of its content: two copies with the same content are one.
    pub content: Sha256Digest,
}

/// How much of a lot a return claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything outstanding: what is not in it is missing.
    Whole,
    /// A part: what is not in it stays with the contractor.
    Partial,
}

/// What reconciliation says about one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// Handed over and come back; `place` is the index in the return.
    Matched {
        /// Index in the slice of returned documents.
        place: usize,
    },
    /// Not in a whole return.
    Missing,
    /// Twice in the return, with different contents.
    Duplicate,
    /// Not in the lot.
    Unexpected,
    /// Says another round than the manifest.
    WrongRound,
    /// Says another form than the manifest.
    WrongForm,
    /// Decided by an earlier return: changes nothing.
    Repeat,
    /// Withdrawn meanwhile: changes nothing.
    Withdrawn,
}

impl Extent {
    /// The word in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partial",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Whole, Self::Partial].into_iter().find(|extent| extent.as_str() == word)
    }
}

/// Reconciles a return with its lot.
///
/// Every expected document that the return decides or repeats comes once, in the order of the manifest,
/// then every unexpected one once, in the order of the return. A document outstanding and not in a
/// partial return is not mentioned.
pub fn reconcile(
    form: FormKey,
    expected: &[Expected],
    returned: &[Returned],
    extent: Extent,
) -> Vec<(DocumentId, Reconciled)> {
    let mut copies: BTreeMap<DocumentId, Vec<usize>> = BTreeMap::new();
    for (place, document) in returned.iter().enumerate() {
        copies.entry(document.document).or_default().push(place);
    }
    let mut reconciled = Vec::with_capacity(expected.len());
    for expected in expected {
        let places = copies.remove(&expected.document);
        let result = match (expected.standing, places) {
            (Standing::Outstanding, Some(places)) => {
                Some(compare(form, expected.round, returned, &places))
            }
            (Standing::Outstanding, None) if extent == Extent::Whole => Some(Reconciled::Missing),
            (Standing::Decided, Some(_)) => Some(Reconciled::Repeat),
            (Standing::Withdrawn, Some(_)) => Some(Reconciled::Withdrawn),
            (Standing::Outstanding | Standing::Decided | Standing::Withdrawn, None) => None,
        };
        reconciled.extend(result.map(|result| (expected.document, result)));
    }
    for document in returned {
        if copies.remove(&document.document).is_some() {
            reconciled.push((document.document, Reconciled::Unexpected));
        }
    }
    reconciled
}

/// Compares the copies of one outstanding document; there is at least one.
fn compare(form: FormKey, round: u32, returned: &[Returned], places: &[usize]) -> Reconciled {
    let copies = || places.iter().filter_map(|place| returned.get(*place));
    let differ = |first: &Returned| {
        copies().any(|copy| {
            (copy.content, copy.round, copy.form) != (first.content, first.round, first.form)
        })
    };
    match (places.first(), copies().next()) {
        (Some(_), Some(first)) if differ(first) => Reconciled::Duplicate,
        (Some(_), Some(first)) if first.form != form => Reconciled::WrongForm,
        (Some(_), Some(first)) if first.round != round => Reconciled::WrongRound,
        (Some(place), Some(_)) => Reconciled::Matched { place: *place },
        (None, _) | (_, None) => Reconciled::Missing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn form() -> FormKey {
        "nanbyo/0006-000/2403".parse().unwrap()
    }

    fn id(number: u128) -> DocumentId {
        Uuid::from_u128(number).into()
    }

    fn expected(number: u128) -> Expected {
        Expected { document: id(number), round: 1, standing: Standing::Outstanding }
    }

    fn returned(number: u128) -> Returned {
        Returned { document: id(number), round: 1, form: form(), content: Sha256Digest::of(b"a") }
    }

    #[track_caller]
    fn check(
        lot: &[Expected],
        delivery: &[Returned],
        extent: Extent,
        answer: &[(u128, Reconciled)],
    ) {
        let answer: Vec<_> = answer.iter().map(|(number, result)| (id(*number), *result)).collect();
        assert_eq!(reconcile(form(), lot, delivery, extent), answer);
    }

    #[test]
    fn what_came_back_is_matched_in_the_order_of_the_manifest() {
        check(
            &[expected(1), expected(2)],
            &[returned(2), returned(1)],
            Extent::Whole,
            &[(1, Reconciled::Matched { place: 1 }), (2, Reconciled::Matched { place: 0 })],
        );
    }

    #[test]
    fn a_whole_return_shows_what_is_missing_and_a_partial_one_does_not() {
        let lot = [expected(1), expected(2)];
        let matched = (1, Reconciled::Matched { place: 0 });
        check(&lot, &[returned(1)], Extent::Whole, &[matched, (2, Reconciled::Missing)]);
        check(&lot, &[returned(1)], Extent::Partial, &[matched]);
        check(&lot, &[], Extent::Partial, &[]);
    }

    #[test]
    fn the_same_content_twice_is_one_and_two_contents_are_a_duplicate() {
        let matched = Reconciled::Matched { place: 0 };
        check(&[expected(1)], &[returned(1), returned(1)], Extent::Whole, &[(1, matched)]);
        let other = Returned { content: Sha256Digest::of(b"b"), ..returned(1) };
        check(&[expected(1)], &[returned(1), other], Extent::Whole, &[(1, Reconciled::Duplicate)]);
        let other = Returned { round: 2, ..returned(1) };
        check(&[expected(1)], &[returned(1), other], Extent::Whole, &[(1, Reconciled::Duplicate)]);
    }

    #[test]
    fn a_document_of_another_lot_is_unexpected_once() {
        check(
            &[expected(1)],
            &[returned(7), returned(1), returned(7)],
            Extent::Whole,
            &[(1, Reconciled::Matched { place: 1 }), (7, Reconciled::Unexpected)],
        );
    }

    #[test]
    fn another_round_and_another_form_are_told_apart() {
        let late = Returned { round: 2, ..returned(1) };
        check(&[expected(1)], &[late], Extent::Whole, &[(1, Reconciled::WrongRound)]);
        let form = "shouman/0006-000/2403".parse().unwrap();
        let foreign = Returned { form, ..returned(1) };
        check(&[expected(1)], &[foreign], Extent::Whole, &[(1, Reconciled::WrongForm)]);
    }

    #[test]
    fn what_is_decided_or_withdrawn_is_never_missing_and_never_matched() {
        let decided = Expected { standing: Standing::Decided, ..expected(1) };
        let withdrawn = Expected { standing: Standing::Withdrawn, ..expected(2) };
        let lot = [decided, withdrawn];
        check(&lot, &[], Extent::Whole, &[]);
        check(
            &lot,
            &[returned(1), returned(2)],
            Extent::Whole,
            &[(1, Reconciled::Repeat), (2, Reconciled::Withdrawn)],
        );
    }

    proptest! {
        #[test]
        fn the_totals_of_a_whole_return_balance(
            lot in prop::collection::btree_set(0u128..12, 0..8),
            delivery in prop::collection::vec((0u128..12, 0u8..2), 0..16),
        ) {
            let lot: Vec<Expected> = lot.into_iter().map(expected).collect();
            let delivery: Vec<Returned> = delivery
                .into_iter()
                .map(|(number, content)| Returned {
                    content: Sha256Digest::of(&[content]),
                    ..returned(number)
                })
                .collect();
            let reconciled = reconcile(form(), &lot, &delivery, Extent::Whole);
            let unexpected =
                reconciled.iter().filter(|(_, result)| *result == Reconciled::Unexpected).count();
            prop_assert_eq!(reconciled.len() - unexpected, lot.len());
            for (document, result) in reconciled {
                let copies = delivery.iter().filter(|copy| copy.document == document).count();
                prop_assert_eq!(copies == 0, result == Reconciled::Missing);
                if let Reconciled::Matched { place } = result {
                    prop_assert_eq!(delivery[place].document, document);
                }
            }
        }
    }
}
