//! Opens one PDF in a process that can do nothing else.
//!
//! Reading order: [`main_entry`] → [`sandbox::enter`] → `serve` → `examine`. The process first gives
//! up files, network, processes and most system calls, and only then reads the first byte. It decides
//! nothing about a scan's fate beyond "readable or not": the verdict is `ingest/core`'s.

#![warn(clippy::indexing_slicing, clippy::string_slice)]

pub mod sandbox;

mod active;
mod allow;
mod barcode;
mod examine;
#[doc(hidden)]
pub mod fuzz;
mod image;
mod inflate;
mod load;
mod page;
mod rebuild;
mod render;
mod serve;
mod tree;

use std::{io, panic, process::ExitCode};

/// Leaves the process when the sandbox could not be set up: a failure of the machine, not of the PDF.
pub const EXIT_NO_SANDBOX: u8 = 71;
/// Leaves the process when the input could not be read or the answer not be written.
pub const EXIT_NO_STREAM: u8 = 74;

/// Runs the inspector: the whole of `kakehashi-inspect`, and of `kakehashi inspect`.
///
/// Needs nothing but standard input (the PDF) and standard output (the answer, see
/// [`kakehashi_ingest_core::inspection::frame`]). Must be called while the process has one thread.
/// The exit code is 0 when there is an answer, a refusal included.
pub fn main_entry() -> ExitCode {
    // A panic message may quote the document, so nothing is printed.
    panic::set_hook(Box::new(|_| {}));
    let Ok(sandbox) = sandbox::enter() else { return ExitCode::from(EXIT_NO_SANDBOX) };
    match serve::serve(io::stdin().lock(), io::stdout().lock(), sandbox) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(EXIT_NO_STREAM),
    }
}
