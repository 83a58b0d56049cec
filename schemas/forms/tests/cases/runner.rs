//! Runs the case tables of definitions: what a form of some answers must come to.
//!
//! Shared by the test `cases` and the example `verify`. Reads files; the library does not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use kakehashi_forms::{
    Answer, Answers, Application, Calculated, Catalogue, Circumstances, Definition, Examination,
    Finding, Judgement, LoadError, Outcome, SourceFile,
};
use kakehashi_kernel::{CivilDate, FormKey, PartialDate};
use serde::Deserialize;

/// One file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    #[serde(default)]
    base: BTreeMap<String, String>,
    case: Vec<Case>,
}

/// One case. The README of the definitions says what the keys mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: Option<String>,
    application: Option<Application>,
    written: Option<CivilDate>,
    first_certified: Option<PartialDate>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    expect: Expect,
}

/// What a case expects; what it does not name is not looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    outcome: Option<Outcome>,
    diagnosis: Option<String>,
    severity: Option<String>,
    missing: Option<Vec<String>>,
    #[serde(default)]
    derived: BTreeMap<String, String>,
    #[serde(default)]
    findings: Vec<String>,
    #[serde(default)]
    absent: Vec<String>,
}

/// A definitions folder, read.
pub(crate) struct Folder {
    root: PathBuf,
    texts: Vec<(String, String)>,
}

/// What came of running cases.
#[derive(Default)]
pub(crate) struct Report {
    /// Case files looked at.
    pub(crate) files: usize,
    /// Cases run.
    pub(crate) cases: usize,
    /// One text for each case or file that is wrong.
    pub(crate) failures: Vec<String>,
}

impl Folder {
    /// Reads every definition file of a folder.
    pub(crate) fn read(root: &Path) -> std::io::Result<Self> {
        let mut texts = Vec::new();
        for path in files_below(root)? {
            let name = relative(root, &path);
            let is_definition = ["codes/", "tables/", "shared/", "forms/", "shapes/", "lists/"]
                .iter()
                .any(|folder| name.starts_with(folder));
            if is_definition {
                texts.push((name, fs::read_to_string(&path)?));
            }
        }
        Ok(Self { root: root.to_owned(), texts })
    }

    /// Loads the definitions that are right, and says what is wrong with the others.
    pub(crate) fn load(&self) -> (Catalogue, Vec<LoadError>) {
        let files = self.texts.iter().map(|(path, text)| SourceFile { path, text });
        Catalogue::load_partly(&files.collect::<Vec<_>>())
    }

    /// Runs the cases of every form whose key begins with `prefix`.
    pub(crate) fn run(&self, catalogue: &Catalogue, prefix: &str) -> std::io::Result<Report> {
        let folder = self.root.join("cases");
        let mut report = Report::default();
        if !folder.exists() {
            return Ok(report);
        }
        for path in files_below(&folder)? {
            let name = relative(&folder, &path);
            let Some(key) = name.strip_suffix(".toml").filter(|key| key.starts_with(prefix)) else {
                continue;
            };
            report.files += 1;
            run_file(catalogue, key, &fs::read_to_string(&path)?, &mut report);
        }
        Ok(report)
    }
}

fn files_below(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

pub(crate) fn run_file(catalogue: &Catalogue, key: &str, text: &str, report: &mut Report) {
    let mut fail = |problem: String| report.failures.push(format!("cases/{key}.toml: {problem}"));
    let file: CaseFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return fail(error.to_string()),
    };
    let definition = key.parse::<FormKey>().ok().and_then(|key| catalogue.definition(key));
    let Some(definition) = definition else {
        return fail("there is no such form, or it did not load".to_owned());
    };
    let mut names = BTreeSet::new();
    for case in &file.case {
        report.cases += 1;
        let mut fail = |problem: String| {
            report.failures.push(format!("cases/{key}.toml, {}: {problem}", case.name));
        };
        if !names.insert(&case.name) {
            fail("another case has this name".to_owned());
        }
        match examine(definition, &file.base, case) {
            Ok(examination) => compare(definition, case, &examination).into_iter().for_each(fail),
            Err(problem) => fail(problem),
        }
    }
}

