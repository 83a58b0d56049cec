//! The published attacks on readers of XML: refused with a reason, whatever their size, in little memory and
//! without reading more than needed to see them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod counting;

use std::{
    io::{self, Read},
    sync::LazyLock,
};

use kakehashi_forms::Catalogue;
use kakehashi_xml::{BatchReader, Sent, SentForm, Why, XmlRefusal};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::builtin().unwrap());

const BATCH: &str = "<batch xmlns=\"urn:kakehashi:form:1\" format=\"1\" sender=\"1\" \
    created=\"2026-11-23T00:00:00Z\" tool=\"t\" tool-version=\"1\" \
    definitions=\"0000000000000000000000000000000000000000000000000000000000000000\" count=\"1\">";
const FORM: &str = "<form reference=\"a\" programme=\"nanbyo\" number=\"6\" branch=\"0\" \
    version=\"2403\" application=\"new\">";
const ITEM: &str = "<severity><hy>";
const END: &str = "</hy></severity></form></batch>";

/// What may be held at once: buffers, one token, one form.
const MEMORY_MAX: usize = 1024 * 1024;
/// What may be read of an attack before it is seen.
const SEEN_WITHIN: u64 = 512 * 1024;
const MANY: u64 = 50 * 1024 * 1024;

/// Pieces, each repeated: an attack of any size takes no memory here.
struct Attack {
    pieces: Vec<(Vec<u8>, u64)>,
    at: usize,
    read: u64,
}

impl Attack {
    fn new(pieces: &[(&str, u64)]) -> Self {
        Self::bytes(
            pieces.iter().map(|(piece, times)| (piece.as_bytes().to_vec(), *times)).collect(),
        )
    }

    fn bytes(pieces: Vec<(Vec<u8>, u64)>) -> Self {
        Self { pieces, at: 0, read: 0 }
    }
}

impl Read for Attack {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < into.len() {
            let Some((piece, times)) = self.pieces.first_mut() else { break };
            if *times == 0 || piece.is_empty() {
                self.pieces.remove(0);
                continue;
            }
            let count = (piece.len() - self.at).min(into.len() - written);
            into[written..written + count].copy_from_slice(&piece[self.at..self.at + count]);
            written += count;
            self.at += count;
            if self.at == piece.len() {
                self.at = 0;
                *times -= 1;
            }
        }
        self.read += written as u64;
        Ok(written)
    }
}

/// What became of an attack.
struct Outcome {
    refusal: Option<XmlRefusal>,
    forms: Vec<SentForm>,
    others: usize,
    read: u64,
}

fn run(mut attack: Attack) -> Outcome {
    LazyLock::force(&CATALOGUE);
    let mut outcome = Outcome { refusal: None, forms: Vec::new(), others: 0, read: 0 };
    let memory = counting::peak(|| match BatchReader::new(&mut attack, &CATALOGUE) {
        Err(refusal) => outcome.refusal = Some(refusal),
        Ok(reader) => {
            for sent in reader {
                match sent {
                    Ok(Sent::Form(form)) => outcome.forms.push(form),
                    Ok(Sent::Unreadable { .. }) => outcome.others += 1,
                    Err(refusal) => outcome.refusal = Some(refusal),
                }
            }
        }
    });
    assert!(memory < MEMORY_MAX, "{memory} bytes held at once");
    outcome.read = attack.read;
    outcome
}

#[track_caller]
fn refused(pieces: &[(&str, u64)], why: Why) {
    let outcome = run(Attack::new(pieces));
    assert_eq!(outcome.refusal.map(|refusal| refusal.why), Some(why));
    assert!(outcome.read <= SEEN_WITHIN, "{} bytes read", outcome.read);
}

/// Inside an item of a form of a batch.
#[track_caller]
fn refused_inside(piece: &str, times: u64, why: Why) {
    refused(&[(BATCH, 1), (FORM, 1), (ITEM, 1), (piece, times), (END, 1)], why);
}

#[track_caller]
fn refused_bytes(bytes: &[u8], why: Why) {
    let outcome = run(Attack::bytes(vec![(bytes.to_vec(), 1)]));
    assert_eq!(outcome.refusal.map(|refusal| refusal.why), Some(why));
}

fn whole() -> String {
    format!("{BATCH}{FORM}{ITEM}3{END}")
}

#[test]
fn the_document_of_these_tests_is_right_before_it_is_attacked() {
    let outcome = run(Attack::new(&[(&whole(), 1)]));
    assert_eq!(outcome.refusal, None);
    assert_eq!((outcome.forms.len(), outcome.others), (1, 0));
    assert_eq!(outcome.forms[0].defects, []);
    assert_eq!(outcome.forms[0].answers.text("hy"), Some("3"));
}

