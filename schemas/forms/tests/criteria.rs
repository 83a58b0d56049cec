//! Which rules a form is judged by: sets by date, halves without rules, what could still decide.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use kakehashi_forms::{
    Answers, Application, Catalogue, Circumstances, Definition, Judgement, Outcome, SourceFile,
};

const CODES: &str = r#"
[[list]]
id = "score"
code = [
  { code = "0", ja = "〇", en = "zero", points = 0 },
  { code = "1", ja = "一", en = "one", points = 1 },
  { code = "2", ja = "二", en = "two", points = 4 },
  { code = "9", ja = "不明", en = "unknown", means = "unknown" },
]
[[list]]
id = "grade"
code = [
  { code = "mild", ja = "軽症", en = "Mild" },
  { code = "severe", ja = "重症", en = "Severe" },
]
"#;

const TABLES: &str = r#"
[[table]]
id = "mean"
source = "invented"
x = ["0", "10"]
y = ["100", "200"]
between = "line"
below = "none"
above = "hold"
"#;

/// A shared section that brings an item and a criterion.
const SHARED: &str = r#"
id = "extra"
ja = "例"
en = "Example"
[[item]]
id = "c"
ja = "例"
en = "Example"
type = "code"
codes = "score"
class = "medical"
carry = "never"
[[criterion]]
id = "c_high"
ja = "cが高い"
en = "c is high"
when = "c == 2"
"#;

const FORM: &str = r#"
key = "nanbyo/0001-000/2403"
name = { ja = "例", en = "Example" }
pages = 1
valid_from = "2024-04-01"

[[section]]
id = "all"
ja = "例"
en = "Example"
page = 1
[[section.item]]
id = "first_certified"
ja = "初回認定日"
en = "First certified"
type = "partial_date"
class = "medical"
carry = "always"
[[section.item]]
id = "a"
ja = "例"
en = "Example"
type = "code"
codes = "score"
class = "medical"
carry = "never"
[[section.item]]
id = "b"
ja = "例"
en = "Example"
type = "code"
codes = "score"
class = "medical"
carry = "never"
[[section.item]]
id = "x"
ja = "例"
en = "Example"
type = "decimal"
range = ["0", "99"]
places = 2
comparator = true
detection = "0.1"
class = "medical"
carry = "never"
[[section.item]]
id = "entry_date"
ja = "記載年月日"
en = "Written"
type = "date"
class = "institution"
carry = "never"

[[section]]
include = "extra"
page = 1

[[derived]]
id = "total"
ja = "合計"
en = "Total"
value = "sum([points(a), points(b)])"
formula = { ja = "合計", en = "Sum" }
source = "invented"

[[derived]]
id = "half"
ja = "半分"
en = "Half"
value = "total / 8"
places = 1
formula = { ja = "半分", en = "Half" }
source = "invented"

[[derived]]
id = "grade"
ja = "重さ"
en = "Grade"
value = "total >= 4 ? 'severe' : 'mild'"
codes = "grade"
formula = { ja = "4点以上", en = "Four or more" }
source = "invented"

[[derived]]
id = "is_measured"
ja = "測定"
en = "Measured"
value = "x >= 0.1"
when = "!not_done(x)"
formula = { ja = "測定", en = "Measured" }
source = "invented"

[[derived]]
id = "mean"
ja = "平均"
en = "Mean"
value = "table('mean', x)"
places = 2
formula = { ja = "表", en = "Table" }
source = "invented"

[[criterion]]
id = "old_met"
ja = "旧"
en = "Old"
any = ["c_high", "a_high"]

[[criterion]]
id = "never"
ja = "ない"
en = "Never"
when = "false"

[[diagnosis]]
version = "old"
notice = { ja = "旧基準による。", en = "By the old rules." }
certified_until = "2015-01-01"
[[diagnosis.category]]
id = "definite"
ja = "確実"
en = "Definite"
criterion = "old_met"
eligible = true

[[diagnosis]]
version = "new"
notice = { ja = "新基準による。", en = "By the new rules." }
certified_from = "2015-01-01"
[[diagnosis.category]]
id = "definite"
ja = "確実"
en = "Definite"
criterion = "a_high"
eligible = true

[[severity]]
version = "s1"
notice = { ja = "旧基準による。", en = "By the old rules." }
applies = "new"
[[severity.grade]]
id = "severe"
ja = "重い"
en = "Severe"
criterion = "severe"
eligible = true

