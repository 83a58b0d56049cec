//! The one JSON object a demo run ends with. Every field is required.

use serde::Deserialize;

use crate::Finished;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Outcome {
    /// Scans by where they are.
    pub scans: Scans,
    /// Records by source.
    pub records: Records,
    /// Documents sent round again.
    pub corrections: u64,
    /// The audit trail.
    pub audit: Trail,
    /// How long it took.
    pub seconds: f64,
}

/// Scans by where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Scans {
    /// With a receipt.
    pub received: u64,
    /// Sent back.
    pub refused: u64,
    /// Taken back by the municipality.
    pub withdrawn: u64,
    /// In the registry.
    pub loaded: u64,
    /// On the road.
    pub in_progress: u64,
    /// Nowhere.
    pub lost: u64,
}

/// Records by source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Records {
    /// From paper.
    pub scan: u64,
    /// Entered online.
    pub online: u64,
    /// Pairs of paper and online.
    pub linked: u64,
}

/// The audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Trail {
    /// Entries of all chains.
    pub entries: u64,
    /// Whether every chain is whole.
    pub verified: bool,
}

/// Scans of every demo run that are refused: one encrypted, one no PDF at all.
const HOSTILE: u64 = 2;
/// Forms of every demo run that are entered online.
const ONLINE: u64 = 3;

impl Outcome {
    /// Reads the last line of a run that succeeded.
    #[track_caller]
    pub fn of(finished: &Finished) -> Self {
        let last = finished.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| {
            panic!("the last line is not the outcome ({error}): {last}\n{}", finished.stderr)
        })
    }

    /// Panics unless a run of `sent` scans (at least 6) is accounted for to the last one.
    #[track_caller]
    pub fn accounts_for(&self, sent: u64) {
        let scans = &self.scans;
        assert_eq!(scans.received, sent, "{self:?}");
        assert_eq!(
            scans.received,
            scans.refused + scans.withdrawn + scans.in_progress + scans.loaded,
            "{self:?}"
        );
        assert_eq!((scans.lost, scans.in_progress, scans.withdrawn), (0, 0, 0), "{self:?}");
        assert_eq!(scans.refused, HOSTILE, "{self:?}");
        assert_eq!(self.records.scan, scans.loaded, "{self:?}");
        assert_eq!((self.records.online, self.records.linked), (ONLINE, 1), "{self:?}");
        assert!(self.audit.verified && self.audit.entries > sent, "{self:?}");
        assert!(self.seconds > 0.0, "{self:?}");
    }
}
