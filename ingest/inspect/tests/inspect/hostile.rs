//! PDFs that are broken or made to break readers. Every one ends in an answer.

use kakehashi_ingest_core::inspection::Refusal;
use kakehashi_kernel::limits;
use lopdf::{EncryptionState, EncryptionVersion, Object, Permissions, Stream, dictionary};

use crate::{
    make::{self, Pdf, Raster},
    run::{check_refused, inspect},
};

fn encrypted(user_password: &str) -> Vec<u8> {
    let mut pdf = make::scan(1);
    pdf.finish();
    let id = Object::string_literal("0123456789abcdef");
    pdf.document.trailer.set("ID", vec![id.clone(), id]);
    let version = EncryptionVersion::V2 {
        document: &pdf.document,
        owner_password: "owner",
        user_password,
        key_length: 128,
        permissions: Permissions::PRINTABLE,
    };
    let state = EncryptionState::try_from(version).unwrap();
    pdf.document.encrypt(&state).unwrap();
    pdf.bytes()
}

#[test]
fn an_encrypted_pdf_is_refused_with_its_own_reason() {
    check_refused(&encrypted("secret"), Refusal::Encrypted);
}

#[test]
fn encryption_with_an_empty_password_is_refused_too() {
    check_refused(&encrypted(""), Refusal::Encrypted);
}

#[test]
fn a_broken_encryption_dictionary_is_still_encryption() {
    let mut pdf = make::scan(1);
    let encrypt = pdf.document.add_object(dictionary! { "Filter" => "Unknown", "V" => 99 });
    pdf.document.trailer.set("Encrypt", encrypt);
    check_refused(&pdf.bytes(), Refusal::Encrypted);
}

#[test]
fn other_files_are_not_pdfs() {
    check_refused(b"", Refusal::NotAPdf);
    check_refused(b"\xff\xd8\xff\xe0 a photograph", Refusal::NotAPdf);
    check_refused("これは文書です".as_bytes(), Refusal::NotAPdf);
    let late = [vec![b' '; 1025], make::scan(1).bytes()].concat();
    check_refused(&late, Refusal::NotAPdf);
}

#[test]
fn a_pdf_with_a_little_rubbish_before_it_is_read() {
    let shifted = [vec![b' '; 900], make::scan(1).bytes()].concat();
    assert_eq!(inspect(&shifted).facts.pages.len(), 1);
}

#[test]
fn garbage_after_the_mark_is_unreadable() {
    check_refused(b"%PDF-1.4\n%%EOF", Refusal::Unreadable);
    let noise: Vec<u8> =
        (0_u32..20_000).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    check_refused(&[b"%PDF-1.4\n".to_vec(), noise].concat(), Refusal::Unreadable);
}

#[test]
fn a_truncated_scan_never_loses_a_page_in_silence() {
    let whole = make::scan(2).bytes();
    for part in 1..12 {
        let cut = &whole[..whole.len() * part / 12];
        let (header, _) = crate::run::answer(cut);
        if let kakehashi_ingest_core::inspection::frame::Answer::Inspected { facts, .. } =
            header.answer
        {
            assert_eq!(facts.pages.len(), 2, "cut at {part} of 12");
        }
    }
}

#[test]
fn a_pdf_without_pages_is_refused() {
    check_refused(&Pdf::new().bytes(), Refusal::NoPages);
}

#[test]
fn a_page_that_is_listed_but_missing_is_refused() {
    let mut pdf = make::scan(1);
    pdf.finish();
    let root = pdf.document.get_dictionary_mut(pdf.tree).unwrap();
    root.get_mut(b"Kids").unwrap().as_array_mut().unwrap().push((999, 0).into());
    check_refused(&pdf.bytes(), Refusal::Unreadable);
}

#[test]
fn a_page_tree_that_bites_its_tail_is_refused() {
    let mut pdf = make::scan(1);
    pdf.finish();
    let tree = pdf.tree;
    let root = pdf.document.get_dictionary_mut(tree).unwrap();
    root.get_mut(b"Kids").unwrap().as_array_mut().unwrap().push(tree.into());
    check_refused(&pdf.bytes(), Refusal::Unreadable);
}

#[test]
fn a_page_tree_that_is_too_deep_is_refused() {
    let mut pdf = make::scan(1);
    pdf.finish();
    let mut below = pdf.tree;
    for _ in 0..=limits::PDF_DEPTH_MAX {
        let kids: Vec<Object> = vec![below.into()];
        below = pdf
            .document
            .add_object(dictionary! { "Type" => "Pages", "Count" => 1, "Kids" => kids });
    }
    pdf.catalog().set("Pages", below);
    check_refused(&pdf.bytes(), Refusal::Unreadable);
}

#[test]
fn a_claim_of_ten_thousand_pages_is_only_a_claim() {
    let mut pdf = make::scan(1);
    pdf.finish();
    pdf.document.get_dictionary_mut(pdf.tree).unwrap().set("Count", 10_000);
    let found = inspect(&pdf.bytes());
    assert_eq!((found.facts.pages_claimed, found.facts.pages.len()), (10_000, 1));
}

