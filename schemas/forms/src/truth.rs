//! Three-valued truth.

/// True, false, or not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// Yes, whatever is still missing.
    True,
    /// No, whatever is still missing.
    False,
    /// What is missing decides.
    Undetermined,
}

impl Truth {
    /// Answers false when one is false, true when all are true.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::True;
        for truth in truths {
            match truth {
                Self::False => return Self::False,
                Self::Undetermined => result = Self::Undetermined,
                Self::True => {}
            }
        }
        result
    }

    /// Answers true when one is true, false when all are false.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::False;
        for truth in truths {
            match truth {
                Self::True => return Self::True,
                Self::Undetermined => result = Self::Undetermined,
                Self::False => {}
            }
        }
        result
    }

    /// Answers true when `least` are true whatever the others turn out to be.
    pub(crate) fn at_least(least: usize, truths: impl IntoIterator<Item = Self>) -> Self {
        let (yes, possible) = Self::count(truths);
        match (yes >= least, possible >= least) {
            (true, _) => Self::True,
            (false, true) => Self::Undetermined,
            (false, false) => Self::False,
        }
    }

    /// How many are true for certain, and how many at most.
    pub(crate) fn count(truths: impl IntoIterator<Item = Self>) -> (usize, usize) {
        let (mut yes, mut possible) = (0, 0);
        for truth in truths {
            match truth {
                Self::True => {
                    yes += 1;
                    possible += 1;
                }
                Self::Undetermined => possible += 1,
                Self::False => {}
            }
        }
        (yes, possible)
    }

    /// Turns true and false round.
    pub(crate) const fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Undetermined => Self::Undetermined,
        }
    }

    /// Answers true when both are certain and the same, false when they are certain and differ.
    pub(crate) fn same(self, other: Self) -> Self {
        if self == Self::Undetermined || other == Self::Undetermined {
            return Self::Undetermined;
        }
        (self == other).into()
    }
}

impl From<bool> for Truth {
    fn from(is_true: bool) -> Self {
        if is_true { Self::True } else { Self::False }
    }
}
