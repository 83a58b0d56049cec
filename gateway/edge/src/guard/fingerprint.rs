//! What kind of program a client is, from its first message alone.
//!
//! In the manner of JA4: a digest over cipher suites, groups and signature schemes, each put in order so
//! that programs that shuffle them look the same, without the values of RFC 8701 (GREASE). Application
//! protocols are left out: one program asks for HTTP/2 here and HTTP/1.1 there. The TLS library shows neither the list of extensions nor that of versions. It says nothing
//! about who somebody is: another program with the same library looks the same.

use std::fmt;

use kakehashi_kernel::Sha256Digest;
use rustls::server::ClientHello;

/// Entries of one list that are looked at.
const LIST_MAX: usize = 64;

/// The digest, shortened to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Fingerprint(pub(crate) u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Fingerprint {
    /// Reads a client's first message.
    pub(crate) fn of(hello: &ClientHello<'_>) -> Self {
        let ciphers = hello.cipher_suites().iter().map(|suite| u16::from(*suite));
        let groups = hello.named_groups().unwrap_or_default().iter().map(|group| u16::from(*group));
        let schemes = hello.signature_schemes().iter().map(|scheme| u16::from(*scheme));
        Self::digest(ciphers, groups, schemes)
    }

    fn digest(
        ciphers: impl Iterator<Item = u16>,
        groups: impl Iterator<Item = u16>,
        schemes: impl Iterator<Item = u16>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(256);
        for list in [sorted(ciphers), sorted(groups), sorted(schemes)] {
            bytes.extend(list.iter().flat_map(|value| value.to_be_bytes()));
            bytes.extend([0x0a, 0x0a]);
        }
        let digest = Sha256Digest::of(&bytes);
        let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Self(u64::from_be_bytes(first))
    }
}

fn sorted(values: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut values: Vec<u16> =
        values.take(LIST_MAX).filter(|value| value & 0x0f0f != 0x0a0a).collect();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(ciphers: &[u16]) -> Fingerprint {
        let (groups, schemes) = ([29, 23].into_iter(), [0x0403].into_iter());
        Fingerprint::digest(ciphers.iter().copied(), groups, schemes)
    }

    #[test]
    fn order_and_grease_make_no_difference() {
        let plain = fingerprint(&[0x1301, 0x1302]);
        assert_eq!(fingerprint(&[0x1302, 0x1301]), plain);
        assert_eq!(fingerprint(&[0x2a2a, 0x1301, 0x1302]), plain);
    }

    #[test]
    fn another_program_looks_different() {
        let plain = fingerprint(&[0x1301, 0x1302]);
        assert_ne!(fingerprint(&[0x1301]), plain);
        assert_ne!(fingerprint(&[0x1301, 0x1303]), plain);
    }
}