[[severity]]
version = "s2"
notice = { ja = "更新の表による。", en = "By the table for renewals." }
applies = "renewal"
[[severity.grade]]
id = "severe"
ja = "重い"
en = "Severe"
criterion = "very_severe"
eligible = true
"#;

const CRITERIA: &str = r#"
[[criterion]]
id = "a_high"
ja = "aが高い"
en = "a is high"
when = "a == 2"

[[criterion]]
id = "severe"
ja = "重い"
en = "Severe"
when = "total >= 4"

[[criterion]]
id = "very_severe"
ja = "とても重い"
en = "Very severe"
when = "grade == 'severe' && total >= 8"
"#;

const PATH: &str = "forms/nanbyo/0001-000/2403.toml";

fn form() -> String {
    FORM.replace(
        "[[criterion]]\nid = \"old_met\"",
        &format!("{CRITERIA}\n[[criterion]]\nid = \"old_met\""),
    )
}

fn files(form: &str) -> [SourceFile<'_>; 4] {
    [
        SourceFile { path: "codes/c.toml", text: CODES },
        SourceFile { path: "tables/t.toml", text: TABLES },
        SourceFile { path: "shared/extra.toml", text: SHARED },
        SourceFile { path: PATH, text: form },
    ]
}

fn with_form<T>(form: &str, run: impl FnOnce(&Definition) -> T) -> T {
    run(Catalogue::load(&files(form)).unwrap().iter().next().unwrap())
}

fn answers(definition: &Definition, typed: &[(&str, &str)]) -> Answers {
    let read = |(item, text): &(&str, &str)| {
        let answer = definition.read(item, text).unwrap_or_else(|finding| panic!("{finding:?}"));
        ((*item).to_owned(), answer)
    };
    typed.iter().map(read).collect()
}

fn judge(typed: &[(&str, &str)], application: Application) -> Judgement {
    with_form(&form(), |definition| {
        let answers = answers(definition, typed);
        definition.judge(&answers, &definition.circumstances(&answers, application))
    })
}

const WRITTEN: (&str, &str) = ("entry_date", "2024-06-01");

#[test]
fn a_new_application_is_judged_by_the_rules_of_the_day_it_is_written() {
    let judged = judge(&[("a", "0"), ("b", "2"), ("c", "2"), WRITTEN], Application::New);
    assert_eq!(judged.outcome, Outcome::NotMet);
    assert_eq!(judged.rule_version, "new; s1");
    assert_eq!(judged.rule_notice.ja, "新基準による。旧基準による。");
    assert_eq!(judged.diagnosis_half.unwrap().version, "new");
}

#[test]
fn a_recipient_keeps_the_rules_of_the_first_certification() {
    let base = [("a", "0"), ("b", "2"), ("c", "2"), WRITTEN];
    let renewal = |first: &'static str| {
        let mut typed = base.to_vec();
        typed.push(("first_certified", first));
        judge(&typed, Application::Renewal).diagnosis_half.unwrap()
    };
    assert_eq!(
        (renewal("2014-12-31").outcome, &*renewal("2014-12-31").version),
        (Outcome::Met, "old")
    );
    assert_eq!(
        (renewal("2015-01-01").outcome, &*renewal("2015-01-01").version),
        (Outcome::NotMet, "new")
    );
    // A year is enough where all its days have the same rules.
    assert_eq!(renewal("2014").outcome, Outcome::Met);
    assert_eq!(renewal("2015").outcome, Outcome::NotMet);
}

#[test]
fn without_the_first_certification_only_what_every_set_says_is_certain() {
    let differ = judge(&[("a", "0"), ("b", "2"), ("c", "2"), WRITTEN], Application::Renewal);
    assert_eq!(differ.outcome, Outcome::NotMet, "the severity of renewals decides");
    let differ = judge(&[("a", "1"), ("b", "9"), ("c", "2"), WRITTEN], Application::Renewal);
    assert_eq!(differ.outcome, Outcome::NotMet, "five points at most");

    let open = judge(&[("a", "9"), ("b", "2"), ("c", "2"), WRITTEN], Application::Renewal);
    assert_eq!(open.outcome, Outcome::Undetermined);
    assert_eq!(open.missing, ["first_certified", "a"]);
    assert_eq!(open.diagnosis_half.unwrap().version, "old; new");
    let diagnosis = &open.explanation.children[0];
    assert_eq!(diagnosis.children[0].label.ja, "初回認定日が分からない");

    let agree = judge(&[("a", "2"), ("b", "2"), WRITTEN], Application::Renewal);
    assert_eq!(agree.outcome, Outcome::Met);
    assert_eq!(agree.diagnosis.unwrap().id, "definite");
    assert!(agree.missing.is_empty());
}

