//! Batches of a hospital: every encoding, forms one at a time, and what is wrong told with its place.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../forms/tests/sample/mod.rs"]
mod sample;

use kakehashi_forms::{Answers, Application};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use kakehashi_xml::{
    BatchHeader, BatchReader, BatchWriter, Envelope, Sent, SentForm, SentHeader, Why, XmlRefusal,
    write_sent_form,
};
use sample::{catalogue, parkinson, with};

/// A name that a compatibility ideograph, a character beyond the first plane and a variation selector make.
const NAME: &str = "\u{FA19}田 𠮷夫\u{E0100}";

fn batch_header(count: u32) -> BatchHeader {
    BatchHeader {
        sender: "1310000123".to_owned(),
        created: Timestamp(1_795_359_600_000),
        tool: "kakehashi-check".to_owned(),
        tool_version: "0.1.0".to_owned(),
        definitions: Sha256Digest::of(b"definitions"),
        count,
    }
}

fn header(reference: &str) -> SentHeader {
    let reference = reference.parse().unwrap();
    SentHeader { reference, application: Application::New, is_partial: false }
}

fn write(forms: &[(&str, &Answers)]) -> String {
    let catalogue = catalogue();
    let count = u32::try_from(forms.len()).unwrap();
    let mut writer = BatchWriter::begin(Vec::new(), &batch_header(count)).unwrap();
    for (reference, answers) in forms {
        writer.form(parkinson(catalogue), &header(reference), answers).unwrap();
    }
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

/// Three forms, the second the one to spoil.
fn three() -> String {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    let spoilt = with(definition, &[("name_kanji", NAME)]);
    write(&[("a-1", &answers), ("a-2", &spoilt), ("a-3", &answers)])
}

/// Replaces in the second form only.
fn spoil(from: &str, to: &str) -> String {
    let all = three();
    let reference = all.find("\"a-2\"").unwrap();
    let (before, rest) = all.split_at(all[..reference].rfind("<form").unwrap());
    assert!(rest.contains(from), "{from}");
    format!("{before}{}", rest.replacen(from, to, 1))
}

fn read(bytes: &[u8]) -> (Vec<Sent>, Option<XmlRefusal>) {
    let catalogue = catalogue();
    let mut sent = Vec::new();
    let reader = match BatchReader::new(bytes, catalogue) {
        Ok(reader) => reader,
        Err(refusal) => return (sent, Some(refusal)),
    };
    for one in reader {
        match one {
            Ok(one) => sent.push(one),
            Err(refusal) => return (sent, Some(refusal)),
        }
    }
    (sent, None)
}

fn forms(bytes: &[u8]) -> Vec<SentForm> {
    let (sent, refusal) = read(bytes);
    assert_eq!(refusal, None);
    let form = |sent| match sent {
        Sent::Form(form) => form,
        Sent::Unreadable { defect, .. } => panic!("{defect:?}"),
    };
    sent.into_iter().map(form).collect()
}

#[track_caller]
fn reads_alike(bytes: &[u8]) {
    let expected = forms(three().as_bytes());
    let found = forms(bytes);
    assert_eq!(found.len(), 3);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.defects, []);
        assert!(found.answers == expected.answers);
        assert_eq!((&found.header, found.key), (&expected.header, expected.key));
    }
}

#[track_caller]
fn refused(bytes: &[u8], before: usize, why: Why) {
    let (sent, refusal) = read(bytes);
    assert_eq!((sent.len(), refusal.map(|refusal| refusal.why)), (before, Some(why)));
}

/// The defects of the second form; its neighbours must have none.
#[track_caller]
fn defects(from: &str, to: &str, expected: &[(&str, &str)]) {
    let forms = forms(spoil(from, to).as_bytes());
    let [one, two, three] = &forms[..] else { panic!() };
    assert_eq!((&one.defects[..], &three.defects[..]), (&[][..], &[][..]));
    assert!(one.answers == three.answers);
    let found: Vec<_> =
        two.defects.iter().map(|d| (d.finding.rule.as_str(), d.place.path.as_str())).collect();
    assert_eq!(found, expected);
}

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{FEFF}{text}").encode_utf16().flat_map(to_bytes).collect()
}

#[test]
fn a_batch_survives_its_own_document() {
    let xml = three();
    let start = r#"<?xml version="1.0" encoding="UTF-8"?>
<batch xmlns="urn:kakehashi:form:1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" format="1" sender="1310000123" created="2026-11-22T15:00:00.000Z" tool="kakehashi-check" tool-version="0.1.0" definitions="#;
    assert!(xml.starts_with(start), "{xml}");
    assert!(xml.contains(
        r#"  <form xsi:type="form.nanbyo-0006-000-2403" reference="a-2" programme="nanbyo" number="6" branch="0" version="2403" application="new">"#
    ));
    let catalogue = catalogue();
    let reader = BatchReader::new(xml.as_bytes(), catalogue).unwrap();
    assert_eq!(*reader.envelope(), Envelope::Batch(batch_header(3)));
    reads_alike(xml.as_bytes());
    assert_eq!(forms(xml.as_bytes())[1].answers.text("name_kanji"), Some(NAME));
    assert_eq!(forms(write(&[]).as_bytes()).len(), 0);
}

