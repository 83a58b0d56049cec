//! An object that grows while its sender uploads: sealed frame by frame, continued after a restart at
//! the last whole frame.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use kakehashi_kernel::{Sha256Digest, digest::DigestWriter};
use kakehashi_seal::{
    Entropy, FRAME_HEADER_BYTES, FrameHeader, FrameOpener, FrameSealer, Key, OBJECT_MAGIC,
};

use super::{BlobError, ObjectFolder, Put};

/// A growing object. Blocking: call it from `spawn_blocking`.
pub struct StagedObject {
    path: PathBuf,
    file: fs::File,
    sealer: FrameSealer,
    digest: DigestWriter,
    key: String,
}

impl StagedObject {
    /// Opens the staged object for `key`, creating it when it does not exist. A torn end, as a killed
    /// process or a full disk leaves it, is cut off: what remains is exactly what was accepted.
    ///
    /// # Errors
    ///
    /// [`BlobError`].
    pub fn open(folder: &Path, key: &str, sealing: &Key) -> Result<Self, BlobError> {
        fs::create_dir_all(folder)?;
        let path = Self::path(folder, key);
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        let mut digest = DigestWriter::default();
        let (plain_bytes, sealed_bytes) = recover(&mut file, key, sealing, &mut digest)?;
        if sealed_bytes == 0 {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&OBJECT_MAGIC)?;
            fs::File::open(folder)?.sync_all()?;
        } else {
            file.set_len(sealed_bytes)?;
            file.seek(SeekFrom::Start(sealed_bytes))?;
        }
        let sealer = FrameSealer::new(sealing.clone(), key, plain_bytes);
        Ok(Self { path, file, sealer, digest, key: key.to_owned() })
    }

    /// Plain bytes accepted so far.
    pub const fn offset(&self) -> u64 {
        self.sealer.offset()
    }

    /// Accepts the next bytes. Not durable before [`StagedObject::sync`].
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`]; then open the object again before going on.
    pub fn append(&mut self, plain: &[u8], entropy: &dyn Entropy) -> Result<(), BlobError> {
        let mut sealed = Vec::with_capacity(plain.len() + 256);
        self.sealer.seal(plain, entropy, &mut sealed);
        self.file.write_all(&sealed)?;
        self.digest.update(plain);
        Ok(())
    }

    /// Makes everything accepted durable.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn sync(&mut self) -> Result<(), BlobError> {
        Ok(self.file.sync_data()?)
    }

    /// The digest of everything accepted so far.
    pub fn digest(&self) -> Sha256Digest {
        self.digest.clone().finish()
    }

    /// Closes the object with its final frame and publishes it under its key.
    ///
    /// # Errors
    ///
    /// [`BlobError`]; then the staged file can be opened again.
    pub fn publish(
        mut self,
        objects: &ObjectFolder,
        entropy: &dyn Entropy,
    ) -> Result<Put, BlobError> {
        let mut last = Vec::new();
        self.sealer.finish(entropy, &mut last);
        self.file.write_all(&last)?;
        self.file.sync_all()?;
        objects.adopt(&self.path, &self.key)
    }

    /// Removes a staged object, if there is one.
    ///
    /// # Errors
    ///
    /// [`BlobError::Io`].
    pub fn remove(folder: &Path, key: &str) -> Result<(), BlobError> {
        match fs::remove_file(Self::path(folder, key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn path(folder: &Path, key: &str) -> PathBuf {
        folder.join(format!("{}.part", key.replace('/', "-")))
    }
}

/// Reads whole authentic frames from the start; answers how many plain and sealed bytes they are. A
/// final frame (a publish that was interrupted) is not counted, it will be written again.
fn recover(
    file: &mut fs::File,
    key: &str,
    sealing: &Key,
    digest: &mut DigestWriter,
) -> Result<(u64, u64), BlobError> {
    file.rewind()?;
    let mut reader = io::BufReader::new(&*file);
    let mut magic = [0; 4];
    if !fills(&mut reader, &mut magic)? || magic != OBJECT_MAGIC {
        return Ok((0, 0));
    }
    let mut opener = FrameOpener::new(sealing.clone(), key);
    let mut sealed_bytes = magic.len() as u64;
    let mut header = [0; FRAME_HEADER_BYTES];
    let mut body = Vec::new();
    while fills(&mut reader, &mut header)? {
        let Ok(frame) = FrameHeader::read(&header) else { break };
        body.resize(frame.body_bytes(), 0);
        if frame.is_final() || !fills(&mut reader, &mut body)? {
            break;
        }
        let Ok(plain) = opener.open(&frame, &body) else { break };
        digest.update(&plain);
        sealed_bytes += (header.len() + body.len()) as u64;
    }
    Ok((opener.offset(), sealed_bytes))
}

/// Fills the buffer; `false` when the file ends before.
fn fills(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemEntropy;

    const KEY: &str = "original/1";

    fn sealing() -> Key {
        Key::new([5; 32])
    }

    fn open(folder: &Path) -> StagedObject {
        StagedObject::open(folder, KEY, &sealing()).unwrap()
    }

    #[test]
    fn an_upload_continues_where_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut staged = open(folder.path());
        staged.append(b"first ", &SystemEntropy).unwrap();
        staged.sync().unwrap();
        drop(staged);

        let mut staged = open(folder.path());
        assert_eq!(staged.offset(), 6);
        staged.append(b"second", &SystemEntropy).unwrap();
        assert_eq!(staged.digest(), Sha256Digest::of(b"first second"));
        let objects = ObjectFolder::open(folder.path().join("objects")).unwrap();
        assert_eq!(staged.publish(&objects, &SystemEntropy).unwrap(), Put::Created);
        let sealed = objects.get(KEY).unwrap().unwrap();
        assert_eq!(kakehashi_seal::open_object(&sealing(), KEY, &sealed).unwrap(), b"first second");
    }

    #[test]
    fn a_torn_end_is_cut_at_every_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut staged = open(folder.path());
        staged.append(b"whole", &SystemEntropy).unwrap();
        let whole = fs::metadata(&staged.path).unwrap().len();
        staged.append(b"torn away", &SystemEntropy).unwrap();
        let path = staged.path.clone();
        drop(staged);
        let bytes = fs::read(&path).unwrap();
        for length in whole..bytes.len() as u64 {
            fs::write(&path, &bytes[..usize::try_from(length).unwrap()]).unwrap();
            assert_eq!(open(folder.path()).offset(), 5, "cut at {length}");
        }
        fs::write(&path, &bytes).unwrap();
        assert_eq!(open(folder.path()).offset(), 14);
    }

    #[test]
    fn a_publish_that_was_interrupted_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let objects = ObjectFolder::open(folder.path().join("objects")).unwrap();
        let mut staged = open(folder.path());
        staged.append(b"scan", &SystemEntropy).unwrap();
        let mut last = Vec::new();
        FrameSealer::new(sealing(), KEY, 4).finish(&SystemEntropy, &mut last);
        staged.file.write_all(&last).unwrap();
        drop(staged);
        let staged = open(folder.path());
        assert_eq!(staged.offset(), 4);
        staged.publish(&objects, &SystemEntropy).unwrap();
        assert!(objects.exists(KEY).unwrap());
    }
}
