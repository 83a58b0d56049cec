//! As much of tar (POSIX ustar) as a batch needs: regular files, one after another.

/// Bytes of a header, and what everything is padded to.
pub(super) const BLOCK_BYTES: usize = 512;

const CHECKSUM: std::ops::Range<usize> = 148..156;
const SIZE: std::ops::Range<usize> = 124..136;

/// What stands before a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A regular file.
    File { name: String, size: u64 },
    /// Something tar programs add (times, owners, the folder itself): passed over.
    PassOver { size: u64 },
    /// Two of these end the archive.
    Zero,
}

/// The header of a member. `size` below 8 GiB.
pub(super) fn header(name: &str, size: u64, modified_seconds: u64) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block, 0, name.as_bytes());
    put(&mut block, 100, b"0000600\0");
    put(&mut block, 108, b"0000000\0");
    put(&mut block, 116, b"0000000\0");
    put(&mut block, SIZE.start, format!("{size:011o}\0").as_bytes());
    put(&mut block, 136, format!("{modified_seconds:011o}\0").as_bytes());
    put(&mut block, CHECKSUM.start, b"        ");
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    let checksum = format!("{:06o}\0 ", sum(&block));
    put(&mut block, CHECKSUM.start, checksum.as_bytes());
    block
}

/// Bytes of padding behind a member.
pub(super) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK_BYTES as u64).unwrap_or_default();
    if over == 0 { 0 } else { BLOCK_BYTES - over }
}

/// Reads a header. `None` when it is not one.
pub(super) fn read(block: &[u8; BLOCK_BYTES]) -> Option<Header> {
    if block.iter().all(|byte| *byte == 0) {
        return Some(Header::Zero);
    }
    let mut blanked = *block;
    put(&mut blanked, CHECKSUM.start, b"        ");
    if octal(block.get(CHECKSUM)?)? != sum(&blanked) || block.get(257..262)? != b"ustar" {
        return None;
    }
    let size = octal(block.get(SIZE)?)?;
    match block.get(156)? {
        b'0' | 0 => {
            let name = block.get(..100)?.split(|byte| *byte == 0).next()?;
            let name = std::str::from_utf8(name).ok()?;
            let name = name.strip_prefix("./").unwrap_or(name).to_owned();
            Some(Header::File { name, size })
        }
        b'x' | b'g' => Some(Header::PassOver { size }),
        b'5' => Some(Header::PassOver { size: 0 }),
        _ => None,
    }
}

fn put(block: &mut [u8; BLOCK_BYTES], at: usize, bytes: &[u8]) {
    for (place, byte) in block.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}

fn sum(block: &[u8; BLOCK_BYTES]) -> u64 {
    block.iter().map(|byte| u64::from(*byte)).sum()
}

/// A number in octal digits, spaces before, space or zero behind.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let text = text.trim_matches([' ', '\0']);
    let is_octal = !text.is_empty() && text.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    if is_octal { u64::from_str_radix(text, 8).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_a_changed_one_does_not() {
        let block = header("batch.xml", 123_456_789, 1_700_000_000);
        let file = Header::File { name: "batch.xml".to_owned(), size: 123_456_789 };
        assert_eq!(read(&block), Some(file));
        for place in [0, 124, 156, 257] {
            let mut changed = block;
            changed[place] ^= 1;
            assert_eq!(read(&changed), None, "{place}");
        }
        assert_eq!(read(&[0; BLOCK_BYTES]), Some(Header::Zero));
    }

    #[test]
    fn everything_is_padded_to_whole_blocks() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
