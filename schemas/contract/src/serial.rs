//! A certificate's serial number, as people compare it.

use std::fmt::Write;

use x509_parser::prelude::{FromDer, X509Certificate};

/// Answers the serial number in lower-case hexadecimal without leading zeros; none of what is no certificate.
pub fn certificate_serial(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let bytes = certificate.raw_serial();
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").ok()?;
    }
    Some(text.trim_start_matches('0').to_owned())
}
