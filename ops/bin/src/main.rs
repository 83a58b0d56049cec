//! The one program: roles of the road, the demo, and the commands of operators and auditors.
//!
//! Without a command it runs the demo. `kakehashi inspect` is the sandboxed inspector; it is decided
//! before anything else runs, so that the process holds nothing when it enters its sandbox.
#![expect(clippy::print_stdout, reason = "a command answers on standard output")]

mod books;
mod ca;
mod cli;
mod compose;
mod config;
mod demo;
mod doctor;
mod forms;
mod gateway;
mod ledger;
mod prepare;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == cli::INSPECT) {
        return kakehashi_inspect::main_entry();
    }
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kakehashi: {error:#}");
            ExitCode::FAILURE
        }
    }
}