#[test]
fn new_and_renewal_have_their_own_grades() {
    let typed = [("a", "2"), ("b", "0"), ("first_certified", "2020"), WRITTEN];
    assert_eq!(judge(&typed, Application::New).outcome, Outcome::Met);
    assert_eq!(judge(&typed, Application::Renewal).outcome, Outcome::NotMet);
}

#[test]
fn a_half_without_rules_is_not_judged_and_so_is_the_whole() {
    let form = form();
    let without = form[..form.find("[[severity]]").unwrap()].to_owned();
    with_form(&without, |definition| {
        let answers = answers(definition, &[("a", "2")]);
        let judged = definition.judge(&answers, &Circumstances::new(Application::New));
        assert_eq!(judged.outcome, Outcome::Undetermined);
        assert_eq!(judged.explanation.label.ja, "機械判定なし");
        assert_eq!(judged.diagnosis.unwrap().id, "definite");
        assert_eq!(judged.diagnosis_half.unwrap().outcome, Outcome::Met);
        assert!(judged.severity_half.is_none());
        assert!(judged.missing.is_empty());
        assert!(definition.has_diagnosis() && !definition.has_severity());
    });
}

#[test]
fn missing_names_what_could_still_decide_and_nothing_else() {
    let by = |typed: &[(&str, &str)]| {
        let mut typed = typed.to_vec();
        typed.push(WRITTEN);
        judge(&typed, Application::New).missing
    };
    assert_eq!(by(&[("a", "2")]), Vec::<String>::new(), "four points are enough");
    assert_eq!(by(&[("b", "0")]), ["a"]);
    assert_eq!(by(&[]), ["a", "b"]);
}

