//! What an archive may unpack to.

use std::{
    cell::Cell,
    io::{self, Read},
};

/// Bytes all entries of one archive may unpack to.
pub(super) const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How many times its packed size an entry may unpack to, beyond [`FREE_BYTES`]. XML packs to about a
/// twentieth.
const RATIO_MAX: u64 = 200;
/// Bytes any entry may unpack to.
const FREE_BYTES: u64 = 1024 * 1024;

/// Reads an entry until it grows beyond what is allowed, then fails and says so.
pub(super) struct Bounded<'a, R> {
    reader: R,
    entry_left: u64,
    archive_left: &'a Cell<u64>,
    is_beyond: &'a Cell<bool>,
}

impl<'a, R> Bounded<'a, R> {
    pub(super) fn new(
        reader: R,
        packed_bytes: u64,
        archive_left: &'a Cell<u64>,
        is_beyond: &'a Cell<bool>,
    ) -> Self {
        let entry_left = packed_bytes.saturating_mul(RATIO_MAX).saturating_add(FREE_BYTES);
        Self { reader, entry_left, archive_left, is_beyond }
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let entry = self.entry_left.checked_sub(read as u64);
        let archive = self.archive_left.get().checked_sub(read as u64);
        let (Some(entry), Some(archive)) = (entry, archive) else {
            self.is_beyond.set(true);
            return Err(io::Error::other("unpacks to too much"));
        };
        self.entry_left = entry;
        self.archive_left.set(archive);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_may_not_grow_beyond_its_ratio_nor_the_archive_beyond_its_limit() {
        let read = |bytes: u64, packed: u64, left: u64| {
            let (left, is_beyond) = (Cell::new(left), Cell::new(false));
            let mut reader = Bounded::new(io::repeat(b'x').take(bytes), packed, &left, &is_beyond);
            let done = io::copy(&mut reader, &mut io::sink()).is_ok();
            assert_eq!(done, !is_beyond.get());
            done
        };
        assert!(read(FREE_BYTES, 0, u64::MAX));
        assert!(!read(FREE_BYTES + 1, 0, u64::MAX));
        assert!(read(FREE_BYTES + 2000, 10, u64::MAX));
        assert!(!read(FREE_BYTES + 2001, 10, u64::MAX));
        assert!(!read(1000, 1000, 999));
    }
}