/// Reads the answers of a case and examines them.
fn examine(
    definition: &Definition,
    base: &BTreeMap<String, String>,
    case: &Case,
) -> Result<Examination, String> {
    let mut answers = Answers::new();
    for (item, text) in base.iter().chain(&case.set) {
        let answer = read(definition, item, text)
            .map_err(|finding| format!("{item} = {text:?}: {}", finding.message.en))?;
        answers.set(item.clone(), answer);
    }
    let application = case.application.unwrap_or(Application::New);
    let said = definition.circumstances(&answers, application);
    let written = case.written.or(said.written_on).unwrap_or(definition.valid_from());
    let mut circumstances = Circumstances::new(application).written_on(written);
    if let Some(certified) = case.first_certified.or(said.first_certified_on) {
        circumstances = circumstances.first_certified_on(certified);
    }
    Ok(definition.examine(&answers, &circumstances))
}

/// Reads what a person types; a case may also give the states that only a machine reports.
fn read(definition: &Definition, item: &str, text: &str) -> Result<Answer, Box<Finding>> {
    if definition.item(item).is_some() {
        match text {
            "判読不能" => return Ok(Answer::Illegible),
            "抹消" => return Ok(Answer::Struck),
            "複数選択" => return Ok(Answer::MultiplyMarked),
            _ => {}
        }
    }
    definition.read(item, text).map_err(Box::new)
}

fn compare(definition: &Definition, case: &Case, found: &Examination) -> Vec<String> {
    let expect = &case.expect;
    let mut problems = judged(expect, &found.judgement);
    for missing in expect.missing.iter().flatten() {
        if definition.item(missing).is_none() {
            problems.push(format!("missing names {missing}, which is no item"));
        }
    }
    for (item, expected) in &expect.derived {
        match found.calculated.iter().find(|calculated| calculated.item == *item) {
            None => problems.push(format!("{item} is not calculated by this form")),
            Some(calculated) if same_value(definition, calculated, expected) => {}
            Some(calculated) => {
                let shown = definition.write(item, &calculated.answer);
                problems.push(format!("{item}: expected {expected:?}, calculated {shown:?}"));
            }
        }
    }
    let made: BTreeSet<&str> = found.findings.iter().map(|finding| finding.rule.as_str()).collect();
    for rule in &expect.findings {
        if !made.contains(rule.as_str()) {
            problems.push(format!("expected the finding {rule}; there are {made:?}"));
        }
    }
    for rule in &expect.absent {
        if made.contains(rule.as_str()) {
            problems.push(format!("the finding {rule} is there and should not"));
        }
    }
    problems
}

fn judged(expect: &Expect, judgement: &Judgement) -> Vec<String> {
    let mut problems = Vec::new();
    let mut differ = |what: &str, expected: &str, actual: &str| {
        if expected != actual {
            problems.push(format!("{what}: expected {expected}, judged {actual}"));
        }
    };
    if let Some(outcome) = expect.outcome {
        differ("outcome", &format!("{outcome:?}"), &format!("{:?}", judgement.outcome));
    }
    for (what, expected, class) in [
        ("diagnosis", &expect.diagnosis, &judgement.diagnosis),
        ("severity", &expect.severity, &judgement.severity),
    ] {
        let actual = class.as_ref().map_or("none", |class| class.id.as_str());
        if let Some(expected) = expected {
            differ(what, expected, actual);
        }
    }
    if let Some(missing) = &expect.missing {
        // In printed order when judged; a case may name them in any order.
        let sorted = |items: &[String]| {
            let mut items = items.to_vec();
            items.sort();
            format!("{items:?}")
        };
        differ("missing", &sorted(missing), &sorted(&judgement.missing));
    }
    problems
}

/// Numbers are compared as numbers, everything else as it is written. True and false may be written
/// so.
fn same_value(definition: &Definition, calculated: &Calculated, expected: &str) -> bool {
    let actual = definition.write(&calculated.item, &calculated.answer);
    let is_truth = calculated.shown.en == "Yes" || calculated.shown.en == "No";
    let expected = match expected {
        "true" if is_truth => "1",
        "false" if is_truth => "2",
        other => other,
    };
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
    actual == expected || number(&actual).is_some_and(|actual| number(expected) == Some(actual))
}