#[test]
fn entity_expansion_is_refused_at_the_document_type() {
    let mut laughs = "<?xml version=\"1.0\"?><!DOCTYPE batch [<!ENTITY lol \"lol\">".to_owned();
    for level in 1..10 {
        let before = if level == 1 { "&lol;".to_owned() } else { format!("&lol{};", level - 1) };
        laughs += &["<!ENTITY lol", &level.to_string(), " \"", &before.repeat(10), "\">"].concat();
    }
    refused(&[(&laughs, 1), ("]>", 1), (BATCH, 1), (FORM, 1), (ITEM, 1), ("&lol9;", 1)], Why::Dtd);
    // Quadratic: one long entity, used often. Its definition alone is longer than any token may be.
    refused(
        &[("<!DOCTYPE batch [<!ENTITY a \"", 1), ("a", MANY), ("\">]>", 1), (BATCH, 1)],
        Why::Dtd,
    );
    refused(
        &[("<!DOCTYPE batch [", 1), ("<!ENTITY a \"b\">", MANY), ("]>", 1), (BATCH, 1)],
        Why::Dtd,
    );
    refused_inside("&lol;", 1_000_000, Why::NotWellFormed);
}

#[test]
fn external_entities_are_refused_at_the_document_type() {
    for inside in [
        "<!DOCTYPE batch SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE batch PUBLIC \"-//x//y\" \"http://198.51.100.1/x.dtd\">",
        "<!DOCTYPE batch [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE batch [<!ENTITY % p SYSTEM \"http://198.51.100.1/x.dtd\"> %p;]>",
        "<!DOCTYPE batch [<!ENTITY % a \"<!ENTITY &#x25; b SYSTEM 'file:///x'>\">%a;%b;]>",
        "<!DOCTYPE batch [<!NOTATION n SYSTEM \"x\"><!ENTITY u SYSTEM \"x\" NDATA n>]>",
        "<!DOCTYPE batch [<!ATTLIST form reference CDATA \"a\">]>",
        "<!DOCTYPE batch []>",
        "<!DOCTYPE>",
        "<!doctype batch>",
    ] {
        refused(&[(inside, 1), (&whole(), 1)], Why::Dtd);
    }
    refused(&[("<!DOCTYPE batch [", 1), (&whole(), 1)], Why::Dtd);
    refused(&[("<!ENTITY a \"b\">", 1), (&whole(), 1)], Why::NotWellFormed);
    refused_inside("<!DOCTYPE hy>", 1, Why::Dtd);
    refused_inside("%p;&xxe;", 1, Why::NotWellFormed);
}

#[test]
fn inclusion_is_an_unknown_element_and_includes_nothing() {
    let include = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" \
        href=\"file:///etc/passwd\" parse=\"text\"/>";
    let pieces = [(BATCH, 1), (FORM, 1), (include, 1), (ITEM, 1), (include, 1), (END, 1)];
    let outcome = run(Attack::new(&pieces));
    assert_eq!(outcome.refusal, None);
    let rules: Vec<&str> =
        outcome.forms[0].defects.iter().map(|defect| defect.finding.rule.as_str()).collect();
    assert_eq!(rules, ["xml.unknown-section", "xml.unexpected-element"]);
    assert!(outcome.forms[0].answers.is_empty());
}

#[test]
fn deep_nesting_is_refused_at_its_depth() {
    refused_inside("<a>", 100_000, Why::TooDeep);
    refused(&[("<batch xmlns=\"urn:kakehashi:form:1\">", 100_000)], Why::WrongAttribute("format"));
    refused(&[(BATCH, 100_000)], Why::TooDeep);
    refused_inside("<a b='c'>x<!-- y -->", 100_000, Why::TooDeep);
}

#[test]
fn huge_tags_are_refused_before_they_are_held() {
    refused_inside("<a b=\"", 1, Why::NotWellFormed);
    refused(&[(BATCH, 1), ("<form a=\"", 1), ("x", MANY), ("\"/></batch>", 1)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<form", 1), (" a=\"\"", 100_000), ("/>", 1)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<form", 1), (" a=\"\" b=\"\"", 10), ("/>", 1)], Why::NotWellFormed);
    refused(&[(BATCH, 1), ("<form", 1), (" ", MANY), ("/>", 1)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<", 1), ("a", MANY), ("/></batch>", 1)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("</", 1), ("a", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<a b='", 1), ("&lt;", MANY)], Why::TextTooLong);
    let names: String = (0..200).map(|n| format!(" a{n}=\"\"")).collect::<Vec<_>>().concat();
    refused(&[(BATCH, 1), ("<form", 1), (&names, 1), ("/>", 1)], Why::TooManyAttributes);
}

