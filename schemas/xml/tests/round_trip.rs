//! What is written reads back the same, whatever the answers are.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../forms/tests/sample/mod.rs"]
mod sample;

use kakehashi_forms::{AllowedState, Answer, Answers, Application, Item, Kind, Row, Value};
use kakehashi_kernel::{CivilDate, LotNumber, PartialDate};
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

fn text(length: usize, characters: &'static str) -> BoxedStrategy<String> {
    let pattern = format!("{characters}{{1,{}}}", length.min(30));
    prop::string::string_regex(&pattern).unwrap().boxed()
}

fn date() -> impl Strategy<Value = CivilDate> {
    (1873i16..=2200, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| CivilDate::new(y, m, d).unwrap())
}

/// A number with its check digit.
fn checked(digits: usize) -> BoxedStrategy<String> {
    let body = prop::string::string_regex(&format!("[0-9]{{{}}}", digits - 1)).unwrap();
    let with_check = |body: String| {
        let check = kakehashi_kernel::check_digit::payer(&body).unwrap();
        format!("{body}{check}")
    };
    body.prop_map(with_check).boxed()
}

fn value(item: &Item) -> BoxedStrategy<Value> {
    let as_text = |strategy: BoxedStrategy<String>| strategy.prop_map(Value::Text).boxed();
    match &item.kind {
        // Starts with a letter so that it is never white space alone; all of XML's special characters.
        Kind::Text { length_max, lines_max } => {
            let newline = if *lines_max > 1 { "\n" } else { "" };
            let rest =
                text((*length_max - 1).clamp(1, 6), "[<>&\"' \t\u{3000}\u{FA19}𠮷髙a-z亜\\]]");
            if *length_max < 8 {
                return as_text(Just("亜".to_owned()).boxed());
            }
            as_text(rest.prop_map(move |rest| format!("亜{newline}{rest}")).boxed())
        }
        Kind::Kana { length_max } => as_text(text(*length_max, "[ぁ-ゖァ-ヺー]")),
        Kind::Digits { min, max } => {
            as_text(prop::string::string_regex(&format!("[0-9]{{{min},{max}}}")).unwrap().boxed())
        }
        Kind::Postcode => as_text(prop::string::string_regex("[0-9]{7}").unwrap().boxed()),
        Kind::Tel => as_text(prop::string::string_regex("0[0-9]{9,10}").unwrap().boxed()),
        Kind::Recipient => as_text(checked(7)),
        Kind::Insurer => as_text(prop_oneof![checked(6), checked(8)].boxed()),
        Kind::Date => date().prop_map(Value::Date).boxed(),
        Kind::PartialDate => (date(), 0..3)
            .prop_map(|(date, parts)| {
                let month = (parts > 0).then(|| date.month());
                let day = (parts > 1).then(|| date.day());
                Value::PartialDate(PartialDate::new(date.year(), month, day).unwrap())
            })
            .boxed(),
        Kind::Code(list) => {
            let codes: Vec<String> = list.options().iter().map(|o| o.code.clone()).collect();
            prop::sample::select(codes).prop_map(Value::Code).boxed()
        }
        Kind::Codes(list) => {
            let codes: Vec<String> = list.options().iter().map(|o| o.code.clone()).collect();
            let most = codes.len();
            prop::sample::subsequence(codes, 1..=most).prop_map(Value::Codes).boxed()
        }
        Kind::Rows { min, max, columns } => {
            let cells: Vec<_> = columns.iter().map(value).collect();
            let ids: Vec<String> = columns.iter().map(|column| column.id.clone()).collect();
            let row = cells.prop_map(move |cells| {
                let cells = cells.into_iter().map(Answer::Given);
                ids.iter().cloned().zip(cells).collect::<Row>()
            });
            prop::collection::vec(row, (*min).max(1)..=*max).prop_map(Value::Rows).boxed()
        }
        Kind::Integer { min, max } => (*min..=*max).prop_map(Value::Integer).boxed(),
        Kind::Decimal { places, .. } => {
            let places = *places;
            (0i64..=3_000 * 10i64.pow(places))
                .prop_map(move |units| {
                    let value = rust_decimal::Decimal::new(units, places);
                    Value::Decimal { value, comparator: None }
                })
                .boxed()
        }
    }
}

fn answer(item: &Item) -> BoxedStrategy<Option<Answer>> {
    let mut states = vec![Answer::Blank, Answer::Illegible, Answer::Struck, Answer::MultiplyMarked];
    states.extend(item.allows(AllowedState::NotDone).then_some(Answer::NotDone));
    states.extend(item.allows(AllowedState::Unknown).then_some(Answer::Unknown));
    prop_oneof![
        4 => value(item).prop_map(|value| Some(Answer::Given(value))),
        1 => prop::sample::select(states).prop_map(Some),
        1 => Just(None),
    ]
    .boxed()
}

fn any_answers() -> impl Strategy<Value = Answers> {
    let catalogue = catalogue();
    let items: Vec<_> = parkinson(catalogue)
        .items()
        .map(|item| {
            let id = item.id.clone();
            answer(item).prop_map(move |answer| Some((id.clone(), answer?)))
        })
        .collect();
    items.prop_map(|answers| answers.into_iter().flatten().collect())
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
