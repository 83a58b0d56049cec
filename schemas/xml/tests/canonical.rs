//! One form of bytes for one set of values, for every form with criteria.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod arbitrary;

use std::{io::Write, process::Command, sync::LazyLock};

use kakehashi_forms::{Answer, Answers, Application, Catalogue, Definition};
use kakehashi_xml::{
    BatchReader, FormHeader, Sent, SentForm, SentHeader, canonical, digest, read_form, write_form,
    write_sent_form,
};
use proptest::{prelude::*, strategy::ValueTree};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::builtin().unwrap());

fn definitions() -> Vec<&'static Definition> {
    let complete =
        |definition: &&Definition| definition.has_diagnosis() && definition.has_severity();
    CATALOGUE.iter().filter(complete).collect()
}

fn header() -> SentHeader {
    let reference = "a.1".parse().unwrap();
    SentHeader { reference, application: Application::New, is_partial: false }
}

fn returned() -> FormHeader {
    FormHeader {
        document: "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        round: 2,
        application: Application::Renewal,
    }
}

fn read(bytes: &[u8]) -> SentForm {
    let mut reader = BatchReader::new(bytes, &CATALOGUE).unwrap();
    let Some(Ok(Sent::Form(form))) = reader.next() else { panic!() };
    assert_eq!(form.defects, []);
    assert!(reader.next().is_none());
    form
}

/// Any of the definitions, with answers to it.
fn any_form() -> impl Strategy<Value = (&'static Definition, Answers)> {
    proptest::sample::select(definitions())
        .prop_flat_map(|definition| (Just(definition), arbitrary::answers(definition)))
}

/// Blank and left out are the same, and only the same otherwise.
fn same(one: &Answers, other: &Answers) -> bool {
    one.differences(other).is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn answers_survive_xml_json_and_their_canonical_form((definition, answers) in any_form()) {
        let xml = write_sent_form(definition, &header(), &answers);
        let form = read(xml.as_bytes());
        prop_assert!(form.answers == answers);
        let json = serde_json::to_string(&form.answers).unwrap();
        let again: Answers = serde_json::from_str(&json).unwrap();
        prop_assert!(again == answers);
        let bytes = canonical(definition, &header(), &again);
        let last = read(&bytes);
        prop_assert!(same(&last.answers, &answers));
        prop_assert_eq!(canonical(definition, &last.header, &last.answers), bytes);
        let xml = write_form(definition, &returned(), &answers);
        let form = read_form(xml.as_bytes(), &CATALOGUE).unwrap();
        prop_assert!(form.answers == answers && form.findings.is_empty());
    }

    #[test]
    fn the_digest_does_not_see_how_a_document_is_written((definition, answers) in any_form()) {
        let expected = digest(definition, &header(), &answers);
        let xml = write_sent_form(definition, &header(), &answers);
        let utf16: Vec<u8> = format!("\u{FEFF}{}", xml.replace("UTF-8", "UTF-16"))
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let other = xml
            .replacen("<form xmlns=\"urn:kakehashi:form:1\"", "<k:form xmlns:k='urn:kakehashi:form:1'", 1)
            .replace("reference=\"a.1\" ", "")
            .replacen("application=\"new\"", "application='new'\n\treference='&#97;.1' partial='false'", 1)
            .replace("</form>", "</k:form >");
        // Every section takes the namespace as its own.
        let other = definition.sections().iter().fold(other, |xml, section| {
            let start = format!("<{} xmlns=\"urn:kakehashi:form:1\">", section.id);
            xml.replace(&format!("\n  <{}>", section.id), &format!("\r\n<!-- -->{start}"))
        });
        for bytes in [xml.as_bytes(), &utf16, other.as_bytes()] {
            let form = read(bytes);
            prop_assert_eq!(digest(definition, &form.header, &form.answers), expected);
        }
    }

    #[test]
    fn other_values_have_another_digest((definition, answers) in any_form(), at in any::<prop::sample::Index>()) {
        let items: Vec<&str> = definition.items().map(|item| item.id.as_str()).collect();
        let item = *at.get(&items);
        let mut other = answers.clone();
        let state = if answers.get(item) == Some(&Answer::Struck) { Answer::Illegible } else { Answer::Struck };
        other.set(item, state);
        prop_assert_ne!(digest(definition, &header(), &answers), digest(definition, &header(), &other));
    }
}

#[test]
fn the_canonical_form_is_written_down() {
    let definition = CATALOGUE.definition("nanbyo/0006-000/2403".parse().unwrap()).unwrap();
    let mut answers = Answers::new();
    for (item, text) in [
        ("name_kanji", "\u{FA19}田 <&> \"𠮷\""),
        ("birth_date", "S25.4.3"),
        ("family_relation", "11 2"),
        ("ldopa", "600"),
        ("hy", ""),
    ] {
        answers.set(item, definition.read(item, text).unwrap());
    }
    answers.set("mibg", Answer::Illegible);
    answers.set("life", Answer::Blank);
    let written = String::from_utf8(canonical(definition, &returned(), &answers)).unwrap();
    let expected = concat!(
        "<form xmlns=\"urn:kakehashi:form:1\" application=\"renewal\" branch=\"0\" ",
        "document=\"018f0000-0000-7000-8000-000000000001\" number=\"6\" programme=\"nanbyo\" ",
        "round=\"2\" version=\"2403\"><basic><name_kanji>\u{FA19}田 &lt;&amp;&gt; \"𠮷\"</name_kanji>",
        "<birth_date>1950-04-03</birth_date><family_relation>2 11</family_relation></basic>",
        "<research><ldopa>600.0</ldopa><mibg state=\"illegible\"></mibg></research></form>",
    );
    assert_eq!(written, expected);
    let partial = SentHeader { is_partial: true, ..header() };
    let start = "<form xmlns=\"urn:kakehashi:form:1\" application=\"new\" branch=\"0\" number=\"6\" \
        partial=\"true\" programme=\"nanbyo\" reference=\"a.1\" version=\"2403\"></form>";
    assert_eq!(canonical(definition, &partial, &Answers::new()), start.as_bytes());
}

/// Somebody else's canonical XML is ours.
#[test]
fn xmllint_finds_it_canonical() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for definition in definitions() {
        let answers = arbitrary::answers(definition).new_tree(&mut runner).unwrap().current();
        let ours = canonical(definition, &header(), &answers);
        let mut same = tempfile::NamedTempFile::new().unwrap();
        same.write_all(&ours).unwrap();
        let run = Command::new("xmllint").arg("--c14n").arg(same.path()).output();
        let run = run.expect("xmllint is needed: install the package libxml2-utils");
        assert!(run.status.success());
        let (theirs, ours) =
            (String::from_utf8(run.stdout).unwrap(), String::from_utf8(ours).unwrap());
        assert_eq!(theirs, ours);
    }
}
