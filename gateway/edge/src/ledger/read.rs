//! Reading entries without the key, for showing them. Says nothing about whether they are true.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use kakehashi_contract::AuditEntry;

use super::{LINE_BYTES_MAX, segment::closed_segments};

/// The entries of a ledger in order, read as they are asked for.
pub struct Entries {
    files: VecDeque<PathBuf>,
    present: Option<BufReader<File>>,
    line: Vec<u8>,
    last: u64,
}

/// Reads the entries of every segment there is. What cannot be read as an entry is left out.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn entries(path: &Path) -> io::Result<Entries> {
    let closed = closed_segments(path)?;
    let mut files: VecDeque<PathBuf> = closed.into_iter().map(|segment| segment.path).collect();
    files.push_back(path.to_owned());
    Ok(Entries { files, present: None, line: Vec::new(), last: 0 })
}

impl Entries {
    fn read(&mut self) -> io::Result<Option<AuditEntry>> {
        loop {
            let Some(reader) = &mut self.present else {
                let Some(next) = self.files.pop_front() else { return Ok(None) };
                match File::open(next) {
                    Ok(file) => self.present = Some(BufReader::with_capacity(256 * 1024, file)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                continue;
            };
            self.line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX as u64);
            let length = { read }.read_until(b'\n', &mut self.line)?;
            if length == 0 {
                self.present = None;
                continue;
            }
            if let Ok(entry) = serde_json::from_slice::<AuditEntry>(&self.line)
                && entry.sequence > self.last
            {
                self.last = entry.sequence;
                return Ok(Some(entry));
            }
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<AuditEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
