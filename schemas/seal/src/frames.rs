//! Sealed objects: a stream of frames that can be written as bytes arrive, and continued after a
//! restart at the last whole frame.
//!
//! ```text
//! object = "KKS1" frame* final-frame
//! frame  = u32 big-endian (bit 31: final, bits 0–30: plain length) nonce[24] ciphertext tag[16]
//! ```
//!
//! Each frame authenticates the object's key, its own plain offset and whether it is the last, so
//! frames cannot be cut off, swapped, or moved to another object.

use crate::{
    Entropy, Key, OpenError,
    field::{decrypt, encrypt},
};

/// The first bytes of every sealed object.
pub const OBJECT_MAGIC: [u8; 4] = *b"KKS1";
/// Plain bytes in one frame at most.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Length and nonce before each frame's body.
pub const FRAME_HEADER_BYTES: usize = 4 + NONCE_BYTES;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const FINAL_BIT: u32 = 1 << 31;

/// A frame's header, read before its body.
#[derive(Debug, Clone, Copy)]
pub struct FrameHeader {
    plain_bytes: usize,
    is_final: bool,
    nonce: [u8; NONCE_BYTES],
}

impl FrameHeader {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`OpenError::Malformed`] when it announces more than [`FRAME_BYTES_MAX`].
    pub fn read(bytes: &[u8; FRAME_HEADER_BYTES]) -> Result<Self, OpenError> {
        let (length, nonce) = bytes.split_first_chunk::<4>().ok_or(OpenError::Malformed)?;
        let word = u32::from_be_bytes(*length);
        let plain_bytes = usize::try_from(word & !FINAL_BIT).map_err(|_| OpenError::Malformed)?;
        if plain_bytes > FRAME_BYTES_MAX {
            return Err(OpenError::Malformed);
        }
        let nonce = nonce.try_into().map_err(|_| OpenError::Malformed)?;
        Ok(Self { plain_bytes, is_final: word & FINAL_BIT != 0, nonce })
    }

    /// Bytes of the frame after the header.
    pub const fn body_bytes(&self) -> usize {
        self.plain_bytes + TAG_BYTES
    }

    /// Plain bytes in the frame.
    pub const fn plain_bytes(&self) -> usize {
        self.plain_bytes
    }

    /// Whether the object ends with this frame.
    pub const fn is_final(&self) -> bool {
        self.is_final
    }
}

/// Seals an object frame by frame.
pub struct FrameSealer {
    key: Key,
    context: String,
    offset: u64,
}

impl FrameSealer {
    /// Starts or continues the object `context` at plain byte `offset`.
    pub fn new(key: Key, context: impl Into<String>, offset: u64) -> Self {
        Self { key, context: context.into(), offset }
    }

    /// Plain bytes sealed so far.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Seals the next bytes as one or more frames, appended to `out`.
    pub fn seal(&mut self, plain: &[u8], entropy: &dyn Entropy, out: &mut Vec<u8>) {
        for chunk in plain.chunks(FRAME_BYTES_MAX) {
            self.frame(chunk, false, entropy, out);
        }
    }

    /// Seals the empty last frame. Without it the object does not open.
    pub fn finish(mut self, entropy: &dyn Entropy, out: &mut Vec<u8>) {
        self.frame(&[], true, entropy, out);
    }

    fn frame(&mut self, plain: &[u8], is_final: bool, entropy: &dyn Entropy, out: &mut Vec<u8>) {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let length = u32::try_from(plain.len()).expect("a frame is at most 256 KiB");
        out.extend((length | if is_final { FINAL_BIT } else { 0 }).to_be_bytes());
        out.extend(nonce);
        let aad = associated(&self.context, self.offset, is_final);
        out.extend(encrypt(&self.key, &nonce, &aad, plain));
        self.offset += u64::from(length);
    }
}

/// Opens an object frame by frame.
pub struct FrameOpener {
    key: Key,
    context: String,
    offset: u64,
    finished: bool,
}

impl FrameOpener {
    /// Starts at the beginning of the object `context`, after its magic.
    pub fn new(key: Key, context: impl Into<String>) -> Self {
        Self { key, context: context.into(), offset: 0, finished: false }
    }

