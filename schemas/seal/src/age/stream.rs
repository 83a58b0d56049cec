//! The payload: chunks that cannot be swapped, dropped or cut off unnoticed.

use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, aead::Aead};
use zeroize::Zeroize;

use super::{
    AgeRefusal, Identity, RECIPIENTS_MAX, Recipient,
    header::{self, FileKey, HEADER_BYTES_MAX, INTRO},
};
use crate::Entropy;

const CHUNK_BYTES: usize = 64 * 1024;
const TAG_BYTES: usize = 16;
const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
const NONCE_BYTES: usize = 16;
const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// Encrypts bytes as they come. Holds at most one chunk.
pub struct AgeSealer {
    chunks: Chunks,
    buffer: Vec<u8>,
}

/// Decrypts bytes as they come. Holds the header, then at most one chunk and what was just pushed.
/// Everything it gives out was authenticated; whether it is *all* is known after [`AgeOpener::finish`].
pub struct AgeOpener {
    identities: Vec<Identity>,
    state: State,
    buffer: Vec<u8>,
}

enum State {
    Header,
    Nonce(FileKey),
    Payload(Chunks),
    Refused(AgeRefusal),
}

struct Chunks {
    cipher: ChaCha20Poly1305,
    counter: u64,
}

impl Chunks {
    fn new(file_key: &FileKey, nonce: &[u8; NONCE_BYTES]) -> Self {
        let key = file_key.payload_key(nonce);
        Self { cipher: ChaCha20Poly1305::new((&*key).into()), counter: 0 }
    }

    /// 11 bytes big-endian counter, one byte: is it the last.
    fn nonce(&self, is_last: bool) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(is_last);
        nonce.into()
    }

    fn seal(&mut self, plain: &[u8], is_last: bool, out: &mut Vec<u8>) {
        let nonce = self.nonce(is_last);
        let sealed = self.cipher.encrypt(&nonce, plain);
        out.extend(sealed.expect("64 KiB are far below the cipher's limit"));
        self.counter += 1;
    }

    fn open(&mut self, sealed: &[u8], is_last: bool) -> Option<Vec<u8>> {
        let plain = self.cipher.decrypt(&self.nonce(is_last), sealed).ok()?;
        self.counter += 1;
        Some(plain)
    }
}

impl AgeSealer {
    /// Writes the header to `out`.
    ///
    /// # Errors
    ///
    /// [`AgeRefusal::MalformedHeader`] for no recipients, more than [`RECIPIENTS_MAX`], or a recipient that
    /// is not a real key.
    pub fn new(
        recipients: &[Recipient],
        entropy: &dyn Entropy,
        out: &mut Vec<u8>,
    ) -> Result<Self, AgeRefusal> {
        if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
            return Err(AgeRefusal::MalformedHeader);
        }
        let file_key = FileKey::generate(entropy);
        out.extend(header::write(&file_key, recipients, entropy)?);
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        out.extend(nonce);
        Ok(Self { chunks: Chunks::new(&file_key, &nonce), buffer: Vec::new() })
    }

    /// Encrypts the next bytes; whole chunks are appended to `out`.
    pub fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let mut rest = plain;
        while !rest.is_empty() {
            // A full chunk waits: it may turn out to be the last.
            if self.buffer.len() == CHUNK_BYTES {
                self.chunks.seal(&self.buffer, false, out);
                self.buffer.clear();
            }
            let take = rest.len().min(CHUNK_BYTES - self.buffer.len());
            let (now, later) = rest.split_at(take);
            self.buffer.extend_from_slice(now);
            rest = later;
        }
    }

    /// Appends the last chunk. Without it the file does not open.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        self.chunks.seal(&self.buffer, true, out);
        self.buffer.zeroize();
    }
}

impl AgeOpener {
    /// Starts a file that one of `identities` should open.
    pub fn new(identities: Vec<Identity>) -> Self {
        Self { identities, state: State::Header, buffer: Vec::new() }
    }

