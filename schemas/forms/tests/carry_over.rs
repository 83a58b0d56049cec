//! Last year's values in this year's form.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod sample;

use kakehashi_forms::{
    Answer, Answers, Application, Carriage, CarriedOver, Catalogue, Definition, NotCarried,
    SourceFile,
};
use proptest::prelude::*;

const CODES: &str = r#"[[list]]
id = "old"
code = [{ code = "1", ja = "軽い", en = "Light" }, { code = "2", ja = "重い", en = "Heavy" }, { code = "3", ja = "ほか", en = "Other" }, { code = "9", ja = "不明", en = "Unknown", means = "unknown" }]

[[list]]
id = "new"
code = [{ code = "2", ja = "重い", en = "Heavy" }, { code = "1", ja = "軽い", en = "Mild" }, { code = "4", ja = "最も重い", en = "Heaviest" }, { code = "9", ja = "不明", en = "Unknown", means = "unknown" }]

[[list]]
id = "moved"
code = [{ code = "1", ja = "重い", en = "Heavy" }, { code = "2", ja = "軽い", en = "Light" }]
"#;

/// Id, then the item in the old form and in the new one.
const ITEMS: &[(&str, &str, &str)] = &[
    (
        "name",
        "type = 'text'\nlength = [1, 40]\ncarry = 'always'",
        "type = 'text'\nlength = [1, 5]\ncarry = 'always'",
    ),
    (
        "kana",
        "type = 'text'\nlength = [1, 40]\ncarry = 'ask'",
        "type = 'kana'\nlength = [1, 40]\ncarry = 'ask'",
    ),
    ("onset", "type = 'date'\ncarry = 'always'", "type = 'partial_date'\ncarry = 'always'"),
    ("seen", "type = 'partial_date'\ncarry = 'ask'", "type = 'date'\ncarry = 'ask'"),
    (
        "grade",
        "type = 'code'\ncodes = 'old'\ncarry = 'ask'",
        "type = 'code'\ncodes = 'new'\ncarry = 'ask'",
    ),
    (
        "turned",
        "type = 'code'\ncodes = 'old'\ncarry = 'ask'",
        "type = 'code'\ncodes = 'moved'\ncarry = 'ask'",
    ),
    (
        "signs",
        "type = 'codes'\ncodes = 'old'\ncarry = 'always'",
        "type = 'codes'\ncodes = 'new'\ncarry = 'always'",
    ),
    (
        "sign",
        "type = 'code'\ncodes = 'old'\ncarry = 'ask'",
        "type = 'codes'\ncodes = 'new'\ncarry = 'ask'",
    ),
    (
        "height",
        "type = 'integer'\nrange = ['0', '250']\ncarry = 'ask'\nunit = 'cm'",
        "type = 'decimal'\nrange = ['0', '250']\nplaces = 1\ncarry = 'ask'\nunit = 'cm'",
    ),
    (
        "weight",
        "type = 'decimal'\nrange = ['0', '300']\nplaces = 2\ncarry = 'ask'\nunit = 'kg'",
        "type = 'decimal'\nrange = ['0', '100']\nplaces = 1\ncarry = 'ask'\nunit = 'kg'",
    ),
    (
        "dose",
        "type = 'decimal'\nrange = ['0', '300']\nplaces = 1\ncarry = 'ask'\nunit = 'mg'",
        "type = 'decimal'\nrange = ['0', '300']\nplaces = 1\ncarry = 'ask'\nunit = 'g'",
    ),
    (
        "rna",
        "type = 'decimal'\nrange = ['0', '9']\nplaces = 1\ncomparator = true\ndetection = '1.2'\ncarry = 'ask'",
        "type = 'decimal'\nrange = ['0', '9']\nplaces = 1\ncomparator = true\ndetection = '1.0'\ncarry = 'ask'",
    ),
    (
        "dna",
        "type = 'decimal'\nrange = ['0', '9']\nplaces = 1\ncomparator = true\ncarry = 'ask'",
        "type = 'decimal'\nrange = ['0', '9']\nplaces = 1\ncarry = 'ask'",
    ),
    (
        "drugs",
        "type = 'rows'\nrows = [1, 5]\ncarry = 'ask'\ncolumn = [{ id = 'drug', ja = '薬', en = 'Drug', type = 'text', length = [1, 10] }, { id = 'route', ja = '経路', en = 'Route', type = 'code', codes = 'old' }]",
        "type = 'rows'\nrows = [1, 2]\ncarry = 'ask'\ncolumn = [{ id = 'drug', ja = '薬', en = 'Drug', type = 'text', length = [1, 10] }, { id = 'route', ja = '経路', en = 'Route', type = 'code', codes = 'new' }]",
    ),
    (
        "level",
        "type = 'integer'\nrange = ['0', '9']\ncarry = 'always'\nstates = ['unknown']",
        "type = 'integer'\nrange = ['0', '9']\ncarry = 'never'",
    ),
    (
        "first",
        "type = 'integer'\nrange = ['0', '9']\ncarry = 'always'",
        "type = 'integer'\nrange = ['0', '9']\ncarry = 'always'\napplies = 'new'",
    ),
    (
        "changed",
        "type = 'integer'\nrange = ['0', '9']\ncarry = 'always'",
        "type = 'tel'\ncarry = 'always'",
    ),
    ("added", "", "type = 'integer'\nrange = ['0', '9']\ncarry = 'always'"),
];

