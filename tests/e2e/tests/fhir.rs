//! What we export as FHIR R4, judged by `fhir.resources` of `PyPI`: every form definition, and filled forms.

use std::{fs, path::PathBuf, process::Command};

use kakehashi_fhir::{ResponseHeader, questionnaire, response};
use kakehashi_forms::{Answer, Answers, Application, Catalogue, Comparator, Definition, Value};
use kakehashi_kernel::Timestamp;
use kakehashi_kit::{definition, filled, filled_form};
use serde_json::{Value as Json, json};

/// Filled forms that are judged.
const FORMS: u32 = 40;

fn python() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().expect("the target folder");
    target.join("judges").join("bin").join("python")
}

/// Answers what the judge said about each resource, in order.
fn judge(resources: &[Json]) -> Vec<Result<(), String>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files: Vec<PathBuf> = (0..resources.len())
        .map(|number| folder.path().join(format!("{number:04}.json")))
        .collect();
    for (file, resource) in files.iter().zip(resources) {
        fs::write(file, resource.to_string()).expect("a resource is written");
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/fhir.py");
    let mut verdicts = Vec::new();
    for files in files.chunks(200) {
        let run = Command::new(python()).arg(script).args(files).output();
        let run = run.expect("ops/test installs the judges");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let said = String::from_utf8(run.stdout).expect("UTF-8");
        verdicts.extend(said.lines().map(|line| match line.split_once(" refused: ") {
            Some((_, why)) => Err(why.to_owned()),
            None if line.ends_with(" valid") => Ok(()),
            None => panic!("no verdict: {line}"),
        }));
    }
    assert_eq!(verdicts.len(), resources.len());
    verdicts
}

fn header() -> ResponseHeader {
    ResponseHeader {
        record: "018f0000-0000-7000-8000-000000000001".parse().expect("an id"),
        authored: Timestamp(1_790_000_000_000),
    }
}

fn answered(definition: &Definition, answers: &Answers) -> Json {
    response(definition, header(), answers, &definition.calculate(answers))
}

#[test]
fn every_form_is_a_valid_questionnaire() {
    let catalogue = Catalogue::builtin().expect("the definitions load");
    let forms: Vec<&Definition> = catalogue.iter().collect();
    assert!(forms.len() > 1_000);
    // Forms of one shape differ in their heads only: one in ten of them, and all others.
    let chosen: Vec<&Definition> = forms
        .into_iter()
        .enumerate()
        .filter(|(place, form)| form.shape().is_none() || place % 10 == 0)
        .map(|(_, form)| form)
        .collect();
    let resources: Vec<Json> = chosen.iter().map(|form| questionnaire(form)).collect();
    for (form, verdict) in chosen.iter().zip(judge(&resources)) {
        assert_eq!(verdict, Ok(()), "{}", form.key());
    }
}

#[test]
fn every_filled_form_is_a_valid_response() {
    let forms: Vec<_> = (0..FORMS).map(|index| filled(7, index)).collect();
    let resources: Vec<Json> =
        forms.iter().map(|form| answered(definition(), &form.answers)).collect();
    assert!(judge(&resources).iter().all(Result::is_ok));
}

#[test]
fn a_filled_form_of_every_complete_kind_is_a_valid_response() {
    let catalogue = Catalogue::builtin().expect("the definitions load");
    let forms: Vec<&Definition> = catalogue.iter().filter(|form| form.shape().is_none()).collect();
    assert!(forms.len() > 20);
    let resources: Vec<Json> =
        forms.iter().map(|form| answered(form, &filled_form(form, 7, 1).answers)).collect();
    for (form, verdict) in forms.iter().zip(judge(&resources)) {
        assert_eq!(verdict, Ok(()), "{}", form.key());
    }
}

#[test]
fn states_tables_and_comparators_are_valid_too() {
    let definition = definition();
    let mut answers = filled(7, 0).answers;
    answers.set("hy", Answer::Illegible);
    answers.set("tremor", Answer::Unknown);
    answers.set("ldopa", Answer::NotDone);
    assert_eq!(judge(&[answered(definition, &answers)]), [Ok(())]);
    let value = Value::Decimal { value: 600.into(), comparator: Some(Comparator::Lt) };
    answers.set("ldopa", Answer::Given(value));
    let resource = answered(definition, &answers);
    assert_eq!(judge(std::slice::from_ref(&resource)), [Ok(())]);
    assert!(resource.to_string().contains(r#""comparator":"<""#));
}

#[test]
fn the_judge_refuses_what_the_standard_does_not_know() {
    let good = questionnaire(definition());
    let broken = |change: fn(&mut Json)| {
        let mut resource = good.clone();
        change(&mut resource);
        resource
    };
    let resources = [
        broken(|form| form["status"] = json!("finished")),
        broken(|form| form["item"][0]["type"] = json!("heading")),
        broken(|form| drop(form["item"][0].as_object_mut().and_then(|item| item.remove("linkId")))),
        broken(|form| form["colour"] = json!("red")),
        broken(|form| form["effectivePeriod"]["start"] = json!("2024-13-01")),
    ];
    assert!(judge(&resources).iter().all(Result::is_err));
}

#[test]
fn no_link_is_used_twice_and_every_answer_has_its_question() {
    fn links(item: &Json, found: &mut Vec<String>) {
        if let Some(link) = item["linkId"].as_str() {
            found.push(link.to_owned());
        }
        for part in item["item"].as_array().into_iter().flatten() {
            links(part, found);
        }
    }
    let definition = definition();
    let mut asked = Vec::new();
    links(&questionnaire(definition), &mut asked);
    let count = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), count);
    let form = filled(7, 3);
    assert!(matches!(form.application, Application::New | Application::Renewal));
    let mut answered_links = Vec::new();
    links(&answered(definition, &form.answers), &mut answered_links);
    assert!(answered_links.len() > 30);
    assert!(answered_links.iter().all(|link| asked.binary_search(link).is_ok()));
}
