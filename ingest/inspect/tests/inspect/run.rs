//! Starts the inspector and reads its answer.

use std::{
    io::Write,
    process::{Command, ExitStatus, Stdio},
    thread,
};

use kakehashi_ingest_core::inspection::{
    Facts, Refusal,
    frame::{self, Answer, Header},
};

/// How one run ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) output: Vec<u8>,
    pub(crate) noise: Vec<u8>,
}

/// Everything the inspector made of a readable PDF.
pub(crate) struct Inspected {
    pub(crate) facts: Facts,
    pub(crate) disarmed: Vec<u8>,
    pub(crate) pages: Vec<Vec<u8>>,
    pub(crate) sizes: Vec<(u32, u32)>,
}

/// Runs the inspector on these bytes.
pub(crate) fn run(pdf: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kakehashi-inspect"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the inspector starts");
    let mut input = child.stdin.take().expect("standard input is piped");
    let pdf = pdf.to_vec();
    // It may stop reading early; that is not the test's failure.
    let writer = thread::spawn(move || input.write_all(&pdf).is_ok());
    let output = child.wait_with_output().expect("the inspector ends");
    writer.join().expect("the writer ends");
    Ran { status: output.status, output: output.stdout, noise: output.stderr }
}

/// Reads a valid answer.
#[track_caller]
pub(crate) fn answer(pdf: &[u8]) -> (Header, Vec<Vec<u8>>) {
    let ran = run(pdf);
    assert!(ran.status.success(), "{}", ran.status);
    assert!(ran.noise.is_empty(), "the inspector says nothing on standard error");
    let (header, blobs) = frame::decode(&ran.output).expect("a valid answer");
    (header, blobs.into_iter().map(<[u8]>::to_vec).collect())
}

/// Expects a readable PDF.
#[track_caller]
pub(crate) fn inspect(pdf: &[u8]) -> Inspected {
    let (header, mut blobs) = answer(pdf);
    match header.answer {
        Answer::Inspected { facts, images } => {
            let disarmed = blobs.remove(0);
            Inspected { facts, disarmed, pages: blobs, sizes: images }
        }
        Answer::Refused { refusal } => panic!("refused: {refusal}"),
    }
}

/// Expects a refusal.
#[track_caller]
pub(crate) fn check_refused(pdf: &[u8], expected: Refusal) {
    let (header, _) = answer(pdf);
    match header.answer {
        Answer::Refused { refusal } => assert_eq!(refusal, expected),
        Answer::Inspected { facts, .. } => panic!("accepted: {facts:?}"),
    }
}

/// Has the disarmed PDF judged by an independent reader.
#[track_caller]
pub(crate) fn check_with_qpdf(pdf: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(pdf).expect("the temporary file is writable");
    let output = Command::new("qpdf")
        .arg("--check")
        .arg(file.path())
        .output()
        .expect("qpdf is missing: install the Debian package `qpdf`");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "qpdf --check: {said}");
}
