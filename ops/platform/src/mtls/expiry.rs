//! When something of a listener ends, for those who look after it.

use kakehashi_kernel::Timestamp;

/// Something of a listener that ends unless it is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// What: `certificate` (the server's), `authority` and `root` (a CA's certificate), `revocations` and
    /// `root-revocations` (a CA's list), `ocsp` (the answer shown beside the server's certificate).
    pub of: &'static str,
    /// The serial number of the certificate it belongs to, hexadecimal in lower case.
    pub serial: String,
    /// From then on it no longer counts.
    pub at: Timestamp,
}

impl Expiry {
    pub(super) fn new(of: &'static str, serial: &[u8], at: Timestamp) -> Self {
        Self { of, serial: hex::encode(serial), at }
    }
}
