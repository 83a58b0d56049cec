//! The generated XSD, judged by `xmllint --schema`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../forms/tests/sample/mod.rs"]
mod sample;

use std::{path::Path, process::Command};

use kakehashi_forms::{Answer, Answers, Application, Value};
use kakehashi_kernel::LotNumber;
use kakehashi_xml::{FormHeader, ReturnHeader, write_form, write_return, xsd};
use sample::{catalogue, parkinson, with};

fn header() -> FormHeader {
    FormHeader {
        document: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        round: 2,
        application: Application::Renewal,
    }
}

fn form(answers: &Answers) -> String {
    let catalogue = catalogue();
    write_form(parkinson(catalogue), &header(), answers)
}

fn sample_answers(changes: &[(&str, &str)]) -> Answers {
    let catalogue = catalogue();
    with(parkinson(catalogue), changes)
}

/// Validates every document in one run; answers what the validator said and which were valid.
fn validate(documents: &[String]) -> (String, Vec<bool>) {
    let catalogue = catalogue();
    let folder = tempfile::tempdir().unwrap();
    let schema = folder.path().join("form.xsd");
    std::fs::write(&schema, xsd(parkinson(catalogue))).unwrap();
    let names: Vec<_> =
        (0..documents.len()).map(|n| folder.path().join(format!("{n}.xml"))).collect();
    for (name, document) in names.iter().zip(documents) {
        std::fs::write(name, document).unwrap();
    }
    let run = Command::new("xmllint")
        .arg("--noout")
        .arg("--nonet")
        .arg("--schema")
        .arg(&schema)
        .args(&names)
        .output();
    let run = run.expect("xmllint is needed to judge the XSD: install the package libxml2-utils");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!said.contains("failed to compile"), "{said}");
    let is_valid = |name: &Path| said.contains(&format!("{} validates", name.display()));
    let valid = names.iter().map(|name| is_valid(name)).collect();
    (said, valid)
}

#[track_caller]
fn accepts(documents: &[String]) {
    let (said, valid) = validate(documents);
    assert!(valid.iter().all(|valid| *valid), "{said}");
}

#[track_caller]
fn refuses(documents: &[String]) {
    let (said, valid) = validate(documents);
    assert!(!valid.is_empty() && !valid.iter().any(|valid| *valid), "{valid:?}\n{said}");
}

#[test]
fn written_documents_are_valid() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let full = sample_answers(&[
        ("vent_use", "1"),
        ("vent_start_ym", "2025"),
        ("adl_eating", "1"),
        ("onset_ym", "不明"),
        ("ldopa", "未実施"),
        ("care_level", ""),
    ]);
    let lot = LotNumber::new("2026-11-23".parse().unwrap(), 3);
    let whole = write_return(
        &ReturnHeader { lot: lot.clone(), contractor: "demo-keying".to_owned() },
        &[(definition, header(), &full), (definition, header(), &Answers::new())],
    );
    let empty = write_return(&ReturnHeader { lot, contractor: "c".to_owned() }, &[]);
    accepts(&[form(&sample_answers(&[])), form(&full), form(&Answers::new()), whole, empty]);
}

#[test]
fn every_state_an_item_may_have_is_valid() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let states = [Answer::Blank, Answer::Illegible, Answer::Struck, Answer::MultiplyMarked];
    let forms = states.map(|state| {
        let all = definition.items().map(|item| (item.id.clone(), state.clone()));
        form(&all.collect())
    });
    accepts(&forms);
}

#[test]
fn every_code_and_both_ends_of_every_range_are_valid() {
    use kakehashi_forms::Kind;
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let mut documents = Vec::new();
    for item in definition.items() {
        let values: Vec<Value> = match &item.kind {
            Kind::Code(list) => {
                list.options().iter().map(|o| Value::Code(o.code.clone())).collect()
            }
            Kind::Codes(list) => {
                vec![Value::Codes(list.options().iter().map(|o| o.code.clone()).collect())]
            }
            Kind::Integer { min, max } => vec![Value::Integer(*min), Value::Integer(*max)],
            Kind::Decimal { min, max, .. } => {
                [min, max].map(|value| Value::Decimal { value: *value, comparator: None }).to_vec()
            }
            Kind::Text { length_max, .. } => vec![Value::Text("𠮷".repeat(*length_max))],
            Kind::Kana { length_max } => vec![Value::Text("ヺ".repeat(*length_max))],
            _ => continue,
        };
        for value in values {
            let answers: Answers = [(item.id.clone(), Answer::Given(value))].into_iter().collect();
            assert_eq!(item.examine(answers.value(&item.id).unwrap()), Ok(()), "{}", item.id);
            documents.push(form(&answers));
        }
    }
    assert!(documents.len() > 100);
    accepts(&documents);
}

#[test]
fn broken_documents_are_not_valid() {
    let good = form(&sample_answers(&[]));
    let broken = [
        ("<hy>3</hy>", "<hy>7</hy>"),
        ("<hy>3</hy>", "<hz>3</hz>"),
        ("<hy>3</hy>", "<hy state=\"lost\"/>"),
        ("<hy>3</hy>", "<hy state=\"not-done\"/>"),
        ("<hy>3</hy>", "<hy comparator=\"lt\">3</hy>"),
        ("<hy>3</hy>", "<hy>3</hy><hy>3</hy>"),
        ("<care_level>2</care_level>", "<care_level>6</care_level>"),
        ("<care_level>2</care_level>", "<care_level>two</care_level>"),
        (">600.0<", ">600.05<"),
        (">600.0<", ">3000.1<"),
        ("1950-04-03", "1950-02-30"),
        ("1950-04-03", "S25.4.3"),
        ("2018-04<", "2018-4<"),
        ("1234566", "123456"),
        ("なんびょう", "難病"),
        ("難病　太郎", "一行\n二行"),
        ("2 11", "2 12"),
        (" round=\"2\"", ""),
        (" application=\"renewal\"", ""),
        (" application=\"renewal\"", " application=\"other\""),
        ("number=\"6\"", "number=\"9999\""),
        ("version=\"2403\"", "version=\"2503\""),
        (" document=\"018f", " document=\"x18f"),
        ("<severity>", "<severities>"),
        ("urn:kakehashi:form:1", "urn:kakehashi:form:2"),
    ];
    let mut documents: Vec<String> = broken
        .iter()
        .map(|(from, to)| {
            assert!(good.contains(from), "{from}");
            good.replacen(from, to, 1)
        })
        .collect();
    let mut answers = sample_answers(&[]);
    answers.set("address", Answer::Given(Value::Text("あ".repeat(101))));
    documents.push(form(&answers));
    answers = sample_answers(&[]);
    answers.set("special_notes", Answer::Given(Value::Text("行\n".repeat(8))));
    documents.push(form(&answers));
    refuses(&documents);
}

#[test]
fn a_return_without_its_lot_is_not_valid() {
    let namespace = "xmlns=\"urn:kakehashi:form:1\"";
    refuses(&[
        format!("<return {namespace} contractor=\"c\"/>"),
        format!("<return {namespace} lot=\"L-20261123-000003-5\"/>"),
        format!("<return {namespace} lot=\"L-2026-3\" contractor=\"c\"/>"),
        format!("<return {namespace} lot=\"L-20261123-000003-5\" contractor=\"c\"><x/></return>"),
    ]);
}
