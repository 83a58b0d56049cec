//! The XSD of the form, judged by `xmllint --schema`: it accepts what is returned without a mistake, and
//! refuses what is broken.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use kakehashi_contract::{Manifest, ManifestDocument};
use kakehashi_forms::{Answers, Definition};
use kakehashi_kernel::{CivilDate, DocumentId, LotNumber, Timestamp};
use kakehashi_kit::{
    FilledForm, Keyed, Keying, KeyingMistake, catalogue, definition, filled, filled_form, key,
    samples,
};
use kakehashi_xml::{FormHeader, ReturnHeader, write_return, xsd};

/// The demo contractor's own writer.
#[path = "../../../ops/bin/src/demo/contractor/typed.rs"]
mod typed;

/// What that writer knows of the demo.
mod prepare {
    pub(crate) const CONTRACTOR: &str = "demo-contractor";
}

const FORMS: u32 = 200;
const FORMS_PER_RETURN: usize = 10;

/// Validates every document in one run; answers what xmllint said and which were valid.
fn judge(definition: &Definition, documents: &[String]) -> (String, Vec<bool>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schema = folder.path().join("form.xsd");
    fs::write(&schema, xsd(definition)).expect("the schema is written");
    let paths: Vec<_> =
        (0..documents.len()).map(|number| folder.path().join(format!("{number}.xml"))).collect();
    for (path, document) in paths.iter().zip(documents) {
        fs::write(path, document).expect("a document is written");
    }
    let run = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .args(&paths)
        .output()
        .expect("xmllint judges the XSD: install the Debian package libxml2-utils");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!said.contains("failed to compile"), "{said}");
    let is_valid = |path: &Path| {
        let path = path.display().to_string();
        let is_refused = ["fails to validate", "parser error"]
            .iter()
            .any(|word| said.lines().any(|line| line.starts_with(&path) && line.contains(word)));
        let is_accepted = said.contains(&format!("{path} validates"));
        assert!(is_accepted != is_refused, "no verdict on {path}:\n{said}");
        is_accepted
    };
    let valid = paths.iter().map(|path| is_valid(path)).collect();
    (said, valid)
}

#[track_caller]
fn accepts(definition: &Definition, documents: &[String]) {
    let (said, valid) = judge(definition, documents);
    let refused: Vec<&str> = said.lines().filter(|line| !line.ends_with(" validates")).collect();
    assert!(!valid.is_empty() && valid.iter().all(|valid| *valid), "{refused:#?}");
}

#[track_caller]
fn refuses(what: &str, document: String) {
    let (said, valid) = judge(definition(), &[document]);
    assert_eq!(valid, [false], "{what}: {said}");
}

fn document(index: u32) -> DocumentId {
    format!("018f0000-0000-7000-8000-{index:012}").parse().expect("a document id")
}

fn lot() -> LotNumber {
    LotNumber::new(CivilDate::new(2026, 11, 23).expect("a date"), 3)
}

/// A return as our own writer writes it.
fn written(forms: &[FilledForm]) -> String {
    let header = ReturnHeader { lot: lot(), contractor: prepare::CONTRACTOR.to_owned() };
    let forms: Vec<(_, _, &Answers)> = forms
        .iter()
        .map(|form| {
            let header = FormHeader {
                document: document(form.index),
                round: 1,
                application: form.application,
            };
            (definition(), header, &form.answers)
        })
        .collect();
    write_return(&header, &forms)
}

fn keyed(form: &FilledForm, mistakes_permille: u32) -> Keyed {
    let keying = Keying { seed: form.seed, index: form.index, round: 1, mistakes_permille };
    key(definition_of(form), form.application, &form.answers, keying)
}

fn definition_of(form: &FilledForm) -> &'static Definition {
    catalogue().definition(form.key).expect("the form is of the catalogue")
}

