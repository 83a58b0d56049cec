//! What municipalities upload: what an upload says of itself, the PDF, and the inspector's answer.

use std::fmt::Write;

use kakehashi_ingest_core::{Declaration, inspection::frame};

use crate::Target;

/// `Upload-Length` and `Upload-Metadata`, on two lines.
pub(super) const DECLARATION: Target = Target {
    name: "declaration",
    run: |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let (length, metadata) = text.split_once('\n').unwrap_or((&text, ""));
        match Declaration::read((!length.is_empty()).then_some(length), metadata) {
            Ok(_) => "read",
            Err(_) => "refused",
        }
    },
    samples: || {
        vec![
            b"400000\nfilename c2Nhbi5wZGY=,application bmV3".to_vec(),
            b"1\napplication cmVuZXdhbA==,filename 44K544Kt44Oj44OzLnBkZg==".to_vec(),
            b"\nfilename".to_vec(),
        ]
    },
    words: &["filename ", "application ", ",", " ", "=", "Li4vLi4v", "AA==", "bmV3"],
    bytes_max: 8 * 1024,
};

/// What the sandboxed inspector answers. It has seen a stranger's PDF and is no longer trusted.
pub(super) const FRAME: Target = Target {
    name: "frame",
    run: |bytes| match frame::decode(bytes) {
        Ok((header, blobs)) => {
            let again = frame::encode(&header, &blobs).expect("what was decoded can be encoded");
            assert!(frame::decode(&again).is_ok(), "what we encode is readable");
            "read"
        }
        Err(_) => "refused",
    },
    samples: || {
        vec![kakehashi_inspect::fuzz::answer(&pdf("")), kakehashi_inspect::fuzz::answer(b"x")]
    },
    words: &["\"refused\"", "\"inspected\"", "{", "}", "[", "]", "null", "%PDF-", "PNG"],
    bytes_max: 256 * 1024,
};

/// A PDF, through the inspector's whole work. A panic below it counts as a refusal there, and so here.
pub(super) const PDF: Target = Target {
    name: "pdf",
    run: kakehashi_inspect::fuzz::examine,
    samples: || {
        let script =
            "/OpenAction << /S /JavaScript /JS (app.alert(1)) >> /AcroForm << /Fields [] >>";
        vec![pdf(""), pdf(script)]
    },
    words: &[
        " 0 R",
        "<<",
        ">>",
        "/Kids [2 0 R 2 0 R]",
        "/Parent 2 0 R",
        "/Filter [/FlateDecode /ASCIIHexDecode]",
        "/Length 99999999",
        "endstream",
        "endobj",
        "/Encrypt 4 0 R",
        "/Width 65535 /Height 65535",
        "/MediaBox [0 0 1e9 1e9]",
        "/ObjStm",
        "startxref",
        "trailer",
    ],
    bytes_max: 16 * 1024,
};

/// A page with one small image.
fn pdf(in_catalogue: &str) -> Vec<u8> {
    let objects = [
        format!("<< /Type /Catalog /Pages 2 0 R {in_catalogue} >>"),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 60 60] /Contents 4 0 R \
         /Resources << /XObject << /I 5 0 R >> >> >>"
            .to_owned(),
        "<< /Length 24 >>\nstream\nq 60 0 0 60 0 0 cm /I Do\nendstream".to_owned(),
        "<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 1 \
         /ColorSpace /DeviceGray /Length 8 >>\nstream\nABCDEFGH\nendstream"
            .to_owned(),
    ];
    let mut text = "%PDF-1.4\n".to_owned();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(&objects) {
        offsets.push(text.len());
        write!(text, "{number} 0 obj\n{object}\nendobj\n").expect("a string takes text");
    }
    let start = text.len();
    write!(text, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).expect("as above");
    for offset in offsets {
        writeln!(text, "{offset:010} 00000 n ").expect("as above");
    }
    let size = objects.len() + 1;
    write!(text, "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n")
        .expect("as above");
    text.into_bytes()
}
