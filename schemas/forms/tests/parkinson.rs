//! Check, calculate and judge on the Parkinson form, written from the criteria text.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod sample;

use kakehashi_forms::{Answer, Application, Definition, Judgement, Outcome, Severity, Value};
use proptest::prelude::*;
use sample::{catalogue, parkinson, with};

/// What a ventilator user answers besides `vent_use = 1`.
const VENTILATOR: &[(&str, &str)] = &[
    ("vent_start_ym", "2025-01"),
    ("vent_weaning", "2"),
    ("vent_type", "2"),
    ("vent_mode", "2"),
    ("adl_eating", "2"),
    ("adl_transfer", "2"),
    ("adl_grooming", "1"),
    ("adl_toilet", "1"),
    ("adl_bathing", "2"),
    ("adl_walking", "3"),
    ("adl_stairs", "3"),
    ("adl_dressing", "1"),
    ("adl_bowels", "1"),
    ("adl_bladder", "1"),
];

#[track_caller]
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    check_as(Application::New, changes, expected);
}

#[track_caller]
fn check_as(application: Application, changes: &[(&str, &str)], expected: &[&str]) {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let findings = definition.check(&with(definition, changes), application);
    let found: Vec<String> = findings
        .iter()
        .map(|finding| {
            let item = finding.item.as_deref().unwrap_or_default();
            format!("{:?} {} {item}", finding.severity, finding.rule)
        })
        .collect();
    assert_eq!(found, expected);
}

fn judged_as_new(definition: &Definition, changes: &[(&str, &str)]) -> Judgement {
    let answers = with(definition, changes);
    definition.judge(&answers, &definition.circumstances(&answers, Application::New))
}

#[track_caller]
fn judge(changes: &[(&str, &str)], outcome: Outcome, diagnosis: &str, missing: &[&str]) {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let judgement = judged_as_new(definition, changes);
    assert_eq!(judgement.outcome, outcome);
    assert_eq!(judgement.diagnosis.map_or(String::new(), |class| class.id), diagnosis);
    assert_eq!(judgement.missing, missing);
}

#[test]
fn a_complete_form_has_no_finding() {
    check(&[], &[]);
    check_as(Application::Renewal, &[], &[]);
    let ventilator: Vec<_> = VENTILATOR.iter().copied().chain([("vent_use", "1")]).collect();
    check(&ventilator, &[]);
}

#[test]
fn a_required_item_must_be_answered() {
    check(
        &[("hy", ""), ("entry_date", "")],
        &["E check.required hy", "E check.required entry_date"],
    );
}

#[test]
fn what_only_a_new_application_needs_may_be_blank_in_a_renewal() {
    let blank = [("onset_ym", ""), ("birth_city", "")];
    check(&blank, &["E check.required birth_city", "E check.required onset_ym"]);
    check_as(Application::Renewal, &blank, &[]);
}

#[test]
fn care_level_is_needed_only_with_a_certification() {
    check(&[("care_level", "")], &["E check.required care_level"]);
    check(&[("care_need_cert", "3"), ("care_level", "")], &[]);
    check(&[("care_need_cert", "3")], &["W check.irrelevant care_level"]);
    // Unknown certification: neither needed nor wrong.
    check(&[("care_need_cert", "9"), ("care_level", "")], &[]);
}

#[test]
fn ventilator_detail_belongs_to_ventilator_use() {
    check(&[("vent_type", "1")], &["W check.irrelevant vent_type"]);
    let mut detail = VENTILATOR.to_vec();
    detail.push(("vent_use", "1"));
    detail.push(("adl_stairs", ""));
    check(&detail, &["E check.required adl_stairs"]);
}

#[test]
fn dates_out_of_order_are_found() {
    check(&[("onset_ym", "1950-03")], &["E basic.birth-before-onset onset_ym"]);
    // The month of birth itself may be before or after the day of birth.
    check(&[("onset_ym", "1950-04")], &["I parkinson.young-onset onset_ym"]);
    check(&[("onset_ym", "2019-06")], &["W basic.onset-before-diagnosis onset_ym"]);
    check(&[("onset_ym", "2019-05")], &[]);
    check(&[("onset_ym", "2019")], &[]);
    check(
        &[("diagnosis_date", "2026-12-01")],
        &[
            "W basic.diagnosis-before-severity severity_judged_date",
            "E institution.diagnosis-before-entry diagnosis_date",
        ],
    );
    check(
        &[("severity_judged_date", "2026-11-02")],
        &["W institution.severity-before-entry severity_judged_date"],
    );
}

