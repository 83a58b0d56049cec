//! What is written reads back the same, whatever the answers are.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../forms/tests/sample/mod.rs"]
mod sample;

mod arbitrary;

use kakehashi_forms::{Answer, Answers, Application};
use kakehashi_kernel::LotNumber;
use kakehashi_xml::{FormHeader, ReturnHeader, read_form, read_return, write_form, write_return};
use proptest::prelude::*;
use sample::{TYPED, catalogue, parkinson, with};

fn header(last: u8) -> FormHeader {
    FormHeader {
        document: format!("018f0000-0000-7000-8000-0000000000{last:02x}").parse().unwrap(),
        round: 1,
        application: Application::New,
    }
}

fn return_header() -> ReturnHeader {
    let lot = LotNumber::new("2026-11-23".parse().unwrap(), 3);
    ReturnHeader { lot, contractor: "demo-keying".to_owned() }
}

#[test]
fn a_form_is_written_in_printed_order() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let mut answers = with(definition, &[("family_relation_other", "おじ & <おば>")]);
    answers.set("mibg", Answer::Illegible);
    let xml = write_form(definition, &header(1), &answers);
    let start = r#"<?xml version="1.0" encoding="UTF-8"?>
<form xmlns="urn:kakehashi:form:1" document="018f0000-0000-7000-8000-000000000001" round="1" programme="nanbyo" number="6" branch="0" version="2403" application="new">
  <administration>
    <recipient_no>1234566</recipient_no>
  </administration>
  <basic>
    <insurer_no>138016</insurer_no>
"#;
    assert!(xml.starts_with(start), "{xml}");
    assert!(xml.contains(
        "    <onset_ym>2018-04</onset_ym>\n    <diagnosis_date>2019-05-10</diagnosis_date>\n"
    ));
    assert!(xml.contains("<family_relation>2 11</family_relation>"));
    assert!(xml.contains("<family_relation_other>おじ &amp; &lt;おば&gt;</family_relation_other>"));
    assert!(xml.contains("<mibg state=\"illegible\"/>"));
    assert!(xml.contains("<ldopa>600.0</ldopa>"));
}

#[test]
fn a_form_survives_its_own_document() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    let xml = write_form(definition, &header(1), &answers);
    let form = read_form(xml.as_bytes(), catalogue).unwrap();
    assert_eq!(form.findings, []);
    assert_eq!(form.header(), header(1));
    assert_eq!(form.key, definition.key());
    assert!(form.answers == answers);
    assert_eq!(write_form(definition, &form.header(), &form.answers), xml);
    assert_eq!(definition.check(&form.answers, form.application), []);
}

#[test]
fn a_return_keeps_its_forms_apart() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let (one, two) = (with(definition, &[]), with(definition, &[("hy", "5")]));
    let forms = [(definition, header(1), &one), (definition, header(2), &two)];
    let xml = write_return(&return_header(), &forms);
    let delivered = read_return(xml.as_bytes(), catalogue).unwrap();
    assert_eq!(delivered.lot, return_header().lot);
    assert_eq!(delivered.contractor, "demo-keying");
    assert_eq!(delivered.unreadable.len(), 0);
    let [first, second] = &delivered.forms[..] else { panic!() };
    assert!(first.answers == one && second.answers == two);
    assert_eq!(second.document, header(2).document);
}

#[test]
fn names_keep_their_code_points() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(
        definition,
        &[("name_kanji", "\u{FA19}田 𠮷夫\u{E0100}"), ("special_notes", "一\n\t二")],
    );
    let xml = write_form(definition, &header(1), &answers);
    let form = read_form(xml.as_bytes(), catalogue).unwrap();
    assert_eq!(form.answers.text("name_kanji"), Some("\u{FA19}田 𠮷夫\u{E0100}"));
    assert_eq!(form.answers.text("special_notes"), Some("一\n\t二"));
}

#[test]
fn the_same_form_may_be_written_in_other_xml() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    let xml = write_form(definition, &header(1), &answers);
    let other = xml
        .replace("encoding=\"UTF-8\"", "encoding='utf-8'")
        .replace("<form xmlns=", "<!-- 注 --><f:form xmlns:f=")
        .replace("</form>", "</f:form><?done?>")
        .replace("    <hy>3</hy>", "<f:hy ><![CDATA[3]]></f:hy\n>")
        .replace("東京都千代田区架空1-2-3", "&#x6771;京都千代田区架空1-2-3");
    let other = [
        "administration",
        "basic",
        "diagnosis",
        "severity",
        "research",
        "ventilator",
        "notes",
        "institution",
    ]
    .iter()
    .fold(other, |xml, section| {
        let open = format!("<{section} xmlns=\"urn:kakehashi:form:1\">");
        xml.replace(&format!("<{section}>"), &open)
    });
    let form = read_form(format!("\u{FEFF}{other}").as_bytes(), catalogue).unwrap();
    assert_eq!(form.findings, []);
    assert!(form.answers == answers);
}

fn any_answers() -> impl Strategy<Value = Answers> {
    arbitrary::answers(parkinson(catalogue()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_answers_survive_a_return(one in any_answers(), two in any_answers()) {
        let catalogue = catalogue();
        let definition = parkinson(catalogue);
        let forms = [(definition, header(1), &one), (definition, header(2), &two)];
        let xml = write_return(&return_header(), &forms);
        let delivered = read_return(xml.as_bytes(), catalogue).unwrap();
        prop_assert_eq!(delivered.forms.len(), 2);
        for (form, answers) in delivered.forms.iter().zip([&one, &two]) {
            prop_assert_eq!(&form.findings, &[]);
            prop_assert!(form.answers == *answers);
        }
    }

    /// Cut or damaged anywhere, a document is read or refused; it never panics.
    #[test]
    fn a_damaged_document_never_panics(at in 0usize..6000, byte in any::<u8>(), cut in any::<bool>()) {
        let catalogue = catalogue();
        let definition = parkinson(catalogue);
        let mut xml = write_form(definition, &header(1), &with(definition, TYPED)).into_bytes();
        let at = at % xml.len();
        if cut {
            xml.truncate(at);
            prop_assert!(read_form(&xml, catalogue).is_err());
        } else {
            xml[at] = byte;
            drop(read_form(&xml, catalogue));
        }
    }
}
