//! Tables, values below the detection limit, and items that only one kind of application asks.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use kakehashi_forms::{
    Answer, Answers, Application, Catalogue, Cell, Control, DataClass, Definition, Finding, Region,
    Row, SourceFile, Value,
};
use proptest::prelude::*;

const CODES: &str = r#"[[list]]
id = "route"
code = [{ code = "1", ja = "内服", en = "Oral" }, { code = "2", ja = "注射", en = "Injection" }]
"#;

const FORM: &str = r#"key = "nanbyo/0001-000/2403"
name = { ja = "例", en = "Example" }
pages = 2
valid_from = "2024-04-01"



[[section]]
id = "only"
ja = "例"
en = "Example"
page = 2

[[section.item]]
id = "drugs"
ja = "薬剤"
en = "Drugs"
type = "rows"
rows = [1, 3]
class = "medical"
carry = "ask"

[[section.item.column]]
id = "name"
ja = "薬剤名"
en = "Name"
type = "text"
length = [1, 20]
lines_max = 2
required = "both"

[[section.item.column]]
id = "dose"
ja = "用量"
en = "Dose"
type = "decimal"
range = ["0", "5000"]
places = 1
unit = "mg"
states = ["unknown"]

[[section.item.column]]
id = "route"
ja = "経路"
en = "Route"
type = "code"
codes = "route"

[[section.item.column]]
id = "since"
ja = "開始日"
en = "Since"
type = "date"

[[section.item]]
id = "hcv"
ja = "HCV-RNA量"
en = "HCV RNA"
type = "decimal"
range = ["0", "9"]
places = 1
comparator = true
detection = "1.2"
unit = "LogIU/mL"
region = [150, 300, 400, 80]
class = "medical"
carry = "never"

[[section.item]]
id = "relapse"
ja = "再燃"
en = "Relapse"
type = "code"
codes = "route"
required = "both"
applies = "renewal"
states = ["unknown"]
class = "medical"
carry = "never"
"#;

fn load(form: &str) -> Result<Catalogue, kakehashi_forms::LoadError> {
    Catalogue::load(&[
        SourceFile { path: "codes/common.toml", text: CODES },
        SourceFile { path: "forms/nanbyo/0001-000/2403.toml", text: form },
    ])
}

fn with<T>(use_it: impl FnOnce(&Definition) -> T) -> T {
    let catalogue = load(FORM).unwrap();
    use_it(catalogue.iter().next().unwrap())
}

#[track_caller]
fn reads(typed: &str, expected: &str) -> Vec<Row> {
    with(|definition| {
        let answer = definition.read("drugs", typed).unwrap();
        assert_eq!(definition.write("drugs", &answer), expected);
        assert!(definition.read("drugs", expected).unwrap() == answer, "not canonical");
        let Answer::Given(Value::Rows(rows)) = answer else { panic!("no rows") };
        rows
    })
}

#[track_caller]
fn refuses(typed: &str, rule: &str, place: Option<(usize, Option<&str>)>) {
    let finding = with(|definition| definition.read("drugs", typed).unwrap_err());
    assert_eq!((finding.rule.as_str(), finding.item.as_deref()), (rule, Some("drugs")));
    let cell = place.map(|(row, column)| Cell { row, column: column.map(str::to_owned) });
    assert_eq!(finding.cell, cell);
}

fn rules(findings: &[Finding]) -> Vec<(&str, Option<usize>)> {
    findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.cell.as_ref().map(|cell| cell.row)))
        .collect()
}

#[test]
fn a_table_is_a_line_per_row_with_bars_or_tabs_between() {
    let rows = reads(
        "レボドパ｜配合 | ６００mg | 内服 | R6.4.1\r\n\n  アポモルヒネ\t不明\t2\n",
        "レボドパ｜配合 | 600.0 | 1 | 2024-04-01\nアポモルヒネ | 不明 | 2",
    );
    assert_eq!(rows.len(), 2);
    assert!(rows[1].get("dose") == Some(&Answer::Unknown) && rows[1].get("since").is_none());
    reads("A||| 2024-04-01", "A |  |  | 2024-04-01");
    reads("A | 1 | 1 | 2024-04-01 | |", "A | 1.0 | 1 | 2024-04-01");
}

