//! Uploads that are not what they should be: to be disarmed or refused, never loaded as they are.

use lopdf::{
    Document, EncryptionState, EncryptionVersion, Object, Permissions, Stream, StringFormat,
    dictionary,
};

use crate::{
    dice::Dice,
    pdf::{PdfError, save},
};

/// The script planted by [`with_javascript_and_embedded_file`]; must not survive disarming.
pub const PLANTED_SCRIPT: &str = "app.alert('KAKEHASHI-KIT-PLANTED-SCRIPT');";
/// The name of the planted attachment; must not survive disarming.
pub const PLANTED_FILE: &str = "kakehashi-kit-planted.exe";

/// Plants a script that runs on opening and an attached program in a PDF. Its pages stay good, so a
/// receiver can disarm it.
///
/// # Errors
///
/// [`PdfError`] when `pdf` is not a PDF.
pub fn with_javascript_and_embedded_file(pdf: &[u8]) -> Result<Vec<u8>, PdfError> {
    let mut document = Document::load_mem(pdf)?;
    let script = document.add_object(dictionary! {
        "Type" => "Action",
        "S" => "JavaScript",
        "JS" => Object::string_literal(PLANTED_SCRIPT),
    });
    let program =
        Stream::new(dictionary! { "Type" => "EmbeddedFile" }, b"MZ\x90\0planted".to_vec());
    let program = document.add_object(program);
    let file = document.add_object(dictionary! {
        "Type" => "Filespec",
        "F" => Object::string_literal(PLANTED_FILE),
        "EF" => dictionary! { "F" => program },
    });
    let files = vec![Object::string_literal(PLANTED_FILE), file.into()];
    let scripts = vec![Object::string_literal("planted"), script.into()];
    let names = dictionary! {
        "EmbeddedFiles" => dictionary! { "Names" => files },
        "JavaScript" => dictionary! { "Names" => scripts },
    };
    let catalog = document.catalog_mut()?;
    catalog.set("OpenAction", script);
    catalog.set("Names", names);
    save(&mut document)
}

/// Encrypts a PDF with the standard handler (RC4, 128 bits) so that it does not open without
/// `password`.
///
/// # Errors
///
/// [`PdfError`] when `pdf` is not a PDF.
pub fn encrypted(pdf: &[u8], password: &str) -> Result<Vec<u8>, PdfError> {
    let mut document = Document::load_mem(pdf)?;
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "kit-owner",
        user_password: password,
        key_length: 128,
        permissions: Permissions::PRINTABLE,
    };
    let state = EncryptionState::try_from(version)?;
    document.encrypt(&state)?;
    // The last sixteen bytes of U are padding of any value; the library draws them at random.
    if let Ok(encrypt) = document.trailer.get(b"Encrypt").and_then(Object::as_reference)
        && let Ok(entries) = document.get_dictionary_mut(encrypt)
        && let Ok(Object::String(check, _)) = entries.get(b"U")
        && let Some(fixed) = check.get(..16)
    {
        let mut fixed = fixed.to_vec();
        fixed.resize(32, 0);
        entries.set("U", Object::String(fixed, StringFormat::Hexadecimal));
    }
    save(&mut document)
}

/// Makes bytes that somebody named `.pdf` by mistake: an office document, a TIFF, a web page, a
/// shortcut, noise, or nothing but a header.
pub fn not_a_pdf(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed, 0, "not a pdf");
    let mut body: Vec<u8> = (0..512).flat_map(|_| dice.bits().to_le_bytes()).collect();
    let head: &[u8] = match seed % 6 {
        0 => b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0[Content_Types].xml",
        1 => b"II*\0\x08\0\0\0",
        2 => b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        3 => b"L\0\0\0\x01\x14\x02\0",
        4 => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        _ => b"%PDX-1.4\n",
    };
    body.splice(0..0, head.iter().copied());
    body
}

/// Cuts a PDF off in the middle of its pages, as a lost connection does: no cross-reference table,
/// no trailer, the last image incomplete.
pub fn truncated(pdf: &[u8]) -> Vec<u8> {
    pdf[..pdf.len() * 3 / 5].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pdf::wrap,
        raster::{Depth, PageScan},
    };

    fn good() -> Vec<u8> {
        let depth = Depth::Bilevel;
        let page = PageScan { width: 200, height: 300, dpi: 200, depth, data: vec![7; 5000] };
        wrap(&[page], "S1").unwrap()
    }

    fn holds(bytes: &[u8], word: &str) -> bool {
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    }

    #[test]
    fn planted_things_are_really_there_and_the_page_stays() {
        let bytes = with_javascript_and_embedded_file(&good()).unwrap();
        assert!(holds(&bytes, "KAKEHASHI-KIT-PLANTED-SCRIPT") && holds(&bytes, PLANTED_FILE));
        let document = Document::load_mem(&bytes).unwrap();
        assert_eq!(document.get_pages().len(), 1);
        assert!(document.catalog().unwrap().has(b"OpenAction"));
    }

    #[test]
    fn an_encrypted_scan_opens_with_its_password_only() {
        let bytes = encrypted(&good(), "himitsu").unwrap();
        assert!(!holds(&bytes, "\x07\x07\x07\x07\x07\x07\x07\x07"), "the image is still readable");
        let mut document = Document::load_mem(&bytes).unwrap();
        assert!(document.is_encrypted());
        assert!(document.decrypt("wrong").is_err());
        document.decrypt("himitsu").unwrap();
        assert_eq!(encrypted(&good(), "himitsu").unwrap(), bytes, "not reproducible");
    }

    #[test]
    fn what_is_not_a_pdf_does_not_start_like_one() {
        for seed in 0..12 {
            assert!(!not_a_pdf(seed).starts_with(b"%PDF"), "{seed}");
            assert!(Document::load_mem(&not_a_pdf(seed)).is_err(), "{seed}");
            assert_eq!(not_a_pdf(seed), not_a_pdf(seed));
        }
    }

    #[test]
    fn a_truncated_scan_has_lost_its_end() {
        assert!(holds(&good(), "%%EOF") && !holds(&truncated(&good()), "%%EOF"));
    }
}
