//! Reads the PDF, has it examined, writes the answer.

use std::{
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use kakehashi_ingest_core::inspection::{
    Refusal,
    frame::{self, Answer, Header, Sandbox},
};
use kakehashi_kernel::limits;

use crate::examine::{Examined, examine};

/// Answers one PDF. A panic of a parser is a refusal: the PDF is what caused it.
pub(crate) fn serve(input: impl Read, mut output: impl Write, sandbox: Sandbox) -> io::Result<()> {
    let mut pdf = Vec::new();
    input.take(limits::SCAN_BYTES_MAX + 1).read_to_end(&mut pdf)?;
    let found = if pdf.len() as u64 > limits::SCAN_BYTES_MAX {
        Err(Refusal::TooLarge)
    } else {
        catch_unwind(AssertUnwindSafe(|| examine(&pdf))).unwrap_or(Err(Refusal::Unreadable))
    };
    drop(pdf);
    let bytes = found
        .and_then(|examined| answer(examined, sandbox))
        .or_else(|refusal| refuse(refusal, sandbox))
        .map_err(io::Error::other)?;
    output.write_all(&bytes)?;
    output.flush()
}

fn answer(examined: Examined, sandbox: Sandbox) -> Result<Vec<u8>, Refusal> {
    let Examined { facts, disarmed, images } = examined;
    let sizes = images.iter().map(|image| (image.width, image.height)).collect();
    let header = Header { sandbox, answer: Answer::Inspected { facts, images: sizes } };
    let blobs: Vec<&[u8]> = std::iter::once(disarmed.as_slice())
        .chain(images.iter().map(|image| image.png.as_slice()))
        .collect();
    let total: u64 = blobs.iter().map(|blob| blob.len() as u64).sum();
    let room = limits::INSPECTION_OUTPUT_BYTES_MAX - 2 * frame::HEADER_BYTES_MAX as u64;
    if total > room {
        return Err(Refusal::TooLarge);
    }
    frame::encode(&header, &blobs).map_err(|_| Refusal::TooLarge)
}

fn refuse(refusal: Refusal, sandbox: Sandbox) -> Result<Vec<u8>, frame::Garbled> {
    frame::encode(&Header { sandbox, answer: Answer::Refused { refusal } }, &[])
}
