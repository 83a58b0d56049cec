//! `kakehashi-check`: the tool hospitals run before they send forms. Checks forms in bulk, writes the list of
//! errors, seals what passed for the registry, and opens what was sealed.
//!
//! It works offline and has no network code in it (a test looks at its dependencies and its sources). It
//! neither stores forms nor sends them.

mod checked;
mod cli;
mod definitions;
mod examine;
mod exit;
mod fresh_file;
mod input;
mod keys;
mod language;
mod list;
mod open;
mod progress;
mod run;
mod screen;
mod seal;
mod spool;
mod summary;
mod system;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
