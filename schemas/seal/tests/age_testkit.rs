//! The age test suite of C2SP (CCTV, folder `age`): files nobody here wrote, and what must become of them.
//! Left out are armour and passphrases, which we do not read.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::{io::Read, path::Path};

use kakehashi_kernel::Sha256Digest;
use kakehashi_seal::age::{AgeOpener, AgeRefusal, Identity};

#[derive(Default)]
struct Case {
    expect: String,
    payload: Option<String>,
    identities: Vec<Identity>,
    file: Vec<u8>,
}

fn parse(bytes: &[u8]) -> Case {
    let mut case = Case::default();
    let mut rest = bytes;
    let mut is_compressed = false;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        rest = &rest[end + 1..];
        if line.is_empty() {
            if is_compressed {
                flate2::read::ZlibDecoder::new(rest).read_to_end(&mut case.file).unwrap();
            } else {
                case.file = rest.to_vec();
            }
            return case;
        }
        match line.split_once(": ").unwrap() {
            ("expect", value) => value.clone_into(&mut case.expect),
            ("payload", value) => case.payload = Some(value.to_owned()),
            ("identity", value) => case.identities.push(value.parse().unwrap()),
            ("compressed", _) => is_compressed = true,
            ("file key" | "comment", _) => {}
            (other, _) => panic!("{other}?"),
        }
    }
}

/// Feeds the file in pieces; answers what came out and how it ended.
fn open(case: &Case, piece: usize) -> (Vec<u8>, Result<(), AgeRefusal>) {
    let mut out = Vec::new();
    let mut opener = AgeOpener::new(case.identities.clone());
    for bytes in case.file.chunks(piece) {
        if let Err(refusal) = opener.push(bytes, &mut out) {
            assert_eq!(opener.finish(&mut out), Err(refusal), "a refusal stays");
            return (out, Err(refusal));
        }
    }
    let end = opener.finish(&mut out);
    (out, end)
}

fn name(end: Result<(), AgeRefusal>, payload_began: bool) -> &'static str {
    match end {
        Ok(()) => "success",
        Err(AgeRefusal::NotForUs) => "no match",
        Err(AgeRefusal::HeaderChanged) => "HMAC failure",
        Err(AgeRefusal::CutOff | AgeRefusal::Damaged) if payload_began => "payload failure",
        Err(_) => "header failure",
    }
}

#[test]
fn every_file_of_the_suite_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/age-testkit");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case = parse(&std::fs::read(&path).unwrap());
        for piece in [1, 1000, 70_000, usize::MAX] {
            let (out, end) = open(&case, piece.min(case.file.len().max(1)));
            // What comes after the header can only fail as payload.
            let has_header = case.expect == "success" || case.expect == "payload failure";
            assert_eq!(name(end, has_header), case.expect, "{} by {piece}", path.display());
            // How much comes out before a failure is up to the implementation.
            if let (Some(payload), Ok(())) = (&case.payload, end) {
                assert_eq!(*payload, Sha256Digest::of(&out).to_string(), "{}", path.display());
            }
        }
        files += 1;
    }
    assert!(files >= 67, "only {files} files");
}
