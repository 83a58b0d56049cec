//! Which version of a form applies when, lists and shapes, finding and counting forms.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use kakehashi_forms::{
    Answers, Application, Catalogue, LoadError, SEARCH_RESULTS_MAX, SourceFile, Totals,
};
use kakehashi_kernel::{CivilDate, FormKey, Programme};

const CODES: &str = r#"[[list]]
id = "yes_no"
code = [{ code = "1", ja = "あり", en = "Yes" }, { code = "2", ja = "なし", en = "No" }]
"#;

const BODY: &str = r#"pages = 1

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

[[criterion]]
id = "yes"
ja = "あり"
en = "Yes"
when = "answer == 1"

[[severity]]
version = "2020-03"
notice = { ja = "例", en = "Example" }

[[severity.grade]]
id = "eligible"
ja = "該当"
en = "Eligible"
criterion = "yes"
eligible = true
"#;

const HEADER: &str = "number,branch,version,name,kana,name_en,valid_from,valid_until,accepted_until,\
                      pages,shape,unverified_ja,unverified_en,group\n";

/// A form file of number 1 with its own keys.
fn form(version: u16, keys: &str) -> (String, String) {
    let path = format!("forms/nanbyo/0001-000/{version}.toml");
    let text = format!(
        "key = 'nanbyo/0001-000/{version}'\nname = {{ ja = '例', en = 'Example' }}\n{keys}\n{BODY}"
    );
    (path, text)
}

fn load(files: &[(String, String)]) -> Result<Catalogue, Vec<LoadError>> {
    let mut sources = vec![
        SourceFile { path: "codes/common.toml", text: CODES },
        SourceFile { path: "shapes/nanbyo/plain.toml", text: BODY },
    ];
    sources.extend(files.iter().map(|(path, text)| SourceFile { path, text }));
    let (catalogue, errors) = Catalogue::load_partly(&sources);
    if errors.is_empty() { Ok(catalogue) } else { Err(errors) }
}

fn list(rows: &str) -> (String, String) {
    ("lists/nanbyo.csv".to_owned(), format!("{HEADER}{rows}"))
}

#[track_caller]
fn refused(files: &[(String, String)], expected: &str) {
    let errors = load(files).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, [expected]);
}

fn day(text: &str) -> CivilDate {
    text.parse().unwrap()
}

#[test]
fn versions_follow_each_other_and_old_ones_are_accepted_for_a_while() {
    let files = [
        form(
            1704,
            "valid_from = '2017-04-01'\nvalid_until = '2024-04-01'\naccepted_until = '2025-04-01'",
        ),
        form(2403, "valid_from = '2024-04-01'\nvalid_until = '2026-04-01'"),
        form(2603, "valid_from = '2026-04-01'"),
    ];
    let catalogue = load(&files).unwrap();
    let current = |on: &str| {
        let form = catalogue.current(Programme::Nanbyo, 1, 0, Application::New, day(on));
        form.map(|form| form.key().version)
    };
    assert_eq!(current("2017-03-31"), None);
    assert_eq!(current("2024-03-31"), Some(1704));
    assert_eq!(current("2024-04-01"), Some(2403));
    assert_eq!(current("2030-01-01"), Some(2603));
    let accepted = |on: &str| -> Vec<u16> {
        let accepted = catalogue.accepted(Programme::Nanbyo, 1, 0, Application::Renewal, day(on));
        accepted.iter().map(|form| form.key().version).collect()
    };
    assert_eq!(accepted("2025-03-31"), [2403, 1704]);
    assert_eq!(accepted("2025-04-01"), [2403]);
    assert_eq!(accepted("2026-04-01"), [2603]);
    let versions = catalogue.versions(Programme::Nanbyo, 1, 0).map(|form| form.key().version);
    assert_eq!(versions.collect::<Vec<_>>(), [1704, 2403, 2603]);
    assert_eq!(catalogue.versions(Programme::Shouman, 1, 0).count(), 0);
    assert_eq!(catalogue.versions(Programme::Nanbyo, 1, 1).count(), 0);
}

#[test]
fn gaps_and_overlaps_name_both_files() {
    let old = |until: &str| form(1704, &format!("valid_from = '2017-04-01'\n{until}"));
    let new = || form(2403, "valid_from = '2024-04-01'");
    let (one, other) = ("forms/nanbyo/0001-000/1704.toml", "forms/nanbyo/0001-000/2403.toml");
    refused(
        &[old("valid_until = '2024-03-31'"), new()],
        &format!("{one}: no version is in force from 2024-03-31 until 2024-04-01, before {other}"),
    );
    refused(
        &[old("valid_until = '2024-04-02'"), new()],
        &format!("{one}: in force until 2024-04-02, and so on the same day as {other}"),
    );
    refused(
        &[old(""), new()],
        &format!("{one}: in force without end, and so on the same day as {other}"),
    );
    assert!(load(&[old("valid_until = '2024-04-01'")]).is_ok(), "a form may end");
}

