//! Makes small PDFs.

use fax::{Color, VecWriter, encoder::Encoder};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary, xref::XrefType};
use qrcode::{EcLevel, QrCode};

/// A4 at 200 dpi.
pub(crate) const WIDTH: u32 = 1654;
pub(crate) const HEIGHT: u32 = 2339;

/// A black and white raster, true is black.
pub(crate) struct Raster {
    width: u32,
    pixels: Vec<bool>,
}

impl Raster {
    /// A white A4 page with writing-like strokes.
    pub(crate) fn page(number: u32) -> Self {
        let mut raster = Self { width: WIDTH, pixels: vec![false; (WIDTH * HEIGHT) as usize] };
        for line in 0..40 {
            for word in 0..24 {
                let (x, y) = (150 + word * 56, 300 + line * 48);
                let length = 12 + (word * 7 + line * 5 + number) % 32;
                raster.fill(x, y, length, 3);
                raster.fill(x + length / 2, y, 3, 26);
            }
        }
        raster
    }

    /// Draws a QR code, `module` pixels a module, at the top right.
    pub(crate) fn with_code(mut self, text: &str, module: u32) -> Self {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).unwrap();
        let side = u32::try_from(code.width()).unwrap();
        let left = self.width - 120 - side * module;
        for (place, color) in (0_u32..).zip(code.to_colors()) {
            if color == qrcode::Color::Dark {
                let (x, y) = (place % side, place / side);
                self.fill(left + x * module, 90 + y * module, module, module);
            }
        }
        self
    }

    fn fill(&mut self, left: u32, top: u32, width: u32, height: u32) {
        for y in top..top + height {
            let start = (y * self.width + left) as usize;
            self.pixels[start..start + width as usize].fill(true);
        }
    }

    /// The raster as a CCITT G4 image object.
    pub(crate) fn to_fax(&self) -> Stream {
        let mut encoder = Encoder::new(VecWriter::new());
        for row in self.pixels.chunks(self.width as usize) {
            let colors = row.iter().map(|black| if *black { Color::Black } else { Color::White });
            encoder.encode_line(colors, self.width).unwrap();
        }
        fax_image(self.width, HEIGHT, encoder.finish().unwrap().finish())
    }
}

/// An image object of CCITT G4 data.
pub(crate) fn fax_image(width: u32, height: u32, data: Vec<u8>) -> Stream {
    let parameters =
        dictionary! { "K" => -1, "Columns" => i64::from(width), "Rows" => i64::from(height) };
    Stream::new(
        dictionary! {
            "Type" => "XObject",
            "Subtype" => "Image",
            "Width" => i64::from(width),
            "Height" => i64::from(height),
            "ColorSpace" => "DeviceGray",
            "BitsPerComponent" => 1,
            "Filter" => "CCITTFaxDecode",
            "DecodeParms" => parameters,
        },
        data,
    )
}

/// A document under construction.
pub(crate) struct Pdf {
    pub(crate) document: Document,
    pub(crate) tree: ObjectId,
    pub(crate) catalog: ObjectId,
    kids: Vec<Object>,
}

impl Pdf {
    pub(crate) fn new() -> Self {
        let mut document = Document::with_version("1.4");
        document.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
        let tree = document.new_object_id();
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        document.trailer.set("Root", catalog);
        Self { document, tree, catalog, kids: Vec::new() }
    }

    /// Adds a page as a scanner makes it: one image over the whole paper.
    pub(crate) fn scan(mut self, image: Stream) -> Self {
        let image = self.document.add_object(image);
        let content =
            Stream::new(Dictionary::new(), b"q 595.28 0 0 841.89 0 0 cm /Im0 Do Q".to_vec());
        let resources = dictionary! { "XObject" => dictionary! { "Im0" => image } };
        self.page(content, resources);
        self
    }

    /// Adds a page of any content.
    pub(crate) fn page(&mut self, content: Stream, resources: Dictionary) -> ObjectId {
        let content = self.document.add_object(content);
        let page = self.document.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => self.tree,
            "MediaBox" => vec![0.into(), 0.into(), Object::Real(595.28), Object::Real(841.89)],
            "Contents" => content,
            "Resources" => resources,
        });
        self.kids.push(page.into());
        page
    }

    pub(crate) fn catalog(&mut self) -> &mut Dictionary {
        self.document.get_dictionary_mut(self.catalog).unwrap()
    }

    /// The page tree root, in place.
    pub(crate) fn finish(&mut self) {
        let count = i64::try_from(self.kids.len()).unwrap();
        let kids = self.kids.clone();
        let root = dictionary! { "Type" => "Pages", "Count" => count, "Kids" => kids };
        self.document.objects.insert(self.tree, Object::Dictionary(root));
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        if !self.document.objects.contains_key(&self.tree) {
            self.finish();
        }
        save(&mut self.document)
    }
}

pub(crate) fn save(document: &mut Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// The text of a page barcode.
pub(crate) fn page_barcode(page: u32) -> String {
    format!("KKH1|2403-0006-000-{page:02}|000042")
}

/// A scan of so many pages, each with its page barcode.
pub(crate) fn scan(pages: u32) -> Pdf {
    (1..=pages).fold(Pdf::new(), |pdf, number| {
        pdf.scan(Raster::page(number).with_code(&page_barcode(number), 5).to_fax())
    })
}
