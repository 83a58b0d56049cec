//! Forms of every kind: filled in without an error, typeset, and named by the barcode of every page.

use std::collections::BTreeMap;

use kakehashi_forms::{Answer, Application, Applications, Definition, Finding, Value};
use kakehashi_kernel::{FormKey, Programme};
use kakehashi_kit::{FilledForm, catalogue, filled_form, samples};

const SEEDS: [u64; 5] = [1, 2, 3, 7, 42];

fn all() -> impl Iterator<Item = (&'static Definition, FilledForm)> {
    samples().into_iter().flat_map(|form| {
        SEEDS.into_iter().zip(0..).map(move |(seed, index)| (form, filled_form(form, seed, index)))
    })
}

fn errors(form: &Definition, filled: &FilledForm) -> Vec<Finding> {
    let findings = form.check(&filled.answers, filled.application);
    findings.into_iter().filter(Finding::is_error).collect()
}

#[test]
fn forms_of_every_kind_pass_their_checks() {
    let mut wrong = Vec::new();
    for (form, filled) in all() {
        let errors = errors(form, &filled);
        let rules = errors
            .iter()
            .map(|error| format!("{}: {} {:?}", form.key(), error.rule, error.item.as_deref()));
        wrong.extend(rules);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn forms_are_of_the_programme_and_the_application_the_version_is_for() {
    for (form, filled) in all() {
        assert!(form.applies().include(filled.application), "{}", form.key());
        assert!(form.is_accepted_on(filled.received), "{} {}", form.key(), filled.received);
        let birth = filled.answers.date("birth_date").expect("every form asks the day of birth");
        let age = birth.years_until(filled.received);
        match form.key().programme {
            Programme::Nanbyo => assert!((44..90).contains(&age), "{} {age}", form.key()),
            Programme::Shouman => assert!((3..18).contains(&age), "{} {age}", form.key()),
        }
    }
}

#[test]
fn tables_comparators_and_limits_of_detection_are_filled_in() {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for (_, filled) in all() {
        for (_, answer) in filled.answers.iter() {
            let kind = match answer {
                Answer::Given(Value::Rows(_)) => "rows",
                Answer::Given(Value::BelowDetection) => "below detection",
                Answer::Given(Value::Decimal { comparator: Some(_), .. }) => "compared",
                Answer::NotDone => "not done",
                Answer::Unknown => "unknown",
                Answer::Illegible | Answer::Struck | Answer::MultiplyMarked => "blotted",
                _ => continue,
            };
            *kinds.entry(kind).or_default() += 1;
        }
    }
    assert_eq!(kinds.len(), 6, "{kinds:?}");
}

#[test]
fn the_same_seed_and_index_fill_in_the_same() {
    for form in samples() {
        assert!(filled_form(form, 3, 4).answers == filled_form(form, 3, 4).answers);
    }
}

#[test]
fn a_printed_page_code_names_one_form_only() {
    // The programme is not in it: the pages of two forms must never carry the same code.
    let mut codes: BTreeMap<String, FormKey> = BTreeMap::new();
    for form in catalogue().iter() {
        let earlier = codes.insert(form.key().page_code(1), form.key());
        assert_eq!(earlier, None, "{}", form.key());
    }
}

#[test]
fn both_applications_are_drawn_where_both_are_for_the_version() {
    for form in samples().into_iter().filter(|form| form.applies() == Applications::Both) {
        let drawn: Vec<Application> =
            (0..40).map(|index| filled_form(form, 9, index).application).collect();
        assert!(drawn.contains(&Application::New) && drawn.contains(&Application::Renewal));
    }
}