#[test]
fn ten_thousand_pages_are_too_many() {
    let mut pdf = Pdf::new();
    for _ in 0..5_000 {
        pdf.page(Stream::new(dictionary! {}, Vec::new()), dictionary! {});
    }
    check_refused(&pdf.bytes(), Refusal::TooManyPages);
}

#[test]
fn as_many_pages_as_allowed_are_read() {
    let mut pdf = Pdf::new();
    for _ in 0..limits::SCAN_PAGES_MAX {
        pdf.page(Stream::new(dictionary! {}, Vec::new()), dictionary! {});
    }
    assert_eq!(inspect(&pdf.bytes()).pages.len(), limits::SCAN_PAGES_MAX as usize);
}

#[test]
fn too_many_objects_are_too_large() {
    let mut pdf = make::scan(1);
    for _ in 0..=limits::PDF_OBJECTS_MAX {
        pdf.document.add_object(Object::Null);
    }
    check_refused(&pdf.bytes(), Refusal::TooLarge);
}

/// A stream of zeros, deflated as often as told.
fn bomb(bytes: usize, times: usize) -> Stream {
    let mut stream = Stream::new(dictionary! {}, vec![0; bytes]);
    for _ in 0..times {
        stream.dict.remove(b"Filter");
        stream.compress().unwrap();
    }
    let filters: Vec<Object> = (0..times).map(|_| Object::Name(b"FlateDecode".to_vec())).collect();
    stream.dict.set("Filter", filters);
    stream
}

#[test]
fn a_stream_that_inflates_without_end_is_too_large() {
    let mut pdf = make::scan(1);
    pdf.page(bomb(170 * 1024 * 1024, 1), dictionary! {});
    check_refused(&pdf.bytes(), Refusal::TooLarge);
}

#[test]
fn a_bomb_in_a_bomb_is_too_large() {
    let mut pdf = make::scan(1);
    pdf.page(bomb(32 * 1024 * 1024, 2), dictionary! {});
    check_refused(&pdf.bytes(), Refusal::TooLarge);
}

#[test]
fn an_unused_bomb_is_left_behind() {
    let mut pdf = make::scan(1);
    pdf.document.add_object(bomb(32 * 1024 * 1024, 2));
    assert_eq!(inspect(&pdf.bytes()).facts.pages.len(), 1);
}

#[test]
fn an_image_of_absurd_size_is_too_large() {
    let image = make::fax_image(100_000, 100_000, vec![0; 64]);
    check_refused(&Pdf::new().scan(image).bytes(), Refusal::TooLarge);
}

#[test]
fn an_image_without_a_size_is_unreadable() {
    let mut image = Raster::page(1).to_fax();
    image.dict.set("Width", -5);
    check_refused(&Pdf::new().scan(image).bytes(), Refusal::Unreadable);
}

#[test]
fn forms_nested_too_deep_are_too_large_and_a_form_in_itself_is_not() {
    let nest = |depth: usize| {
        let mut pdf = Pdf::new();
        let innermost = pdf.document.new_object_id();
        let form = |inner| {
            let resources = dictionary! { "XObject" => dictionary! { "F" => inner } };
            let bbox: Vec<Object> = vec![0.into(), 0.into(), 9.into(), 9.into()];
            Stream::new(
                dictionary! { "Subtype" => "Form", "BBox" => bbox, "Resources" => resources },
                b"/F Do".to_vec(),
            )
        };
        // The innermost form draws itself.
        pdf.document.objects.insert(innermost, form(innermost).into());
        let mut id = innermost;
        for _ in 0..depth {
            id = pdf.document.add_object(form(id));
        }
        let resources = dictionary! { "XObject" => dictionary! { "F" => id } };
        pdf.page(Stream::new(dictionary! {}, b"/F Do".to_vec()), resources);
        pdf.bytes()
    };
    assert_eq!(inspect(&nest(0)).facts.pages.len(), 1);
    check_refused(&nest(100), Refusal::TooLarge);
}

#[test]
fn arrays_nested_without_end_are_an_answer_not_a_crash() {
    for opening in ["[", "<</A"] {
        let deep = opening.repeat(200_000);
        let pdf = format!("%PDF-1.4\n1 0 obj\n{deep}\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF");
        check_refused(pdf.as_bytes(), Refusal::Unreadable);
    }
}

#[test]
fn an_unknown_filter_is_unreadable() {
    let mut image = Raster::page(1).to_fax();
    image.dict.set("Filter", "MysteryDecode");
    check_refused(&Pdf::new().scan(image).bytes(), Refusal::Unreadable);
}

#[test]
fn a_damaged_image_is_still_a_page() {
    let mut image = Raster::page(1).to_fax();
    let half = image.content.len() / 2;
    image.content.truncate(half);
    image.dict.set("Length", i64::try_from(half).unwrap());
    assert_eq!(inspect(&Pdf::new().scan(image).bytes()).pages.len(), 1);
}

#[test]
fn more_bytes_than_a_scan_may_have_are_too_large() {
    let mut pdf = b"%PDF-1.4\n".to_vec();
    pdf.resize(usize::try_from(limits::SCAN_BYTES_MAX).unwrap() + 1, b' ');
    check_refused(&pdf, Refusal::TooLarge);
}