#[test]
fn applications_are_counted_by_themselves() {
    let files = [
        form(2403, "valid_from = '2024-04-01'\napplies = 'new'"),
        form(2404, "valid_from = '2024-04-01'\napplies = 'renewal'\nvalid_until = '2025-04-01'"),
        form(2504, "valid_from = '2025-04-01'\napplies = 'renewal'"),
    ];
    let catalogue = load(&files).unwrap();
    let current = |application, on: &str| {
        let form = catalogue.current(Programme::Nanbyo, 1, 0, application, day(on));
        form.map(|form| form.key().version)
    };
    assert_eq!(current(Application::New, "2025-04-01"), Some(2403));
    assert_eq!(current(Application::Renewal, "2025-03-31"), Some(2404));
    assert_eq!(current(Application::Renewal, "2025-04-01"), Some(2504));
    let both = form(2504, "valid_from = '2025-04-01'");
    let (one, other) = ("forms/nanbyo/0001-000/2403.toml", "forms/nanbyo/0001-000/2504.toml");
    refused(
        &[files[0].clone(), files[1].clone(), both],
        &format!("{one}: in force without end, and so on the same day as {other}"),
    );
}

#[test]
fn dates_out_of_order_are_refused() {
    let path = "forms/nanbyo/0001-000/2403.toml";
    let dated = |keys: &str| form(2403, &format!("valid_from = '2024-04-01'\n{keys}"));
    refused(
        &[dated("valid_until = '2024-04-01'")],
        &format!("{path}: valid_until is not after valid_from"),
    );
    for keys in [
        "accepted_until = '2025-04-01'",
        "valid_until = '2025-04-01'\naccepted_until = '2025-03-31'",
    ] {
        refused(
            &[dated(keys)],
            &format!("{path}: accepted_until is not on or after a valid_until"),
        );
    }
}

#[test]
fn listed_forms_share_a_shape_and_keep_their_own_head() {
    let rows = "1,000,2403,球脊髄性筋萎縮症,きゅうせきずい,SBMA,2024-04-01,,,2,plain,枝番は未確認です。,Branch unconfirmed.,神経・筋疾患\n\
                7,001,2403,\"名前,引用\",,Quoted,2024-04-01,,,1,plain,,,\n";
    let catalogue = load(&[list(rows)]).unwrap();
    let key = FormKey::new(Programme::Nanbyo, 1, 0, 2403).unwrap();
    let form = catalogue.definition(key).unwrap();
    assert_eq!((form.name().ja.as_str(), form.name().en.as_str()), ("球脊髄性筋萎縮症", "SBMA"));
    assert_eq!((form.kana(), form.group()), (Some("きゅうせきずい"), Some("神経・筋疾患")));
    assert_eq!((form.pages(), form.shape()), (2, Some("nanbyo/plain")));
    assert_eq!(form.unverified().unwrap().ja, "枝番は未確認です。");
    assert!(form.has_severity() && !form.has_diagnosis());
    assert!(form.item("answer").is_some());
    assert_eq!(form.check(&Answers::new(), Application::New), []);
    let other = catalogue.iter().nth(1).unwrap();
    assert_eq!(
        (other.name().ja.as_str(), other.kana(), other.unverified()),
        ("名前,引用", None, None)
    );
}