#[test]
fn a_writer_keeps_to_what_it_announced() {
    let catalogue = catalogue();
    let writer = BatchWriter::begin(Vec::new(), &batch_header(1)).unwrap();
    assert!(writer.finish().is_err());
    let mut writer = BatchWriter::begin(Vec::new(), &batch_header(0)).unwrap();
    assert!(writer.form(parkinson(catalogue), &header("a"), &Answers::new()).is_err());
}

#[test]
fn a_single_form_is_read_too() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    let xml = write_sent_form(definition, &header("x.1_2-3"), &answers);
    let reader = BatchReader::new(xml.as_bytes(), catalogue).unwrap();
    assert_eq!(*reader.envelope(), Envelope::Single);
    let [form] = &forms(xml.as_bytes())[..] else { panic!() };
    assert!(form.answers == answers);
    assert_eq!((form.place.path.as_str(), form.place.line, form.place.column), ("/form", 2, 1));
    refused(xml.replace("x.1_2-3", "x 1").as_bytes(), 0, Why::WrongAttribute("reference"));
    refused(xml.replace("number=\"6\"", "number=\"9999\"").as_bytes(), 0, Why::UnknownForm);
    refused(format!("{xml}<form/>").as_bytes(), 0, Why::NotWellFormed);
}

#[test]
fn every_encoding_reads_alike_and_keeps_code_points() {
    let xml = three();
    reads_alike(format!("\u{FEFF}{xml}").as_bytes());
    let declared = xml.replace("UTF-8", "UTF-16");
    reads_alike(&utf16(&declared, u16::to_le_bytes));
    reads_alike(&utf16(&declared, u16::to_be_bytes));
    let silent = xml.replace(" encoding=\"UTF-8\"", "");
    reads_alike(silent.as_bytes());
    reads_alike(&utf16(&silent, u16::to_be_bytes));
    // What Shift_JIS lacks is written as a reference.
    for name in ["Shift_JIS", "Windows-31J", "cp932"] {
        let declared = xml.replace("UTF-8", name).replace(NAME, "&#xFA19;田 &#x20BB7;夫&#xE0100;");
        let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(&declared);
        reads_alike(&bytes);
    }
    // The extensions of Windows are there.
    let declared = xml.replace("UTF-8", "Windows-31J").replace(NAME, "髙﨑①");
    let (bytes, ..) = encoding_rs::SHIFT_JIS.encode(&declared);
    assert_eq!(forms(&bytes)[1].answers.text("name_kanji"), Some("髙﨑①"));
}

#[test]
fn a_declaration_that_contradicts_the_bytes_is_refused() {
    let xml = three();
    refused(&utf16(&xml, u16::to_le_bytes), 0, Why::EncodingDeclared);
    let big = xml.replace("UTF-8", "UTF-16BE");
    refused(&utf16(&big, u16::to_le_bytes), 0, Why::EncodingDeclared);
    refused(format!("\u{FEFF}{big}").as_bytes(), 0, Why::EncodingDeclared);
    let sjis = xml.replace("UTF-8", "Shift_JIS");
    refused(format!("\u{FEFF}{sjis}").as_bytes(), 0, Why::EncodingDeclared);
    refused(big.as_bytes(), 0, Why::Encoding);
    // Found too late to be heeded, so it must not be believed either.
    let late = xml.replace("encoding=", &format!("{}encoding=", " ".repeat(2000)));
    reads_alike(late.as_bytes());
    refused(late.replace("UTF-8", "Shift_JIS").as_bytes(), 0, Why::EncodingDeclared);
}

#[test]
fn malformed_bytes_end_the_reading_where_they_stand() {
    let xml = three();
    let mut bytes = xml.clone().into_bytes();
    let at = xml.rfind("架空記念病院").unwrap();
    bytes[at] = 0xFF;
    let (sent, refusal) = read(&bytes);
    let refusal = refusal.unwrap();
    assert_eq!((sent.len(), refusal.why, refusal.offset), (2, Why::Malformed, at));
    let before = &xml[..at];
    assert_eq!(refusal.line, before.matches('\n').count() + 1);
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!(refusal.column, column);
    assert!(!refusal.to_finding().message.ja.contains('架'));
}

