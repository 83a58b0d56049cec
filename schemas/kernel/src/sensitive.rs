//! Personal data that must not reach a log, a metric, an error text, a file name or an object key.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// A value about a person. Has no `Display`; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value. Every call is a place an auditor reads: pages, XML and sealing, nothing else.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Gives the value away.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: Zeroize> Sensitive<T> {
    /// Overwrites the value in memory.
    pub fn wipe(&mut self) {
        self.0.zeroize();
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Sensitive::new("難病 太郎")), "Sensitive(…)");
    }
}