fn form(
    version: u16,
    dates: &str,
    item: fn(&(&str, &'static str, &'static str)) -> &'static str,
) -> String {
    let mut form = format!(
        "key = 'nanbyo/0001-000/{version}'\nname = {{ ja = '例', en = 'Example' }}\npages = 1\n{dates}\n\
         [[section]]\nid = 'only'\nja = '例'\nen = 'Example'\npage = 1\n"
    );
    for entry in ITEMS.iter().filter(|entry| !item(entry).is_empty()) {
        form += "[[section.item]]\nja = '例'\nen = 'Example'\nclass = 'medical'\n";
        for line in ["id = '", entry.0, "'\n", item(entry), "\n"] {
            form += line;
        }
    }
    form
}

fn catalogue() -> Catalogue {
    let old = form(1704, "valid_from = '2017-04-01'\nvalid_until = '2024-04-01'", |entry| entry.1);
    let new = form(2403, "valid_from = '2024-04-01'", |entry| entry.2);
    Catalogue::load(&[
        SourceFile { path: "codes/common.toml", text: CODES },
        SourceFile { path: "forms/nanbyo/0001-000/1704.toml", text: &old },
        SourceFile { path: "forms/nanbyo/0001-000/2403.toml", text: &new },
    ])
    .unwrap_or_else(|error| panic!("{error:?}"))
}

/// Reads `typed` in the old form and carries it into the new one.
fn carry<T>(typed: &[(&str, &str)], look: impl FnOnce(CarriedOver, &Definition) -> T) -> T {
    let catalogue = catalogue();
    let [old, new] = catalogue.iter().collect::<Vec<_>>()[..] else { panic!("two versions") };
    let mut last = Answers::new();
    for (item, text) in typed {
        let answer = Answer::from_word(text).unwrap_or_else(|| old.read(item, text).unwrap());
        last.set(*item, answer);
    }
    look(new.carry_over(&last, old, Application::Renewal), new)
}

#[track_caller]
fn carried(item: &str, typed: &str, expected: &str, carriage: Carriage) {
    carry(&[(item, typed)], |over, new| {
        let of = over.items.iter().find(|carried| carried.item == item).unwrap();
        assert_eq!(of.carriage, carriage);
        assert_eq!(over.answers.get(item).map_or(String::new(), |a| new.write(item, a)), expected);
    });
}

#[track_caller]
fn left(item: &str, typed: &str, reason: NotCarried) {
    carried(item, typed, "", Carriage::NotCarried(reason));
}

#[test]
fn the_policy_decides_what_is_carried_and_what_is_proposed() {
    carried("name", "難病太郎", "難病太郎", Carriage::Carried);
    carried("kana", "たろう", "たろう", Carriage::Proposed);
    left("level", "3", NotCarried::AskedAnew);
    left("first", "3", NotCarried::NotAsked);
    left("name", "", NotCarried::NoValue);
    carry(&[], |over, _| {
        let of = over.items.iter().find(|carried| carried.item == "added").unwrap();
        assert_eq!(of.carriage, Carriage::NotCarried(NotCarried::NewItem));
    });
}

#[test]
fn states_are_not_carried() {
    for state in ["判読不能", "抹消", "複数選択", "不明", "未実施"] {
        left("name", state, NotCarried::NoValue);
    }
}

