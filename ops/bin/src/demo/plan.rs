//! Which of the demo's scans does what.

use kakehashi_kit::hostile;

/// What is special about a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// Nothing.
    None,
    /// The upload is cut in the middle and resumed.
    Cut,
    /// Sent twice: the first receipt comes back.
    Twice,
    /// Holds JavaScript and an embedded file: disarmed.
    Active,
    /// Encrypted: refused.
    Encrypted,
    /// No PDF at all: refused.
    NotAPdf,
}

impl Special {
    /// What the scan `index` of a run of `scans` does. Short runs keep what fits.
    pub(super) const fn of(index: u32) -> Self {
        match index {
            1 => Self::Cut,
            2 => Self::Twice,
            3 => Self::Active,
            4 => Self::Encrypted,
            5 => Self::NotAPdf,
            _ => Self::None,
        }
    }

    /// Makes the file to upload out of the scanned form.
    pub(super) fn file(self, pdf: Vec<u8>, index: u32) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Self::None | Self::Cut | Self::Twice => pdf,
            Self::Active => hostile::with_javascript_and_embedded_file(&pdf)?,
            Self::Encrypted => hostile::encrypted(&pdf, "himitsu")?,
            Self::NotAPdf => hostile::not_a_pdf(u64::from(index)),
        })
    }
}

/// The form that is entered online and also arrives on paper.
pub(super) const BOTH_WAYS: u32 = 0;
/// Forms that are entered online only; their indices are beyond any scan's.
pub(super) const ONLINE_ONLY: [u32; 2] = [900_001, 900_002];
