//! What is to be read: files, archives, folders and standard input.

mod archive;
mod bounded;
mod folder;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use kakehashi_forms::{Finding, Localized, Severity};

pub(crate) use archive::{Entry, read_archive};

/// Standard input, as scripts name it.
const STANDARD_INPUT: &str = "-";
/// Files of one run at most.
const FILES_MAX: usize = 1_000_000;

/// Something that was named, and can perhaps be read.
#[derive(Debug)]
pub(crate) enum Source {
    /// Standard input.
    StandardInput,
    /// A file. `bytes` is what the folder says, for the progress bar.
    File { path: PathBuf, bytes: u64 },
}

/// Something that cannot be read: shown name, and why.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) file: String,
    pub(crate) finding: Finding,
}

impl Source {
    /// What the error list calls it. Control characters, which a terminal would obey, are left out.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::StandardInput => STANDARD_INPUT.to_owned(),
            Self::File { path, .. } => shown(&path.to_string_lossy()),
        }
    }

    /// Bytes to be read, as far as known.
    pub(crate) const fn bytes(&self) -> u64 {
        match self {
            Self::StandardInput => 0,
            Self::File { bytes, .. } => *bytes,
        }
    }
}

/// Finds what the arguments name, in the order named; what is in a folder comes sorted by name.
pub(crate) fn sources(paths: &[PathBuf]) -> (Vec<Source>, Vec<Unreadable>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            found.push(Source::StandardInput);
            continue;
        }
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                folder::walk(path, 0, &mut found, &mut unreadable);
            }
            Ok(metadata) => found.push(Source::File { path: path.clone(), bytes: metadata.len() }),
            Err(error) => unreadable.push(cannot_open(path, &error)),
        }
    }
    (found, unreadable)
}

/// An opened file, looked at.
pub(crate) enum Opened {
    /// Read as XML.
    Document(Box<dyn Read>),
    /// Read as an archive.
    Archive(File),
}

/// Opens a source and looks at its first bytes.
pub(crate) fn open(source: &Source) -> io::Result<Opened> {
    match source {
        Source::StandardInput => Ok(Opened::Document(Box::new(io::stdin().lock()))),
        Source::File { path, .. } => {
            let mut file = File::open(path)?;
            if is_archive(&first_bytes(&mut file)?) {
                return Ok(Opened::Archive(file));
            }
            let document = File::open(path)?;
            Ok(Opened::Document(Box::new(io::BufReader::with_capacity(64 * 1024, document))))
        }
    }
}

/// The first four bytes, or fewer.
fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut first)?;
    Ok(first)
}

/// Whether a file that begins so is a ZIP archive.
fn is_archive(first: &[u8]) -> bool {
    matches!(first, b"PK\x03\x04" | b"PK\x05\x06")
}

/// A name without control characters.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}

/// A file that is not there or not ours to read.
fn cannot_open(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable { file: shown(&path.to_string_lossy()), finding: not_opened(error) }
}

/// What the system said when a file was opened.
pub(crate) fn not_opened(error: &io::Error) -> Finding {
    problem(
        "input.open",
        &format!("ファイルを開けません（{error}）。"),
        &format!("The file cannot be opened ({error})."),
        "ファイルの場所と権限を確認してください。",
        "Please check where the file is and who may read it.",
    )
}

/// A finding about an input, always E.
fn problem(rule: &str, ja: &str, en: &str, do_ja: &str, do_en: &str) -> Finding {
    Finding::general(rule, Severity::E, Localized::new(ja, en), Localized::new(do_ja, do_en))
}
