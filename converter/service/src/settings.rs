//! What an operator can set.

use std::num::NonZeroUsize;

use kakehashi_kernel::limits::{CORRECTION_ROUNDS_MAX, LOT_RETURNS_MAX, RETURN_BYTES_MAX};
use serde::Deserialize;

/// The converter's settings. Limits can be lowered here, never raised.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Documents of a full lot.
    pub documents_per_lot: NonZeroUsize,
    /// How long a document waits before its lot is sealed although it is not full.
    pub seal_after_ms: i64,
    /// Calendar days from sealing to the day a return is due, and length of a contractor's lease.
    pub due_days: u16,
    /// How long after the end of its lease a lot stays with the contractor.
    pub lease_grace_ms: i64,
    /// Rounds of one document before a person must look.
    pub correction_rounds_max: u32,
    /// Returns of one lot.
    pub returns_per_lot_max: u32,
    /// Bytes of one return.
    pub return_bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            documents_per_lot: NonZeroUsize::new(20).unwrap_or(NonZeroUsize::MIN),
            seal_after_ms: 2000,
            due_days: 10,
            lease_grace_ms: 24 * 60 * 60 * 1000,
            correction_rounds_max: CORRECTION_ROUNDS_MAX,
            returns_per_lot_max: LOT_RETURNS_MAX,
            return_bytes_max: RETURN_BYTES_MAX,
        }
    }
}

impl Settings {
    /// Bytes of one return, not above the limit.
    pub(crate) fn return_bytes(&self) -> usize {
        usize::try_from(self.return_bytes_max.min(RETURN_BYTES_MAX)).unwrap_or(usize::MAX)
    }

    /// The length of a contractor's lease.
    pub(crate) fn lease_ms(&self) -> i64 {
        i64::from(self.due_days) * 24 * 60 * 60 * 1000
    }
}