#[test]
fn stage_and_signs_that_contradict_are_found() {
    check(&[("postural", "2")], &["W parkinson.stage-needs-postural postural"]);
    check(&[("postural", "2"), ("hy", "2")], &[]);
    check(&[("postural", "9")], &[]);
    check(&[("hy", "0")], &["W parkinson.stage-zero-without-signs hy"]);
    check(&[("hy", "5"), ("life", "1")], &["W parkinson.stage-five-needs-help life"]);
    check(&[("hy", "1"), ("life", "3")], &["W parkinson.mild-stage-full-help life"]);
}

#[test]
fn a_drug_response_not_tried_contradicts_its_complications() {
    check(
        &[("drug_response", "8"), ("dbs", "1")],
        &[
            "W parkinson.complication-without-drug drug_response",
            "W parkinson.dbs-without-drug drug_response",
            "W parkinson.dose-without-drug ldopa",
        ],
    );
    check(&[("drug_response", "8"), ("wearing_off", "2"), ("ldopa", "0")], &[]);
}

#[test]
fn hints_weigh_nothing() {
    check(&[("ldopa", "1500.1")], &["I parkinson.dose-high ldopa"]);
    check(&[("ldopa", "1500.0")], &[]);
    check(&[("ldopa", "未実施")], &[]);
    check(&[("datscan", "2")], &["I parkinson.scan-normal datscan"]);
    check(
        &[("onset_ym", "1990-04-02"), ("diagnosis_date", "1991-01-01")],
        &["I parkinson.young-onset onset_ym"],
    );
    check(&[("onset_ym", "1990-04-03"), ("diagnosis_date", "1991-01-01")], &[]);
}

#[test]
fn states_a_machine_reports_are_for_a_person_to_look_at() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let mut answers = with(definition, &[]);
    answers.set("name_kanji", Answer::Illegible);
    answers.set("hy", Answer::MultiplyMarked);
    answers.set("sex", Answer::Unknown);
    let findings = definition.check(&answers, Application::New);
    let found: Vec<_> = findings.iter().map(|f| (f.severity, f.rule.as_str())).collect();
    assert_eq!(
        found,
        [
            (Severity::W, "check.illegible"),
            (Severity::E, "check.state"),
            (Severity::W, "check.multiple-marked"),
        ]
    );
}

#[test]
fn values_that_no_item_takes_are_found_however_they_came_in() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let mut answers = with(definition, &[]);
    answers.set("hy", Answer::Given(Value::Code("7".to_owned())));
    answers.set("care_level", Answer::Given(Value::Integer(6)));
    answers.set("recipient_no", Answer::Given(Value::Text("1234567".to_owned())));
    answers.set("sex", Answer::Given(Value::Integer(1)));
    answers.set("address", Answer::Given(Value::Text("あ".repeat(101))));
    answers.set("family_relation", Answer::Given(Value::Codes(vec!["11".into(), "2".into()])));
    answers.set("no_such_item", Answer::Given(Value::Integer(1)));
    let findings = definition.check(&answers, Application::New);
    let found: Vec<_> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(
        found,
        [
            "check.check-digit",
            "check.length",
            "check.format",
            "check.format",
            "check.range",
            "check.code",
            "check.unknown-item",
        ]
    );
    assert!(findings.iter().all(kakehashi_forms::Finding::is_error));
}

#[test]
fn ages_and_the_barthel_total_are_calculated() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let values = |changes: &[(&str, &str)]| -> Vec<String> {
        let calculated = definition.calculate(&with(definition, changes));
        let write = |c: &kakehashi_forms::Calculated| {
            format!("{} {}", c.item, definition.write(&c.item, &c.answer))
        };
        calculated.iter().map(write).collect()
    };
    let expected = ["onset_age 67", "barthel_total ", "age_at_entry 76", "disease_years 8"];
    assert_eq!(values(&[]), expected);
    assert_eq!(values(VENTILATOR)[1], "barthel_total 65");
    let mut one_missing = VENTILATOR.to_vec();
    one_missing.push(("adl_bladder", ""));
    assert_eq!(values(&one_missing)[1], "barthel_total ");
}

#[test]
fn definite_and_severe_is_met() {
    judge(&[], Outcome::Met, "definite", &[]);
    judge(&[("hy", "5"), ("life", "3")], Outcome::Met, "definite", &[]);
}

#[test]
fn severity_has_both_of_its_boundaries() {
    judge(&[("hy", "2")], Outcome::NotMet, "definite", &[]);
    judge(&[("life", "1")], Outcome::NotMet, "definite", &[]);
}