#[test]
fn what_never_ends_is_refused() {
    refused(&[("<", MANY)], Why::TextTooLong);
    refused(&[("x", MANY)], Why::TextTooLong);
    refused(&[(" ", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1)], Why::NotWellFormed);
    refused(&[(BATCH, 1), (FORM, 1), (ITEM, 1), ("3", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<!-- ", 1), ("x", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<!-- ", 1), ("x\n", MANY), ("-->", 1)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("<?p ", 1), ("x", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1), (FORM, 1), ("<![CDATA[", 1), ("x", MANY)], Why::TextTooLong);
    refused(&[(BATCH, 1), ("&", 1), ("x", MANY)], Why::TextTooLong);
    refused(&[("<!", 1), ("x", MANY)], Why::NotWellFormed);
}

#[test]
fn floods_of_small_things_take_no_memory() {
    let flood = |pieces: &[(&str, u64)]| run(Attack::new(pieces));
    let outcome = flood(&[(BATCH, 1), ("<!-- comment -->\n", 1_000_000), ("</batch>", 1)]);
    assert_eq!((outcome.refusal, outcome.others), (None, 1), "only the count is wrong");
    let why = |outcome: Outcome| outcome.refusal.map(|refusal| refusal.why);
    let inside = [(BATCH, 1), (FORM, 1)];
    let in_form = |piece| flood(&[inside[0], inside[1], (piece, 10_000_000), ("</form>", 1)]);
    assert_eq!(why(in_form("<!-- comment -->")), Some(Why::FormTooLarge));
    assert_eq!(why(in_form("<?p i?>")), Some(Why::FormTooLarge));
    assert_eq!(why(in_form("<a/>")), Some(Why::FormTooLarge));
    assert_eq!(why(in_form("<severity/>")), Some(Why::FormTooLarge));
    assert_eq!(why(in_form("&#32;")), Some(Why::TooManyReferences));
    assert_eq!(why(flood(&[(BATCH, 1), ("<form/>", 10_000_000)])), Some(Why::TooManyForms));
    // What is wrong with one form is listed only so far.
    let outcome = flood(&[(BATCH, 1), (FORM, 1), ("<a/>", 10_000), ("</form></batch>", 1)]);
    assert_eq!(outcome.forms[0].defects.len(), 200);
}

#[test]
fn character_data_has_no_back_doors() {
    refused_inside("<![CDATA[3]]>", 1_000_000, Why::TextTooLong);
    refused_inside("3]]>", 1, Why::NotWellFormed);
    refused_inside("<![CDATA[<![CDATA[3]]>]]>", 1, Why::NotWellFormed);
    refused_inside("<![cdata[3]]>", 1, Why::NotWellFormed);
    refused_inside("<![CDATA [3]]>", 1, Why::NotWellFormed);
    refused_inside("<![INCLUDE[3]]>", 1, Why::NotWellFormed);
    refused(&[("<![CDATA[x]]>", 1), (&whole(), 1)], Why::NotWellFormed);
    refused(&[("&#32;", 1), (&whole(), 1)], Why::NotWellFormed);
    let outcome =
        run(Attack::new(&[(BATCH, 1), (FORM, 1), (ITEM, 1), ("<![CDATA[<a>&b;]]>", 1), (END, 1)]));
    assert_eq!(outcome.forms[0].defects[0].finding.rule, "check.format");
    for reference in
        ["&#0;", "&#x1F;", "&#xD800;", "&#xFFFE;", "&#1114112;", "&#-3;", "&# 51;", "&#x;"]
    {
        refused_inside(reference, 1, Why::NotWellFormed);
    }
    refused_inside("& amp;", 1, Why::NotWellFormed);
    refused_inside("&amp", 1, Why::NotWellFormed);
}

#[test]
fn comments_and_instructions_have_no_back_doors() {
    refused_inside("<!-- a -- b -->", 1, Why::NotWellFormed);
    refused_inside("<!-- a --->", 1, Why::NotWellFormed);
    refused_inside("<!-->", 1, Why::NotWellFormed);
    refused_inside("<?xml version=\"1.0\"?>", 1, Why::NotWellFormed);
    refused_inside("<?XML version=\"1.0\"?>", 1, Why::NotWellFormed);
    refused_inside("<? a?>", 1, Why::NotWellFormed);
    refused_inside("<?a:b?>", 1, Why::NotWellFormed);
    refused(&[(" <?xml version=\"1.0\"?>", 1), (&whole(), 1)], Why::NotWellFormed);
    refused(&[("<?xml version=\"1.1\"?>", 1), (&whole(), 1)], Why::NotWellFormed);
    refused(&[("<?xml encoding=\"UTF-8\"?>", 1), (&whole(), 1)], Why::NotWellFormed);
    refused(
        &[("<?xml version=\"1.0\" standalone=\"maybe\"?>", 1), (&whole(), 1)],
        Why::NotWellFormed,
    );
    let style = "<?xml-stylesheet href=\"http://198.51.100.1/x.xsl\" type=\"text/xsl\"?>";
    let outcome = run(Attack::new(&[(style, 1), (&whole(), 1)]));
    assert_eq!((outcome.refusal, outcome.forms.len()), (None, 1));
}

