//! The header: for whom the file is, and the file key wrapped for each.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::Aead};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{AgeRefusal, Identity, Recipient};
use crate::Entropy;

/// What every file of this version begins with.
pub(super) const INTRO: &str = "age-encryption.org/v1\n";
/// Bytes of a header at most. Twenty recipients take 3 KiB; a file for others may have more.
pub(super) const HEADER_BYTES_MAX: usize = 64 * 1024;

const X25519_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const LINE_LENGTH: usize = 64;
const FILE_KEY_BYTES: usize = 16;
const WRAPPED_BYTES: usize = FILE_KEY_BYTES + 16;

/// The key of one file, from which header and payload keys are derived.
pub(super) struct FileKey(Zeroizing<[u8; FILE_KEY_BYTES]>);

impl FileKey {
    pub(super) fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; FILE_KEY_BYTES]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    pub(super) fn payload_key(&self, nonce: &[u8; 16]) -> Zeroizing<[u8; 32]> {
        derive(nonce, &*self.0, b"payload")
    }

    fn mac(&self, header: &[u8]) -> Hmac<Sha256> {
        let key = derive(&[], &*self.0, b"header");
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&*key)
            .expect("HMAC takes a key of any length");
        mac.update(header);
        mac
    }
}

fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), secret)
        .expand(info, &mut *derived)
        .expect("32 bytes are fewer than 255 blocks");
    derived
}

/// Writes the header for some recipients.
pub(super) fn write(
    file_key: &FileKey,
    recipients: &[Recipient],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, AgeRefusal> {
    let mut header = INTRO.to_owned();
    for recipient in recipients {
        let ephemeral = Identity::generate(entropy);
        let share = ephemeral.recipient();
        let shared = ephemeral.agree(recipient.as_bytes()).ok_or(AgeRefusal::MalformedHeader)?;
        let key = wrap_key(&share, recipient, &shared);
        let wrapped = ChaCha20Poly1305::new((&*key).into())
            .encrypt(&[0; 12].into(), file_key.0.as_slice())
            .expect("16 bytes are far below the cipher's limit");
        header.push_str("-> X25519 ");
        STANDARD_NO_PAD.encode_string(share.as_bytes(), &mut header);
        header.push('\n');
        STANDARD_NO_PAD.encode_string(&wrapped, &mut header);
        header.push('\n');
    }
    header.push_str("---");
    let mac = file_key.mac(header.as_bytes()).finalize().into_bytes();
    header.push(' ');
    STANDARD_NO_PAD.encode_string(mac, &mut header);
    header.push('\n');
    Ok(header.into_bytes())
}

/// How long the header at the beginning of `bytes` is, once all of it is there.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let start = bytes.windows(4).position(|window| window == b"\n---")? + 1;
    let rest = bytes.get(start..)?;
    Some(start + rest.iter().position(|byte| *byte == b'\n')? + 1)
}

/// Opens a whole header.
pub(super) fn open(header: &[u8], identities: &[Identity]) -> Result<FileKey, AgeRefusal> {
    let text = std::str::from_utf8(header).map_err(|_| AgeRefusal::MalformedHeader)?;
    let stanzas = parse(text).ok_or(AgeRefusal::MalformedHeader)?;
    // A passphrase must stand alone: else somebody who knows it could pass for one of the recipients.
    if stanzas.list.len() > 1 && stanzas.list.iter().any(|stanza| stanza.is("scrypt")) {
        return Err(AgeRefusal::MalformedHeader);
    }
    let mut found = None;
    for stanza in stanzas.list.iter().filter(|stanza| stanza.is("X25519")) {
        let (share, wrapped) = stanza.x25519().ok_or(AgeRefusal::MalformedHeader)?;
        for identity in identities {
            let shared = identity.agree(&share).ok_or(AgeRefusal::MalformedHeader)?;
            let key = wrap_key(&Recipient::from_bytes(share), &identity.recipient(), &shared);
            let opened =
                ChaCha20Poly1305::new((&*key).into()).decrypt(&[0; 12].into(), wrapped.as_slice());
            let opened = opened.map(Zeroizing::new);
            if let Some(file_key) = opened.ok().and_then(|opened| opened.as_slice().try_into().ok())
            {
                found = found.or(Some(FileKey(Zeroizing::new(file_key))));
            }
        }
    }
    let file_key = found.ok_or(AgeRefusal::NotForUs)?;
    let signed = text.get(..stanzas.signed).unwrap_or_default();
    let mac = file_key.mac(signed.as_bytes());
    mac.verify_slice(&stanzas.mac).map_err(|_| AgeRefusal::HeaderChanged)?;
    Ok(file_key)
}

fn wrap_key(share: &Recipient, recipient: &Recipient, shared: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut salt = [0; 64];
    salt[..32].copy_from_slice(share.as_bytes());
    salt[32..].copy_from_slice(recipient.as_bytes());
    derive(&salt, shared, X25519_INFO)
}

struct Stanzas<'t> {
    list: Vec<Stanza<'t>>,
    /// Bytes the mac is about: up to and with `---`.
    signed: usize,
    mac: Vec<u8>,
}

struct Stanza<'t> {
    arguments: Vec<&'t str>,
    body: Vec<u8>,
}

impl Stanza<'_> {
    fn is(&self, kind: &str) -> bool {
        self.arguments.first() == Some(&kind)
    }

    fn x25519(&self) -> Option<([u8; 32], [u8; WRAPPED_BYTES])> {
        let [_, share] = self.arguments.as_slice() else { return None };
        let share = base64(share)?.try_into().ok()?;
        Some((share, self.body.as_slice().try_into().ok()?))
    }
}

/// Reads a header strictly: one way to write each.
fn parse(text: &str) -> Option<Stanzas<'_>> {
    let mut list = Vec::new();
    let mut rest = text.strip_prefix(INTRO)?;
    loop {
        let (line, after) = rest.split_once('\n')?;
        if let Some(mac) = line.strip_prefix("--- ") {
            let mac = base64(mac).filter(|mac| mac.len() == 32)?;
            let signed = text.len() - rest.len() + "---".len();
            return (after.is_empty() && !list.is_empty()).then_some(Stanzas { list, signed, mac });
        }
        let arguments: Vec<&str> = line.strip_prefix("-> ")?.split(' ').collect();
        let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
        if !arguments.iter().all(is_word) {
            return None;
        }
        let mut body = Vec::new();
        rest = after;
        loop {
            let (line, after) = rest.split_once('\n')?;
            if line.len() > LINE_LENGTH {
                return None;
            }
            body.extend(base64(line)?);
            rest = after;
            if line.len() < LINE_LENGTH {
                break;
            }
        }
        list.push(Stanza { arguments, body });
    }
}

/// Canonical base64 without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}
