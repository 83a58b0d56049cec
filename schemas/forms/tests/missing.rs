//! Which items an undetermined judgement names: those that could still decide it, no others.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;

use kakehashi_forms::{Answers, Application, Catalogue, Circumstances, Outcome, SourceFile};

const CODES: &str = r#"
[[list]]
id = "yes_no"
code = [{ code = "1", ja = "あり", en = "Yes" }, { code = "2", ja = "なし", en = "No" }]
[[list]]
id = "grade"
code = [{ code = "1", ja = "一", en = "One" }, { code = "2", ja = "二", en = "Two" }]
"#;

const LABEL: &str = "ja = '例'\nen = 'Example'\n";

fn item(id: &str, rest: &str) -> String {
    format!("[[section.item]]\nid = '{id}'\n{LABEL}class = 'medical'\ncarry = 'never'\n{rest}\n")
}

fn derived(id: &str, rest: &str) -> String {
    let formula = "formula = { ja = '例', en = 'Example' }\nsource = 'invented'";
    format!("[[derived]]\nid = '{id}'\n{LABEL}{formula}\n{rest}\n")
}

/// A form diagnosed `when` something, by the same rules before and after 2024-06-01.
fn form(derived: &str, when: &str, sets: &str) -> String {
    let yes_no = "type = 'code'\ncodes = 'yes_no'";
    let number = "type = 'integer'\nrange = ['0', '9']";
    [
        "key = 'nanbyo/0001-000/2403'\nname = { ja = '例', en = 'Example' }\npages = 1\n\
         valid_from = '2024-04-01'\n[[section]]\nid = 'all'\npage = 1\n",
        LABEL,
        &item("first_certified", "type = 'partial_date'"),
        &item("a", yes_no),
        &item("b", yes_no),
        &item("c", yes_no),
        &item("n", number),
        &item(
            "drugs",
            &format!("type = 'rows'\nrows = [1, 9]\n[[section.item.column]]\nid = 'dose'\n{LABEL}{number}"),
        ),
        &item("entry_date", "type = 'date'"),
        derived,
        &format!("[[criterion]]\nid = 'met'\n{LABEL}when = \"{when}\"\n"),
        sets,
    ]
    .concat()
}

fn set(version: &str, dates: &str) -> String {
    format!(
        "[[diagnosis]]\nversion = '{version}'\nnotice = {{ ja = '例', en = 'Example' }}\n{dates}\n\
         [[diagnosis.category]]\nid = 'met'\n{LABEL}criterion = 'met'\neligible = true\n"
    )
}

fn missing(form: &str, typed: &[(&str, &str)], application: Application) -> Vec<String> {
    let catalogue = Catalogue::load(&[
        SourceFile { path: "codes/c.toml", text: CODES },
        SourceFile { path: "forms/nanbyo/0001-000/2403.toml", text: form },
    ])
    .unwrap();
    let definition = catalogue.iter().next().unwrap();
    let answers: Answers = typed
        .iter()
        .map(|(item, text)| ((*item).to_owned(), definition.read(item, text).unwrap()))
        .collect();
    let judged = definition.judge(&answers, &Circumstances::new(application));
    assert_eq!(judged.diagnosis_half.unwrap().outcome, Outcome::Undetermined);
    judged.missing
}

#[track_caller]
fn check(derived: &str, when: &str, typed: &[(&str, &str)], expected: &[&str]) {
    let form = form(derived, when, &set("v", ""));
    assert_eq!(missing(&form, typed, Application::Renewal), expected, "{when} {typed:?}");
}

#[test]
fn a_branch_that_is_not_taken_is_not_asked_for() {
    let grade =
        derived("grade", "codes = 'grade'\nvalue = 'a == 1 ? (b == 1 ? 1 : 2) : (c == 1 ? 1 : 2)'");
    check(&grade, "grade == 1", &[("a", "1")], &["b"]);
    check(&grade, "grade == 1", &[("a", "2")], &["c"]);
    check(&grade, "grade == 1", &[], &["a", "b", "c"]);
    let date = "(a == 1 ? entry_date : first_certified) < '2020-01-01'";
    check("", date, &[("a", "1")], &["entry_date"]);
    check("", date, &[("a", "2")], &["first_certified"]);
}

#[test]
fn a_table_is_asked_for_only_if_one_of_its_cells_could_decide() {
    let over = "drugs.exists(row, row.dose > n)";
    check("", over, &[("drugs", "1\n2")], &["n"]);
    let typed = [("drugs", "1\n2"), ("n", "5")];
    check("", "drugs.exists(row, row.dose > n || a == 1)", &typed, &["a"]);
}

#[test]
fn a_tower_of_derived_items_is_walked_once() {
    let mut tower = derived("d0", "value = 'n'");
    for floor in 1..60 {
        let below = floor - 1;
        write!(
            tower,
            "{}",
            derived(&format!("d{floor}"), &format!("value = 'd{below} - d{below}'"))
        )
        .unwrap();
    }
    check(&tower, "d59 > 1", &[], &["n"]);
}

#[test]
fn a_new_application_without_a_day_is_asked_for_the_day_of_writing() {
    let sets = set("old", "certified_until = '2024-06-01'")
        .replace("criterion = 'met'", "criterion = 'other'")
        + &set("new", "certified_from = '2024-06-01'");
    let other = format!("[[criterion]]\nid = 'other'\n{LABEL}when = 'b == 1'\n");
    let form = form("", "a == 1", &(other + &sets));
    let by = |application| missing(&form, &[("a", "1"), ("b", "2")], application);
    assert_eq!(by(Application::New), ["entry_date"]);
    assert_eq!(by(Application::Renewal), ["first_certified"]);
}
