//! `kakehashi-inspect`: reads one PDF from standard input, answers on standard output.

use std::process::ExitCode;

fn main() -> ExitCode {
    kakehashi_inspect::main_entry()
}
