//! What is refused as a whole, what is a finding of one form, and that neighbours do not suffer.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../forms/tests/sample/mod.rs"]
mod sample;

use kakehashi_forms::Application;
use kakehashi_xml::{
    FormHeader, Return, ReturnHeader, Why, XmlRefusal, read_form, read_return, write_form,
    write_return,
};
use sample::{catalogue, parkinson, with};

fn header(last: u8) -> FormHeader {
    FormHeader {
        document: format!("018f0000-0000-7000-8000-0000000000{last:02x}").parse().unwrap(),
        round: 1,
        application: Application::New,
    }
}

/// Three forms, the second the one to spoil.
fn three() -> String {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let answers = with(definition, &[]);
    let spoilt = with(definition, &[("name_kanji", "壊れ　二郎")]);
    let lot = "2026-11-23".parse().unwrap();
    let lot = kakehashi_kernel::LotNumber::new(lot, 3);
    write_return(
        &ReturnHeader { lot, contractor: "demo-keying".to_owned() },
        &[
            (definition, header(1), &answers),
            (definition, header(2), &spoilt),
            (definition, header(3), &answers),
        ],
    )
}

/// Replaces in the second form only.
fn spoil(from: &str, to: &str) -> String {
    let all = three();
    let at = all.find("000000000002").unwrap();
    let (before, rest) = all.split_at(at);
    assert!(rest.contains(from), "{from}");
    format!("{before}{}", rest.replacen(from, to, 1))
}

fn read(xml: &str) -> Result<Return, XmlRefusal> {
    read_return(xml.as_bytes(), catalogue())
}

#[track_caller]
fn found(from: &str, to: &str, expected: &[(&str, Option<&str>)]) {
    let delivered = read(&spoil(from, to)).unwrap();
    let [one, two, three] = &delivered.forms[..] else { panic!("{:?}", delivered.unreadable) };
    assert_eq!(one.findings, []);
    assert_eq!(three.findings, []);
    assert!(one.answers == three.answers);
    let found: Vec<_> = two.findings.iter().map(|f| (f.rule.as_str(), f.item.as_deref())).collect();
    assert_eq!(found, expected);
    assert!(two.findings.iter().all(kakehashi_forms::Finding::is_error));
}

#[track_caller]
fn unreadable(from: &str, to: &str, rule: &str, names_document: bool) {
    let delivered = read(&spoil(from, to)).unwrap();
    assert_eq!(delivered.forms.len(), 2);
    let [unreadable] = &delivered.unreadable[..] else { panic!() };
    assert_eq!(unreadable.finding.rule, rule);
    assert_eq!(unreadable.document, names_document.then_some(header(2).document));
    assert!(unreadable.line > 10);
}

#[track_caller]
fn refused(xml: &str, why: Why) {
    let refusal = read(xml).unwrap_err();
    assert_eq!(refusal.why, why, "{refusal}");
    assert!(refusal.to_finding().is_error());
}

#[test]
fn wrong_values_are_findings_of_their_item() {
    found("<hy>3</hy>", "<hy>7</hy>", &[("check.format", Some("hy"))]);
    found("<hy>3</hy>", "<hy>３</hy>", &[("xml.format", Some("hy"))]);
    found("<sex>1</sex>", "<sex>男</sex>", &[("xml.format", Some("sex"))]);
    found("1950-04-03", "S25.4.3", &[("xml.format", Some("birth_date"))]);
    found("1950-04-03", "1950-02-30", &[("check.format", Some("birth_date"))]);
    found(">600.0<", ">600.00<", &[("xml.format", Some("ldopa"))]);
    found("<ldopa>", "<ldopa comparator=\"lt\">", &[("xml.attribute", Some("ldopa"))]);
    found(">600.0<", ">3000.1<", &[("check.range", Some("ldopa"))]);
    found("壊れ　二郎", "", &[]);
    found("壊れ　二郎", &"長".repeat(41), &[("check.length", Some("name_kanji"))]);
    found(">2 11<", ">11 2<", &[("xml.format", Some("family_relation"))]);
}