#[test]
fn derived_values_are_numbers_codes_and_truths() {
    let calculated = |typed: &[(&str, &str)]| {
        with_form(&form(), |definition| {
            let answers = answers(definition, typed);
            let all = definition.calculate(&answers);
            all.iter()
                .map(|c| format!("{}={}", c.item, definition.write(&c.item, &c.answer)))
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    let full = [("a", "2"), ("b", "2"), ("x", "2.5")];
    assert_eq!(calculated(&full), "total=8 half=1.0 grade=severe is_measured=1 mean=125.00");
    let one = [("a", "2"), ("x", "<0.1")];
    assert_eq!(calculated(&one), "total= half= grade=severe is_measured=2 mean=");
    let below = [("a", "1"), ("b", "2"), ("x", "感度以下")];
    assert_eq!(calculated(&below), "total=5 half=0.6 grade=severe is_measured=2 mean=");
    let not_done = [("a", "0"), ("b", "1"), ("x", "99")];
    assert_eq!(calculated(&not_done), "total=1 half=0.1 grade=mild is_measured=1 mean=200.00");
    assert_eq!(calculated(&[]), "total= half= grade= is_measured= mean=");
}

#[test]
fn one_examination_says_what_the_three_calls_say() {
    with_form(&form(), |definition| {
        let answers = answers(definition, &[("a", "2"), ("x", "1")]);
        let circumstances = definition.circumstances(&answers, Application::Renewal);
        let examined = definition.examine(&answers, &circumstances);
        assert_eq!(examined.findings, definition.check(&answers, Application::Renewal));
        assert_eq!(examined.calculated, definition.calculate(&answers));
        assert_eq!(examined.judgement, definition.judge(&answers, &circumstances));
    });
}

#[test]
fn the_order_of_sections_does_not_matter() {
    let form = form();
    let moved = form.replace("[[section]]\ninclude = \"extra\"\npage = 1\n", "").replacen(
        "[[section]]",
        "[[section]]\ninclude = \"extra\"\npage = 1\n\n[[section]]",
        1,
    );
    for typed in [
        vec![("a", "2"), ("b", "0"), ("c", "2"), WRITTEN],
        vec![("b", "2"), ("x", "0.05")],
        vec![("a", "9"), ("c", "0")],
        vec![],
    ] {
        let examined = |form: &str| {
            with_form(form, |definition| {
                let answers = answers(definition, &typed);
                let circumstances = definition.circumstances(&answers, Application::Renewal);
                definition.examine(&answers, &circumstances)
            })
        };
        let (one, mut other) = (examined(&form), examined(&moved));
        other
            .judgement
            .missing
            .sort_by_key(|id| one.judgement.missing.iter().position(|o| o == id));
        assert_eq!(one, other);
    }
}

#[test]
fn a_judgement_stored_before_the_halves_were_written_is_still_read() {
    let stored = r#"{"outcome":"met","diagnosis":{"id":"definite","label":{"ja":"確実","en":"Definite"}},
        "severity":null,"explanation":{"criterion":null,"label":{"ja":"判定","en":"Judgement"},
        "outcome":"met","children":[{"criterion":"a","label":{"ja":"あ","en":"a"},"outcome":"met","children":[]}]},
        "missing":[],"rule_version":"v","rule_notice":{"ja":"注","en":"note"}}"#;
    let judged: Judgement = serde_json::from_str(stored).unwrap();
    assert_eq!(judged.explanation.children[0].criterion.as_deref(), Some("a"));
    assert!(judged.diagnosis_half.is_none());
    let again: Judgement = serde_json::from_str(&serde_json::to_string(&judged).unwrap()).unwrap();
    assert_eq!(again, judged);
}

#[track_caller]
fn refused(from: &str, to: &str, problem: &str) {
    let form = form();
    assert!(form.contains(from), "{from}");
    let error = Catalogue::load(&files(&form.replacen(from, to, 1))).unwrap_err();
    assert_eq!(error.file, PATH);
    assert!(error.problem.contains(problem), "{error}");
}

#[test]
fn sets_with_a_gap_or_an_overlap_are_refused_with_both_versions() {
    refused(
        "certified_from = \"2015-01-01\"",
        "certified_from = \"2016-01-01\"",
        "no set between old (until 2015-01-01) and new (2016-01-01)",
    );
    refused(
        "certified_from = \"2015-01-01\"",
        "certified_from = \"2014-01-01\"",
        "old and new hold on the same day",
    );
    refused("certified_from = \"2015-01-01\"\n", "", "hold on the same day");
    refused(
        "certified_until = \"2015-01-01\"\n",
        "certified_until = \"2015-01-01\"\ncertified_from = \"2000-01-01\"\n",
        "no set before old (2000-01-01)",
    );
    refused(
        "applies = \"new\"",
        "applies = \"new\"\nwritten_from = \"2024-05-01\"",
        "no set before s1 (2024-05-01)",
    );
    refused(
        "applies = \"new\"",
        "applies = \"new\"\nwritten_until = \"2025-05-01\"",
        "no set after s1 (until 2025-05-01)",
    );
    refused("applies = \"new\"", "applies = \"both\"", "s1 and s2 hold on the same day");
    refused("applies = \"new\"", "applies = \"renewal\"", "no severity set for new");
    refused(
        "certified_until = \"2015-01-01\"\n",
        "certified_until = \"2015-01-01\"\ncertified_from = \"2015-01-01\"\n",
        "ends before it begins",
    );
}

#[test]
fn criteria_that_do_not_hold_together_are_refused() {
    refused(
        "any = [\"c_high\", \"a_high\"]",
        "any = [\"never\"]",
        "no criterion never stands before this one",
    );
    refused(
        "any = [\"c_high\", \"a_high\"]",
        "at_least = 3\nof = [\"c_high\", \"a_high\"]",
        "at_least 3 of 2",
    );
    refused("any = [\"c_high\", \"a_high\"]", "any = [\"a_high\"]\nwhen = \"true\"", "give one of");
    refused("criterion = \"old_met\"", "criterion = \"old\"", "there is no criterion old");
    refused("id = \"never\"", "id = \"c_high\"", "used twice");
    refused("when = \"false\"", "when = \"answered(a)\"", "answered is allowed in");
    refused("when = \"false\"", "when = \"c == 7\"", "7 is not a code of score");
    for never in ["c == 9", "c != 9", "c in [1, 9]"] {
        let when = format!("when = \"{never}\"");
        refused("when = \"false\"", &when, "9 of score says that nothing is known");
    }
}

#[test]
fn derived_items_that_cannot_be_calculated_are_refused() {
    refused(
        "value = \"sum([points(a), points(b)])\"",
        "value = \"half * 2\"",
        "half is calculated only here or further down",
    );
    refused(
        "value = \"total / 8\"",
        "value = \"half / 8\"",
        "half is calculated only here or further down",
    );
    refused("value = \"total / 8\"", "value = \"points(x)\"", "points does not go with a number");
    refused("value = \"total / 8\"", "value = \"answered(a) ? 1 : 2\"", "answered is allowed in");
    refused(
        "value = \"table('mean', x)\"",
        "value = \"table('median', x)\"",
        "there is no table median",
    );
    refused("value = \"table('mean', x)\"", "value = \"entry_date\"", "not a number");
    refused("codes = \"grade\"", "codes = \"grades\"", "there is no code list grades");
    refused("'severe' : 'mild'", "'severe' : 'light'", "light is not a code of grade");
    refused("when = \"!not_done(x)\"", "when = \"x\"", "not true or false");
    refused("id = \"half\"", "id = \"a\"", "used twice");
}

#[test]
fn every_wrong_file_is_named_once() {
    let wrong = form().replace("value = \"total / 8\"", "value = \"totally / 8\"");
    let other = form().replace("0001-000", "0002-000").replace("x >= 0.1", "x >= 'a'");
    let third = form().replace("0001-000", "0003-000");
    let broken = SHARED.replace("c == 2", "c == 8");
    let run = |shared: &str| {
        let mut files = files(&wrong).to_vec();
        files[2].text = shared;
        files.push(SourceFile { path: "forms/nanbyo/0002-000/2403.toml", text: &other });
        files.push(SourceFile { path: "forms/nanbyo/0003-000/2403.toml", text: &third });
        let (catalogue, errors) = Catalogue::load_partly(&files);
        let named: Vec<String> = errors.iter().map(ToString::to_string).collect();
        (catalogue.iter().count(), named)
    };
    let (loaded, errors) = run(SHARED);
    assert_eq!((loaded, errors.len()), (1, 2), "{errors:?}");
    assert!(errors[0].contains("unknown item totally"), "{errors:?}");
    assert!(errors[1].contains("forms/nanbyo/0002-000/2403.toml, line"), "{errors:?}");
    let (loaded, errors) = run(&broken);
    assert_eq!((loaded, errors.len()), (0, 3), "{errors:?}");
    assert!(
        errors.iter().any(|error| error.starts_with("shared/extra.toml, line 17, c_high")),
        "{errors:?}"
    );
}

/// A form whose criteria stand on each other like a tower, each on one below.
fn tower(floors: usize) -> String {
    let floor = |floor: usize| {
        let below = if floor == 0 { "a_high".to_owned() } else { format!("f{}", floor - 1) };
        format!(
            "[[criterion]]\nid = \"f{floor}\"\nja = \"例\"\nen = \"Example\"\nall = [\"{below}\"]\n"
        )
    };
    let floors_text: String = (0..floors).map(floor).collect();
    form()
        .replace(
            "[[criterion]]\nid = \"old_met\"",
            &format!("{floors_text}\n[[criterion]]\nid = \"old_met\""),
        )
        .replace("criterion = \"old_met\"", &format!("criterion = \"f{}\"", floors - 1))
}

#[test]
fn the_deepest_judgement_is_read_back_from_json() {
    with_form(&tower(39), |definition| {
        let judged = definition.judge(&Answers::new(), &Circumstances::new(Application::Renewal));
        let json = serde_json::to_string(&judged).unwrap();
        assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), judged);
    });
    let error = Catalogue::load(&files(&tower(40))).unwrap_err();
    assert!(error.problem.contains("explanation is too large"), "{error}");
}