/// A return as the contractor types it; all forms are of one version.
fn typed(forms: &[(&FilledForm, Keyed)]) -> String {
    let definition = definition_of(forms[0].0);
    let documents = forms.iter().map(|(form, _)| ManifestDocument {
        document: document(form.index),
        round: 1,
        pages: Vec::new(),
    });
    let manifest = Manifest {
        lot: "018f0000-0000-7000-8000-000000000007".parse().expect("a lot id"),
        number: lot(),
        form: definition.key(),
        sealed_at: Timestamp(1_795_392_000_000),
        due: CivilDate::new(2026, 12, 3).expect("a date"),
        documents: documents.collect(),
    };
    let typed: BTreeMap<_, _> = forms
        .iter()
        .map(|(form, keyed)| (document(form.index), (form.application, keyed.clone())))
        .collect();
    typed::write(&manifest, definition, &typed).expect("a String takes all")
}

fn forms() -> Vec<FilledForm> {
    (0..FORMS).map(|index| filled(7, index)).collect()
}

#[test]
fn every_written_return_is_accepted() {
    let returns: Vec<String> = forms().chunks(FORMS_PER_RETURN).map(written).collect();
    assert_eq!(returns.iter().map(|xml| xml.matches("<form ").count()).sum::<usize>(), 200);
    accepts(definition(), &returns);
}

#[test]
fn every_return_the_contractor_types_without_a_mistake_is_accepted() {
    let forms = forms();
    let typed_return = |forms: &[FilledForm]| {
        let keyed: Vec<_> = forms.iter().map(|form| (form, keyed(form, 0))).collect();
        assert!(keyed.iter().all(|(_, keyed)| keyed.mistakes.is_empty()));
        typed(&keyed)
    };
    let returns: Vec<String> = forms.chunks(FORMS_PER_RETURN).map(typed_return).collect();
    accepts(definition(), &returns);
}

#[test]
fn mistakes_a_schema_can_see_are_refused() {
    let forms = forms();
    let seen =
        [KeyingMistake::CodeOutOfList, KeyingMistake::ImpossibleDate, KeyingMistake::TooManyDigits];
    for mistake in seen {
        let mut wrong = forms.iter().map(|form| (form, keyed(form, 1000)));
        let wrong = wrong.find(|(_, keyed)| keyed.mistakes == [mistake]);
        let wrong = wrong.unwrap_or_else(|| panic!("no form has just {mistake:?}"));
        refuses(&format!("{mistake:?}"), typed(&[wrong]));
    }
}

#[test]
fn a_broken_return_is_refused() {
    let form = filled(7, 0);
    let good = written(std::slice::from_ref(&form));
    accepts(definition(), std::slice::from_ref(&good));
    let first = definition().items().find(|item| form.answers.get(&item.id).is_some());
    let item = &first.expect("an answered item").id;
    for (what, from, to) in [
        ("another root", "<return ", "<returns "),
        ("another namespace", "urn:kakehashi:form:1", "urn:kakehashi:form:2"),
        ("another version", "version=\"2403\"", "version=\"2404\""),
        ("no round", " round=\"1\"", ""),
        ("a round of zero", " round=\"1\"", " round=\"0\""),
        ("an attribute too many", " round=\"1\"", " round=\"1\" keyer=\"a\""),
        ("a lot that is none", "lot=\"L-", "lot=\"M-"),
        ("an unknown element", &format!("<{item}"), "<surprise/><x"),
        ("no end", "</return>", ""),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{what} changes nothing");
        refuses(what, broken);
    }
}

#[test]
fn what_the_contractor_types_of_any_kind_of_form_is_accepted() {
    for form in samples() {
        let filled: Vec<FilledForm> = (0..3).map(|index| filled_form(form, 13, index)).collect();
        let keyed: Vec<_> = filled.iter().map(|filled| (filled, keyed(filled, 0))).collect();
        accepts(form, &[typed(&keyed)]);
    }
}