#[test]
fn a_blank_first_column_stays_in_its_place() {
    let rows = reads("\t300", "| 300.0");
    assert!(rows[0].get("name").is_none() && rows[0].get("dose").is_some());
}

#[test]
fn marks_and_line_ends_inside_a_cell_are_escaped() {
    let rows = reads(r"a\|b\\c\nd | 1", r"a\|b\\c\nd | 1.0");
    assert!(rows[0].value("name") == Some(&Value::Text("a|b\\c\nd".to_owned())));
    reads(r"C:\drug", r"C:\\drug");
}

#[test]
fn what_is_wrong_in_a_cell_names_row_and_column() {
    refuses("A | 1\nB | 5001", "check.range", Some((2, Some("dose"))));
    refuses("A | 1 | 3", "check.format", Some((1, Some("route"))));
    refuses("A | <1", "check.format", Some((1, Some("dose"))));
    refuses("A | 1 | 1 | R6.4.1 | more", "check.format", Some((1, None)));
    refuses("A\nB\nC\nD", "check.rows", None);
    refuses(&"A\n".repeat(200), "check.rows", None);
    refuses(&"A".repeat(70_000), "check.length", None);
    let finding = with(|definition| definition.read("drugs", "A\nB | 5001").unwrap_err());
    assert!(finding.message.ja.starts_with("「薬剤」2行目：「用量」"), "{}", finding.message.ja);
    assert!(!format!("{finding:?}").contains("5001"));
}

#[test]
fn nothing_but_bars_is_refused_and_nothing_at_all_is_blank() {
    refuses(" | | ", "check.format", Some((1, None)));
    with(|definition| assert!(definition.read("drugs", " \n \n").unwrap() == Answer::Blank));
}

#[test]
fn the_check_looks_into_every_cell() {
    let mut first = Row::new();
    first.set("dose", Answer::Illegible);
    first.set("since", Answer::NotDone);
    let mut second = Row::new();
    second.set("name", Answer::Given(Value::Integer(3)));
    second.set("route", Answer::Given(Value::Code("7".to_owned())));
    let check = |rows: Vec<Row>| {
        let mut answers = Answers::new();
        answers.set("drugs", Answer::Given(Value::Rows(rows)));
        with(|definition| definition.check(&answers, Application::New))
    };
    let findings = check(vec![first, second]);
    assert_eq!(
        rules(&findings),
        [
            ("check.format", Some(2)),
            ("check.code", Some(2)),
            ("check.required", Some(1)),
            ("check.illegible", Some(1)),
            ("check.state", Some(1)),
        ]
    );
    let stranger: Row = [("other".to_owned(), Answer::Illegible)].into_iter().collect();
    assert_eq!(
        rules(&check(vec![stranger])),
        [("check.format", Some(1)), ("check.required", Some(1))]
    );
    assert_eq!(rules(&check(Vec::new())), [("check.rows", None)]);
    let many = check(vec![Row::new(); 1000]);
    assert!(many.len() <= 200, "{}", many.len());
}

#[test]
fn pages_read_and_write_cell_by_cell() {
    with(|definition| {
        let item = definition.item("drugs").unwrap();
        assert_eq!(item.control(), Control::Table);
        assert_eq!(item.columns().len(), 4);
        let dose = item.column("dose").unwrap();
        assert_eq!((dose.page, dose.class), (2, DataClass::Medical));
        let answer = definition.read_cell("drugs", "dose", "６００").unwrap();
        assert_eq!(definition.write_cell("drugs", "dose", &answer), "600.0");
        assert_eq!(definition.read_cell("drugs", "dose", "x").unwrap_err().rule, "check.format");
        assert!(definition.read_cell("drugs", "none", "1").is_err());
        assert!(definition.read_cell("hcv", "dose", "1").is_err());
        let shown = definition.display("drugs", &definition.read("drugs", "A | 1 | 2").unwrap());
        assert_eq!(shown.ja, "薬剤名：A、用量：1.0 mg、経路：注射");
        assert_eq!(shown.en, "Name: A, Dose: 1.0 mg, Route: Injection");
    });
}

