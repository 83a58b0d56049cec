//! `spec`: what a vendor implements from, in four formats.

use crate::sample::{Desk, batch, document, good, partial};

const KEY: &str = "nanbyo/0006-000/2403";

#[test]
fn a_specification_is_written_in_four_formats() {
    let desk = Desk::new();
    let page = desk.run(&["spec", KEY]);
    assert_eq!(page.code, 0, "{page:?}");
    assert!(page.out.starts_with("<!DOCTYPE html>") && page.out.contains("name_kanji"));
    for (format, start) in
        [("html", "<!DOCTYPE html>"), ("xlsx", "PK"), ("xsd", "<?xml"), ("fhir", "{")]
    {
        let ran = desk.run(&["spec", KEY, "--format", format, "--out", &format!("s.{format}")]);
        assert!(ran.code == 0 && ran.out.is_empty(), "{ran:?}");
        let bytes = desk.read(&format!("s.{format}"));
        assert!(bytes.starts_with(start.as_bytes()), "{format}");
    }
    assert_eq!(desk.read("s.html"), page.out.as_bytes());
    assert_eq!(desk.read("s.xsd"), desk.run(&["xsd", KEY]).out.as_bytes());
    let json: serde_json::Value = serde_json::from_slice(&desk.read("s.fhir")).unwrap();
    assert_eq!(json["resourceType"], "Questionnaire");
}

#[test]
fn what_hospitals_send_is_valid_by_the_schema_they_are_given() {
    let desk = Desk::new();
    desk.write("one.xml", document(&good(1)));
    desk.write("part.xml", partial(2));
    desk.write("batch.xml", batch(&[good(3), good(4)]));
    assert_eq!(desk.run(&["spec", KEY, "--format", "xsd", "--out", "s.xsd"]).code, 0);
    let arguments = ["--noout", "--schema", "s.xsd", "one.xml", "part.xml", "batch.xml"];
    let ran = desk.other("xmllint", &arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    desk.write("wrong.xml", document(&good(1)).replace("name_kanji", "name_kanjo"));
    assert_ne!(desk.other("xmllint", &["--noout", "--schema", "s.xsd", "wrong.xml"]).code, 0);
}

#[test]
fn an_unknown_form_and_a_file_that_is_there_are_refused() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["spec", "nanbyo/9999-000/2403"]).code, 64);
    assert_eq!(desk.run(&["spec", KEY, "--format", "pdf"]).code, 64);
    desk.write("s.html", "precious");
    assert_eq!(desk.run(&["spec", KEY, "--out", "s.html"]).code, 73);
    assert_eq!(desk.read("s.html"), b"precious");
}
