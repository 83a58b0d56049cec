//! The real clock, ids and randomness. The only place that asks the operating system for them.

use std::time::{SystemTime, UNIX_EPOCH};

use kakehashi_kernel::{Clock, Ids, Timestamp};
use kakehashi_seal::Entropy;
use uuid::Uuid;

/// The system clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one adapter of the system clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Time-ordered random ids (UUID version 7, RFC 9562).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn next(&self) -> Uuid {
        let mut random = [0; 10];
        SystemEntropy.fill(&mut random);
        let millis = u64::try_from(SystemClock.now().0).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// The operating system's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system has a random source");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_seven_and_differ() {
        let (first, second) = (SystemIds.next(), SystemIds.next());
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(first, second);
    }
}
