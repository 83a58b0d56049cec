//! For people who write definitions: loads a folder of them, says what is wrong in each file, and runs
//! the case tables.
//!
//! `verify DEFINITIONS [PREFIX]`: the cases of forms whose key begins with the prefix.
#![expect(clippy::print_stdout, reason = "what it says is its result")]

#[path = "../tests/cases/runner.rs"]
mod runner;

use std::{env::args, path::Path, process::ExitCode};

use runner::Folder;

fn main() -> std::io::Result<ExitCode> {
    let Some(root) = args().nth(1) else {
        println!("usage: verify DEFINITIONS [PREFIX]");
        return Ok(ExitCode::from(2));
    };
    let prefix = args().nth(2).unwrap_or_default();
    let folder = Folder::read(Path::new(&root))?;
    let (catalogue, errors) = folder.load();
    for error in &errors {
        println!("{error}");
    }
    let report = folder.run(&catalogue, &prefix)?;
    for failure in &report.failures {
        println!("{failure}");
    }
    println!(
        "{} forms loaded, {} load errors; {} cases in {} files, {} failures",
        catalogue.iter().count(),
        errors.len(),
        report.cases,
        report.files,
        report.failures.len()
    );
    let is_right = errors.is_empty() && report.failures.is_empty();
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
