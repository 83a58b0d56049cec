//! The `Client-Cert` header (RFC 9440): a certificate's DER bytes as a structured-field byte sequence.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use kakehashi_contract::CLIENT_CERT_HEADER;
use kakehashi_kernel::limits::CERTIFICATE_BYTES_MAX;

/// The header is there, but not once, or not a byte sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Client-Cert header is malformed")]
pub struct ClientCertMalformed;

/// Writes a certificate as `:<base64>:`.
///
/// # Panics
///
/// Never: base64 between colons is a legal header value.
pub fn client_cert_value(der: &[u8]) -> HeaderValue {
    HeaderValue::from_str(&format!(":{}:", STANDARD.encode(der)))
        .expect("base64 between colons is a legal header value")
}

/// Reads the certificate's DER bytes; `None` when the header is not there.
///
/// # Errors
///
/// [`ClientCertMalformed`] when it is doubled, too long or no byte sequence.
pub fn read_client_cert(headers: &HeaderMap) -> Result<Option<Vec<u8>>, ClientCertMalformed> {
    let mut values = headers.get_all(CLIENT_CERT_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ClientCertMalformed);
    }
    let text = value.to_str().map_err(|_| ClientCertMalformed)?;
    let inner = text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    let inner = inner.filter(|inner| inner.len() <= CERTIFICATE_BYTES_MAX * 4 / 3 + 4);
    let der = STANDARD.decode(inner.ok_or(ClientCertMalformed)?);
    der.map(Some).map_err(|_| ClientCertMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<Vec<u8>>, ClientCertMalformed> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CLIENT_CERT_HEADER, value.parse().unwrap());
        }
        read_client_cert(&headers)
    }

    #[test]
    fn a_certificate_survives_the_header() {
        let value = client_cert_value(b"\x30\x03abc");
        assert_eq!(read(&[value.to_str().unwrap()]), Ok(Some(b"\x30\x03abc".to_vec())));
    }

    #[test]
    fn no_header_is_no_certificate() {
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn odd_headers_are_refused() {
        for values in
            [&["MAA="][..], &[":MAA="], &[":M:"], &[":"], &[":MAA=:", ":MAA=:"], &[":MAA=:;a"]]
        {
            assert_eq!(read(values), Err(ClientCertMalformed), "{values:?}");
        }
        let long = format!(":{}:", "AAAA".repeat(CERTIFICATE_BYTES_MAX));
        assert_eq!(read(&[&long]), Err(ClientCertMalformed));
    }
}