#[test]
fn what_is_wrong_in_a_form_has_line_column_and_path() {
    let path = |rest: &str| format!("/batch/form[2]/{rest}");
    let hy = "<hy>3</hy>";
    defects(hy, "<hy>7</hy>", &[("check.format", &path("severity/hy"))]);
    defects(hy, "<hy>3</hy>x", &[("xml.unexpected-text", &path("severity"))]);
    defects(hy, "<hy/><山田/>", &[("xml.unknown-item", &path("severity/*[2]"))]);
    defects("<notes>", "<a/><notes>", &[("xml.unknown-section", &path("*[7]"))]);
    defects("<notes>", "<notes a=''>", &[("xml.section-attribute", &path("notes"))]);
    defects(hy, "<hy xsi:nil='true'/>", &[("xml.instance-attribute", &path("severity/hy"))]);
    defects("-2403\"", "-2404\"", &[("xml.form-type", "/batch/form[2]")]);
    defects("xsi:type=", "xsi:tpye=", &[("xml.form-type", "/batch/form[2]")]);
    let xml = spoil(hy, "<hy >7</hy>");
    let forms = forms(xml.as_bytes());
    let place = &forms[1].defects[0].place;
    let at = xml.find("<hy >").unwrap();
    assert_eq!(place.line, xml[..at].matches('\n').count() + 1);
    assert_eq!(place.column, 7);
    assert_eq!(forms[1].answers.get("hy"), None);
    assert_eq!(forms[1].place.path, "/batch/form[2]");
    assert_eq!(forms[1].place.column, 3);
}

#[test]
fn what_is_no_form_is_told_and_passed_over() {
    let (sent, refusal) = read(spoil("<form ", "<fore/>x<form reference='b c'/><form ").as_bytes());
    assert_eq!(refusal, None);
    let told: Vec<String> = sent
        .iter()
        .map(|sent| match sent {
            Sent::Form(form) => form.place.path.clone(),
            Sent::Unreadable { defect, .. } => {
                format!("{} {}", defect.finding.rule, defect.place.path)
            }
        })
        .collect();
    let expected = [
        "/batch/form[1]",
        "xml.unknown-element /batch/*[2]",
        "xml.unexpected-text /batch",
        "xml.form-attribute /batch/form[2]",
        "/batch/form[3]",
        "/batch/form[4]",
        "xml.count /batch",
    ];
    assert_eq!(told, expected);
    let (sent, _) = read(spoil("number=\"6\"", "number=\"9999\"").as_bytes());
    let Sent::Unreadable { reference, defect } = &sent[1] else { panic!() };
    assert_eq!(defect.finding.rule, "xml.unknown-form");
    assert_eq!(reference.as_ref().unwrap().as_str(), "a-2");
}

#[test]
fn what_was_read_before_the_break_stands() {
    let xml = three();
    refused(spoil("</hy>", "</hx>").as_bytes(), 1, Why::NotWellFormed);
    refused(spoil("<hy>3", "<hy>&xxe;").as_bytes(), 1, Why::NotWellFormed);
    refused(xml.trim_end().trim_end_matches("</batch>").as_bytes(), 3, Why::NotWellFormed);
    refused(format!("{xml}x").as_bytes(), 3, Why::NotWellFormed);
    let catalogue = catalogue();
    let broken = spoil("</hy>", "</hx>");
    let mut reader = BatchReader::new(broken.as_bytes(), catalogue).unwrap();
    assert_eq!(reader.by_ref().filter(Result::is_err).count(), 1);
    assert!(reader.next().is_none());
}

#[test]
fn a_partial_form_is_read_where_it_is_expected() {
    let xml = spoil("application=\"new\"", "application=\"new\" partial=\"true\"");
    let sent = forms(xml.as_bytes());
    assert_eq!(sent[1].defects[0].finding.rule, "xml.partial");
    let catalogue = catalogue();
    let reader = BatchReader::new(xml.as_bytes(), catalogue).unwrap().accepting_partial();
    let partial: Vec<bool> = reader
        .map(|sent| match sent.unwrap() {
            Sent::Form(form) => form.header.is_partial && form.defects.is_empty(),
            Sent::Unreadable { .. } => panic!(),
        })
        .collect();
    assert_eq!(partial, [false, true, false]);
}

#[test]
fn an_envelope_must_say_who_and_what() {
    let xml = three();
    let digest = Sha256Digest::of(b"definitions").to_string();
    for (name, from, to) in [
        ("format", "format=\"1\"", "format=\"2\""),
        ("sender", "sender=\"1310000123\"", "sender=\"\""),
        ("sender", "sender=\"1310000123\"", "sender=\"病院\""),
        ("created", "15:00:00.000Z", "15:00:00"),
        ("tool", "tool=\"kakehashi-check\"", "tool=\"a b\""),
        ("tool-version", "tool-version=\"0.1.0\"", ""),
        ("definitions", &digest, "00"),
        ("definitions", &digest, &digest.to_uppercase()),
        ("count", "count=\"3\"", "count=\"03\""),
        ("an unknown attribute", "count=", "lot=\"1\" count="),
    ] {
        let wrong = xml.replacen(from, to, 1);
        assert_ne!(wrong, xml, "{name}");
        refused(wrong.as_bytes(), 0, Why::WrongAttribute(name));
    }
}