    /// Plain bytes opened so far.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the final frame was seen.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Opens the next frame.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when the frame is not the next one of this object, or follows the final one.
    pub fn open(&mut self, header: &FrameHeader, body: &[u8]) -> Result<Vec<u8>, OpenError> {
        if self.finished || body.len() != header.body_bytes() {
            return Err(OpenError::Malformed);
        }
        let aad = associated(&self.context, self.offset, header.is_final);
        let plain = decrypt(&self.key, &header.nonce, &aad, body)?;
        self.offset += plain.len() as u64;
        self.finished = header.is_final;
        Ok(plain)
    }
}

/// Seals a whole object.
pub fn seal_object(key: &Key, context: &str, plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 4096 + 128);
    out.extend(OBJECT_MAGIC);
    let mut sealer = FrameSealer::new(key.clone(), context, 0);
    sealer.seal(plain, entropy, &mut out);
    sealer.finish(entropy, &mut out);
    out
}

/// Opens a whole object.
///
/// # Errors
///
/// [`OpenError`] when it was changed, cut, extended, moved, or sealed under another key.
pub fn open_object(key: &Key, context: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut rest = sealed.strip_prefix(&OBJECT_MAGIC).ok_or(OpenError::Malformed)?;
    let mut opener = FrameOpener::new(key.clone(), context);
    let mut plain = Vec::with_capacity(sealed.len());
    while !opener.is_finished() {
        let (header, after) =
            rest.split_first_chunk::<FRAME_HEADER_BYTES>().ok_or(OpenError::Truncated)?;
        let header = FrameHeader::read(header)?;
        let body = after.get(..header.body_bytes()).ok_or(OpenError::Truncated)?;
        plain.extend(opener.open(&header, body)?);
        rest = &after[header.body_bytes()..];
    }
    if rest.is_empty() { Ok(plain) } else { Err(OpenError::Malformed) }
}

fn associated(context: &str, offset: u64, is_final: bool) -> Vec<u8> {
    let mut aad = Vec::with_capacity(context.len() + 9);
    aad.extend(offset.to_be_bytes());
    aad.push(u8::from(is_final));
    aad.extend(context.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::Counting;

    fn key() -> Key {
        Key::new([9; 32])
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        seal_object(&key(), "original/1", plain, &Counting::default())
    }

    #[test]
    fn objects_of_every_size_open_again() {
        for size in [0, 1, FRAME_BYTES_MAX - 1, FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1, 700_000] {
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(open_object(&key(), "original/1", &sealed(&plain)).unwrap(), plain);
        }
    }

    #[test]
    fn an_object_opens_only_under_its_own_key_and_name() {
        let bytes = sealed(b"scan");
        assert_eq!(open_object(&key(), "original/2", &bytes), Err(OpenError::NotAuthentic));
        let other = Key::new([8; 32]);
        assert_eq!(open_object(&other, "original/1", &bytes), Err(OpenError::NotAuthentic));
    }

    #[test]
    fn no_prefix_and_no_extension_opens() {
        let bytes = sealed(b"a scan of some length");
        for length in 0..bytes.len() {
            assert!(open_object(&key(), "original/1", &bytes[..length]).is_err(), "{length}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(open_object(&key(), "original/1", &longer), Err(OpenError::Malformed));
    }

    #[test]
    fn no_changed_byte_opens() {
        let bytes = sealed(b"short");
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert!(open_object(&key(), "original/1", &changed).is_err(), "{place}");
        }
    }

    #[test]
    fn sealing_continues_at_an_offset() {
        let entropy = Counting::default();
        let mut out = OBJECT_MAGIC.to_vec();
        let mut first = FrameSealer::new(key(), "original/1", 0);
        first.seal(b"first ", &entropy, &mut out);
        let mut second = FrameSealer::new(key(), "original/1", first.offset());
        second.seal(b"second", &entropy, &mut out);
        second.finish(&entropy, &mut out);
        assert_eq!(open_object(&key(), "original/1", &out).unwrap(), b"first second");
    }
}
