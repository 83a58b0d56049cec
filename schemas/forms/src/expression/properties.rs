//! What holds of every expression: it agrees with the crate `cel` where that can evaluate it, more
//! information never takes an answer away, and spans are as narrow as counting all possibilities.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{Compiler, Parser, Tree};
use crate::{
    answer::{Answer, Answers, Comparator, Row, Value},
    catalogue::{Catalogue, SourceFile},
    definition::Definition,
    number::{Number, Relation},
    scope::Scope,
    truth::Truth,
    typing::{Names, Type},
};

const CODES: &str = r#"
[[list]]
id = "score"
code = [
  { code = "1", ja = "一", en = "one", points = 0 },
  { code = "2", ja = "二", en = "two", points = 5 },
  { code = "3", ja = "三", en = "three", points = 20 },
  { code = "9", ja = "不明", en = "unknown", means = "unknown" },
]
[[list]]
id = "signed"
code = [
  { code = "1", ja = "一", en = "one", points = -3 },
  { code = "2", ja = "二", en = "two", points = 4 },
]
"#;

fn form() -> String {
    let item = |id: &str, rest: &str| {
        format!(
            "[[section.item]]\nid = '{id}'\nja = '例'\nen = 'Example'\nclass = 'medical'\ncarry = 'never'\n{rest}\n"
        )
    };
    let head = "key = 'nanbyo/0001-000/2403'\nname = { ja = '例', en = 'Example' }\npages = 1\n\
        valid_from = '2024-04-01'\n[[section]]\nid = 'all'\nja = '例'\nen = 'Example'\npage = 1\n";
    let decimal = "type = 'decimal'\nrange = ['-1000', '1000']\nplaces = 1\ncomparator = true";
    [
        head.to_owned(),
        item("a", "type = 'code'\ncodes = 'score'"),
        item("b", "type = 'code'\ncodes = 'score'"),
        item("c", "type = 'code'\ncodes = 'score'"),
        item("k", "type = 'codes'\ncodes = 'signed'"),
        item("n", "type = 'integer'\nrange = ['-9', '9']"),
        item("m", "type = 'integer'\nrange = ['-9', '9']"),
        item("x", decimal),
        item("d", "type = 'date'"),
        item("p", "type = 'partial_date'"),
        item(
            "r",
            "type = 'rows'\nrows = [1, 9]\n[[section.item.column]]\nid = 'dose'\nja = '例'\n\
             en = 'Dose'\ntype = 'integer'\nrange = ['0', '9']",
        ),
    ]
    .concat()
}

struct House {
    catalogue: Catalogue,
    names: Names,
    parser: Parser,
}

impl House {
    fn new() -> Self {
        let form = form();
        let catalogue = Catalogue::load(&[
            SourceFile { path: "codes/c.toml", text: CODES },
            SourceFile { path: "forms/nanbyo/0001-000/2403.toml", text: &form },
        ])
        .unwrap();
        let mut names = Names::default();
        for item in catalogue.iter().next().unwrap().items() {
            assert!(names.learn(&item.id, Type::of_kind(&item.kind)));
        }
        Self { catalogue, names, parser: Parser::new() }
    }

    fn definition(&self) -> &Definition {
        self.catalogue.iter().next().unwrap()
    }

