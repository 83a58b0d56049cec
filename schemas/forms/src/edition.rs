//! Which definitions this program has: the day they were published, and their digest.

use kakehashi_kernel::{CivilDate, Sha256Digest, digest::DigestWriter};

use crate::builtin::FILES;

/// Names a set of definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// The day in `schemas/definitions/EDITION`, moved on whenever definitions are published: later is newer.
    pub day: CivilDate,
    /// SHA-256 over every definition file: path, zero byte, length in eight bytes big-endian, text.
    pub digest: Sha256Digest,
}

impl Edition {
    /// The definitions embedded in the program.
    #[expect(
        clippy::missing_panics_doc,
        reason = "a test reads the file the program was built with"
    )]
    pub fn builtin() -> Self {
        let day = include_str!("../../definitions/EDITION").trim().parse();
        let day = day.expect("the edition is a day, as a test makes sure");
        let mut files: Vec<_> = FILES.iter().collect();
        files.sort_by_key(|file| file.path);
        let mut digest = DigestWriter::default();
        for file in files {
            digest.update(file.path.as_bytes());
            digest.update(&[0]);
            digest.update(&(file.text.len() as u64).to_be_bytes());
            digest.update(file.text.as_bytes());
        }
        Self { day, digest: digest.finish() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edition_is_a_day_and_its_digest_is_stable() {
        let edition = Edition::builtin();
        assert!(edition.day.to_string().starts_with("20"), "{}", edition.day);
        assert_eq!(Edition::builtin(), edition);
        assert_ne!(edition.digest, Sha256Digest::of(b""));
    }
}