#[test]
fn probable_is_not_eligible() {
    judge(&[("drug_response", "8")], Outcome::NotMet, "probable", &[]);
    judge(&[("drug_response", "2")], Outcome::NotMet, "", &[]);
}

#[test]
fn parkinsonism_is_tremor_or_two_of_three() {
    let none = [("tremor", "2"), ("rigidity", "2"), ("bradykinesia", "2"), ("postural", "2")];
    let but = |signs: &[&'static str]| -> Vec<(&'static str, &'static str)> {
        none.into_iter().map(|(s, no)| (s, if signs.contains(&s) { "1" } else { no })).collect()
    };
    judge(&but(&[]), Outcome::NotMet, "", &[]);
    judge(&but(&["tremor"]), Outcome::Met, "definite", &[]);
    judge(&but(&["rigidity"]), Outcome::NotMet, "", &[]);
    judge(&but(&["rigidity", "postural"]), Outcome::Met, "definite", &[]);
    judge(&but(&["bradykinesia", "postural"]), Outcome::Met, "definite", &[]);
}

#[test]
fn each_of_the_four_conditions_is_needed() {
    for item in ["image_normal", "no_drug", "drug_response"] {
        judge(&[(item, "2")], Outcome::NotMet, "", &[]);
    }
}

#[test]
fn what_is_missing_leaves_it_undetermined_and_is_named() {
    judge(&[("hy", "")], Outcome::Undetermined, "definite", &["hy"]);
    judge(
        &[("image_normal", "9"), ("life", "")],
        Outcome::Undetermined,
        "",
        &["image_normal", "life"],
    );
    judge(
        &[("tremor", ""), ("rigidity", "9"), ("bradykinesia", "2")],
        Outcome::Undetermined,
        "",
        &["tremor", "rigidity"],
    );
}

#[test]
fn what_is_missing_does_not_matter_when_the_rest_decides() {
    judge(&[("tremor", "")], Outcome::Met, "definite", &[]);
    judge(&[("tremor", "2"), ("rigidity", "")], Outcome::Met, "definite", &[]);
    judge(&[("hy", "2"), ("life", ""), ("no_drug", "")], Outcome::NotMet, "", &[]);
}

#[test]
fn the_explanation_shows_every_condition_and_the_notice() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let judgement = judged_as_new(definition, &[("life", "1")]);
    let [diagnosis, severity] = &judgement.explanation.children[..] else { panic!() };
    assert_eq!(diagnosis.outcome, Outcome::Met);
    assert_eq!(severity.outcome, Outcome::NotMet);
    let stage_and_disability: Vec<_> =
        severity.children[0].children[0].children.iter().map(|node| node.outcome).collect();
    assert_eq!(stage_and_disability, [Outcome::Met, Outcome::NotMet]);
    assert_eq!(judgement.severity.unwrap().id, "below");
    assert!(judgement.rule_notice.ja.contains("2020年3月版"));
}

fn any_code(codes: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(codes)
}

/// The nine items the judgement reads.
fn judged() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let sign = any_code(&["1", "2", "9", ""]);
    let signs = prop::collection::vec(sign, 6);
    let rest = (
        any_code(&["1", "2", "8", ""]),
        any_code(&["0", "2", "3", "5", ""]),
        any_code(&["1", "2", "3", ""]),
    );
    (signs, rest).prop_map(|(signs, (drug, hy, life))| {
        let names = ["tremor", "rigidity", "bradykinesia", "postural", "image_normal", "no_drug"];
        let mut all: Vec<_> = names.into_iter().zip(signs).collect();
        all.extend([("drug_response", drug), ("hy", hy), ("life", life)]);
        all
    })
}

proptest! {
    /// More information never turns a certain outcome into another one, and an undetermined one can
    /// be flipped by an item it names.
    #[test]
    fn more_information_never_unsettles_an_outcome(full in judged(), hidden in prop::collection::vec(any::<bool>(), 9)) {
        let catalogue = catalogue();
        let definition = parkinson(catalogue);
        let mut partial = full.clone();
        for (entry, hide) in partial.iter_mut().zip(hidden) {
            if hide {
                entry.1 = "";
            }
        }
        let less = judged_as_new(definition, &partial);
        let more = judged_as_new(definition, &full);
        if less.outcome == Outcome::Undetermined {
            prop_assert!(!less.missing.is_empty());
        } else {
            prop_assert_eq!(less.outcome, more.outcome);
            prop_assert!(less.missing.is_empty());
        }
    }
}