#[test]
fn unknown_and_misplaced_elements_are_findings() {
    found("<hy>3</hy>", "<hy>3</hy><hz>3</hz>", &[("xml.unknown-item", None)]);
    found("<hy>3</hy>", "<hy>3</hy><hy>4</hy>", &[("xml.repeated", Some("hy"))]);
    found("<hy>3</hy>", "<hy><b>3</b></hy>", &[("xml.unexpected-element", Some("hy"))]);
    found("<hy>3</hy>", "<hy>3</hy>so", &[("xml.unexpected-text", None)]);
    found("<hy>3</hy>", "<hy xmlns=\"urn:other\">3</hy>", &[("xml.unknown-item", None)]);
    found("<severity>", "<severity id=\"s\">", &[("xml.section-attribute", None)]);
    found("<notes>", "<extra><hy>3</hy></extra><notes>", &[("xml.unknown-section", None)]);
    found("<notes>", "<severity/><notes>", &[("xml.repeated", None)]);
}

#[test]
fn items_out_of_order_are_findings_but_are_read() {
    let xml = spoil("<hy>3</hy>\n      <life>2</life>", "<life>2</life><hy>3</hy>");
    let delivered = read(&xml).unwrap();
    assert_eq!(delivered.forms[1].findings.len(), 1);
    assert_eq!(delivered.forms[1].findings[0].rule, "xml.order");
    assert_eq!(delivered.forms[1].answers.text("hy"), Some("3"));
}

#[test]
fn states_stand_alone() {
    found("<hy>3</hy>", "<hy state=\"illegible\">3</hy>", &[("xml.state-with-value", Some("hy"))]);
    found("<hy>3</hy>", "<hy state=\"lost\"/>", &[("xml.state", Some("hy"))]);
    found("<hy>3</hy>", "<hy colour=\"red\">3</hy>", &[("xml.attribute", Some("hy"))]);
    found("<hy>3</hy>", "<hy state=\"illegible\"></hy>", &[]);
    found("<hy>3</hy>", "<hy/>", &[]);
}

#[test]
fn a_form_that_cannot_be_named_is_listed_apart() {
    unreadable("000000000002\"", "00000000000g\"", "xml.form-attribute", false);
    unreadable("round=\"1\"", "round=\"0\"", "xml.form-attribute", true);
    unreadable("application=\"new\"", "application=\"old\"", "xml.form-attribute", true);
    unreadable("application=\"new\"", "", "xml.form-attribute", true);
    unreadable("branch=\"0\"", "branch=\"0\" x=\"y\"", "xml.form-attribute", true);
    unreadable("number=\"6\"", "number=\"9999\"", "xml.unknown-form", true);
}

#[test]
fn no_message_repeats_the_document() {
    let delivered = read(&spoil("壊れ　二郎", &"秘密".repeat(30))).unwrap();
    let text = format!("{delivered:?}");
    assert!(!text.contains("秘密") && !text.contains("難病"), "{text}");
}

#[test]
fn a_dtd_is_refused_before_it_is_read() {
    let bomb = r#"<!DOCTYPE return [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>"#;
    refused(&three().replacen("<return", &format!("{bomb}<return"), 1), Why::Dtd);
    let outside = r#"<!DOCTYPE return SYSTEM "file:///etc/passwd">"#;
    refused(&three().replacen("<return", &format!("{outside}<return"), 1), Why::Dtd);
}

#[test]
fn entities_other_than_the_five_are_refused() {
    refused(&spoil("壊れ", "&bomb;"), Why::NotWellFormed);
    refused(&spoil("壊れ", "&#1;"), Why::NotWellFormed);
    refused(&spoil("壊れ", "\u{1}"), Why::NotWellFormed);
    refused(&spoil("application=\"new\"", "application=\"&bomb;\""), Why::NotWellFormed);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    let whole = three();
    refused("", Why::NotWellFormed);
    refused("<return", Why::NotWellFormed);
    refused(whole.trim_end().trim_end_matches("</return>"), Why::NotWellFormed);
    refused(&format!("{whole}<return/>"), Why::NotWellFormed);
    refused(&format!("{whole}more"), Why::NotWellFormed);
    refused(&format!("text{whole}"), Why::NotWellFormed);
    refused(&spoil("</hy>", "</hx>"), Why::NotWellFormed);
    refused(&spoil("round=\"1\"", "round=\"1\" round=\"1\""), Why::NotWellFormed);
    refused(&spoil("round=\"1\"", "round=\"<\""), Why::NotWellFormed);
    refused(&spoil("<hy>", "<nsx:hy xmlns:nsx=\"\">"), Why::NotWellFormed);
}

