//! Other people's judges of XML Schema: xmllint, and `xmlschema` from `PyPI`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What both say of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) xmllint: bool,
    pub(crate) xmlschema: bool,
}

/// Judges documents by a schema, for each of several schemas.
pub(crate) fn judge(groups: &[(String, Vec<String>)]) -> Vec<Vec<Verdict>> {
    let folder = tempfile::tempdir().unwrap();
    for (place, (schema, documents)) in groups.iter().enumerate() {
        let group = folder.path().join(place.to_string());
        fs::create_dir(&group).unwrap();
        fs::write(group.join("schema.xsd"), schema).unwrap();
        for (number, document) in documents.iter().enumerate() {
            fs::write(group.join(format!("{number}.xml")), document).unwrap();
        }
    }
    let second = xmlschema(folder.path());
    let mut verdicts = Vec::new();
    for (place, (_, documents)) in groups.iter().enumerate() {
        let group = folder.path().join(place.to_string());
        let paths: Vec<PathBuf> =
            (0..documents.len()).map(|number| group.join(format!("{number}.xml"))).collect();
        let first = xmllint(&group.join("schema.xsd"), &paths);
        let pair = |(number, xmllint)| {
            let name = format!("{place}/{number}.xml");
            let is = |word: &str| second.iter().any(|line| *line == format!("{name} {word}"));
            assert!(is("valid") != is("invalid"), "no verdict on {name}: {second:?}");
            Verdict { xmllint, xmlschema: is("valid") }
        };
        verdicts.push(first.into_iter().enumerate().map(pair).collect());
    }
    verdicts
}

fn xmllint(schema: &Path, documents: &[PathBuf]) -> Vec<bool> {
    let run = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .args(documents)
        .output()
        .expect("xmllint judges the XSD: install the Debian package libxml2-utils");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!said.contains("failed to compile"), "{said}");
    let verdict = |path: &PathBuf| {
        let path = path.display().to_string();
        let refusals = ["fails to validate", "parser error", "failed to load", "namespace error"];
        let is_refused = refusals
            .iter()
            .any(|word| said.lines().any(|line| line.starts_with(&path) && line.contains(word)));
        let is_accepted = said.lines().any(|line| line == format!("{path} validates"));
        assert!(is_accepted || is_refused, "no verdict on {path}:\n{said}");
        is_accepted && !is_refused
    };
    documents.iter().map(verdict).collect()
}

/// One run of Python for everything: to start it costs more than to judge.
fn xmlschema(folder: &Path) -> Vec<String> {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let python = target.join("judges/bin/python");
    assert!(python.exists(), "xmlschema judges the XSD: run ops/test once, it installs it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/xsd.py");
    let run = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().lines().map(str::to_owned).collect()
}