#[test]
fn below_detection_is_a_value_where_comparators_are() {
    with(|definition| {
        for typed in ["感度以下", "検出限界未満", " Below Detection "] {
            let answer = definition.read("hcv", typed).unwrap();
            assert!(answer == Answer::Given(Value::BelowDetection));
            assert_eq!(definition.write("hcv", &answer), "感度以下");
        }
        let write = |typed: &str| definition.write("hcv", &definition.read("hcv", typed).unwrap());
        assert_eq!(write("1.2未満"), "<1.2");
        assert_eq!(write("1.2LogIU/mL以下"), "<=1.2");
        assert_eq!(write("5以上"), ">=5.0");
        assert_eq!(definition.read("hcv", "<1.2未満").unwrap_err().rule, "check.format");
        let item = definition.item("hcv").unwrap();
        assert_eq!(item.detection.map(|limit| limit.to_string()).as_deref(), Some("1.2"));
        let region = Region { left: 150, top: 300, width: 400, height: 80 };
        assert_eq!(item.region, Some(region));
        let mut answers = Answers::new();
        answers.set("hcv", definition.read("hcv", "感度以下").unwrap());
        assert!(definition.check(&answers, Application::New).is_empty());
    });
}

#[test]
fn an_answer_the_application_does_not_ask_is_a_warning() {
    let check = |typed: &str, application| {
        with(|definition| {
            let mut answers = Answers::new();
            answers.set("relapse", definition.read("relapse", typed).unwrap());
            let findings = definition.check(&answers, application);
            findings.into_iter().map(|finding| (finding.rule, finding.severity)).collect::<Vec<_>>()
        })
    };
    let warning = ("check.not-asked".to_owned(), kakehashi_forms::Severity::W);
    assert_eq!(check("1", Application::New), std::slice::from_ref(&warning));
    assert_eq!(check("不明", Application::New), [warning]);
    assert_eq!(check("1", Application::Renewal), []);
    assert_eq!(check("", Application::New), []);
    assert_eq!(check("", Application::Renewal)[0].0, "check.required");
}

#[test]
fn wrong_tables_are_refused_when_they_are_loaded() {
    for (from, to, problem) in [
        ("rows = [1, 3]", "rows = [1, 101]", "1 to 100 rows"),
        ("rows = [1, 3]", "", "rows = [min, max] is missing"),
        ("type = \"rows\"\nrows = [1, 3]", "type = \"date\"", "does not go with type date"),
        ("id = \"dose\"", "id = \"name\"", "there twice"),
        ("id = \"dose\"", "id = \"Dose\"", "an id is"),
        ("type = \"date\"", "type = \"rows\"", "cannot be a table"),
        ("type = \"date\"", "type = \"date\"\nrelevant = \"true\"", "belong to the table"),
        ("region = [150, 300, 400, 80]", "region = [150, 300, 0, 80]", "above 0"),
        ("detection = \"1.2\"", "detection = \"low\"", "detection is a number"),
        ("comparator = true\n", "", "detection is a number"),
    ] {
        assert!(FORM.contains(from), "{from}");
        let error = load(&FORM.replacen(from, to, 1)).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
        assert!(error.line.is_some(), "{error}");
    }
}

proptest! {
    /// Whatever is typed as a table: rows whose text and JSON read back, or a finding.
    #[test]
    fn nothing_typed_breaks_a_table(typed in "[a-c12\\\\nt.|\\t \\n不明亜]{0,40}") {
        with(|definition| {
            if let Ok(answer) = definition.read("drugs", &typed) {
                let text = definition.write("drugs", &answer);
                assert!(definition.read("drugs", &text).unwrap() == answer, "{typed:?} {text:?}");
                let json = serde_json::to_string(&answer).unwrap();
                assert!(serde_json::from_str::<Answer>(&json).unwrap() == answer);
            }
        });
    }
}