#[test]
fn encodings_have_no_back_doors() {
    let whole = whole();
    let declared = |name: &str| format!("<?xml version=\"1.0\" encoding=\"{name}\"?>{whole}");
    for name in
        ["UTF-7", "UTF-32", "UCS-4", "EUC-JP", "ISO-2022-JP", "IBM037", "US-ASCII", "UTF-8\0"]
    {
        refused_bytes(declared(name).as_bytes(), Why::Encoding);
    }
    refused_bytes(b"+ADw-batch+AD4-", Why::NotWellFormed);
    let utf16 = |text: &str, to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    };
    refused_bytes(&utf16(&declared("UTF-16"), u16::to_le_bytes), Why::Encoding);
    refused_bytes(&utf16(&whole, u16::to_be_bytes), Why::Encoding);
    refused_bytes(
        &utf16(&format!("\u{FEFF}{}", declared("UTF-8")), u16::to_be_bytes),
        Why::EncodingDeclared,
    );
    // Begins in one encoding and goes on in another.
    let mut mixed = format!("{BATCH}{FORM}{ITEM}").into_bytes();
    mixed.extend(utf16(END, u16::to_le_bytes));
    refused_bytes(&mixed, Why::NotWellFormed);
    mixed = utf16(&format!("\u{FEFF}{BATCH}"), u16::to_le_bytes);
    mixed.extend(format!("{FORM}{ITEM}3{END}").bytes());
    refused_bytes(&mixed, Why::NotWellFormed);
    let inside =
        |bytes: &[u8]| [BATCH.as_bytes(), FORM.as_bytes(), ITEM.as_bytes(), bytes].concat();
    for malformed in [
        &b"\xC0\xBC"[..], // an overlong <
        b"\xE0\x80\xBC",
        b"\xF0\x80\x80\xBC",
        b"\xED\xA0\x80", // half of a surrogate pair
        b"\xF4\x90\x80\x80",
        b"\x80",
        b"\xFF",
        b"\xE3\x81",
    ] {
        refused_bytes(&inside(malformed), Why::Malformed);
    }
    refused_bytes(&inside(b"\0"), Why::NotWellFormed);
    refused_bytes(&inside(b"<h\0y/>"), Why::NotWellFormed);
    refused_bytes(&inside("\u{FEFF}\u{FFFF}".as_bytes()), Why::NotWellFormed);
    refused_bytes("\u{FEFF}\u{FEFF}<batch/>".as_bytes(), Why::NotWellFormed);
    // EBCDIC, as `<?xml` begins in it.
    refused_bytes(&[0x4C, 0x6F, 0xA7, 0x94, 0x93], Why::Malformed);
}

#[test]
fn namespaces_have_no_back_doors() {
    refused_inside("<x:hy/>", 1, Why::NotWellFormed);
    refused_inside("<a x:b=\"\"/>", 1, Why::NotWellFormed);
    refused_inside("<a xmlns:x=\"\"/>", 1, Why::NotWellFormed);
    refused_inside("<a xmlns:xml=\"urn:other\"/>", 1, Why::NotWellFormed);
    refused_inside("<a xmlns:xmlns=\"urn:other\"/>", 1, Why::NotWellFormed);
    refused_inside("<xmlns:a/>", 1, Why::NotWellFormed);
    refused_inside("<a:b:c xmlns:a=\"urn:x\"/>", 1, Why::NotWellFormed);
    refused_inside("<:a/>", 1, Why::NotWellFormed);
    refused_inside("<1a/>", 1, Why::NotWellFormed);
    refused(&[("<batch/>", 1)], Why::WrongNamespace);
    let other = BATCH.replace("urn:kakehashi:form:1", "urn:kakehashi:form:1 ");
    refused(&[(&other, 1)], Why::WrongNamespace);
    // Taken back for the form: then it is no form of ours.
    let bare = FORM.replace("<form", "<form xmlns=\"\"");
    let outcome = run(Attack::new(&[(BATCH, 1), (&bare, 1), ("</form></batch>", 1)]));
    assert_eq!((outcome.refusal, outcome.forms.len()), (None, 0));
    // Every element declares as many prefixes as it may.
    let prefixes: Vec<String> = (0..16).map(|n| format!(" xmlns:p{n}=\"urn:{n}\"")).collect();
    let element = format!("<a{}/>", prefixes.concat());
    let pieces = [(BATCH, 1), (FORM, 1), (&element[..], 4_000), ("</form></batch>", 1)];
    let outcome = run(Attack::new(&pieces));
    assert_eq!((outcome.refusal, outcome.forms.len()), (None, 1));
}
