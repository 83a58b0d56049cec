//! Numbers people read aloud and type: municipality codes, receipt numbers, lot numbers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{CivilDate, check_digit};

/// A number a person wrote does not have the shape or check digit it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// The text has another length or other characters.
    #[error("the number does not have the expected shape")]
    Shape,
    /// One character is wrong or two are swapped.
    #[error("the check character does not match: please compare with the paper")]
    CheckCharacter,
}

/// A local-government code: six digits, the last one a check digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MunicipalityCode(String);

impl MunicipalityCode {
    /// The six digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MunicipalityCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCode::Shape);
        }
        let check = check_digit::local_government(&text[..5]).ok_or(InvalidCode::Shape)?;
        if text.as_bytes()[5] != b'0' + check {
            return Err(InvalidCode::CheckCharacter);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a clerk quotes on the telephone: `R-20261123-000042-7`.
///
/// Municipality-independent: the day, a serial number of that day, a mod-11 check character (0–9, X)
/// that catches every single wrong digit and every swap of two neighbours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReceiptNumber(String);

impl ReceiptNumber {
    /// Makes the number of the `serial`-th scan received on `day` (Japan time).
    pub fn new(day: CivilDate, serial: u32) -> Self {
        Self(numbered("R", day, serial))
    }

    /// The number as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReceiptNumber {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_numbered("R", text).map(Self)
    }
}

/// What the contractor and we call a lot: `L-20261123-000003-5`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LotNumber(String);

impl LotNumber {
    /// Makes the number of the `serial`-th lot sealed on `day` (Japan time).
    pub fn new(day: CivilDate, serial: u32) -> Self {
        Self(numbered("L", day, serial))
    }

    /// The number as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LotNumber {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_numbered("L", text).map(Self)
    }
}

macro_rules! text_code {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidCode;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(code: $name) -> Self {
                code.0
            }
        }
    )*};
}

text_code!(MunicipalityCode, ReceiptNumber, LotNumber);

fn numbered(prefix: &str, day: CivilDate, serial: u32) -> String {
    let day = day.compact();
    let check = mod11(&format!("{day}{serial:06}"));
    format!("{prefix}-{day}-{serial:06}-{check}")
}

fn parse_numbered(prefix: &str, text: &str) -> Result<String, InvalidCode> {
    let parts: Vec<&str> = text.split('-').collect();
    let [kind, day, serial, check] = parts[..] else { return Err(InvalidCode::Shape) };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = kind == prefix
        && day.len() == 8
        && (6..=10).contains(&serial.len())
        && digits(day)
        && digits(serial);
    if !shaped {
        return Err(InvalidCode::Shape);
    }
    if check != mod11(&format!("{day}{serial}")).to_string() {
        return Err(InvalidCode::CheckCharacter);
    }
    Ok(text.to_owned())
}

/// Weights 2, 3, 4 … from the right, wrapping after 10 so that no weight is a multiple of 11.
fn mod11(digits: &str) -> char {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip((2..=10).cycle())
        .map(|(byte, weight)| u32::from(byte - b'0') * weight)
        .sum();
    match sum % 11 {
        10 => 'X',
        rest => char::from(b'0' + u8::try_from(rest).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> String {
        ReceiptNumber::new("2026-11-23".parse().unwrap(), 42).to_string()
    }

    #[test]
    fn a_receipt_number_survives_its_own_text() {
        assert_eq!(receipt().parse::<ReceiptNumber>().unwrap().as_str(), receipt());
    }

    #[test]
    fn every_wrong_digit_and_neighbour_swap_is_caught() {
        let good = receipt();
        for place in 2..good.len() - 2 {
            for digit in '0'..='9' {
                let mut bad: Vec<char> = good.chars().collect();
                if bad[place] == '-' || bad[place] == digit {
                    continue;
                }
                bad[place] = digit;
                assert!(bad.into_iter().collect::<String>().parse::<ReceiptNumber>().is_err());
            }
            let mut swapped: Vec<char> = good.chars().collect();
            swapped.swap(place, place + 1);
            let swapped: String = swapped.into_iter().collect();
            assert!(swapped == good || swapped.parse::<ReceiptNumber>().is_err(), "{swapped}");
        }
    }

    #[test]
    fn a_municipality_code_needs_its_check_digit() {
        assert!("141003".parse::<MunicipalityCode>().is_ok());
        assert_eq!("141004".parse::<MunicipalityCode>(), Err(InvalidCode::CheckCharacter));
        assert_eq!("14100".parse::<MunicipalityCode>(), Err(InvalidCode::Shape));
    }
}
