//! What a target is.

use crate::TARGETS;

/// One parser.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name on the command line and in `found/`.
    pub name: &'static str,
    /// Gives it bytes; answers a word for how they were taken. Panics when the parser contradicts itself.
    pub run: fn(&[u8]) -> &'static str,
    /// Good input to damage.
    pub samples: fn() -> Vec<Vec<u8>>,
    /// Words of its language, to put in at random places.
    pub words: &'static [&'static str],
    /// Longest input.
    pub bytes_max: usize,
}

/// Finds a target by name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
