//! What every command on a CA folder takes, and the files it reads.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::Args;
use kakehashi_kernel::{Clock, Sensitive, Timestamp};
use kakehashi_platform::{
    pki::{Office, Passphrases},
    runtime::SystemClock,
};

use super::passphrase::{self, Terminal};

/// The folder of the CA, and who works in it.
#[derive(Debug, Args)]
pub(crate) struct Desk {
    /// The folder of the CA
    #[arg(long)]
    pub(crate) ca: PathBuf,
    /// A file with the passphrase of the keys in it; without it an encrypted key asks at the terminal
    #[arg(long)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Who works here, for the journal: a word, no personal name
    #[arg(long, default_value = "operator", value_parser = word)]
    pub(crate) operator: String,
}

/// Whether a new key is to be encrypted.
#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// Ask for a passphrase for the new key at the terminal, twice (else --passphrase-file, else none)
    #[arg(long)]
    ask_passphrase: bool,
}

impl Desk {
    pub(crate) fn open(&self) -> anyhow::Result<(Office, Timestamp)> {
        let now = SystemClock.now();
        let office = Office::open(&self.ca, &self.operator, self.passphrases()?, now)
            .with_context(|| format!("cannot work in the CA folder {}", self.ca.display()))?;
        Ok((office, now))
    }

    fn passphrases(&self) -> anyhow::Result<Box<dyn Passphrases>> {
        Ok(match &self.passphrase_file {
            Some(path) => Box::new(Some(passphrase::read(path)?)),
            None => Box::new(Terminal),
        })
    }

    pub(crate) fn new_passphrase(&self, key: &NewKey) -> anyhow::Result<Option<Sensitive<String>>> {
        match &self.passphrase_file {
            Some(_) if key.ask_passphrase => {
                bail!("give --passphrase-file or --ask-passphrase, not both")
            }
            Some(path) => passphrase::read(path).map(Some),
            None if key.ask_passphrase => passphrase::ask_twice().map(Some),
            None => Ok(None),
        }
    }
}

/// Reads a file of at most `bytes_max`.
pub(crate) fn read(path: &Path, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let failed = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(failed)?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).with_context(failed)?;
    if bytes.len() > bytes_max {
        bail!("{} is larger than {bytes_max} bytes", path.display());
    }
    Ok(bytes)
}

/// Reads a text file of at most 256 KB.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = read(path, 256 * 1024)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not text", path.display()))
}

fn word(text: &str) -> Result<String, String> {
    let is_word = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_word { Ok(text.to_owned()) } else { Err("1 to 64 of a-z, 0-9 and -".to_owned()) }
}
