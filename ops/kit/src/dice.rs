//! Seeded chance: the only source of variation in the kit.
//!
//! A stream is named by seed, index and purpose, so that drawing one more value for the stamp does
//! not change the patient.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// A reproducible stream of choices.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// Opens the stream of one purpose of one form.
    pub fn new(seed: u64, index: u32, purpose: &str) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&index.to_le_bytes());
        key[12..20].copy_from_slice(&fnv1a(purpose).to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Answers 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Answers a number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        // A multiply-shift on 32 bits: the bias is below one in a million for our bounds.
        let product = u64::from(self.0.next_u32()) * u64::from(bound);
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// Answers a number from `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// Answers true `permille` times of a thousand.
    pub fn chance(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }

    /// Picks one of `choices`.
    ///
    /// # Panics
    ///
    /// When `choices` is empty.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let bound = u32::try_from(choices.len()).unwrap_or(u32::MAX);
        &choices[self.below(bound) as usize]
    }

    /// Answers a number from −1 to 1 in steps of a thousandth.
    pub(crate) fn swing(&mut self) -> f32 {
        let step = i16::try_from(self.between(-1000, 1000)).unwrap_or(0);
        f32::from(step) / 1000.0
    }

    /// Answers `count` decimal digits.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from_digit(self.below(10), 10).unwrap_or('0')).collect()
    }
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_purposes_differ() {
        let draw = |purpose: &str| Dice::new(7, 3, purpose).digits(20);
        assert_eq!(draw("person"), draw("person"));
        assert_ne!(draw("person"), draw("stamp"));
        assert_ne!(Dice::new(7, 3, "x").digits(20), Dice::new(7, 4, "x").digits(20));
    }

    #[test]
    fn both_ends_of_a_range_are_drawn() {
        let mut dice = Dice::new(1, 1, "range");
        let drawn: Vec<i32> = (0..200).map(|_| dice.between(-1, 1)).collect();
        assert!(drawn.contains(&-1) && drawn.contains(&1));
        assert!(drawn.iter().all(|n| (-1..=1).contains(n)));
    }
}
