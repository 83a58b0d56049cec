//! Where forms wait while the rest is checked: a nameless file, sealed under a key that exists only in
//! memory. Nothing readable is ever on disk, and nothing is left when the program is killed.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use kakehashi_seal::{
    Entropy, FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FrameHeader, FrameOpener, FrameSealer, Key,
};

const CONTEXT: &str = "spool";

/// A sealed scratch file.
pub(crate) struct Spool<'e> {
    file: File,
    key: Key,
    sealer: FrameSealer,
    buffer: Vec<u8>,
    bytes: u64,
    entropy: &'e dyn Entropy,
}

/// A spool that holds all it will hold.
pub(crate) struct FullSpool {
    file: File,
    key: Key,
    /// Plain bytes in it.
    pub(crate) bytes: u64,
}

impl<'e> Spool<'e> {
    /// Makes one in a folder.
    pub(crate) fn create(folder: &Path, entropy: &'e dyn Entropy) -> io::Result<Self> {
        let key = Key::generate(entropy);
        let sealer = FrameSealer::new(key.clone(), CONTEXT, 0);
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self { file, key, sealer, buffer: Vec::new(), bytes: 0, entropy })
    }

    /// Plain bytes taken so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, plain: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(plain);
        self.bytes += plain.len() as u64;
        if self.buffer.len() < FRAME_BYTES_MAX {
            return Ok(());
        }
        let mut sealed = Vec::new();
        self.sealer.seal(&self.buffer, self.entropy, &mut sealed);
        self.buffer.clear();
        self.file.write_all(&sealed)
    }

    /// Ends it.
    pub(crate) fn finish(mut self) -> io::Result<FullSpool> {
        let mut sealed = Vec::new();
        self.sealer.seal(&self.buffer, self.entropy, &mut sealed);
        self.sealer.finish(self.entropy, &mut sealed);
        self.file.write_all(&sealed)?;
        Ok(FullSpool { file: self.file, key: self.key, bytes: self.bytes })
    }
}

impl FullSpool {
    /// Gives everything out, from the beginning.
    pub(crate) fn read<E: From<io::Error>>(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut opener = FrameOpener::new(self.key.clone(), CONTEXT);
        while !opener.is_finished() {
            let mut header = [0; FRAME_HEADER_BYTES];
            self.file.read_exact(&mut header)?;
            let header = FrameHeader::read(&header).map_err(io::Error::other)?;
            let mut body = vec![0; header.body_bytes()];
            self.file.read_exact(&mut body)?;
            each(&opener.open(&header, &body).map_err(io::Error::other)?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

    #[test]
    fn what_went_in_comes_out_twice_and_is_not_readable_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::create(folder.path(), &SystemEntropy).unwrap();
        let piece = "難病 太郎\n".repeat(1000);
        for _ in 0..40 {
            spool.push(piece.as_bytes()).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), usize::from(cfg!(windows)));
        let mut spool = spool.finish().unwrap();
        let mut raw = Vec::new();
        spool.file.seek(SeekFrom::Start(0)).unwrap();
        spool.file.read_to_end(&mut raw).unwrap();
        let name = "太郎".as_bytes();
        assert!(!raw.windows(name.len()).any(|window| window == name));
        for _ in 0..2 {
            let mut plain = Vec::new();
            let read = spool.read(|bytes| -> io::Result<()> {
                plain.extend_from_slice(bytes);
                Ok(())
            });
            read.unwrap();
            assert_eq!(plain, piece.repeat(40).as_bytes());
        }
    }
}
