//! What the kit's forms say: right by the definition's own checks, varied, repeatable.

use std::collections::BTreeSet;

use kakehashi_forms::{Answer, Application, Outcome, Value};
use kakehashi_kernel::check_digit;
use kakehashi_kit::{definition, filled, filled_with_marker, marker_kana, parse_serial};

#[test]
fn three_hundred_forms_pass_the_checks() {
    for index in 0..300 {
        let form = filled(7, index);
        let findings = definition().check(&form.answers, form.application);
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", form.serial);
    }
}

#[test]
fn the_same_seed_and_index_say_the_same() {
    for index in 0..20 {
        assert!(filled(3, index).answers == filled(3, index).answers);
    }
    assert!(filled(3, 0).answers != filled(3, 1).answers);
    assert!(filled(3, 0).answers != filled(4, 0).answers);
}

#[test]
fn every_outcome_state_and_kind_of_application_occurs() {
    let mut outcomes = BTreeSet::new();
    let mut states = BTreeSet::new();
    let mut renewals = 0;
    let mut met = 0;
    for index in 0..300 {
        let form = filled(11, index);
        let circumstances = definition().circumstances(&form.answers, form.application);
        let outcome = definition().judge(&form.answers, &circumstances).outcome;
        met += u32::from(outcome == Outcome::Met);
        outcomes.insert(format!("{outcome:?}"));
        states.extend(form.answers.iter().filter_map(|(_, answer)| answer.state()));
        renewals += u32::from(form.application == Application::Renewal);
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
    assert!((150..230).contains(&met), "{met} of 300 eligible");
    assert!((120..230).contains(&renewals), "{renewals} of 300 renewals");
    for state in ["not-done", "unknown", "illegible", "struck", "multiple-marked"] {
        assert!(states.contains(state), "no form is {state}");
    }
}

#[test]
fn renewals_carry_a_recipient_number_and_new_forms_do_not() {
    for index in 0..100 {
        let form = filled(5, index);
        let number = form.answers.text("recipient_no");
        match form.application {
            Application::New => assert_eq!(number, None),
            Application::Renewal => {
                assert!(number.is_some_and(check_digit::payer_is_valid), "{}", form.serial);
            }
        }
    }
}

#[test]
fn a_marker_stands_in_every_personal_text_and_the_form_stays_right() {
    let marker = "ZQX-MARKER-77";
    for index in 0..50 {
        let form = filled_with_marker(definition(), 7, index, marker);
        for item in ["name_kanji", "address"] {
            assert!(form.answers.text(item).is_some_and(|text| text.contains(marker)), "{item}");
        }
        let kana = marker_kana(marker);
        assert!(form.answers.text("name_kana").is_some_and(|text| text.contains(&kana)));
        if let Some(Answer::Given(Value::Text(notes))) = form.answers.get("special_notes") {
            assert!(notes.contains(marker));
        }
        let findings = definition().check(&form.answers, form.application);
        assert!(findings.iter().all(|finding| !finding.is_error()), "{findings:?}");
    }
}

#[test]
fn a_serial_names_seed_and_index() {
    assert_eq!(filled(7, 12).serial, "S0000007-000012");
    assert_eq!(parse_serial("S0000007-000012"), Some((7, 12)));
    let long = filled(u64::MAX, u32::MAX).serial;
    assert_eq!(parse_serial(&long), Some((u64::MAX, u32::MAX)));
    for odd in ["", "S7", "X0000007-000012", "S-1-2", "S+7-000012", "S7-"] {
        assert_eq!(parse_serial(odd), None, "{odd}");
    }
}
