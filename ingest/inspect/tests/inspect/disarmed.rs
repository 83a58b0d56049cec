//! PDFs with active content: it is counted, and nothing of it is left.

use kakehashi_ingest_core::inspection::{ActiveContent, ActiveKind};
use lopdf::{Object, Stream, dictionary};

use crate::{
    make::{self, Pdf, Raster},
    run::{check_with_qpdf, inspect},
};

/// A scan with a script, a file, actions and links, as mail gateways know them.
fn armed() -> Pdf {
    let mut pdf = make::scan(1);
    let script = pdf.document.add_object(
        dictionary! { "S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)") },
    );
    let file = pdf.document.add_object(Stream::new(
        dictionary! { "Type" => "EmbeddedFile" },
        b"MARKER-EMBEDDED".to_vec(),
    ));
    let names = pdf.document.add_object(dictionary! {
        "EmbeddedFiles" => dictionary! { "Names" => vec![
            Object::string_literal("invoice.exe"),
            dictionary! { "Type" => "Filespec", "EF" => dictionary! { "F" => file } }.into(),
        ] },
    });
    let link = pdf.document.add_object(dictionary! {
        "Type" => "Annot",
        "Subtype" => "Link",
        "A" => dictionary! { "S" => "URI", "URI" => Object::string_literal("http://example.com/") },
    });
    let launch = dictionary! { "S" => "Launch", "F" => Object::string_literal("cmd.exe") };
    let catalog = pdf.catalog();
    catalog.set("OpenAction", script);
    catalog.set("Names", names);
    catalog.set("AA", dictionary! { "WC" => launch });
    catalog.set("AcroForm", dictionary! { "XFA" => Object::string_literal("<xdp/>") });
    let ids: Vec<_> = pdf.document.objects.keys().copied().collect();
    for id in ids {
        if let Ok(page) = pdf.document.get_dictionary_mut(id)
            && page.has_type(b"Page")
        {
            page.set("Annots", vec![link.into()]);
            page.set("AA", dictionary! { "O" => script });
        }
    }
    pdf
}

#[test]
fn active_content_is_counted_by_kind() {
    let found = inspect(&armed().bytes());
    let count = |kind| {
        let all = &found.facts.active;
        all.iter().find(|active: &&ActiveContent| active.kind == kind).map_or(0, |a| a.count)
    };
    assert_eq!(count(ActiveKind::JavaScript), 1);
    assert_eq!(count(ActiveKind::Launch), 1);
    assert_eq!(count(ActiveKind::Uri), 1);
    assert_eq!(count(ActiveKind::OpenAction), 1);
    assert_eq!(count(ActiveKind::AdditionalAction), 2);
    assert_eq!(count(ActiveKind::AcroForm), 1);
    assert_eq!(count(ActiveKind::Xfa), 1);
    assert!(count(ActiveKind::EmbeddedFile) >= 1);
}

#[test]
fn nothing_active_is_left_and_the_page_looks_the_same() {
    let found = inspect(&armed().bytes());
    let disarmed = String::from_utf8_lossy(&found.disarmed).into_owned();
    let gone = [
        "JavaScript",
        "/JS",
        "app.alert",
        "EmbeddedFile",
        "MARKER",
        "invoice",
        "URI",
        "example",
        "OpenAction",
        "/AA",
        "Annots",
        "XFA",
        "AcroForm",
        "Launch",
        "cmd.exe",
        "Names",
    ];
    for word in gone {
        assert!(!disarmed.contains(word), "{word}");
    }
    check_with_qpdf(&found.disarmed);
    assert_eq!(found.pages, inspect(&make::scan(1).bytes()).pages);
}

#[test]
fn the_disarmed_pdf_of_a_clean_and_an_armed_scan_is_the_same() {
    let armed = inspect(&armed().bytes());
    let clean = inspect(&make::scan(1).bytes());
    assert_eq!(armed.disarmed, clean.disarmed);
}

#[test]
fn disarming_twice_changes_nothing() {
    let once = inspect(&armed().bytes());
    let twice = inspect(&once.disarmed);
    assert_eq!(once.disarmed, twice.disarmed);
    assert!(twice.facts.active.is_empty());
}