    fn truth(&self, text: &str, answers: &Answers) -> Truth {
        let tables = BTreeMap::new();
        let compiler = Compiler::new(&self.parser, &self.names, &tables);
        let condition = compiler.condition(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        condition.truth(Scope::new(self.definition(), answers).view())
    }

    fn number(&self, text: &str, answers: &Answers) -> Number {
        let tables = BTreeMap::new();
        let compiler = Compiler::new(&self.parser, &self.names, &tables);
        match compiler.compile(text).map(Tree::quantity) {
            Ok(Ok(quantity)) => quantity.number(Scope::new(self.definition(), answers).view()),
            other => panic!("{text}: {other:?}"),
        }
    }
}

fn given(value: Value) -> Answer {
    Answer::Given(value)
}

fn code(code: u32) -> Answer {
    given(Value::Code(code.to_string()))
}

fn decimal(value: Decimal, comparator: Option<Comparator>) -> Answer {
    given(Value::Decimal { value, comparator })
}

/// Everything a form can say, and how much of each item is hidden (0 nothing, 3 all).
#[derive(Debug, Clone)]
struct Filled {
    codes: [u32; 3],
    chosen: u8,
    whole: [i64; 2],
    tenths: i64,
    day: (i16, i8, i8),
    doses: Vec<i64>,
}

fn filled() -> impl Strategy<Value = Filled> {
    let day = (2000_i16..2003, 1_i8..13, 1_i8..29);
    let doses = prop::collection::vec(0_i64..4, 1..4);
    (
        prop::array::uniform3(1_u32..4),
        1_u8..4,
        prop::array::uniform2(-4_i64..5),
        -30_i64..30,
        day,
        doses,
    )
        .prop_map(|(codes, chosen, whole, tenths, day, doses)| Filled {
            codes,
            chosen,
            whole,
            tenths,
            day,
            doses,
        })
}

impl Filled {
    fn answers(&self, hidden: &[u8]) -> Answers {
        let mut answers = Answers::new();
        let hide = |place: usize| hidden.get(place).copied().unwrap_or(0);
        for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
            let answer = match hide(place) {
                3 => Answer::Blank,
                2 => code(9),
                _ => code(self.codes[place]),
            };
            answers.set(name, answer);
        }
        let chosen = [(1, "1"), (2, "2")].iter().filter(|(bit, _)| self.chosen & bit != 0);
        let chosen = Value::Codes(chosen.map(|(_, code)| (*code).to_owned()).collect());
        answers.set("k", if hide(3) > 1 { Answer::Illegible } else { given(chosen) });
        for (place, name) in ["n", "m"].into_iter().enumerate() {
            let answer = given(Value::Integer(self.whole[place]));
            // 未実施 is an answer to not_done, which is asked of n: only of m it hides something.
            let none = if name == "n" { Answer::Blank } else { Answer::NotDone };
            answers.set(name, if hide(4 + place) > 1 { none } else { answer });
        }
        let x = Decimal::new(self.tenths, 1);
        let answer = match hide(6) {
            0 => decimal(x, None),
            1 => decimal(x + Decimal::ONE, Some(Comparator::Lt)),
            2 => decimal(x, Some(Comparator::Ge)),
            _ => Answer::Unknown,
        };
        answers.set("x", answer);
        let (year, month, day) = self.day;
        let date = kakehashi_kernel::CivilDate::new(year, month, day).unwrap();
        answers.set("d", if hide(7) > 1 { Answer::Blank } else { given(Value::Date(date)) });
        let partial = |month, day| {
            let date = kakehashi_kernel::PartialDate::new(year, month, day).unwrap();
            given(Value::PartialDate(date))
        };
        let answer = match hide(8) {
            0 => partial(Some(month), Some(day)),
            1 => partial(Some(month), None),
            2 => partial(None, None),
            _ => Answer::Struck,
        };
        answers.set("p", answer);
        let row = |(place, dose): (usize, &i64)| -> Row {
            let answer = if place == 0 && hide(9) == 1 {
                Answer::Unknown
            } else {
                given(Value::Integer(*dose))
            };
            [("dose".to_owned(), answer)].into_iter().collect()
        };
        let rows = Value::Rows(self.doses.iter().enumerate().map(row).collect());
        answers.set("r", if hide(9) > 1 { Answer::Blank } else { given(rows) });
        answers
    }
}

/// Whole numbers that `cel` can compute with, and ours.
fn whole() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["a", "b", "n", "m", "size(k)"]).prop_map(str::to_owned),
        (-5_i64..6).prop_map(|number| format!("({number})")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), prop::sample::select(vec!["+", "-", "*"]), inner)
            .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"))
    })
    .boxed()
}

/// Conditions that `cel` can evaluate, and ours.
fn plain() -> BoxedStrategy<String> {
    let compare = (whole(), prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]), whole())
        // The sum keeps a code from being compared with a number that is no code.
        .prop_map(|(left, operator, right)| format!("0 + {left} {operator} 0 + {right}"));
    let leaf = prop_oneof![
        compare,
        prop::sample::select(vec!["a in [1, 2]", "1 in k", "2 in k", "a == 3", "b != 1"])
            .prop_map(str::to_owned),
    ];
    combine(leaf.boxed())
}

fn combine(leaf: BoxedStrategy<String>) -> BoxedStrategy<String> {
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} && {r})")),
            (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("({l} || {r})")),
            inner.clone().prop_map(|inner| format!("!({inner})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(c, y, n)| format!("({c} ? {y} : {n})")),
        ]
    })
    .boxed()
}