#[test]
fn the_explanation_of_all_sets_together_has_an_end() {
    let category = |n: usize| {
        format!(
            "[[diagnosis.category]]\nid = \"c{n}\"\nja = \"例\"\nen = \"Example\"\ncriterion = \"a_high\"\neligible = true\n"
        )
    };
    let with = |count: usize| {
        let all: String = (0..count).map(category).collect();
        form().replace(
            "[[severity]]\nversion = \"s1\"",
            &format!("{all}\n[[severity]]\nversion = \"s1\""),
        )
    };
    assert!(Catalogue::load(&files(&with(400))).is_ok());
    let error = Catalogue::load(&files(&with(500))).unwrap_err();
    assert!(error.problem.contains("explanation is too large"), "{error}");
}

#[test]
fn sets_hold_as_long_as_an_outdated_form_is_accepted() {
    let keys = "valid_from = \"2024-04-01\"\nvalid_until = \"2025-04-01\"";
    let with = |accepted: &str| {
        form()
            .replace("valid_from = \"2024-04-01\"", &format!("{keys}\n{accepted}"))
            .replace("applies = \"new\"", "applies = \"new\"\nwritten_until = \"2025-04-01\"")
    };
    assert!(Catalogue::load(&files(&with(""))).is_ok());
    let error = Catalogue::load(&files(&with("accepted_until = \"2026-04-01\""))).unwrap_err();
    assert!(error.problem.contains("no set after s1 (until 2025-04-01)"), "{error}");
}