#[test]
fn an_escaped_name_hides_nothing() {
    let mut pdf = make::scan(1);
    pdf.catalog().set("OpenAction", dictionary! { "S" => "XXHIDEXX" });
    let bytes = pdf.bytes();
    let at = bytes.windows(8).position(|window| window == b"XXHIDEXX").unwrap();
    let mut bytes = bytes;
    // Same length, so that the cross-reference table stays right: /JavaScript written with escapes
    // does not fit, /URI does.
    bytes[at..at + 8].copy_from_slice(b"#55RI   ");
    let found = inspect(&bytes);
    let kinds: Vec<ActiveKind> = found.facts.active.iter().map(|active| active.kind).collect();
    assert_eq!(kinds, [ActiveKind::Uri, ActiveKind::OpenAction]);
}

#[test]
fn metadata_and_private_data_do_not_go_over() {
    let mut pdf = make::scan(1);
    let metadata = pdf.document.add_object(Stream::new(
        dictionary! { "Type" => "Metadata", "Subtype" => "XML" },
        b"MARKER-METADATA".to_vec(),
    ));
    let info =
        pdf.document.add_object(dictionary! { "Author" => Object::string_literal("MARKER-INFO") });
    pdf.catalog().set("Metadata", metadata);
    pdf.catalog().set("PieceInfo", dictionary! { "X" => Object::string_literal("MARKER-PIECE") });
    pdf.document.trailer.set("Info", info);
    let found = inspect(&pdf.bytes());
    assert!(!String::from_utf8_lossy(&found.disarmed).contains("MARKER"));
}

#[test]
fn an_image_that_points_to_another_file_is_left_out() {
    let mut image = Raster::page(1).to_fax();
    image.dict.set("F", Object::string_literal("http://example.com/picture"));
    let found = inspect(&Pdf::new().scan(image).bytes());
    assert!(found.facts.pages[0].images.is_empty());
    assert!(!String::from_utf8_lossy(&found.disarmed).contains("example"));
}

#[test]
fn signatures_are_counted_and_not_carried_on() {
    let mut pdf = make::scan(1);
    let signature = pdf.document.add_object(dictionary! {
        "Type" => "Sig",
        "ByteRange" => vec![0.into(), 1.into(), 2.into(), 3.into()],
        "Contents" => Object::string_literal("MARKER-SIGNATURE"),
    });
    pdf.catalog().set(
        "AcroForm",
        dictionary! { "Fields" => vec![
            dictionary! { "FT" => "Sig", "V" => signature }.into(),
        ] },
    );
    let found = inspect(&pdf.bytes());
    assert_eq!(found.facts.signatures, 1);
    assert!(!String::from_utf8_lossy(&found.disarmed).contains("MARKER"));
}

#[test]
fn an_appended_update_is_counted_and_its_latest_state_kept() {
    let first = make::scan(1);
    let catalog = first.catalog;
    let tree = first.tree;
    let mut bytes = first.bytes();
    let mark = b"startxref";
    let at = bytes.windows(mark.len()).rposition(|window| window == mark).unwrap();
    let old = String::from_utf8_lossy(&bytes[at + mark.len()..]).into_owned();
    let old = old.split_whitespace().next().unwrap();
    let offset = bytes.len() + 1;
    let (id, root) = (catalog.0, tree.0);
    let update = format!("\n{id} 0 obj\n<</Type/Catalog/Pages {root} 0 R/Lang(ja)>>\nendobj\n");
    bytes.extend_from_slice(update.as_bytes());
    let start = bytes.len();
    let trailer = format!(
        "xref\n{id} 1\n{offset:010} 00000 n \ntrailer\n<</Size 100/Root {id} 0 R/Prev {old}>>\nstartxref\n{start}\n%%EOF\n"
    );
    bytes.extend_from_slice(trailer.as_bytes());
    let found = inspect(&bytes);
    assert_eq!(found.facts.incremental_updates, 1);
    check_with_qpdf(&found.disarmed);
}
