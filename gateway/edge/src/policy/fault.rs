//! What is wrong with a policy file: everything at once, as far as a person wants to read.

use std::fmt;

/// Most faults that are kept. Whoever has more mends these first.
const FAULTS_MAX: usize = 50;

/// The policy file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy file cannot be read")]
    File(#[from] std::io::Error),
    /// No TOML.
    #[error("the policy file is no TOML")]
    Syntax(#[from] toml::de::Error),
    /// Entries are wrong; every one is named.
    #[error("{0}")]
    Faults(Faults),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PolicyFault {
    /// Which entry: `policy entry 2 (/scans/{scan})`, `type scan`.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Default)]
pub struct Faults {
    found: Vec<PolicyFault>,
    more: usize,
}

impl Faults {
    /// Answers the faults that are kept.
    pub fn iter(&self) -> std::slice::Iter<'_, PolicyFault> {
        self.found.iter()
    }

    pub(super) fn add(&mut self, place: impl Into<String>, what: impl fmt::Display) {
        if self.found.len() < FAULTS_MAX {
            let what = what.to_string().trim().replace('\n', " ");
            self.found.push(PolicyFault { place: place.into(), what });
        } else {
            self.more += 1;
        }
    }

    /// Keeps a value, or notes why there is none.
    pub(super) fn keep<T>(
        &mut self,
        place: &str,
        found: Result<T, impl fmt::Display>,
    ) -> Option<T> {
        found.map_err(|what| self.add(place, what)).ok()
    }

    pub(super) const fn count(&self) -> usize {
        self.found.len() + self.more
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a PolicyFault;
    type IntoIter = std::slice::Iter<'a, PolicyFault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for fault in &self.found {
            write!(f, "{separator}{fault}")?;
            separator = "; ";
        }
        if self.more > 0 {
            write!(f, "; and {} more", self.more)?;
        }
        Ok(())
    }
}
