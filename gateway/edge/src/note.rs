//! What is told a person about the certificate that was refused: enough to know which one it is, and
//! nothing about its holder.

use kakehashi_kernel::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Longest name of an issuer that is shown.
const ISSUER_CHARACTERS_MAX: usize = 80;
/// How many bytes of the serial number are shown.
const SERIAL_BYTES: usize = 4;
/// How many bytes of it are recorded; RFC 5280 permits 20.
const SERIAL_BYTES_MAX: usize = 32;

/// Reads the serial number out of a certificate's DER bytes, in hexadecimal digits; `None` when they are
/// none.
pub(crate) fn serial_of(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let digits = certificate.raw_serial_as_string().replace(':', "");
    Some(digits.chars().take(SERIAL_BYTES_MAX * 2).collect())
}

/// Which certificate, and from when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateNote {
    /// The common name of the CA that issued it.
    pub(crate) issuer: String,
    /// The end of its serial number, in hexadecimal digits.
    pub(crate) serial_end: String,
    /// From when.
    pub(crate) not_before: Timestamp,
    /// Until when.
    pub(crate) not_after: Timestamp,
}

impl CertificateNote {
    /// Reads a note out of a certificate's DER bytes; `None` when they are none.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let issuer = certificate.issuer().iter_common_name().next();
        let issuer = issuer.and_then(|name| name.as_str().ok()).unwrap_or("?");
        let is_shown = |c: &char| !c.is_control();
        let serial = certificate.raw_serial();
        let end = serial.iter().skip(serial.len().saturating_sub(SERIAL_BYTES));
        let end = end.fold(0_u32, |end, byte| end << 8 | u32::from(*byte));
        let at =
            |time: x509_parser::time::ASN1Time| Timestamp(time.timestamp().saturating_mul(1000));
        Some(Self {
            issuer: issuer.chars().filter(is_shown).take(ISSUER_CHARACTERS_MAX).collect(),
            serial_end: format!("{end:08x}"),
            not_before: at(certificate.validity().not_before),
            not_after: at(certificate.validity().not_after),
        })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber, date_time_ymd};

    use super::*;

    #[test]
    fn a_note_names_the_issuer_and_not_the_holder() {
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Kakehashi\u{7} municipal CA");
        let issuer = rcgen::Issuer::new(authority, &key);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "somebody");
        params.serial_number = Some(SerialNumber::from(0x01_9f3a_20c1_7788_u64));
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 11, 22);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let note = CertificateNote::of(certificate.der()).unwrap();
        assert_eq!(note.issuer, "Kakehashi municipal CA");
        assert_eq!(note.serial_end, "20c17788");
        assert_eq!(serial_of(certificate.der()).as_deref(), Some("019f3a20c17788"));
        assert_eq!(note.not_after.to_string(), "2026-11-22T00:00:00.000Z");
        assert!(!format!("{note:?}").contains("somebody"));
    }

    #[test]
    fn garbage_gives_no_note() {
        assert_eq!(CertificateNote::of(b"garbage"), None);
        assert_eq!(serial_of(b"garbage"), None);
    }
}
