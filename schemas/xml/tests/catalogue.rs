//! The schemas of the catalogue, judged by xmllint and by `xmlschema` from `PyPI`: both accept what is right and
//! refuse what is broken, and we never accept what they refuse.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod any;
mod judges;

use std::sync::LazyLock;

use any::{edges, filled, in_state};
use judges::{Verdict, judge};
use kakehashi_forms::{Answer, Application, Catalogue, Definition, Item, Kind};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use kakehashi_xml::{
    BatchHeader, BatchReader, BatchWriter, Sent, SentHeader, batch_xsd, write_sent_form,
};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::builtin().unwrap());

/// Of the forms that have no criteria of their own, which share their bodies, one in so many.
const ONE_IN: usize = 60;

/// By how many forms the broken documents are shared.
const SHARED_BY: usize = 4;

const GOOD: Verdict = Verdict { xmllint: true, xmlschema: true };
const BAD: Verdict = Verdict { xmllint: false, xmlschema: false };

/// Every form with criteria, and some of the others.
fn chosen() -> Vec<&'static Definition> {
    let all = CATALOGUE.iter().enumerate();
    let chosen = all.filter(|(place, definition)| {
        (definition.has_diagnosis() && definition.has_severity()) || place % ONE_IN == 0
    });
    let chosen: Vec<_> = chosen.map(|(_, definition)| definition).collect();
    assert!(chosen.len() >= 15, "{}", chosen.len());
    chosen
}

fn header(application: Application) -> SentHeader {
    SentHeader { reference: "2026-a.1_x".parse().unwrap(), application, is_partial: false }
}

fn document(definition: &Definition, answers: &kakehashi_forms::Answers) -> String {
    write_sent_form(definition, &header(Application::New), answers)
}

/// What is right, at the edges of what items take.
fn good(definition: &Definition) -> Vec<String> {
    let most = definition.items().map(|item| edges(item).len()).max().unwrap_or(0);
    let mut documents: Vec<String> =
        (0..most.min(12)).map(|place| document(definition, &filled(definition, place))).collect();
    let states = [
        Answer::Blank,
        Answer::NotDone,
        Answer::Unknown,
        Answer::Illegible,
        Answer::Struck,
        Answer::MultiplyMarked,
    ];
    documents.extend(states.map(|state| document(definition, &in_state(definition, &state))));
    documents.push(document(definition, &kakehashi_forms::Answers::new()));
    let renewal = SentHeader { is_partial: true, ..header(Application::Renewal) };
    documents.push(write_sent_form(definition, &renewal, &filled(definition, 0)));
    documents
}

/// What reading and checking say: whether the XML and every value in it are right.
fn ours(document: &str) -> bool {
    let Ok(reader) = BatchReader::new(document.as_bytes(), &CATALOGUE) else { return false };
    reader.accepting_partial().all(|sent| match sent {
        Ok(Sent::Form(form)) => {
            let definition = CATALOGUE.definition(form.key).unwrap();
            let refuses = |finding: &kakehashi_forms::Finding| finding.rule == "check.state";
            let found = definition.check(&form.answers, form.header.application);
            form.defects.is_empty() && !found.iter().any(refuses)
        }
        Ok(Sent::Unreadable { .. }) | Err(_) => false,
    })
}