/// Numbers of the whole language.
fn quantity() -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "a",
            "n",
            "m",
            "x",
            "points(a)",
            "points(b)",
            "points(k)",
            "size(k)",
            "size(r)",
            "years(p, d)",
            "months(d, p)",
            "days(p, d)",
            "count([a == 1, b == 2, x > 0])",
        ])
        .prop_map(str::to_owned),
        (-20_i64..20).prop_map(|tenths| format!("({})", Decimal::new(tenths, 1))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/"]), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_flat_map(|list| {
                    (Just(list), prop::sample::select(vec!["sum", "min", "max"]))
                })
                .prop_map(|(list, name)| format!("{name}([{}])", list.join(", "))),
            (inner.clone(), prop::sample::select(vec!["abs", "sqrt", "exp", "ln"]))
                .prop_map(|(inner, name)| format!("round({name}({inner}), 4)")),
            inner.clone().prop_map(|inner| format!("round({inner}, 0)")),
            (inner.clone(), -2_i64..3).prop_map(|(inner, power)| format!("pow({inner}, {power})")),
            (inner.clone(), inner).prop_map(|(yes, no)| format!("(x > 0.5 ? {yes} : {no})")),
        ]
    })
    .boxed()
}

fn condition() -> BoxedStrategy<String> {
    let compare =
        (quantity(), prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]), quantity())
            .prop_map(|(left, operator, right)| format!("0 + {left} {operator} 0 + {right}"));
    let leaf = prop_oneof![
        3 => compare,
        1 => prop::sample::select(vec![
            "d <= p",
            "p < d",
            // Not `.first`: it is a bound of what is written, and moves when more is.
            "p >= d",
            "p == '2001-05'",
            "a in [1, 3]",
            "a == b",
            "2 in k",
            "not_done(n)",
            "r.exists(row, row.dose > 2)",
            "r.all(row, row.dose > n)",
        ])
        .prop_map(str::to_owned),
    ];
    combine(leaf.boxed())
}

/// Evaluates a text with the crate `cel`.
fn reference(text: &str, answers: &Answers) -> Option<bool> {
    let program = cel::Program::compile(text).unwrap();
    let mut context = cel::Context::default();
    for (item, answer) in answers.iter() {
        match answer.value() {
            Some(Value::Code(code)) if code != "9" => {
                context.add_variable_from_value(item, code.parse::<i64>().unwrap());
            }
            Some(Value::Integer(number)) => context.add_variable_from_value(item, *number),
            Some(Value::Codes(codes)) => {
                let codes: Vec<i64> = codes.iter().map(|code| code.parse().unwrap()).collect();
                context.add_variable_from_value(item, codes);
            }
            _ => {}
        }
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(is_true)) => Some(is_true),
        _ => None,
    }
}

fn hidden() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0_u8..4, 10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_reference_agrees_when_everything_is_known(text in plain(), form in filled()) {
        let answers = form.answers(&[]);
        let expected = reference(&text, &answers).expect("everything is known");
        prop_assert_eq!(House::new().truth(&text, &answers), Truth::from(expected), "{}", text);
    }

    #[test]
    fn what_the_reference_decides_without_everything_is_so(
        text in plain(), form in filled(), hidden in hidden()
    ) {
        let answers = form.answers(&hidden);
        if let Some(expected) = reference(&text, &answers) {
            prop_assert_eq!(House::new().truth(&text, &answers), Truth::from(expected), "{}", text);
        }
    }

    #[test]
    fn more_information_never_takes_an_answer_away(
        text in condition(), form in filled(), hidden in hidden()
    ) {
        let house = House::new();
        let less = house.truth(&text, &form.answers(&hidden));
        if less != Truth::Undetermined {
            prop_assert_eq!(less, house.truth(&text, &form.answers(&[])), "{}", text);
        }
    }

    #[test]
    fn more_information_never_widens_a_number(
        text in quantity(), form in filled(), hidden in hidden(), order in any::<prop::sample::Index>()
    ) {
        let house = House::new();
        let mut some = hidden.clone();
        some[order.index(10)] = 0;
        let less = house.number(&text, &form.answers(&hidden));
        let more = house.number(&text, &form.answers(&some));
        prop_assert_eq!(more.compare(Relation::Less, Number::between(std::ops::Bound::Unbounded, less.low())) == Truth::True, false);
        prop_assert_eq!(less.either(more), less, "{}: {:?} in {:?}", text, more, less);
    }

    #[test]
    fn scores_are_bounded_by_all_that_is_still_possible(
        form in filled(), hidden in hidden(), least in -5_i64..70
    ) {
        let house = House::new();
        let sum = "sum([points(a), points(b), points(c), points(k)])";
        let count = "count([a == 1, b == 1, c == 1, 2 in k])";
        let answers = form.answers(&hidden);
        let mut sums = Vec::new();
        let mut counts = Vec::new();
        for complete in completions(&form, &hidden) {
            sums.push(house.number(sum, &complete).point().unwrap());
            counts.push(house.number(count, &complete).point().unwrap());
        }
        let span = |all: &[Decimal]| {
            Number::from_to(*all.iter().min().unwrap(), *all.iter().max().unwrap())
        };
        prop_assert_eq!(house.number(sum, &answers), span(&sums));
        prop_assert_eq!(house.number(count, &answers), span(&counts));
        let all = sums.iter().all(|sum| *sum >= least.into());
        let any = sums.iter().any(|sum| *sum >= least.into());
        let truth = match (all, any) {
            (true, _) => Truth::True,
            (_, false) => Truth::False,
            _ => Truth::Undetermined,
        };
        prop_assert_eq!(house.truth(&format!("{sum} >= {least}"), &answers), truth);
    }
}

