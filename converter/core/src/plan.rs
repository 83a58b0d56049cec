//! Planning: which of the waiting documents are sealed into lots now.

use std::{collections::BTreeMap, num::NonZeroUsize};

use kakehashi_contract::ApplicationKind;
use kakehashi_kernel::{DocumentId, FormKey, Timestamp, limits::LOT_DOCUMENTS_MAX};

/// A document that waits for a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The document.
    pub document: DocumentId,
    /// Its form version. A lot holds one.
    pub form: FormKey,
    /// The round it waits for. Corrections and first rounds share lots.
    pub round: u32,
    /// New applications go first.
    pub application: ApplicationKind,
    /// Since when it waits for this round.
    pub since: Timestamp,
}

/// When a lot is full enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotRules {
    /// Documents of one lot; more than [`LOT_DOCUMENTS_MAX`] counts as that.
    pub documents_max: NonZeroUsize,
    /// How long a document may wait before its lot is sealed although it is not full.
    pub seal_after_ms: i64,
}

/// A lot to seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotPlan {
    /// The one form version.
    pub form: FormKey,
    /// The documents, in the order of the manifest: new applications first, then those that wait
    /// longest. At least one.
    pub documents: Vec<Waiting>,
}

/// Plans the lots to seal now, in the order of their forms. What is in no plan waits on.
///
/// While a form has a full lot's documents, or one that waited [`LotRules::seal_after_ms`], another lot
/// is planned, so that no renewal waits for ever behind new applications.
pub fn plan(waiting: &[Waiting], rules: LotRules, now: Timestamp) -> Vec<LotPlan> {
    let documents_max = rules.documents_max.get().min(LOT_DOCUMENTS_MAX);
    let mut by_form: BTreeMap<FormKey, Vec<Waiting>> = BTreeMap::new();
    for document in waiting {
        by_form.entry(document.form).or_default().push(*document);
    }
    let mut plans = Vec::new();
    for (form, mut documents) in by_form {
        documents.sort_by_key(|waiting| (waiting.application, waiting.since, waiting.document));
        let mut rest = documents.as_slice();
        while is_due(rest, documents_max, rules.seal_after_ms, now) {
            let (lot, later) = rest.split_at(documents_max.min(rest.len()));
            plans.push(LotPlan { form, documents: lot.to_vec() });
            rest = later;
        }
    }
    plans
}

fn is_due(waiting: &[Waiting], documents_max: usize, seal_after_ms: i64, now: Timestamp) -> bool {
    let oldest = waiting.iter().map(|waiting| waiting.since).min();
    oldest.is_some_and(|oldest| {
        waiting.len() >= documents_max || oldest.plus_ms(seal_after_ms) <= now
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NEW: ApplicationKind = ApplicationKind::New;
    const RENEWAL: ApplicationKind = ApplicationKind::Renewal;

    fn document(id: u128, application: ApplicationKind, since: i64) -> Waiting {
        Waiting {
            document: Uuid::from_u128(id).into(),
            form: "nanbyo/0006-000/2403".parse().unwrap(),
            round: 1,
            application,
            since: Timestamp(since),
        }
    }

    fn rules(documents_max: usize) -> LotRules {
        LotRules { documents_max: NonZeroUsize::new(documents_max).unwrap(), seal_after_ms: 2000 }
    }

    fn ids(plan: &LotPlan) -> Vec<u128> {
        plan.documents.iter().map(|waiting| waiting.document.uuid().as_u128()).collect()
    }

    #[test]
    fn nothing_waiting_gives_no_lot() {
        assert!(plan(&[], rules(2), Timestamp(9999)).is_empty());
    }

    #[test]
    fn an_unfilled_lot_waits_until_its_oldest_document_waited_long_enough() {
        let waiting = [document(1, NEW, 100), document(2, NEW, 900)];
        assert!(plan(&waiting, rules(3), Timestamp(2099)).is_empty());
        assert_eq!(plan(&waiting, rules(3), Timestamp(2100)).len(), 1);
    }

    #[test]
    fn a_full_lot_does_not_wait_and_the_rest_does() {
        let waiting = [document(1, NEW, 0), document(2, NEW, 1), document(3, NEW, 2)];
        let plans = plan(&waiting, rules(2), Timestamp(10));
        assert_eq!(plans.iter().map(ids).collect::<Vec<_>>(), [vec![1, 2]]);
    }

    #[test]
    fn new_applications_go_first_then_the_oldest() {
        let waiting = [
            document(1, RENEWAL, 0),
            document(2, NEW, 5),
            document(3, RENEWAL, 1),
            document(4, NEW, 3),
        ];
        let plans = plan(&waiting, rules(4), Timestamp(10));
        assert_eq!(ids(&plans[0]), [4, 2, 1, 3]);
    }

    #[test]
    fn an_old_renewal_is_sealed_even_behind_many_new_applications() {
        let mut waiting = vec![document(9, RENEWAL, 0)];
        waiting.extend((1..=4).map(|id| document(id, NEW, 1999)));
        let plans = plan(&waiting, rules(2), Timestamp(2000));
        assert_eq!(plans.iter().map(ids).collect::<Vec<_>>(), [vec![1, 2], vec![3, 4], vec![9]]);
    }

    #[test]
    fn a_lot_holds_one_form_version_and_corrections_join_it() {
        let correction = Waiting { round: 2, ..document(2, NEW, 0) };
        let form = "nanbyo/0006-000/2304".parse().unwrap();
        let other = Waiting { form, ..document(3, NEW, 0) };
        let plans = plan(&[document(1, NEW, 0), other, correction], rules(2), Timestamp(2000));
        assert_eq!(plans.iter().map(ids).collect::<Vec<_>>(), [vec![3], vec![1, 2]]);
    }

    #[test]
    fn configuration_cannot_raise_the_limit_of_a_lot() {
        let waiting: Vec<_> = (1..=501).map(|id| document(id, NEW, 0)).collect();
        let plans = plan(&waiting, rules(10_000), Timestamp(2000));
        let sizes: Vec<usize> = plans.iter().map(|plan| plan.documents.len()).collect();
        assert_eq!(sizes, [LOT_DOCUMENTS_MAX, 1]);
    }

    proptest! {
        #[test]
        fn every_document_is_planned_at_most_once_and_the_overdue_always(
            sinces in prop::collection::vec((0i64..4000, any::<bool>()), 0..40),
            documents_max in 1usize..7,
        ) {
            let waiting: Vec<Waiting> = (1u128..)
                .zip(&sinces)
                .map(|(id, (since, new))| document(id, if *new { NEW } else { RENEWAL }, *since))
                .collect();
            let plans = plan(&waiting, rules(documents_max), Timestamp(4000));
            let planned: Vec<u128> = plans.iter().flat_map(ids).collect();
            let once: BTreeSet<u128> = planned.iter().copied().collect();
            prop_assert_eq!(once.len(), planned.len());
            for waiting in &waiting {
                let is_planned = once.contains(&waiting.document.uuid().as_u128());
                prop_assert!(is_planned || waiting.since.0 > 2000);
            }
            for plan in &plans {
                prop_assert!((1..=documents_max).contains(&plan.documents.len()));
            }
        }
    }
}
