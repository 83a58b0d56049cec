//! Blind indexes: equality search over sealed values.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Key;

/// Answers the keyed digest (HMAC-SHA-256, hexadecimal) by which a value can be found again.
///
/// `domain` names table and column, so that equal values in two columns have different indexes. The
/// caller normalises the value first (`kakehashi_kernel::text::search_key` for names).
#[expect(clippy::missing_panics_doc, reason = "HMAC takes a key of any length")]
pub fn blind_index(key: &Key, domain: &str, value: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length");
    mac.update(&(domain.len() as u64).to_be_bytes());
    mac.update(domain.as_bytes());
    mac.update(value.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_found_and_columns_are_kept_apart() {
        let key = Key::new([1; 32]);
        assert_eq!(blind_index(&key, "a", "x"), blind_index(&key, "a", "x"));
        assert_ne!(blind_index(&key, "a", "x"), blind_index(&key, "b", "x"));
        assert_ne!(blind_index(&key, "a", "bc"), blind_index(&key, "ab", "c"));
        assert_ne!(blind_index(&key, "a", "x"), blind_index(&Key::new([2; 32]), "a", "x"));
    }
}