#[test]
fn wrong_lists_are_refused_with_file_and_line() {
    let row = "1,000,2403,例,れい,Example,2024-04-01,,,1,plain,,,\n";
    for (from, to, problem) in [
        (
            "1,000,",
            "0,000,",
            "a form key is written programme/NNNN-BBB/YYMM, for example nanbyo/0006-000/2403",
        ),
        ("1,000,", "+1,000,", "\"+1\" is not a whole number"),
        (
            ",2403,",
            ",2413,",
            "a form key is written programme/NNNN-BBB/YYMM, for example nanbyo/0006-000/2403",
        ),
        ("2024-04-01", "2024/4/1", "\"2024/4/1\" is not a day such as 2024-04-01"),
        ("2024-04-01", "", "valid_from is missing"),
        (",plain,", ",other,", "there is no shape nanbyo/other"),
        (",plain,", ",,", "name, name_en or shape is missing"),
        (",1,plain", ",0,plain", "0 pages, but its shape has 1"),
        (",plain,,,", ",plain,未確認,,", "unverified in one language only"),
        (",,,1,", ",,1,", "13 columns instead of 14"),
        ("例", "\"例", "a quote without its end"),
    ] {
        assert!(row.contains(from), "{from}");
        let rows = format!(
            "2,000,2403,例,れい,Example,2024-04-01,,,1,plain,,,\n{}",
            row.replacen(from, to, 1)
        );
        refused(&[list(&rows)], &format!("lists/nanbyo.csv, line 3: {problem}"));
    }
    let errors = load(&[("lists/nanbyo.csv".to_owned(), row.to_owned())]).unwrap_err();
    assert!(errors[0].problem.starts_with("the first line is not"), "{}", errors[0]);
    let errors = load(&[("lists/other.csv".to_owned(), format!("{HEADER}{row}"))]).unwrap_err();
    assert!(errors[0].problem.contains("nanbyo.csv or shouman.csv"), "{}", errors[0]);
}

#[test]
fn a_form_is_written_down_once() {
    let row = "1,000,2403,例,れい,Example,2024-04-01,,,1,plain,,,\n";
    refused(
        &[form(2403, "valid_from = '2024-04-01'"), list(row)],
        "lists/nanbyo.csv, line 2: nanbyo/0001-000/2403 is there already: forms/nanbyo/0001-000/2403.toml",
    );
    refused(
        &[list(&row.repeat(2))],
        "lists/nanbyo.csv, line 3: nanbyo/0001-000/2403 is there already: lists/nanbyo.csv, line 2",
    );
}

#[test]
fn a_wrong_shape_is_told_once_and_versions_of_both_kinds_follow_each_other() {
    let rows = "1,000,2403,例,,Example,2024-04-01,,,1,bad,,,\n2,000,2403,例,,Example,2024-04-01,,,1,bad,,,\n";
    let bad = ("shapes/nanbyo/bad.toml".to_owned(), BODY.replace("answer == 1", "answr == 1"));
    refused(&[bad, list(rows)], "shapes/nanbyo/bad.toml, line 22, yes: unknown item answr");
    let row = "1,000,2403,例,,Example,2024-04-01,,,1,plain,,,\n";
    let gap = form(1704, "valid_from = '2017-04-01'\nvalid_until = '2024-03-01'");
    refused(
        &[gap, list(row)],
        "forms/nanbyo/0001-000/1704.toml: no version is in force from 2024-03-01 until 2024-04-01, \
         before lists/nanbyo.csv, line 2",
    );
}

#[test]
fn forms_are_found_by_number_name_and_reading() {
    let rows = "1,000,1704,古い名前の病,ふるいなまえ,Old name disease,2017-04-01,2024-04-01,,1,plain,,,\n\
                1,000,2403,新しい病,あたらしいやまい,New disease,2024-04-01,,,1,plain,,,\n\
                6,000,2403,パーキンソン病,ぱーきんそんびょう,Parkinson disease,2024-04-01,,,1,plain,,,\n\
                16,000,2403,進行性多巣性白質脳症,しんこうせい,PML,2024-04-01,,,1,plain,,,\n\
                16,001,2403,病,やまい,Disease,2024-04-01,,,1,plain,,,\n";
    let catalogue = load(&[list(rows)]).unwrap();
    let found = |text: &str| -> Vec<String> {
        let found = catalogue.search(Some(Programme::Nanbyo), text);
        found.iter().map(|form| form.key().to_string()).collect()
    };
    assert_eq!(found("6"), ["nanbyo/0006-000/2403"]);
    assert_eq!(found("００６"), ["nanbyo/0006-000/2403"]);
    assert_eq!(found("16"), ["nanbyo/0016-000/2403", "nanbyo/0016-001/2403"]);
    for typed in ["16-1", "１６－１", "１６ー１", "16−1", "告示番号16‐001"] {
        assert_eq!(found(typed), ["nanbyo/0016-001/2403"], "{typed}");
    }
    assert_eq!(found("ﾊﾟｰｷﾝｿﾝ"), ["nanbyo/0006-000/2403"]);
    assert_eq!(found("parkinson"), ["nanbyo/0006-000/2403"]);
    assert_eq!(found("多巣"), ["nanbyo/0016-000/2403"]);
    assert_eq!(
        found("古い名前"),
        ["nanbyo/0001-000/2403"],
        "the newest version of what was so called"
    );
    // Whole names first, then what begins with it, then what has it inside.
    assert_eq!(
        found("病"),
        ["nanbyo/0016-001/2403", "nanbyo/0001-000/2403", "nanbyo/0006-000/2403"]
    );
    assert_eq!(found("ない病気"), Vec::<String>::new());
    assert_eq!(found(" 　"), Vec::<String>::new());
    assert!(catalogue.search(Some(Programme::Shouman), "6").is_empty());
    assert_eq!(catalogue.search(None, "6").len(), 1);
}

