//! PDFs as municipalities send them.

use std::time::Instant;

use kakehashi_ingest_core::inspection::{Codec, ImageFacts};
use lopdf::{Object, Stream, dictionary};

use crate::{
    make::{self, HEIGHT, Pdf, Raster, WIDTH},
    run::{answer, check_with_qpdf, inspect},
};

#[test]
fn a_scan_is_described_page_by_page() {
    let found = inspect(&make::scan(2).bytes());
    assert_eq!(found.facts.pages.len(), 2);
    assert_eq!((found.facts.pages_claimed, found.facts.pdf_version.as_str()), (2, "1.4"));
    assert!(found.facts.active.is_empty() && !found.facts.encrypted);
    for (number, page) in (1..).zip(&found.facts.pages) {
        assert_eq!((page.number, page.width_pt, page.height_pt), (number, 595, 842));
        assert!(page.image_only);
        let image = ImageFacts { codec: Codec::Fax, width: WIDTH, height: HEIGHT, bits: 1 };
        assert_eq!(page.images, [image]);
    }
}

#[test]
fn a_black_and_white_page_becomes_a_small_image_of_150_dpi() {
    let found = inspect(&make::scan(1).bytes());
    assert_eq!(found.sizes, [(1240, 1754)]);
    let png = &found.pages[0];
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    assert_eq!(reader.info().bit_depth, png::BitDepth::Two);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    // Two bits a pixel.
    let black = pixels.iter().map(|byte| byte.count_zeros()).sum::<u32>() / 2;
    assert!((20_000..400_000).contains(&black), "the strokes are there: {black}");
    assert!(png.len() < 60_000, "{} bytes", png.len());
}

#[test]
fn page_barcodes_are_read() {
    let found = inspect(&make::scan(3).bytes());
    let texts: Vec<(u32, &str)> =
        found.facts.barcodes.iter().map(|code| (code.page, code.text.as_str())).collect();
    let expected: Vec<(u32, String)> = (1..=3).map(|n| (n, make::page_barcode(n))).collect();
    assert_eq!(texts, expected.iter().map(|(n, text)| (*n, text.as_str())).collect::<Vec<_>>());
}

#[test]
fn a_page_without_a_barcode_has_none() {
    let found = inspect(&Pdf::new().scan(Raster::page(1).to_fax()).bytes());
    assert!(found.facts.barcodes.is_empty());
}

#[test]
fn the_same_bytes_give_the_same_answer() {
    let pdf = make::scan(2).bytes();
    assert_eq!(answer(&pdf), answer(&pdf));
}

#[test]
fn a_rotated_page_lies_the_right_way_round() {
    let mut pdf = make::scan(1);
    let ids: Vec<_> = pdf.document.objects.keys().copied().collect();
    for id in ids {
        if let Ok(page) = pdf.document.get_dictionary_mut(id)
            && page.has_type(b"Page")
        {
            page.set("Rotate", -90);
        }
    }
    let found = inspect(&pdf.bytes());
    assert_eq!(found.sizes, [(1754, 1240)]);
    assert_eq!((found.facts.pages[0].width_pt, found.facts.pages[0].height_pt), (842, 595));
    assert_eq!(found.facts.barcodes.len(), 1, "a code is read in any direction");
}

#[test]
fn a_printed_form_keeps_its_text() {
    let mut pdf = Pdf::new();
    let font = pdf.document.add_object(
        dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" },
    );
    let content = Stream::new(
        dictionary! {},
        b"BT /F1 24 Tf 72 700 Td (Parkinson) Tj ET 72 690 200 2 re f".to_vec(),
    );
    pdf.page(content, dictionary! { "Font" => dictionary! { "F1" => font } });
    let found = inspect(&pdf.bytes());
    assert!(!found.facts.pages[0].image_only);
    check_with_qpdf(&found.disarmed);
    let disarmed = lopdf::Document::load_mem(&found.disarmed).unwrap();
    assert!(disarmed.extract_text(&[1]).unwrap().contains("Parkinson"));
    let reader = png::Decoder::new(std::io::Cursor::new(&found.pages[0])).read_info().unwrap();
    assert_eq!(reader.info().bit_depth, png::BitDepth::Eight);
}

#[test]
fn inherited_sizes_and_resources_reach_the_page() {
    let mut pdf = make::scan(1);
    pdf.finish();
    let ids: Vec<_> = pdf.document.objects.keys().copied().collect();
    let (mut size, mut resources) = (Object::Null, Object::Null);
    for id in ids {
        if let Ok(page) = pdf.document.get_dictionary_mut(id)
            && page.has_type(b"Page")
        {
            size = page.remove(b"MediaBox").unwrap();
            resources = page.remove(b"Resources").unwrap();
        }
    }
    let root = pdf.document.get_dictionary_mut(pdf.tree).unwrap();
    root.set("MediaBox", size);
    root.set("Resources", resources);
    let found = inspect(&pdf.bytes());
    assert_eq!(found.sizes, [(1240, 1754)]);
    assert_eq!(found.facts.pages[0].images.len(), 1);
}

#[test]
fn large_paper_is_rendered_within_the_pixel_limit() {
    let mut pdf = make::scan(1);
    let ids: Vec<_> = pdf.document.objects.keys().copied().collect();
    for id in ids {
        if let Ok(page) = pdf.document.get_dictionary_mut(id)
            && page.has_type(b"Page")
        {
            page.set("MediaBox", vec![0.into(), 0.into(), 14_000.into(), 14_000.into()]);
        }
    }
    let found = inspect(&pdf.bytes());
    assert_eq!(found.sizes, [(3000, 3000)]);
}

#[test]
fn the_time_for_four_pages_is_reported() {
    let pdf = make::scan(4).bytes();
    let start = Instant::now();
    let found = inspect(&pdf);
    let per_page = start.elapsed() / 4;
    let png_bytes = found.pages.iter().map(Vec::len).sum::<usize>() / 4;
    eprintln!("inspecting 4 pages of 200 dpi G4: {per_page:?} and {png_bytes} PNG bytes a page");
}
