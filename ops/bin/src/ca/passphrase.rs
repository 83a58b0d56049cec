//! Passphrases: from a file, or typed at the terminal without echo.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use anyhow::{Context, bail, ensure};
use kakehashi_kernel::Sensitive;
use kakehashi_platform::pki::{Passphrases, PkiError};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Characters of a new passphrase at least.
const CHARACTERS_MIN: usize = 12;
/// Bytes of a passphrase at most.
const BYTES_MAX: u64 = 1024;

/// Asks at the terminal when a key turns out to be encrypted.
pub(super) struct Terminal;

impl Passphrases for Terminal {
    fn passphrase(&self, key_file: &Path) -> Result<Option<Sensitive<String>>, PkiError> {
        Ok(ask(&format!("passphrase of {} (パスフレーズ): ", key_file.display())).ok())
    }
}

/// Reads a passphrase's file: its first line. Others must not be able to read it.
pub(super) fn read(path: &Path) -> anyhow::Result<Sensitive<String>> {
    let failed = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(failed)?;
    let for_others = file.metadata().with_context(failed)?.permissions().mode() & 0o077;
    ensure!(for_others == 0, "{} is readable by others: chmod 600", path.display());
    line(file).with_context(failed)
}

/// Asks for a new passphrase until two answers agree, three times at most.
pub(super) fn ask_twice() -> anyhow::Result<Sensitive<String>> {
    for _ in 0..3 {
        let first = ask("new passphrase (新しいパスフレーズ): ")?;
        if first.expose().chars().count() < CHARACTERS_MIN {
            eprintln!("at least {CHARACTERS_MIN} characters ({CHARACTERS_MIN}文字以上)");
            continue;
        }
        if ask("once more (もう一度): ")?.expose() == first.expose() {
            return Ok(first);
        }
        eprintln!("they differ (一致しません)");
    }
    bail!("no passphrase was chosen")
}

fn ask(question: &str) -> anyhow::Result<Sensitive<String>> {
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .context("there is no terminal to ask at: give --passphrase-file")?;
    terminal.write_all(question.as_bytes())?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let answer = line(terminal.try_clone()?);
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    terminal.write_all(b"\n")?;
    answer
}

fn line(file: File) -> anyhow::Result<Sensitive<String>> {
    let mut text = String::new();
    BufReader::new(io::Read::take(file, BYTES_MAX)).read_line(&mut text)?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(!text.is_empty(), "the passphrase is empty");
    Ok(Sensitive::new(text))
}
