//! Files that appear whole under their name, or not at all.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// A file being written beside its final name. Dropped without [`FreshFile::commit`] it is gone.
pub(crate) struct FreshFile {
    path: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl FreshFile {
    /// Starts one. Nothing is seen under `path` yet.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let folder = folder_of(path);
        let file =
            tempfile::Builder::new().prefix(".kakehashi-").suffix(".part").tempfile_in(folder)?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(file) })
    }

    /// Opens what was written so far for reading, from the beginning.
    pub(crate) fn read_back(&mut self) -> io::Result<File> {
        self.writer.flush()?;
        self.writer.get_ref().reopen()
    }

    /// Puts it under its name, over a file that is there.
    pub(crate) fn commit(self) -> io::Result<()> {
        self.end(|file, path| file.persist(path))
    }

    /// Puts it under its name, unless a file is there.
    pub(crate) fn commit_new(self) -> io::Result<()> {
        self.end(|file, path| file.persist_noclobber(path))
    }

    fn end(
        self,
        persist: impl FnOnce(NamedTempFile, &Path) -> Result<File, tempfile::PersistError>,
    ) -> io::Result<()> {
        let file = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        persist(file, &self.path).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.path))
    }
}

impl Write for FreshFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The folder a file is in: `.` for a bare name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// So that the name survives a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened for this on Windows; the rename is journalled by the file system.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
