//! What is not well-formed to xmllint is not read by us: documents damaged in a thousand ways.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, fs, process::Command};

use kakehashi_forms::Catalogue;
use kakehashi_xml::BatchReader;

const DOCUMENTS: u64 = 1_000;

const WHOLE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a - b -->\n<f:batch \
    xmlns:f=\"urn:kakehashi:form:1\" xmlns=\"urn:kakehashi:form:1\" format='1' sender=\"1\" \
    created=\"2026-11-23T00:00:00Z\" tool=\"t\" tool-version=\"1\" definitions=\
    \"0000000000000000000000000000000000000000000000000000000000000000\" count=\"1\"><?p i?>\n<form \
    reference=\"a\" programme=\"nanbyo\" number=\"6\" branch=\"0\" version=\"2403\" \
    application=\"new\"><basic><name_kanji>神&amp;<![CDATA[<]]>&#x9AD9;</name_kanji><f:sex \
    >1</f:sex></basic><severity><hy state='struck'/></severity></form></f:batch>\n";

/// Pieces that change what stands around them.
const PIECES: [&str; 28] = [
    "<",
    ">",
    "&",
    ";",
    "\"",
    "'",
    "/",
    "=",
    " ",
    "\n",
    "]]>",
    "<!--",
    "-->",
    "--",
    "<?",
    "?>",
    "<![CDATA[",
    "xmlns=\"\"",
    " a=\"1\"",
    "x:",
    ":",
    "\u{1}",
    "\u{FFFE}",
    "1",
    "-",
    "é",
    "&lt;",
    "</form>",
];

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Puts a piece in, takes some characters out, or doubles some.
fn damaged(numbers: &mut Numbers) -> String {
    let characters: Vec<char> = WHOLE.chars().collect();
    let at = numbers.below(characters.len());
    let length = 1 + numbers.below(6);
    let (before, rest) = characters.split_at(at);
    let (cut, after) = rest.split_at(length.min(rest.len()));
    let between: String = match numbers.below(4) {
        0 => String::new(),
        1 => cut.iter().chain(cut).collect(),
        2 => PIECES[numbers.below(PIECES.len())].to_owned(),
        _ => PIECES[numbers.below(PIECES.len())].chars().chain(cut.iter().copied()).collect(),
    };
    before.iter().copied().chain(between.chars()).chain(after.iter().copied()).collect()
}

#[test]
fn what_is_not_well_formed_to_xmllint_is_not_read() {
    let catalogue = Catalogue::builtin().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(7);
    let mut read = BTreeSet::new();
    let mut run = Command::new("xmllint");
    run.args(["--noout", "--nonet"]);
    for number in 0..DOCUMENTS {
        let document = if number == 0 { WHOLE.to_owned() } else { damaged(&mut numbers) };
        let path = folder.path().join(format!("{number}.xml"));
        fs::write(&path, &document).unwrap();
        run.arg(&path);
        let reader = BatchReader::new(document.as_bytes(), &catalogue);
        if reader.is_ok_and(|reader| reader.into_iter().all(|sent| sent.is_ok())) {
            read.insert((path.display().to_string(), document));
        }
    }
    let run = run.output().expect("xmllint is needed: install the package libxml2-utils");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(said.contains("parser error"), "{said}");
    assert!(read.len() > 50, "{}", read.len());
    for (path, document) in &read {
        // A namespace we do not know is a name to us, whether it is a URI or not.
        let is_wrong = |line: &&str| line.contains("error") && !line.contains("not a valid URI");
        let wrong = said.lines().filter(|line| line.starts_with(path)).find(is_wrong);
        assert_eq!(wrong, None, "{document}");
    }
}
