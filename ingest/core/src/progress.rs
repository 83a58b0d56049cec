//! How far along the road a scan is, built from everybody's messages, which may come late, twice or
//! out of order.

use kakehashi_contract::Event;

/// A stage of the road, in order within one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Released, waiting for a lot.
    Waiting,
    /// In a sealed lot.
    InLot,
    /// With the contractor.
    HandedOver,
    /// Came back faulty or not at all; goes round again.
    SentBack,
    /// Went round too often; a person looks at it.
    Stuck,
    /// Valid, on its way to the registry.
    Accepted,
    /// In the registry.
    Loaded,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::InLot,
        Self::HandedOver,
        Self::SentBack,
        Self::Stuck,
        Self::Accepted,
        Self::Loaded,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InLot => "in_lot",
            Self::HandedOver => "handed_over",
            Self::SentBack => "sent_back",
            Self::Stuck => "stuck",
            Self::Accepted => "accepted",
            Self::Loaded => "loaded",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

/// A piece of news about a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The stage it reached.
    pub stage: Stage,
    /// The round it is in, 1 for the first.
    pub round: u32,
}

impl Progress {
    /// What an event tells about progress, if anything.
    pub const fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::DocumentInLot { round, .. } => Self { stage: Stage::InLot, round: *round },
            Event::DocumentHandedOver { round, .. } => {
                Self { stage: Stage::HandedOver, round: *round }
            }
            Event::DocumentSentBack { round, .. } => Self { stage: Stage::SentBack, round: *round },
            Event::DocumentStuck { round, .. } => Self { stage: Stage::Stuck, round: *round },
            Event::DocumentAccepted { round, .. } => Self { stage: Stage::Accepted, round: *round },
            Event::RecordLoaded { .. } => Self { stage: Stage::Loaded, round: u32::MAX },
            Event::ScanReceived { .. }
            | Event::ScanReleased { .. }
            | Event::ScanRefused { .. }
            | Event::ScanWithdrawn { .. } => return None,
        })
    }

    /// Orders news whatever order it arrives in: a later round first, then a later stage. Acceptance
    /// ends the rounds, loading ends the road.
    pub const fn rank(self) -> i64 {
        let stage = self.stage as i64;
        match self.stage {
            Stage::Loaded => i64::MAX,
            Stage::Accepted => i64::MAX - 1,
            Stage::Waiting | Stage::InLot | Stage::HandedOver | Stage::SentBack | Stage::Stuck => {
                self.round as i64 * 16 + stage
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_news_never_turns_a_scan_back() {
        let rank = |stage, round| Progress { stage, round }.rank();
        assert!(rank(Stage::InLot, 1) < rank(Stage::HandedOver, 1));
        assert!(rank(Stage::HandedOver, 1) < rank(Stage::SentBack, 1));
        assert!(rank(Stage::SentBack, 1) < rank(Stage::InLot, 2));
        assert!(rank(Stage::Stuck, 5) < rank(Stage::Accepted, 1));
        assert!(rank(Stage::Accepted, 3) < rank(Stage::Loaded, 1));
    }

    #[test]
    fn every_word_is_read_back() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.as_str()), Some(stage));
        }
    }
}