#[test]
fn a_refusal_names_its_line() {
    let refusal = read(&spoil("</hy>", "</hx>")).unwrap_err();
    let line = spoil("</hy>", "</hx>").lines().position(|line| line.contains("</hx>")).unwrap() + 1;
    assert_eq!(refusal.line, line);
    assert!(refusal.to_string().contains("well-formed"));
}

#[test]
fn roots_and_their_attributes_must_be_right() {
    let whole = three();
    refused(&whole.replace("urn:kakehashi:form:1", "urn:kakehashi:form:2"), Why::WrongNamespace);
    refused("<ret xmlns=\"urn:kakehashi:form:1\"/>", Why::WrongRoot);
    refused(&whole.replace(" lot=", " lott="), Why::WrongAttribute("an unknown attribute"));
    refused(&whole.replace("L-20261123-000003-", "L-20261123-000004-"), Why::WrongAttribute("lot"));
    refused(&whole.replace("demo-keying", "Demo Keying"), Why::WrongAttribute("contractor"));
    refused("<return xmlns=\"urn:kakehashi:form:1\"/>", Why::WrongAttribute("lot"));
}

#[test]
fn every_limit_is_kept() {
    let deep = "<a>".repeat(20) + &"</a>".repeat(20);
    refused(&spoil("<hy>3</hy>", &deep), Why::TooDeep);
    let attributes: Vec<String> = (0..17).map(|n| format!("a{n}=\"\"")).collect();
    refused(&spoil("<hy>", &format!("<hy {}>", attributes.join(" "))), Why::TooManyAttributes);
    refused(&spoil("<hy>", &format!("<hy a=\"{}\">", "x".repeat(17_000))), Why::TextTooLong);
    refused(&spoil("壊れ", &"長".repeat(6_000)), Why::TextTooLong);
    let start = three();
    let start = &start[..start.find("  <form").unwrap()];
    refused(&format!("{start}{}</return>", "<x/>".repeat(1_001)), Why::TooManyForms);
}

#[test]
fn other_encodings_are_refused() {
    refused(&three().replace("UTF-8", "EUC-JP"), Why::Encoding);
    refused(&three().replace("UTF-8", "UTF-7"), Why::Encoding);
    refused(&three().replace("UTF-8", "Shift_JIS"), Why::Malformed);
    let mut bytes = three().into_bytes();
    let at = bytes.iter().position(|byte| *byte >= 0x80).unwrap();
    bytes[at] = 0xFF;
    let refusal = read_return(&bytes, catalogue()).unwrap_err();
    assert_eq!((refusal.why, refusal.offset), (Why::Malformed, at));
    let utf16: Vec<u8> = three().encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_return(&utf16, catalogue()).unwrap_err().why, Why::Encoding);
}

#[test]
fn a_single_form_has_the_same_limits() {
    let catalogue = catalogue();
    let definition = parkinson(catalogue);
    let xml = write_form(definition, &header(1), &with(definition, &[]));
    let why = |xml: &str| read_form(xml.as_bytes(), catalogue).unwrap_err().why;
    assert_eq!(why(&xml.replace("number=\"6\"", "number=\"9999\"")), Why::UnknownForm);
    assert_eq!(why(&xml.replace("round=\"1\"", "round=\"x\"")), Why::WrongAttribute("round"));
    assert_eq!(why(&three()), Why::WrongRoot);
    assert_eq!(why(&xml.replace("<form", "<!DOCTYPE form><form")), Why::Dtd);
}