/// Elements that must not stand in an item's place, and what is wrong with each.
fn broken_elements(item: &Item) -> Vec<(&'static str, String)> {
    let id = &item.id;
    let value = |text: &str| format!("<{id}>{text}</{id}>");
    let mut broken = vec![
        ("an unknown state", format!("<{id} state=\"lost\"/>")),
        ("an empty state", format!("<{id} state=\"\"/>")),
        ("an unknown attribute", format!("<{id} colour=\"red\"/>")),
        ("an element inside", format!("<{id}><b/></{id}>")),
        ("given twice", format!("<{id}/><{id}/>")),
        ("a neighbour that is unknown", format!("<{id}/><surprise/>")),
        ("another namespace", format!("<{id} xmlns=\"urn:other\"/>")),
        (
            "nil",
            format!("<{id} xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\"/>"),
        ),
        ("text behind", format!("<{id}/>text")),
    ];
    if !item.allows(kakehashi_forms::AllowedState::NotDone) {
        broken.push(("a state it may not have", format!("<{id} state=\"not-done\"/>")));
    }
    if !matches!(item.kind, Kind::Decimal { comparator: true, .. }) {
        broken.push(("no comparator", format!("<{id} comparator=\"lt\">1</{id}>")));
        broken.push(("no limit", format!("<{id} state=\"below-detection\"/>")));
    }
    if let Kind::Rows { columns, max, .. } = &item.kind {
        let first = &columns[0].id;
        let row = format!("<row><{first}/></row>");
        broken.push(("text", value("x")));
        broken.push(("an unknown column", value("<row><surprise/></row>")));
        broken.push(("a row's attribute", value(&row.replace("<row>", "<row n=\"1\">"))));
        broken.push(("no row", value("<line/>")));
        broken.push(("too many rows", value(&row.repeat(max + 1))));
        broken.push(("a column twice", value(&format!("<row><{first}/><{first}/></row>"))));
        for column in columns {
            let cells = broken_elements(column).into_iter();
            broken.extend(cells.map(|(what, cell)| (what, value(&format!("<row>{cell}</row>")))));
        }
    }
    let values = broken_values(item).into_iter();
    broken.extend(values.map(|(what, text)| (what, value(&text))));
    if matches!(item.kind, Kind::Decimal { comparator: true, .. }) {
        broken.push(("an unknown comparator", format!("<{id} comparator=\"&lt;\">1</{id}>")));
    }
    broken
}

/// Values an item does not take.
fn broken_values(item: &Item) -> Vec<(&'static str, String)> {
    match &item.kind {
        Kind::Text { length_max, lines_max } => vec![
            ("too long", "長".repeat(length_max + 1)),
            ("too many lines", "行\n".repeat(*lines_max) + "行"),
        ],
        Kind::Kana { length_max } => {
            vec![("too long", "あ".repeat(length_max + 1)), ("not kana", "漢字".to_owned())]
        }
        Kind::Digits { max, .. } => {
            vec![("too many digits", "1".repeat(max + 1)), ("full width", "１".repeat(*max))]
        }
        Kind::Postcode => vec![("a hyphen", "100-0013".to_owned())],
        Kind::Tel => vec![("no zero", "3123456789".to_owned())],
        Kind::Recipient => vec![("a digit too few", "123456".to_owned())],
        Kind::Insurer => vec![("seven digits", "1380161".to_owned())],
        Kind::Date => vec![
            ("no such day", "2023-02-29".to_owned()),
            ("an era", "R6.4.1".to_owned()),
            ("too early", "1872-12-31".to_owned()),
            ("a time zone", "2024-01-01Z".to_owned()),
        ],
        Kind::PartialDate => {
            vec![("no such month", "2023-13".to_owned()), ("no zero", "2023-4".to_owned())]
        }
        Kind::Code(_) | Kind::Codes(_) => {
            vec![("no such code", "zz".to_owned()), ("full width", "１".to_owned())]
        }
        Kind::Integer { max, .. } => vec![
            ("above", (max + 1).to_string()),
            ("a fraction", "1.5".to_owned()),
            ("a leading zero", "01".to_owned()),
            ("a sign", "+1".to_owned()),
        ],
        Kind::Decimal { max, places, .. } => vec![
            ("above", (*max + rust_decimal::Decimal::ONE).to_string()),
            ("too many places", format!("1.{}", "0".repeat(*places as usize + 1))),
            ("no digit behind", "1.".to_owned()),
            ("an exponent", "1E0".to_owned()),
        ],
        Kind::Rows { .. } => Vec::new(),
    }
}

/// Puts an element in an item's place.
fn with_element(document: &str, item: &str, element: &str) -> String {
    let is_item = |line: &&str| {
        let rest = line.strip_prefix("    <").and_then(|line| line.strip_prefix(item));
        rest.is_some_and(|rest| rest.starts_with(['>', ' ']))
    };
    let line = document.lines().find(is_item).unwrap();
    let at = document.find(line).unwrap();
    // A table ends some lines below, everything else on its line.
    let end = format!("</{item}>");
    let length = document[at..].find(&end).unwrap() + end.len();
    format!("{}    {element}{}", &document[..at], &document[at + length..])
}