#[test]
fn a_value_that_no_longer_fits_is_left_out() {
    left("name", "とても長い名前", NotCarried::DoesNotFit);
    left("kana", "太郎", NotCarried::DoesNotFit);
    left("weight", "60.25", NotCarried::DoesNotFit);
    left("weight", "100.5", NotCarried::DoesNotFit);
    left("dna", "<1.0", NotCarried::DoesNotFit);
    left("changed", "3", NotCarried::OtherKind);
    left("seen", "2019-04-01", NotCarried::OtherKind);
    left("dose", "100", NotCarried::OtherUnit);
}

#[test]
fn kinds_that_say_the_same_are_converted() {
    carried("onset", "2019-04-01", "2019-04-01", Carriage::Carried);
    carried("height", "170", "170.0", Carriage::Proposed);
    carried("weight", "60.20", "60.2", Carriage::Proposed);
    carried("sign", "2", "2", Carriage::Proposed);
    carried("rna", "感度以下", "<1.2", Carriage::Proposed);
    carried("rna", "5.0", "5.0", Carriage::Proposed);
}

#[test]
fn a_code_is_carried_only_if_it_means_the_same() {
    carried("grade", "1", "1", Carriage::Proposed);
    left("grade", "3", NotCarried::CodeGone);
    left("turned", "1", NotCarried::CodeChanged);
    left("grade", "9", NotCarried::NoValue);
    left("signs", "9", NotCarried::NoValue);
    carried("signs", "1 2", "2 1", Carriage::Carried);
    left("signs", "1 3", NotCarried::CodeGone);
}

#[test]
fn a_table_is_carried_cell_by_cell() {
    carried("drugs", "A | 1\nB | 3", "A | 1\nB", Carriage::Proposed);
    left("drugs", "| 3", NotCarried::CodeGone);
    left("drugs", "A\nB\nC", NotCarried::DoesNotFit);
    carry(&[("drugs", "A | 1\nB | 3")], |over, _| {
        let drugs = over.items.iter().find(|carried| carried.item == "drugs").unwrap();
        assert_eq!(drugs.left_out, Some(NotCarried::CodeGone));
    });
}

#[test]
fn the_share_counts_what_a_renewal_asks_and_could_fill() {
    carry(&[("name", "太郎"), ("grade", "1"), ("level", "3")], |over, _| {
        assert_eq!((over.share.filled, over.share.of), (2, 16));
        assert_eq!(over.share.percent(), 12);
        assert_eq!(over.items.len(), 18);
    });
}

#[test]
fn a_parkinson_form_begins_with_last_years_values() {
    let catalogue = sample::catalogue();
    let form = sample::parkinson(catalogue);
    let last = sample::with(form, &[]);
    let over = form.carry_over(&last, form, Application::Renewal);
    assert!(over.answers.get("birth_date") == last.get("birth_date"));
    assert!(over.answers.get("entry_date").is_none());
    assert!(over.share.filled <= over.share.of && over.share.percent() >= 50, "{:?}", over.share);
    for (item, answer) in over.answers.iter() {
        assert!(last.get(item) == Some(answer), "{item}");
    }
}

proptest! {
    /// Whatever stood in last year's form: what is carried is what the item takes now.
    #[test]
    fn what_is_carried_passes_its_items_examination(
        typed in prop::collection::vec((0..ITEMS.len(), "[1-4]{1,3}|[1-3] [1-3]|[0-9]{2}\\.[0-9]{2}|(19|20)[0-9]{2}-0[1-9]-1[0-9]|[ぁ-ん亜]{1,8}|感度以下|[<>][0-9]|[a-b]\\|[1-3]\n[c-d]\\|[1-3]"), 0..40)
    ) {
        let catalogue = catalogue();
        let [old, new] = catalogue.iter().collect::<Vec<_>>()[..] else { panic!("two versions") };
        let mut last = Answers::new();
        for (place, text) in &typed {
            if let Ok(answer) = old.read(ITEMS[*place].0, text) {
                last.set(ITEMS[*place].0, answer);
            }
        }
        let over = new.carry_over(&last, old, Application::Renewal);
        for (item, answer) in over.answers.iter() {
            let Answer::Given(value) = answer else { panic!("a state was carried") };
            prop_assert!(new.item(item).unwrap().examine(value).is_ok(), "{item}");
        }
        prop_assert_eq!(over.answers.len(), over.share.filled);
    }
}
