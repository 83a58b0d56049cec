//! The scans themselves: the same bytes for the same form, readable as the inspector renders them.

use std::sync::Arc;

use hayro::{
    PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings,
    hayro_syntax::Pdf, render, vello_cpu::color::palette::css::WHITE,
};
use kakehashi_kit::{Depth, Press, definition, filled, filled_form, read_serial, samples};
use png::BitDepth;

/// Renders a page at 150 dpi: width, height and one grey byte a dot.
fn render_grey(pdf: &[u8], page: usize) -> (u32, u32, Vec<u8>) {
    let pdf = Pdf::new(Arc::new(pdf.to_vec())).expect("the kit writes PDFs");
    let scale = 150.0 / 72.0;
    let pixmap = render(
        &pdf.pages()[page],
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE },
    );
    let grey = pixmap.data_as_u8_slice().chunks_exact(4).map(|rgba| rgba[1]).collect();
    (pixmap.width().into(), pixmap.height().into(), grey)
}

/// A PNG of eight or two bits a dot: the two kinds of page image the inspector writes.
fn png((width, height, grey): &(u32, u32, Vec<u8>), depth: BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, *width, *height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let pack = |four: &[u8]| {
        (0..4).fold(0, |byte, place| byte << 2 | four.get(place).map_or(0, |dot| dot >> 6))
    };
    let packed: Vec<u8> = match depth {
        BitDepth::Two => {
            grey.chunks_exact(*width as usize).flat_map(|row| row.chunks(4).map(pack)).collect()
        }
        _ => grey.clone(),
    };
    let mut writer = encoder.write_header().expect("a header into memory");
    writer.write_image_data(&packed).expect("dots into memory");
    writer.finish().expect("an end into memory");
    bytes
}

#[test]
fn the_same_form_gives_the_same_bytes_on_any_press() {
    let mut used = Press::new();
    for index in 0..4 {
        used.scan(&filled(7, index)).unwrap();
    }
    for index in [5, 2] {
        let form = filled(7, index);
        assert!(Press::new().scan(&form).unwrap() == used.scan(&form).unwrap(), "{index}");
    }
    assert!(used.scan(&filled(7, 1)).unwrap() != used.scan(&filled(8, 1)).unwrap());
}

#[test]
fn the_barcode_of_two_hundred_scans_is_read_at_150_dpi() {
    let mut press = Press::new();
    let mut unread = Vec::new();
    for index in 0..200 {
        let form = filled(21, index);
        let page = u16::try_from(index % 4).unwrap();
        let scan = press.scan(&form).unwrap();
        let rendered = render_grey(&scan, usize::from(page));
        for depth in [BitDepth::Eight, BitDepth::Two] {
            let read = read_serial(&png(&rendered, depth));
            if read != Some((form.key.page_code(page + 1), form.serial.clone())) {
                unread.push((form.serial.clone(), page + 1, depth, read));
            }
        }
    }
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn a_scan_holds_one_image_per_page_and_nothing_else() {
    let scan = Press::new().scan(&filled(7, 3)).unwrap();
    let pdf = lopdf::Document::load_mem(&scan).unwrap();
    let pages = pdf.get_pages();
    assert_eq!(pages.len(), usize::from(definition().pages()));
    for page in pages.into_values() {
        assert_eq!(pdf.get_page_images(page).unwrap().len(), 1);
        assert!(pdf.get_page_fonts(page).unwrap().is_empty());
    }
}

#[test]
fn devices_differ_in_depth_and_resolution() {
    let mut press = Press::new();
    let pages: Vec<_> =
        (0..24).map(|index| press.page_scans(&filled(9, index)).unwrap().remove(0)).collect();
    assert!(pages.iter().any(|page| page.depth == Depth::Bilevel));
    assert!(pages.iter().any(|page| page.depth != Depth::Bilevel));
    assert!(pages.iter().all(|page| (200..=300).contains(&page.dpi)));
    assert!(pages.iter().any(|page| page.dpi == 200) && pages.iter().any(|page| page.dpi > 200));
    let heaviest = pages.iter().map(|page| page.data.len()).max().unwrap();
    assert!(heaviest < 2_000_000, "{heaviest} bytes for one page");
}

#[test]
fn the_barcode_of_every_kind_of_form_names_it() {
    let mut press = Press::new();
    for (form, index) in samples().into_iter().zip(0..) {
        let filled = filled_form(form, 5, index);
        let scan = press.scan(&filled).unwrap();
        // Another page of each: drawing them is what takes long.
        let page = 1 + u16::try_from(index).unwrap() % form.pages();
        let rendered = render_grey(&scan, usize::from(page - 1));
        let read = read_serial(&png(&rendered, BitDepth::Two));
        assert_eq!(read, Some((form.key().page_code(page), filled.serial.clone())));
    }
}