#[test]
fn a_search_has_an_end() {
    let row =
        |number| format!("{number},000,2403,病{number},やまい,Disease,2024-04-01,,,1,plain,,,\n");
    let rows: String = (1..=80).map(row).collect();
    let catalogue = load(&[list(&rows)]).unwrap();
    assert_eq!(catalogue.search(None, "病").len(), SEARCH_RESULTS_MAX);
}

#[test]
fn the_coverage_counts_what_there_is() {
    let rows = "1,000,1704,例,,Example,2017-04-01,2024-04-01,,1,plain,,,\n\
                2,000,2403,例,,Example,2024-04-01,,,1,plain,未確認,Unconfirmed,\n\
                2,001,2403,例,,Example,2024-04-01,,,1,bare,,,\n";
    let end = BODY.find("[[criterion]]").unwrap();
    let bare = ("shapes/nanbyo/bare.toml".to_owned(), BODY[..end].to_owned());
    let own = form(2403, "valid_from = '2024-04-01'");
    let coverage = load(&[own, bare, list(rows)]).unwrap().coverage();
    let totals = Totals {
        programme: Programme::Nanbyo,
        numbers: 2,
        forms: 3,
        versions: 4,
        own_files: 1,
        with_diagnosis: 0,
        with_severity: 3,
        not_judged: 1,
        unverified: 1,
    };
    assert_eq!(coverage.totals[0], totals);
    assert_eq!(coverage.totals[1].versions, 0);
    let keys: Vec<_> = coverage.rows.iter().map(|row| (row.key.number, row.key.version)).collect();
    assert_eq!(keys, [(1, 1704), (1, 2403), (2, 2403), (2, 2403)]);
    assert_eq!((coverage.rows[1].items, coverage.rows[1].shape.as_deref()), (1, None));
}

#[test]
fn the_catalogue_answers_only_for_what_it_has() {
    let catalogue = Catalogue::builtin().unwrap();
    let current = |programme, on: &str| {
        catalogue.current(programme, 6, 0, Application::New, day(on)).map(|form| form.key().version)
    };
    assert_eq!(current(Programme::Nanbyo, "2026-11-23"), Some(2403));
    assert_eq!(current(Programme::Nanbyo, "2014-12-31"), None);
    assert!(catalogue.definition(FormKey::new(Programme::Nanbyo, 6, 999, 2403).unwrap()).is_none());
}

#[test]
fn a_version_that_is_not_for_the_day_or_the_application_is_a_warning() {
    let dated = |body: &str| {
        let day = "[[section.item]]\nid = 'entry_date'\nja = '例'\nen = 'Example'\ntype = 'date'\n\
                   class = 'medical'\ncarry = 'never'\n\n[[criterion]]";
        body.replacen("[[criterion]]", day, 1)
    };
    let keys = "applies = 'renewal'\nvalid_from = '2017-04-01'\nvalid_until = '2024-04-01'\n\
                accepted_until = '2025-04-01'";
    let (path, text) = form(1704, keys);
    let catalogue = load(&[(path, dated(&text))]).unwrap();
    let definition = catalogue.iter().next().unwrap();
    let found = |application, written: &str| -> Vec<String> {
        let answers: Answers =
            [("entry_date".to_owned(), definition.read("entry_date", written).unwrap())]
                .into_iter()
                .collect();
        let found = definition.check(&answers, application);
        found
            .iter()
            .map(|f| format!("{:?} {} {}", f.severity, f.rule, f.item.as_deref().unwrap_or("-")))
            .collect()
    };
    let (day, other) = ("W check.version entry_date", "W check.version -");
    assert_eq!(found(Application::Renewal, "2017-03-31"), [day]);
    assert_eq!(found(Application::Renewal, "2017-04-01"), [""; 0]);
    assert_eq!(found(Application::Renewal, "2025-03-31"), [""; 0]);
    assert_eq!(found(Application::Renewal, "2025-04-01"), [day]);
    assert_eq!(found(Application::Renewal, ""), [""; 0]);
    assert_eq!(found(Application::New, "2024-06-01"), [other]);
    assert_eq!(found(Application::New, "2026-06-01"), [day, other]);
}
