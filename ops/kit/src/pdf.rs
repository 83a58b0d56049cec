//! Image-only PDFs as multi-function devices write them. Same pages, same bytes: no clock, no
//! random identifier.

use lopdf::{Dictionary, Document, Object, Stream, StringFormat, dictionary};

use crate::raster::{Depth, PageScan};

/// A PDF could not be written or changed.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The library failed to read its own output.
    #[error("the PDF could not be processed")]
    Library(#[from] lopdf::Error),
    /// The bytes could not be written.
    #[error("the PDF could not be written")]
    Write(#[from] std::io::Error),
}

/// Wraps page scans into a PDF 1.4, one image per page, in order.
pub fn wrap(pages: &[PageScan], serial: &str) -> Result<Vec<u8>, PdfError> {
    let mut pdf = Document::with_version("1.4");
    let tree = pdf.new_object_id();
    let mut kids = Vec::with_capacity(pages.len());
    for page in pages {
        let image = pdf.add_object(image(page));
        let (width, height) = (points(page.width, page.dpi), points(page.height, page.dpi));
        let content = format!("q {width} 0 0 {height} 0 0 cm /Im0 Do Q");
        let content = pdf.add_object(Stream::new(Dictionary::new(), content.into_bytes()));
        let kid = pdf.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => tree,
            "MediaBox" => vec![0.into(), 0.into(), number(&width), number(&height)],
            "Resources" => dictionary! {
                "ProcSet" => vec!["PDF".into(), "ImageB".into()],
                "XObject" => dictionary! { "Im0" => image },
            },
            "Contents" => content,
        });
        kids.push(kid.into());
    }
    let count = i64::try_from(pages.len()).unwrap_or(i64::MAX);
    let pages = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    pdf.objects.insert(tree, Object::Dictionary(pages));
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    let info = pdf.add_object(dictionary! {
        "Producer" => Object::string_literal("MFP Scan to PDF 3.2"),
        "Creator" => Object::string_literal("Network Scanner"),
        "CreationDate" => Object::string_literal("D:20261123090000+09'00'"),
    });
    pdf.trailer.set("Root", catalog);
    pdf.trailer.set("Info", info);
    let id = Object::String(identifier(serial), StringFormat::Hexadecimal);
    pdf.trailer.set("ID", vec![id.clone(), id]);
    save(&mut pdf)
}

pub(crate) fn save(pdf: &mut Document) -> Result<Vec<u8>, PdfError> {
    let mut bytes = Vec::new();
    pdf.save_to(&mut bytes)?;
    Ok(bytes)
}

fn image(page: &PageScan) -> Stream {
    let mut entries = dictionary! {
        "Type" => "XObject",
        "Subtype" => "Image",
        "Width" => i64::from(page.width),
        "Height" => i64::from(page.height),
        "ColorSpace" => "DeviceGray",
    };
    match page.depth {
        Depth::Bilevel => {
            entries.set("BitsPerComponent", 1);
            entries.set("Filter", "CCITTFaxDecode");
            entries.set(
                "DecodeParms",
                dictionary! {
                    "K" => -1,
                    "Columns" => i64::from(page.width),
                    "Rows" => i64::from(page.height),
                },
            );
        }
        Depth::Grey { .. } => {
            entries.set("BitsPerComponent", 8);
            entries.set("Filter", "DCTDecode");
        }
    }
    Stream::new(entries, page.data.clone()).with_compression(false)
}

/// Dots as points with two decimals, without floating point.
fn points(dots: u32, dpi: u16) -> String {
    let hundredths = u64::from(dots) * 7200 / u64::from(dpi.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn number(text: &str) -> Object {
    text.parse().map_or(Object::Null, Object::Real)
}

/// Sixteen bytes made of the serial.
fn identifier(serial: &str) -> Vec<u8> {
    kakehashi_kernel::Sha256Digest::of(serial.as_bytes()).as_bytes()[..16].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Vec<PageScan> {
        let page =
            |depth| PageScan { width: 1654, height: 2339, dpi: 200, depth, data: vec![0; 9] };
        vec![page(Depth::Bilevel), page(Depth::Grey { quality: 60 })]
    }

    #[test]
    fn the_same_pages_give_the_same_bytes() {
        assert_eq!(wrap(&pages(), "S1").unwrap(), wrap(&pages(), "S1").unwrap());
        assert_ne!(wrap(&pages(), "S1").unwrap(), wrap(&pages(), "S2").unwrap());
    }

    #[test]
    fn a_wrapped_scan_opens_and_is_a_four_size() {
        let pdf = Document::load_mem(&wrap(&pages(), "S1").unwrap()).unwrap();
        assert_eq!(pdf.get_pages().len(), 2);
        for page in pdf.get_pages().into_values() {
            let size = pdf.get_dictionary(page).unwrap().get(b"MediaBox").unwrap();
            assert_eq!(format!("{size:?}"), "[0 0 595.44 842.04]");
        }
    }
}
