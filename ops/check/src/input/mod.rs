//! What is to be read: files, archives, folders and standard input.

mod archive;
mod bounded;
mod folder;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use kakehashi_forms::{Finding, Localized, Severity};

pub(crate) use archive::{Entry, read_archive};

use crate::{
    exit::{Exit, Stop},
    fresh_file::folder_of,
    screen::{reason, shown_path},
};

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

/// Everything to be read, in the order named; what is in a folder comes sorted by name. A file that is
/// named twice, or lies in a folder that is named too, is read once.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) list: Vec<Source>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// Where the files really are, links followed.
    places: HashSet<PathBuf>,
    /// Files met, those met before included.
    met: usize,
}

impl Source {
    /// What the error list calls it. Control characters, which a terminal would obey, are left out.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::StandardInput => STANDARD_INPUT.to_owned(),
            Self::File { path, .. } => shown_path(path),
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

impl Sources {
    /// Finds what the arguments name.
    pub(crate) fn find(paths: &[PathBuf]) -> Self {
        let mut sources = Self::default();
        for path in paths {
            if path.as_os_str() == STANDARD_INPUT {
                let is_there = |source: &Source| matches!(source, Source::StandardInput);
                if !sources.list.iter().any(is_there) {
                    sources.list.push(Source::StandardInput);
                }
                continue;
            }
            match std::fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {
                    let before = (sources.met, sources.unreadable.len());
                    folder::walk(path, 0, &mut sources);
                    // A folder named by mistake must not look like one in which everything passed.
                    if before == (sources.met, sources.unreadable.len()) {
                        let file = shown_path(path);
                        sources.unreadable.push(Unreadable { file, finding: empty() });
                    }
                }
                Ok(metadata) => sources.add(path.clone(), metadata.len()),
                Err(error) => sources.unreadable.push(cannot_open(path, &error)),
            }
        }
        sources
    }

    /// Adds a file unless it is there already.
    fn add(&mut self, path: PathBuf, bytes: u64) {
        self.met += 1;
        // A pipe has no place of its own; it is read as often as it is named.
        let is_new = std::fs::canonicalize(&path).map_or(true, |place| self.places.insert(place));
        if is_new {
            self.list.push(Source::File { path, bytes });
        }
    }

    /// Refuses outputs that would replace an input, or one another.
    pub(crate) fn demand_apart_from<P: AsRef<Path>>(&self, outputs: &[P]) -> Result<(), Stop> {
        let mut taken = HashSet::new();
        for output in outputs {
            let output = output.as_ref();
            let place = place(output);
            if place.as_ref().is_some_and(|place| self.places.contains(place))
                || !taken.insert(place.unwrap_or_else(|| output.to_owned()))
            {
                let path = shown_path(output);
                return Err(Stop::new(
                    Exit::Usage,
                    format!(
                        "「{path}」は読み込むファイル、またはほかの出力と同じです。別の名前にしてください。"
                    ),
                    format!("{path} is an input or another output too; choose another name"),
                ));
            }
        }
        Ok(())
    }
}

/// Where a file is, or will be.
fn place(path: &Path) -> Option<PathBuf> {
    let there = std::fs::canonicalize(path).ok();
    there.or_else(|| Some(std::fs::canonicalize(folder_of(path)).ok()?.join(path.file_name()?)))
}

/// An opened file, looked at.
pub(crate) enum Opened {
    /// Read as XML.
    Document(Box<dyn Read>),
    /// Read as an archive.
    Archive(File),
}

/// Opens a source and looks at its first bytes. A file is opened once: what was looked at is what is read,
/// and a pipe gives its bytes only once.
pub(crate) fn open(source: &Source) -> io::Result<Opened> {
    match source {
        Source::StandardInput => Ok(Opened::Document(Box::new(io::stdin().lock()))),
        Source::File { path, .. } => {
            let mut file = File::open(path)?;
            let first = first_bytes(&mut file)?;
            if is_archive(&first) {
                return Ok(Opened::Archive(file));
            }
            let rest = io::BufReader::with_capacity(64 * 1024, file);
            Ok(Opened::Document(Box::new(io::Cursor::new(first).chain(rest))))
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

/// A file that is not there or not ours to read.
fn cannot_open(path: &Path, error: &io::Error) -> Unreadable {
    Unreadable { file: shown_path(path), finding: not_opened(error) }
}

/// What the system said when a file was opened.
pub(crate) fn not_opened(error: &io::Error) -> Finding {
    let Localized { ja, en } = reason(error);
    problem(
        "input.open",
        &format!("ファイルを開けません（{ja}）。"),
        &format!("The file cannot be opened ({en})."),
        "ファイルの場所と権限を確認してください。",
        "Please check where the file is and who may read it.",
    )
}

/// A folder or an archive that holds nothing to be read.
fn empty() -> Finding {
    problem(
        "input.empty",
        "XMLファイルがありません。",
        "There is no XML file in it.",
        "フォルダーやZIPの指定が正しいか確認してください。",
        "Please check whether it is the right folder or archive.",
    )
}

/// A finding about an input, always E.
fn problem(rule: &str, ja: &str, en: &str, do_ja: &str, do_en: &str) -> Finding {
    Finding::general(rule, Severity::E, Localized::new(ja, en), Localized::new(do_ja, do_en))
}
