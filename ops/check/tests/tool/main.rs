//! The tool as a hospital runs it: the real program, real files, exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod archives;
mod checking;
mod keys;
mod memory;
mod opening;
mod paths;
mod sample;
mod sealing;
mod specifying;