/// Every way to fill in what is hidden of the four scored items.
fn completions(form: &Filled, hidden: &[u8]) -> Vec<Answers> {
    let mut all = vec![form.answers(hidden)];
    for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
        if hidden[place] > 1 {
            all = spread(&all, name, &(1..4).map(code).collect::<Vec<_>>());
        }
    }
    if hidden[3] > 1 {
        let codes = |codes: &[&str]| {
            given(Value::Codes(codes.iter().map(|code| (*code).to_owned()).collect()))
        };
        // None chosen is no answer a form gives, but what a blank may stand for.
        all = spread(&all, "k", &[codes(&[]), codes(&["1"]), codes(&["2"]), codes(&["1", "2"])]);
    }
    all
}

fn spread(all: &[Answers], item: &str, answers: &[Answer]) -> Vec<Answers> {
    let with = |form: &Answers, answer: &Answer| {
        let mut form = form.clone();
        form.set(item, answer.clone());
        form
    };
    all.iter().flat_map(|form| answers.iter().map(move |answer| with(form, answer))).collect()
}

#[track_caller]
fn check(text: &str, changes: &[(&str, Answer)], expected: Truth) {
    let mut answers = Answers::new();
    for (item, answer) in changes {
        answers.set(*item, answer.clone());
    }
    assert_eq!(House::new().truth(text, &answers), expected, "{text}");
}

#[test]
fn the_examples_of_the_language_hold() {
    let d = |text: &str| text.parse::<Decimal>().unwrap();
    check("true || a == 1", &[], Truth::True);
    check("false && a == 1", &[], Truth::False);
    check("count([true, true, a == 1]) >= 2", &[], Truth::True);
    check("sum([8, points(a)]) >= 4", &[], Truth::True);
    check("sum([8, points(a)]) >= 9", &[], Truth::Undetermined);
    check("x < 0.5", &[("x", decimal(d("0.1"), Some(Comparator::Lt)))], Truth::True);
    check("x < 0.1", &[("x", decimal(d("0.1"), Some(Comparator::Lt)))], Truth::True);
    check("x < 0.05", &[("x", decimal(d("0.1"), Some(Comparator::Lt)))], Truth::Undetermined);
    check("x > 2000", &[("x", decimal(d("2000"), Some(Comparator::Gt)))], Truth::True);
    check("x < 1", &[("x", given(Value::BelowDetection))], Truth::Undetermined);
    check("not_done(x)", &[("x", Answer::NotDone)], Truth::True);
    check("not_done(x)", &[("x", decimal(d("1"), None))], Truth::False);
    check("not_done(x)", &[], Truth::Undetermined);
    check("size(r) >= 1", &[], Truth::Undetermined);
    check("x / 0 > 1", &[("x", decimal(d("1"), None))], Truth::Undetermined);
    check("0.1 + 0.2 == 0.3", &[], Truth::True);
    check("a == 2", &[("a", code(9))], Truth::Undetermined);
}

#[test]
fn a_depth_no_person_writes_is_refused() {
    let house = House::new();
    let tables = BTreeMap::new();
    let compiler = Compiler::new(&house.parser, &house.names, &tables);
    let deep = format!("{}n{} > 1", "abs(".repeat(70), ")".repeat(70));
    let error = compiler.condition(&deep).unwrap_err();
    assert!(error.contains("deeper") || error.contains("recursion"), "{error}");
    let wide = vec!["n == 1"; 200].join(" || ");
    assert!(compiler.condition(&wide).is_ok());
    let tower = vec!["n"; 300].join(" + ") + " > 1";
    let error = compiler.condition(&tower).unwrap_err();
    assert!(error.contains("deeper") || error.contains("recursion"), "{error}");
}
