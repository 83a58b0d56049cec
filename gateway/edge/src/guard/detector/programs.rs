//! Which programs a certificate is used with, by their fingerprints.

use super::super::fingerprint::Fingerprint;

/// The fingerprints of one certificate, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Programs(Vec<u64>);

impl Programs {
    pub(crate) const fn restore(known: Vec<u64>) -> Self {
        Self(known)
    }

    /// Takes in a connection's fingerprint. Tells whether it is new while others were known.
    pub(crate) fn arrive(&mut self, fingerprint: Fingerprint, remembered_max: usize) -> bool {
        let before = self.0.len();
        self.0.retain(|known| *known != fingerprint.0);
        let is_new = before > 0 && self.0.len() == before;
        if self.0.len() >= remembered_max.max(1) {
            self.0.remove(0);
        }
        self.0.push(fingerprint.0);
        is_new
    }

    pub(crate) fn known(&self) -> Vec<u64> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_program_and_known_ones_are_nothing_new() {
        let mut programs = Programs::default();
        let mut arrive = |fingerprint| programs.arrive(Fingerprint(fingerprint), 3);
        assert!(!arrive(1), "the first");
        assert!(!arrive(1));
        assert!(arrive(2) && arrive(3));
        assert!(!arrive(1) && !arrive(2));
        assert!(arrive(4), "and 3, unused for longest, is forgotten");
        assert!(arrive(3));
        assert_eq!(programs.known(), [2, 4, 3]);
    }
}
