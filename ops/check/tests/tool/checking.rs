//! `check`: what passes, what is listed, how it ends.

use crate::sample::{Desk, batch, document, good, nameless, partial};

/// Column numbers of the error list.
const FILE: usize = 0;
const LINE: usize = 1;
const ITEM: usize = 2;
const LABEL: usize = 3;
const RULE: usize = 4;
const SEVERITY: usize = 5;
const NUMBER: usize = 8;
const REFERENCE: usize = 9;
const PATH: usize = 11;

#[test]
fn forms_that_are_right_pass() {
    let desk = Desk::new();
    desk.write("one.xml", document(&good(1)));
    desk.write("many.xml", batch(&[good(2), good(3)]));
    let ran = desk.run(&["check", "one.xml", "many.xml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("2 ファイル、3 件"), "{}", ran.out);
    let ran = desk.run(&["--lang", "en", "check", "one.xml", "--json"]);
    assert!(ran.out.starts_with(r#"{"files":1,"forms":1,"passed":1,"failed":0"#), "{}", ran.out);
}

#[test]
fn a_missing_item_is_listed_with_its_place_and_the_neighbours_pass() {
    let desk = Desk::new();
    desk.write("b.xml", batch(&[good(1), nameless(2), good(3)]));
    let ran = desk.run(&["check", "b.xml", "--errors", "e.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let rows = desk.errors("e.csv");
    let row = rows.iter().find(|row| row[RULE] == "check.required").unwrap();
    assert_eq!((&*row[FILE], &*row[ITEM], &*row[SEVERITY]), ("b.xml", "name_kanji", "E"));
    assert_eq!((&*row[NUMBER], &*row[REFERENCE]), ("2", "K-000002"));
    assert!(!row[LABEL].is_empty() && row[PATH].ends_with("/name_kanji"), "{row:?}");
    let xml = String::from_utf8(desk.read("b.xml")).unwrap();
    let line = xml.lines().position(|line| line.contains("K-000002")).unwrap() + 1;
    assert_eq!(row[LINE], line.to_string());
    assert!(ran.out.contains("合格              2 件"), "{}", ran.out);
}

#[test]
fn a_file_that_cannot_be_read_stops_no_other() {
    let desk = Desk::new();
    desk.write("1.xml", "<form");
    desk.write("2.xml", b"\xFF\xFE\x00\x00binary");
    desk.write("3.xml", "");
    desk.write("4.xml", "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>");
    desk.write("5.xml", document(&good(5)));
    let names = ["1.xml", "2.xml", "3.xml", "4.xml", "missing.xml", "5.xml"];
    let mut arguments = vec!["check", "--errors", "e.csv", "--json"];
    arguments.extend(names);
    let ran = desk.run(&arguments);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains(r#""forms":1,"passed":1,"#), "{}", ran.out);
    assert!(ran.out.contains(r#""unreadable":5"#), "{}", ran.out);
    let mut files: Vec<String> =
        desk.errors("e.csv").into_iter().map(|mut row| row.remove(FILE)).collect();
    files.sort();
    files.dedup();
    assert_eq!(files, ["1.xml", "2.xml", "3.xml", "4.xml", "missing.xml"]);
}

#[test]
fn a_batch_that_breaks_off_gives_the_forms_before_the_break() {
    let desk = Desk::new();
    let whole = batch(&[good(1), good(2), good(3)]);
    desk.write("b.xml", &whole[..whole.len() * 3 / 4]);
    let ran = desk.run(&["check", "b.xml", "--json"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.out.contains(r#""forms":2,"passed":2"#), "{}", ran.out);
}

#[test]
fn a_form_with_only_some_items_passes_only_when_told_so() {
    let desk = Desk::new();
    desk.write("p.xml", partial(1));
    assert_eq!(desk.run(&["check", "p.xml"]).code, 1);
    let ran = desk.run(&["check", "p.xml", "--partial"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_item_that_cannot_be_read_is_one_line_not_two() {
    let desk = Desk::new();
    let xml = document(&good(1));
    let (before, after) = xml.split_once("<name_kanji>").unwrap();
    let (_, after) = after.split_once("</name_kanji>").unwrap();
    let long = "あ".repeat(3000);
    desk.write("x.xml", format!("{before}<name_kanji>{long}</name_kanji>{after}"));
    let ran = desk.run(&["check", "x.xml", "--errors", "e.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let rows = desk.errors("e.csv");
    assert_eq!(rows.iter().filter(|row| row[ITEM] == "name_kanji").count(), 1, "{rows:?}");
    assert!(!String::from_utf8(desk.read("e.csv")).unwrap().contains("あああ"), "no content");
}

#[test]
fn warnings_stop_a_form_only_when_asked() {
    let desk = Desk::new();
    let has_warning = |index: &u32| {
        let form = good(*index);
        let found = kakehashi_kit::definition().check(&form.answers, form.application);
        found.iter().any(|finding| finding.severity == kakehashi_forms::Severity::W)
    };
    // Some sample doctor writes something a person should look at; if none does, one is made to.
    let form = (0..300).find(has_warning).map(good).expect("300 samples without any warning");
    desk.write("w.xml", document(&form));
    assert_eq!(desk.run(&["check", "w.xml"]).code, 0);
    assert_eq!(desk.run(&["check", "w.xml", "--warnings-as-errors"]).code, 1);
}

#[test]
fn the_list_is_written_in_cp932_and_says_what_it_could_not_write() {
    let desk = Desk::new();
    desk.write("吉〜𠮷.xml", document(&nameless(1)));
    let ran = desk.run(&["check", "吉〜𠮷.xml", "--errors", "e.csv", "--encoding", "cp932"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("2行1列: U+20BB7"), "{}", ran.err);
    let table = kakehashi_exchange::csv::read(&desk.read("e.csv")).unwrap();
    assert_eq!(table.encoding, kakehashi_exchange::csv::Encoding::Cp932);
    assert_eq!(table.rows[0][0], "ファイル");
    assert_eq!(table.rows[1][0], "吉～〓.xml");
}

#[test]
fn wrong_arguments_and_places_that_cannot_be_written_have_their_own_codes() {
    let desk = Desk::new();
    desk.write("a.xml", document(&good(1)));
    assert_eq!(desk.run(&["check"]).code, 64);
    assert_eq!(desk.run(&["chek", "a.xml"]).code, 64);
    assert_eq!(desk.run(&["check", "a.xml", "--encoding", "latin1"]).code, 64);
    assert_eq!(desk.run(&["check", "a.xml", "--errors", "no/such/e.csv"]).code, 73);
    assert_eq!(desk.run(&["--help"]).code, 0);
}

#[test]
fn standard_input_is_read_under_the_name_of_a_hyphen() {
    let desk = Desk::new();
    desk.write("a.xml", document(&nameless(1)));
    let mut tool = desk.tool(&["check", "-", "--errors", "e.csv"]);
    tool.stdin(std::fs::File::open(desk.path("a.xml")).unwrap());
    assert_eq!(tool.output().unwrap().status.code(), Some(1));
    assert_eq!(desk.errors("e.csv")[0][FILE], "-");
}

#[test]
fn a_run_that_fails_leaves_yesterdays_list_alone() {
    let desk = Desk::new();
    desk.write("e.csv", "yesterday");
    assert_eq!(desk.run(&["check", "--errors", "e.csv"]).code, 64);
    assert_eq!(desk.read("e.csv"), b"yesterday");
}

#[test]
fn definitions_and_the_xsd_of_a_form_are_printed() {
    let desk = Desk::new();
    let ran = desk.run(&["definitions", "--forms"]);
    assert!(ran.code == 0 && ran.out.contains("nanbyo/0006-000/2403\t"), "{ran:?}");
    let ran = desk.run(&["xsd", "nanbyo/0006-000/2403"]);
    assert!(ran.code == 0 && ran.out.contains("urn:kakehashi:form:1"), "{ran:?}");
    assert_eq!(desk.run(&["xsd", "nanbyo/9999-000/2403"]).code, 64);
}
