//! `kakehashi forms`: what form definitions this program has.

mod coverage;
mod publish;
mod show;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::Subcommand;
use kakehashi_forms::Catalogue;
use kakehashi_kernel::FormKey;

/// What is asked about the definitions.
#[derive(Subcommand)]
pub(crate) enum FormsCommand {
    /// Lists every form version: what can be judged by machine, what is not confirmed
    Coverage {
        /// Write CSV for Excel (UTF-8 with BOM) instead of tables
        #[arg(long, conflicts_with = "totals")]
        csv: bool,
        /// Only the totals of each programme
        #[arg(long)]
        totals: bool,
    },
    /// Shows one form version, item by item
    Show {
        /// For example nanbyo/0006-000/2403
        key: FormKey,
    },
    /// Writes the specification of every form version (HTML, XLSX, XSD, FHIR) with a list of them
    Publish {
        /// The folder to make
        folder: PathBuf,
    },
}

pub(crate) fn run(command: &FormsCommand) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::builtin()?;
    let shown = match command {
        FormsCommand::Coverage { csv: true, .. } => coverage::csv(&catalogue.coverage()),
        FormsCommand::Coverage { totals: true, .. } => {
            coverage::totals(&catalogue.coverage()).into_bytes()
        }
        FormsCommand::Coverage { .. } => coverage::tables(&catalogue.coverage()).into_bytes(),
        FormsCommand::Show { key } => {
            let form = catalogue.definition(*key);
            let form = form.with_context(|| format!("there is no form {key}"))?;
            show::text(form).into_bytes()
        }
        FormsCommand::Publish { folder } => {
            let publish::Published { forms, bytes } = publish::publish(&catalogue, folder)?;
            let megabytes = bytes / 1_000_000;
            format!("{}: {forms} forms, {megabytes} MB\n", folder.display()).into_bytes()
        }
    };
    match io::stdout().lock().write_all(&shown) {
        // Whoever reads has seen enough: `| head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        result => result.map(|()| ExitCode::SUCCESS).context("cannot write the answer"),
    }
}
