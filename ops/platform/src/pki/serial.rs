//! A certificate's serial number.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{PkiError, Serials};

/// A serial number as lower-case hexadecimal digits, without leading zero bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(String);

/// The text is no serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is 1 to 20 bytes in hexadecimal, with or without colons")]
pub struct InvalidSerial;

impl Serial {
    /// Draws a number nobody can guess: 126 random bits in 16 bytes (RFC 5280 §4.1.2.2).
    pub(super) fn draw(serials: &dyn Serials) -> Result<Self, PkiError> {
        let mut bytes = serials.draw()?;
        // Positive, never zero, always the same length; the same bits as in `profile`.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Ok(Self(hex::encode(bytes)))
    }

    /// Reads the bytes of a certificate's field.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let digits = hex::encode(bytes);
        let start = digits.bytes().take_while(|digit| *digit == b'0').count() & !1;
        Self(digits.get(start..).unwrap_or_default().to_owned())
    }

    /// The 16 bytes of a number of ours; other lengths are nobody's.
    pub(super) fn bytes(&self) -> Option<[u8; 16]> {
        hex::decode(&self.0).ok()?.try_into().ok()
    }

    /// Answers the digits, as in file names.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Answers the number as certificate viewers show it, `4A:5E:…`. No spreadsheet takes it for a number.
    pub fn colons(&self) -> String {
        let digits = self.0.to_ascii_uppercase();
        let pairs: Vec<&str> =
            digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
        pairs.join(":")
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Serial {
    type Err = InvalidSerial;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String =
            text.trim().chars().filter(|c| *c != ':').map(|c| c.to_ascii_lowercase()).collect();
        let bytes = hex::decode(&digits).map_err(|_| InvalidSerial)?;
        if bytes.is_empty() || bytes.len() > 20 {
            return Err(InvalidSerial);
        }
        Ok(Self::from_bytes(&bytes))
    }
}

impl TryFrom<String> for Serial {
    type Error = InvalidSerial;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_people_copy_it() {
        let serial: Serial = "4A:5E:00:01".parse().unwrap();
        assert_eq!(serial.as_str(), "4a5e0001");
        assert_eq!(serial.colons(), "4A:5E:00:01");
        assert_eq!("004a5e0001".parse(), Ok(serial));
        for odd in ["", "4", "xy", "4A 5E", "4A:5E:é", &"ab".repeat(21)] {
            assert_eq!(odd.parse::<Serial>(), Err(InvalidSerial), "{odd}");
        }
    }
}
