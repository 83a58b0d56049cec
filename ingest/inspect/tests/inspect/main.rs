//! Runs the real inspector on small PDFs, kind and hostile.

#![expect(clippy::unwrap_used, reason = "a PDF that cannot be made is a mistake in the test")]

mod make;
mod run;

mod disarmed;
mod hostile;
mod readable;
