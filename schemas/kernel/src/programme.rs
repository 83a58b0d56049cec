//! The programme and the key of a form: (programme, notification number, branch, version).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The two programmes (制度).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Programme {
    /// 指定難病 (Act on Medical Care for Patients with Intractable Diseases).
    Nanbyo,
    /// 小児慢性特定疾病 (Child Welfare Act, article 19-2).
    Shouman,
}

impl Programme {
    /// Both programmes.
    pub const ALL: [Self; 2] = [Self::Nanbyo, Self::Shouman];

    /// The word in paths, XML and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nanbyo => "nanbyo",
            Self::Shouman => "shouman",
        }
    }
}

impl fmt::Display for Programme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Programme {
    type Err = InvalidFormKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "nanbyo" => Ok(Self::Nanbyo),
            "shouman" => Ok(Self::Shouman),
            _ => Err(InvalidFormKey),
        }
    }
}

/// Names one form version. Written `nanbyo/0006-000/2403`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FormKey {
    /// 制度.
    pub programme: Programme,
    /// 告示番号, 1 to 9999.
    pub number: u16,
    /// 枝番, 0 to 999.
    pub branch: u16,
    /// 版, as printed: YYMM.
    pub version: u16,
}

/// The text is not a form key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a form key is written programme/NNNN-BBB/YYMM, for example nanbyo/0006-000/2403")]
pub struct InvalidFormKey;

impl FormKey {
    /// Makes a key.
    ///
    /// # Errors
    ///
    /// [`InvalidFormKey`] when a part is out of its range or the month is not 1 to 12.
    pub const fn new(
        programme: Programme,
        number: u16,
        branch: u16,
        version: u16,
    ) -> Result<Self, InvalidFormKey> {
        let month = version % 100;
        if number == 0
            || number > 9999
            || branch > 999
            || version > 9912
            || month == 0
            || month > 12
        {
            return Err(InvalidFormKey);
        }
        Ok(Self { programme, number, branch, version })
    }

    /// The code at the bottom right of a page: `2403-0006-000-01` (version, number, branch, page).
    pub fn page_code(&self, page: u16) -> String {
        format!("{:04}-{:04}-{:03}-{page:02}", self.version, self.number, self.branch)
    }

    /// Reads a printed page code. The print does not name the programme, so the caller does.
    ///
    /// # Errors
    ///
    /// [`InvalidFormKey`] unless the text has the shape of [`FormKey::page_code`].
    pub fn from_page_code(programme: Programme, text: &str) -> Result<(Self, u16), InvalidFormKey> {
        let mut parts = text.split('-');
        let mut next = |width: usize| {
            let part = parts.next().filter(|part| part.len() == width)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
        };
        let read = (|| Some((next(4)?, next(4)?, next(3)?, next(2)?)))();
        let (version, number, branch, page) = read.ok_or(InvalidFormKey)?;
        if parts.next().is_some() {
            return Err(InvalidFormKey);
        }
        Ok((Self::new(programme, number, branch, version)?, page))
    }
}

impl fmt::Display for FormKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:04}-{:03}/{:04}", self.programme, self.number, self.branch, self.version)
    }
}

impl FromStr for FormKey {
    type Err = InvalidFormKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/');
        let (Some(programme), Some(form), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidFormKey);
        };
        let (number, branch) = form.split_once('-').ok_or(InvalidFormKey)?;
        let digits = |text: &str| text.parse::<u16>().map_err(|_| InvalidFormKey);
        Self::new(programme.parse()?, digits(number)?, digits(branch)?, digits(version)?)
    }
}

impl Serialize for FormKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parkinson() -> FormKey {
        FormKey::new(Programme::Nanbyo, 6, 0, 2403).unwrap()
    }

    #[test]
    fn a_key_survives_its_own_text() {
        assert_eq!(parkinson().to_string(), "nanbyo/0006-000/2403");
        assert_eq!("nanbyo/0006-000/2403".parse(), Ok(parkinson()));
    }

    #[test]
    fn a_page_code_names_form_and_page() {
        assert_eq!(parkinson().page_code(3), "2403-0006-000-03");
        assert_eq!(
            FormKey::from_page_code(Programme::Nanbyo, "2403-0006-000-03"),
            Ok((parkinson(), 3))
        );
    }

    #[test]
    fn odd_keys_are_refused() {
        for text in ["nanbyo/6/2403", "nanbyo/0006-000/2413", "nanbyo/0000-000/2403", "x/1-0/2403"]
        {
            assert_eq!(text.parse::<FormKey>(), Err(InvalidFormKey), "{text}");
        }
        for text in ["2403-0006-000", "2403-0006-000-03-1", "2403-006-000-03", "+403-0006-000-03"] {
            assert!(FormKey::from_page_code(Programme::Nanbyo, text).is_err(), "{text}");
        }
    }
}
