//! A wrong definition is refused when it is loaded, with its place.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::Path};

use kakehashi_forms::{Catalogue, LoadError, SourceFile};

const FORM: &str = r#"key = "nanbyo/0001-000/2403"
name = { ja = "例", en = "Example" }
pages = 1
valid_from = "2024-04-01"

[[section]]
id = "only"
ja = "例"
en = "Example"
page = 1

[[section.item]]
id = "answer"
ja = "例"
en = "Example"
type = "code"
codes = "yes_no"
class = "medical"
carry = "never"

[[section.item]]
id = "since"
ja = "例"
en = "Example"
type = "partial_date"
class = "medical"
carry = "never"

[[rule]]
id = "example.rule"
item = "answer"
severity = "W"
holds = "answer == 1"
message = { ja = "例", en = "Example" }
remedy = { ja = "例", en = "Example" }
"#;

const CODES: &str = r#"[[list]]
id = "yes_no"
code = [{ code = "1", ja = "あり", en = "Yes" }, { code = "2", ja = "なし", en = "No" }]
"#;

const PATH: &str = "forms/nanbyo/0001-000/2403.toml";

fn load(form: &str) -> Result<Catalogue, LoadError> {
    Catalogue::load(&[
        SourceFile { path: "codes/common.toml", text: CODES },
        SourceFile { path: PATH, text: form },
    ])
}

#[track_caller]
fn refused(from: &str, to: &str, line: usize, problem: &str) {
    assert!(FORM.contains(from));
    let error = load(&FORM.replace(from, to)).unwrap_err();
    assert_eq!(error.file, PATH);
    assert_eq!(error.line, Some(line), "{error}");
    assert!(error.problem.contains(problem), "{error}");
}

#[test]
fn the_example_itself_loads() {
    assert!(load(FORM).is_ok());
}

#[test]
fn a_rule_about_an_unknown_item_is_refused() {
    refused("holds = \"answer == 1\"", "holds = \"anwser == 1\"", 33, "unknown item anwser");
    refused("item = \"answer\"", "item = \"other\"", 31, "unknown item other");
}

#[test]
fn a_rule_of_the_wrong_type_is_refused() {
    for (rule, problem) in [
        ("answer == 3", "3 is not a code of yes_no"),
        ("answer == '1'", "cannot be compared"),
        ("answer", "not true or false"),
        ("answer == 1 && 2", "does not go with"),
        ("since > 1", "does not go with"),
        ("since > 'soon'", "is not a date"),
        ("since.first == 1", "cannot be compared"),
        ("since.middle == since.first", "has no .middle"),
        ("[1].exists(x, x == answer)", ""),
        ("answer.startsWith('1')", "not allowed"),
        ("answer ==", ""),
    ] {
        refused("holds = \"answer == 1\"", &format!("holds = \"{rule}\""), 33, problem);
    }
}

#[test]
fn a_rule_that_is_too_long_is_refused() {
    let long = "answer == 1 && ".repeat(400) + "answer == 1";
    refused("holds = \"answer == 1\"", &format!("holds = \"{long}\""), 33, "longer than");
}

#[test]
fn misspelt_keys_lists_types_and_ids_are_refused() {
    refused(
        "class = \"medical\"\ncarry",
        "class = \"medical\"\nrequierd = \"both\"\ncarry",
        19,
        "requierd",
    );
    refused("codes = \"yes_no\"", "codes = \"no_yes\"", 17, "no such code list");
    refused("type = \"code\"", "type = \"kode\"", 16, "unknown type");
    refused("id = \"since\"", "id = \"answer\"", 22, "used twice");
    refused("id = \"since\"", "id = \"Since\"", 22, "an id is");
    refused("page = 1", "page = 2", 10, "no such page");
}

#[test]
fn the_key_must_match_the_path() {
    let error = load(&FORM.replace("/2403", "/2404")).unwrap_err();
    assert!(error.problem.contains("path"), "{error}");
}

#[test]
fn every_file_of_the_folder_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions");
    let mut forms = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(form) = path.strip_prefix(folder.join("forms")) {
                forms.push(form.with_extension("").to_string_lossy().into_owned());
            }
        }
    }
    forms.sort();
    let catalogue = Catalogue::builtin().unwrap();
    let loaded = catalogue.iter().filter(|form| form.shape().is_none());
    let loaded: Vec<String> = loaded.map(|form| form.key().to_string()).collect();
    assert_eq!(loaded, forms);
}

#[test]
fn a_key_that_does_not_go_with_the_type_is_refused() {
    let with = |key: &str| format!("codes = \"yes_no\"\n{key}");
    for (key, problem) in [
        ("comparator = true", "comparator does not go with type code"),
        ("length = [1, 5]", "length does not go with type code"),
        ("lines_max = 2", "lines_max does not go with type code"),
        ("range = [\"0\", \"1\"]", "range does not go with type code"),
        ("places = 1", "places does not go with type code"),
        ("rows = [1, 2]", "rows does not go with type code"),
    ] {
        refused("codes = \"yes_no\"", &with(key), 16, problem);
    }
    let decimal = "type = \"decimal\"\nrange = [\"0\", \"1\"]\nplaces = 11";
    refused("type = \"partial_date\"", decimal, 25, "more than 10 places");
    refused("type = \"partial_date\"", "type = \"date\"\ncodes = \"yes_no\"", 25, "codes does not");
}

#[test]
fn what_is_for_no_application_is_refused() {
    let keys = "valid_from = \"2024-04-01\"\napplies = \"never\"";
    refused("valid_from = \"2024-04-01\"", keys, 5, "applies is both, new or renewal");
    refused("codes = \"yes_no\"", "codes = \"yes_no\"\napplies = \"never\"", 18, "applies is both");
}

#[test]
fn the_id_of_a_rule_is_its_own() {
    refused("id = \"example.rule\"", "id = \"check.rule\"", 30, "check. begins the ids");
    let twice = FORM.to_owned() + FORM.split_at(FORM.find("[[rule]]").unwrap()).1;
    let error = load(&twice).unwrap_err();
    assert_eq!((error.line, error.problem.as_str()), (Some(37), "the id is used twice"));
}