/// What is broken, and how.
fn bad(definition: &Definition) -> Vec<(String, String)> {
    let good = document(definition, &filled(definition, 0));
    let mut documents = Vec::new();
    // One item of every kind is enough: items of a kind share the code.
    let mut kinds = std::collections::BTreeSet::new();
    for item in definition.items() {
        let kind = format!("{:?}", std::mem::discriminant(&item.kind));
        if kinds.insert((kind, item.allows(kakehashi_forms::AllowedState::NotDone))) {
            for (what, element) in broken_elements(item) {
                let broken = with_element(&good, &item.id, &element);
                documents.push((format!("{}: {what}", item.id), broken));
            }
        }
    }
    let key = definition.key();
    let version = format!("version=\"{}\"", key.version);
    let sections: Vec<&str> = definition.sections().iter().map(|s| s.id.as_str()).collect();
    for (what, from, to) in [
        ("no reference", "reference=\"2026-a.1_x\"", ""),
        ("an odd reference", "2026-a.1_x", "2026/1"),
        ("a long reference", "2026-a.1_x", &"x".repeat(65)),
        ("an odd application", "application=\"new\"", "application=\"old\""),
        ("another version", &version, "version=\"9901\""),
        ("an odd partial", "application=\"new\"", "application=\"new\" partial=\"1\""),
        ("an unknown attribute", "application=\"new\"", "application=\"new\" round=\"1\""),
        ("another namespace", "form:1", "form:2"),
        ("an unknown section", &format!("  </{}>\n", sections[0]), "<surprise/>"),
        (
            "a section's attribute",
            &format!("<{}>", sections[0]),
            &format!("<{} a=''>", sections[0]),
        ),
        ("no end", "</form>", ""),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{what} changes nothing");
        documents.push((what.to_owned(), broken));
    }
    documents
}

/// One definition with its documents and what was said of them.
struct Judged {
    definition: &'static Definition,
    good: Vec<(String, Verdict)>,
    bad: Vec<(String, String, Verdict)>,
}

/// All in one run: to read a schema costs more than to judge by it.
static JUDGED: LazyLock<Vec<Judged>> = LazyLock::new(|| {
    let definitions = chosen();
    let mut groups = Vec::new();
    let mut broken = Vec::new();
    for (place, definition) in definitions.iter().enumerate() {
        let mut documents = good(definition);
        // What is wrong is wrong by the same code in every form: the forms share the work.
        let all = bad(definition).into_iter().enumerate();
        let own = all.filter(|(number, _)| number % SHARED_BY == place % SHARED_BY);
        let own: Vec<_> = own.map(|(_, broken)| broken).collect();
        documents.extend(own.iter().map(|(_, document)| document.clone()));
        groups.push((batch_xsd(&[definition]), documents));
        broken.push(own);
    }
    let verdicts = judge(&groups).into_iter();
    let all = definitions.into_iter().zip(groups).zip(broken).zip(verdicts);
    let judged = all.map(|(((definition, (_, documents)), broken), verdicts)| {
        let goods = documents.len() - broken.len();
        Judged {
            definition,
            good: documents.into_iter().zip(verdicts.iter().copied()).take(goods).collect(),
            bad: broken
                .into_iter()
                .zip(&verdicts[goods..])
                .map(|((what, document), verdict)| (what, document, *verdict))
                .collect(),
        }
    });
    judged.collect()
});

#[test]
fn what_is_right_is_accepted_by_all() {
    for Judged { definition, good, .. } in &*JUDGED {
        for (document, verdict) in good {
            assert_eq!(*verdict, GOOD, "{}\n{document}", definition.key());
            assert!(ours(document), "{}\n{document}", definition.key());
        }
    }
}

#[test]
fn what_is_broken_is_refused_by_all() {
    let mut lax = Vec::new();
    for Judged { definition, bad, .. } in &*JUDGED {
        assert!(bad.len() > 10);
        for (what, document, verdict) in bad {
            if *verdict != BAD || ours(document) {
                let ours = ours(document);
                lax.push(format!("{}: {what}: {verdict:?}, ours {ours}", definition.key()));
            }
        }
    }
    assert!(lax.is_empty(), "{lax:#?}");
}

