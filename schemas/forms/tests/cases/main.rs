//! The case tables beside the definitions, written from the texts of the criteria.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod runner;

use std::path::{Path, PathBuf};

use runner::Folder;

fn definitions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions")
}

#[test]
fn every_case_comes_out_as_its_table_says() {
    let folder = Folder::read(&definitions()).unwrap();
    let (catalogue, errors) = folder.load();
    assert_eq!(errors, []);
    let report = folder.run(&catalogue, "").unwrap();
    assert!(
        report.failures.is_empty(),
        "{} of {} cases in {} files:\n{}",
        report.failures.len(),
        report.cases,
        report.files,
        report.failures.join("\n")
    );
}

/// The failures of a table for the Parkinson form.
fn failures(table: &str) -> Vec<String> {
    let (catalogue, _) = Folder::read(&definitions()).unwrap().load();
    let mut report = runner::Report::default();
    runner::run_file(&catalogue, "nanbyo/0006-000/2403", table, &mut report);
    report.failures
}

#[track_caller]
fn fails(table: &str, problem: &str) {
    let failures = failures(table).join("\n");
    assert!(failures.contains(problem), "{failures:?}");
}

#[test]
fn a_table_that_is_wrong_itself_fails() {
    fails("[[case]]\nname = \"a\"\nexpects = {}", "unknown field `expects`");
    fails("[[case]]\nname = \"a\"\nset = { tremour = \"1\" }\nexpect = {}", "no such item");
    fails("[[case]]\nname = \"a\"\nset = { tremor = \"7\" }\nexpect = {}", "tremor");
    fails("[[case]]\nname = \"a\"\nexpect = { missing = [\"tremour\"] }", "no item");
    fails("[[case]]\nname = \"a\"\nexpect = { derived = { bmi = \"1\" } }", "not calculated");
    fails(
        "[[case]]\nname = \"a\"\nexpect = {}\n[[case]]\nname = \"a\"\nexpect = {}",
        "another case",
    );
    fails("[[case]]\nname = \"a\"\nexpect = { outcome = \"maybe\" }", "maybe");
}

#[test]
fn a_case_that_comes_out_otherwise_says_both() {
    fails(
        "[[case]]\nname = \"a\"\nexpect = { outcome = \"met\", diagnosis = \"definite\" }",
        "outcome: expected Met, judged Undetermined",
    );
    fails(
        "[[case]]\nname = \"a\"\nset = { hy = \"0\" }\nexpect = { severity = \"eligible\" }",
        "severity: expected eligible, judged below",
    );
    fails(
        "[[case]]\nname = \"a\"\nset = { birth_date = \"S25.4.3\" }\nwritten = \"2024-06-01\"\n\
         expect = { derived = { age_at_entry = \"74\" } }",
        "age_at_entry",
    );
    fails(
        "[[case]]\nname = \"a\"\nset = { ldopa = \"2000\" }\n\
         expect = { findings = [\"parkinson.none\"], absent = [\"parkinson.dose-high\"] }",
        "parkinson.dose-high is there",
    );
    assert_eq!(
        failures(
            "[[case]]\nname = \"a\"\nset = { hy = \"0\", ldopa = \"2000\" }\n\
             expect = { outcome = \"not_met\", findings = [\"parkinson.dose-high\"] }"
        ),
        Vec::<String>::new()
    );
}
