//! `lint`, `profiles` and `audit verify`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;
use kakehashi_platform::pki::{Expected, Issued, Profiles, Severity, lint};

use super::desk::{Desk, read, read_text};

const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The certificate, PEM or DER; of a chain the first
    file: PathBuf,
    /// Compare with this profile
    #[arg(long)]
    profile: Option<String>,
    /// A folder with profiles of its own (else the built-in ones)
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Compare with its issuer's certificate, PEM
    #[arg(long)]
    issuer: Option<PathBuf>,
}

impl Lint {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let bytes = read(&self.file, CERTIFICATE_BYTES_MAX)?;
        let der = match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains("-----BEGIN") => first(text)?,
            _ => bytes,
        };
        let profiles = match &self.ca {
            Some(folder) => Profiles::load(folder)?,
            None => Profiles::built_in(),
        };
        let profile = match &self.profile {
            None => None,
            Some(name) => {
                let found = profiles.profiles.iter().find(|profile| profile.name == *name);
                Some(found.with_context(|| format!("there is no profile {name}"))?)
            }
        };
        let issuer = match &self.issuer {
            None => None,
            Some(path) => Some(first(&read_text(path)?)?),
        };
        let findings = lint(&der, &Expected { profile, subject: None, issuer: issuer.as_deref() });
        for finding in &findings {
            let severity = match finding.severity {
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            println!("{severity}: {}: {}", finding.code, finding.text);
        }
        let errors = findings.iter().filter(|found| found.severity == Severity::Error).count();
        println!("{errors} errors, {} warnings", findings.len() - errors);
        Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn first(pem: &str) -> anyhow::Result<Vec<u8>> {
    let chain = Issued { chain_pem: pem.to_owned(), key_pem: String::new() };
    match chain.leaf() {
        Ok(leaf) => Ok(leaf.to_vec()),
        Err(_) => bail!("the file holds no certificate in PEM"),
    }
}

#[derive(Debug, Args)]
pub(crate) struct PrintProfiles {
    /// The folder of the CA; without it the built-in profiles
    #[arg(long)]
    ca: Option<PathBuf>,
}

impl PrintProfiles {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let profiles = match &self.ca {
            Some(folder) => Profiles::load(folder)?,
            None => Profiles::built_in(),
        };
        print!("{}", toml::to_string(&profiles)?);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    desk: Desk,
}

impl Verify {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if !self.desk.ca.join("journal.jsonl").exists() {
            bail!("{} holds no journal", self.desk.ca.display());
        }
        let (office, _) = self.desk.open()?;
        println!("ca: {} entries, unbroken", office.entries());
        let found = office.examine()?;
        for discrepancy in &found {
            println!("{discrepancy}");
        }
        println!("{} discrepancies (相違 {} 件)", found.len(), found.len());
        Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