#[test]
fn a_batch_of_many_form_versions_is_judged_by_one_schema() {
    let definitions = chosen();
    let batch_header = BatchHeader {
        sender: "1310000123".to_owned(),
        created: Timestamp(1_795_359_600_000),
        tool: "kakehashi-check".to_owned(),
        tool_version: "0.1.0".to_owned(),
        definitions: Sha256Digest::of(b""),
        count: u32::try_from(definitions.len()).unwrap(),
    };
    let mut writer = BatchWriter::begin(Vec::new(), &batch_header).unwrap();
    for definition in &definitions {
        writer.form(definition, &header(Application::New), &filled(definition, 1)).unwrap();
    }
    let batch = String::from_utf8(writer.finish().unwrap()).unwrap();
    let schema = batch_xsd(&definitions);
    let key = definitions[1].key();
    let own =
        format!("form.{}-{:04}-{:03}-{:04}", key.programme, key.number, key.branch, key.version);
    let other = definitions[0].key();
    let others = format!(
        "form.{}-{:04}-{:03}-{:04}",
        other.programme, other.number, other.branch, other.version
    );
    let spoil = |from: &str, to: &str| {
        let broken = batch.replacen(from, to, 1);
        assert_ne!(broken, batch, "{from}");
        broken
    };
    let broken = vec![
        spoil(&format!("\"{own}\""), &format!("\"{others}\"")),
        spoil(&format!("\"{own}\""), "\"form.nanbyo\""),
        spoil("format=\"1\"", "format=\"2\""),
        spoil("sender=\"1310000123\"", "sender=\"\""),
        spoil("created=\"2026-11-22T15:00:00.000Z\"", "created=\"2026-11-22T15:00:00\""),
        spoil("tool=\"kakehashi-check\"", "tool=\"a b\""),
        spoil(" definitions=\"", " definitions=\"0"),
        spoil(" count=\"", " count=\"0"),
        spoil(" count=\"", " count=\"x"),
        spoil("</batch>", "<other/></batch>"),
    ];
    let documents = std::iter::once(batch.clone()).chain(broken.iter().cloned()).collect();
    let verdicts = judge(&[(schema, documents)]);
    assert_eq!(verdicts[0][0], GOOD);
    assert!(ours(&batch));
    for (broken, verdict) in broken.iter().zip(&verdicts[0][1..]) {
        let start: String = broken.lines().nth(1).unwrap().to_owned();
        assert_eq!((*verdict, ours(broken)), (BAD, false), "{start}");
    }
}

/// What XSD 1.0 cannot say, or says with white space around it: only we refuse it.
#[test]
fn where_we_are_stricter_is_known() {
    let definition = CATALOGUE.definition("nanbyo/0006-000/2403".parse().unwrap()).unwrap();
    let good = document(definition, &filled(definition, 0));
    let documents: Vec<String> = [
        ("hy", "<hy state=\"blank\">1</hy>"),
        ("hy", "<hy state=\"illegible\">1</hy>"),
        ("name_kanji", "<name_kanji>  </name_kanji>"),
        ("name_kanji", "<name_kanji>a\u{85}b</name_kanji>"),
        ("family_relation", "<family_relation>11 2</family_relation>"),
        ("family_relation", "<family_relation>2 2</family_relation>"),
        ("family_relation", "<family_relation> 2</family_relation>"),
        ("recipient_no", "<recipient_no>1234567</recipient_no>"),
        ("insurer_no", "<insurer_no>138017</insurer_no>"),
        ("ldopa", "<ldopa> 600 </ldopa>"),
        ("birth_date", "<birth_date>1950-04-03 </birth_date>"),
    ]
    .map(|(item, element)| with_element(&good, item, element))
    .to_vec();
    let verdicts = judge(&[(batch_xsd(&[definition]), documents.clone())]);
    for (document, verdict) in documents.iter().zip(&verdicts[0]) {
        assert_eq!((*verdict, ours(document)), (GOOD, false), "{document}");
    }
}
