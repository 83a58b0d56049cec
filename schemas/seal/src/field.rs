//! Sealed fields: one short value in a database column.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};

use crate::{Entropy, Key, OpenError};

const NONCE_BYTES: usize = 24;

/// Seals a value for one place. `context` names table, column and row: moved elsewhere, it does not
/// open.
pub fn seal_field(key: &Key, context: &str, plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce);
    let mut sealed = nonce.to_vec();
    sealed.extend(encrypt(key, &nonce, context.as_bytes(), plain));
    sealed
}

/// Opens a sealed value.
///
/// # Errors
///
/// [`OpenError`] when it was changed, moved, or sealed under another key.
pub fn open_field(key: &Key, context: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Truncated)?;
    decrypt(key, nonce, context.as_bytes(), body)
}

pub(crate) fn encrypt(key: &Key, nonce: &[u8; 24], aad: &[u8], plain: &[u8]) -> Vec<u8> {
    XChaCha20Poly1305::new(key.expose().into())
        .encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad })
        .expect("messages are far below the cipher's 256 GiB")
}

pub(crate) fn decrypt(
    key: &Key,
    nonce: &[u8; 24],
    aad: &[u8],
    body: &[u8],
) -> Result<Vec<u8>, OpenError> {
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: body, aad })
        .map_err(|_| OpenError::NotAuthentic)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    #[derive(Default)]
    pub(crate) struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn a_field_opens_only_where_it_was_sealed() {
        let key = Key::new([3; 32]);
        let sealed = seal_field(&key, "record.answers.1", b"value", &Counting::default());
        assert_eq!(open_field(&key, "record.answers.1", &sealed).unwrap(), b"value");
        assert_eq!(open_field(&key, "record.answers.2", &sealed), Err(OpenError::NotAuthentic));
        assert_eq!(
            open_field(&Key::new([4; 32]), "record.answers.1", &sealed),
            Err(OpenError::NotAuthentic)
        );
        assert_eq!(open_field(&key, "record.answers.1", &sealed[..9]), Err(OpenError::Truncated));
    }
}
