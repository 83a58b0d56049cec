//! A place that signs: the root, or the issuing CA of a zone.

use std::{fmt, path::Path, path::PathBuf, str::FromStr};

use kakehashi_contract::{IdentityRefusal, Zone};
use serde::{Deserialize, Serialize};

/// The root or a zone's issuing CA. Its word is the name of its folder and of its published files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Seat {
    /// The root.
    Root,
    /// A zone's issuing CA.
    Zone(Zone),
}

impl Seat {
    /// Every seat, the root first.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Root).chain(Zone::ALL.iter().copied().map(Self::Zone))
    }

    /// Answers `root` or the zone's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Zone(zone) => zone.as_str(),
        }
    }

    pub(super) fn folder(self, authority: &Path) -> PathBuf {
        authority.join(self.as_str())
    }
}

impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Seat {
    type Err = IdentityRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "root" { Ok(Self::Root) } else { text.parse().map(Self::Zone) }
    }
}

impl TryFrom<String> for Seat {
    type Error = IdentityRefusal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Seat> for String {
    fn from(seat: Seat) -> Self {
        seat.as_str().to_owned()
    }
}