    /// Takes the next bytes of the file; appends what they decrypt to.
    ///
    /// # Errors
    ///
    /// [`AgeRefusal`], and the same again on every further call.
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), AgeRefusal> {
        self.buffer.extend_from_slice(sealed);
        let result = self.step(out);
        self.keep(result)
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// [`AgeRefusal`] when it does not end as it was written.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), AgeRefusal> {
        let result = self.end(out);
        self.keep(result)
    }

    fn keep(&mut self, result: Result<(), AgeRefusal>) -> Result<(), AgeRefusal> {
        if let Err(refusal) = result {
            self.state = State::Refused(refusal);
        }
        result
    }

    fn step(&mut self, out: &mut Vec<u8>) -> Result<(), AgeRefusal> {
        if let State::Header = self.state {
            let Some(length) = self.header_length()? else { return Ok(()) };
            let header: Vec<u8> = self.buffer.drain(..length).collect();
            self.state = State::Nonce(header::open(&header, &self.identities)?);
        }
        if let State::Nonce(file_key) = &self.state {
            let Some((nonce, _)) = self.buffer.split_first_chunk::<NONCE_BYTES>() else {
                return Ok(());
            };
            let chunks = Chunks::new(file_key, nonce);
            self.buffer.drain(..NONCE_BYTES);
            self.state = State::Payload(chunks);
        }
        match &mut self.state {
            State::Payload(chunks) => {
                let mut done = 0;
                // As long as something follows it, a chunk is not the last.
                while let Some(sealed) = self
                    .buffer
                    .get(done..done + SEALED_CHUNK_BYTES)
                    .filter(|_| self.buffer.len() > done + SEALED_CHUNK_BYTES)
                {
                    out.extend(chunks.open(sealed, false).ok_or(AgeRefusal::Damaged)?);
                    done += SEALED_CHUNK_BYTES;
                }
                self.buffer.drain(..done);
                Ok(())
            }
            State::Refused(refusal) => Err(*refusal),
            State::Header | State::Nonce(_) => Ok(()),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), AgeRefusal> {
        let sealed = std::mem::take(&mut self.buffer);
        match &mut self.state {
            State::Header if sealed.is_empty() => Err(AgeRefusal::NotAge),
            State::Header | State::Nonce(_) => Err(AgeRefusal::CutOff),
            State::Refused(refusal) => Err(*refusal),
            State::Payload(_) if sealed.len() < TAG_BYTES => Err(AgeRefusal::CutOff),
            State::Payload(chunks) => {
                let Some(plain) = chunks.open(&sealed, true) else {
                    // A whole chunk that is not the last: the file was cut right behind it.
                    let is_whole = chunks.open(&sealed, false).is_some();
                    return Err(if is_whole { AgeRefusal::CutOff } else { AgeRefusal::Damaged });
                };
                // Only an empty file has an empty last chunk.
                if plain.is_empty() && chunks.counter > 1 {
                    return Err(AgeRefusal::Damaged);
                }
                out.extend(plain);
                Ok(())
            }
        }
    }

    fn header_length(&self) -> Result<Option<usize>, AgeRefusal> {
        let known = self.buffer.len().min(INTRO.len());
        if self.buffer.get(..known) != INTRO.as_bytes().get(..known) {
            let known = self.buffer.len().min(ARMOUR.len());
            let is_armoured = self.buffer.get(..known) == ARMOUR.get(..known);
            return Err(match (is_armoured, known == ARMOUR.len()) {
                (true, true) => AgeRefusal::Armoured,
                (true, false) => return Ok(None),
                (false, _) => AgeRefusal::NotAge,
            });
        }
        match header::length(&self.buffer) {
            Some(length) if length > HEADER_BYTES_MAX => Err(AgeRefusal::MalformedHeader),
            None if self.buffer.len() > HEADER_BYTES_MAX => Err(AgeRefusal::MalformedHeader),
            length => Ok(length),
        }
    }
}
