//! A lot: who holds it, and when it is done.

use kakehashi_kernel::{LotId, Timestamp};

use crate::InvalidTransition;

/// One sealed lot and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The lot.
    pub id: LotId,
    /// Where it is.
    pub state: LotState,
}

/// Where a lot is. A contractor is named by the organisation in its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LotState {
    /// Waits for a contractor.
    Sealed,
    /// A contractor holds it and returned nothing yet.
    HandedOver {
        /// Who.
        contractor: String,
        /// When the lease ends.
        until: Timestamp,
    },
    /// A contractor holds it and returned a part.
    PartlyReturned {
        /// Who.
        contractor: String,
        /// When the lease ends.
        until: Timestamp,
    },
    /// Every document is decided.
    Closed {
        /// Who held it last; nobody when every document was withdrawn before.
        contractor: Option<String>,
    },
}

/// A lot somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is handed over now.
    Now(Lot),
    /// The same contractor holds it already: nothing changes.
    Already(Lot),
}

/// Why a contractor does not get a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeRefusal {
    /// Another contractor holds it.
    #[error("the lot is with another contractor")]
    HeldByAnother,
    /// There is nothing left to do in it.
    #[error("the lot is closed")]
    Closed,
}

impl LotState {
    /// The word in tables and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::HandedOver { .. } => "handed_over",
            Self::PartlyReturned { .. } => "partly_returned",
            Self::Closed { .. } => "closed",
        }
    }

    /// Who holds the lot, or held it when it was closed.
    pub fn contractor(&self) -> Option<&str> {
        match self {
            Self::Sealed => None,
            Self::HandedOver { contractor, .. } | Self::PartlyReturned { contractor, .. } => {
                Some(contractor)
            }
            Self::Closed { contractor } => contractor.as_deref(),
        }
    }

    /// When the holder's lease ends.
    pub const fn lease_until(&self) -> Option<Timestamp> {
        match self {
            Self::HandedOver { until, .. } | Self::PartlyReturned { until, .. } => Some(*until),
            Self::Sealed | Self::Closed { .. } => None,
        }
    }
}

impl Lot {
    /// Tells whether `contractor` holds the lot and may see its pages.
    pub fn is_held_by(&self, contractor: &str) -> bool {
        self.state.lease_until().is_some() && self.state.contractor() == Some(contractor)
    }

    /// Tells whether `contractor` may deliver for the lot: while it holds it, and after it was closed
    /// on its return, so that a late repeat is answered and not refused.
    pub fn takes_returns_of(&self, contractor: &str) -> bool {
        self.state.contractor() == Some(contractor)
    }

    /// Hands the lot to a contractor until the lease ends. The holder may ask again.
    ///
    /// # Errors
    ///
    /// [`TakeRefusal`] when another contractor holds it or it is closed.
    pub fn hand_over(self, to: &str, until: Timestamp) -> Result<Taken, TakeRefusal> {
        match &self.state {
            LotState::Sealed => {
                let state = LotState::HandedOver { contractor: to.to_owned(), until };
                Ok(Taken::Now(Self { state, ..self }))
            }
            LotState::HandedOver { contractor, .. }
            | LotState::PartlyReturned { contractor, .. } => {
                if contractor == to {
                    Ok(Taken::Already(self))
                } else {
                    Err(TakeRefusal::HeldByAnother)
                }
            }
            LotState::Closed { .. } => Err(TakeRefusal::Closed),
        }
    }

    /// Notes that a return was looked into and `outstanding` documents of the lot are still undecided.
    #[must_use]
    pub fn settle(self, outstanding: u64) -> Self {
        let state = match (self.state, outstanding) {
            (state @ LotState::Closed { .. }, _) => state,
            (state, 0) => LotState::Closed { contractor: state.contractor().map(str::to_owned) },
            (LotState::HandedOver { contractor, until }, _) => {
                LotState::PartlyReturned { contractor, until }
            }
            (state @ (LotState::Sealed | LotState::PartlyReturned { .. }), _) => state,
        };
        Self { state, ..self }
    }

    /// Closes the lot if nothing is outstanding, without a return: its documents were withdrawn.
    #[must_use]
    pub fn close_if_done(self, outstanding: u64) -> Self {
        if outstanding == 0 { self.settle(0) } else { self }
    }

    /// Takes the lot back from a contractor whose lease ran out `grace_ms` ago or earlier.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] when nobody holds it or the time has not come.
    pub fn lapse(self, now: Timestamp, grace_ms: i64) -> Result<Self, InvalidTransition> {
        match self.state.lease_until() {
            Some(until) if until.plus_ms(grace_ms) <= now => {
                Ok(Self { state: LotState::Sealed, ..self })
            }
            _ => Err(InvalidTransition),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const UNTIL: Timestamp = Timestamp(1000);

    fn sealed() -> Lot {
        Lot { id: Uuid::from_u128(1).into(), state: LotState::Sealed }
    }

    fn taken() -> Lot {
        match sealed().hand_over("denki", UNTIL).unwrap() {
            Taken::Now(lot) => lot,
            Taken::Already(_) => panic!("nobody held it"),
        }
    }

    #[test]
    fn a_sealed_lot_is_handed_over_once() {
        assert!(taken().is_held_by("denki"));
        let again = taken().hand_over("denki", Timestamp(5000)).unwrap();
        assert_eq!(again, Taken::Already(taken()), "asking again does not extend the lease");
        assert_eq!(taken().hand_over("other", UNTIL), Err(TakeRefusal::HeldByAnother));
    }

    #[test]
    fn nobody_holds_a_sealed_or_closed_lot() {
        assert!(!sealed().is_held_by("denki"));
        let closed = taken().settle(0);
        assert!(!closed.is_held_by("denki"));
        assert!(closed.takes_returns_of("denki"));
        assert!(!closed.takes_returns_of("other"));
        assert_eq!(closed.hand_over("denki", UNTIL), Err(TakeRefusal::Closed));
    }

    #[test]
    fn a_lot_closes_with_its_last_document() {
        let part = taken().settle(2);
        assert_eq!(part.state.as_str(), "partly_returned");
        let part = part.settle(1);
        assert_eq!(part.state.lease_until(), Some(UNTIL));
        let closed = part.settle(0);
        assert_eq!(closed.state.as_str(), "closed");
        assert_eq!(closed.clone().settle(3), closed, "a late repeat does not open it again");
    }

    #[test]
    fn a_withdrawal_alone_does_not_count_as_a_return() {
        assert_eq!(taken().close_if_done(1).state.as_str(), "handed_over");
        assert_eq!(sealed().close_if_done(0).state, LotState::Closed { contractor: None });
    }

    #[test]
    fn a_lease_lapses_after_its_grace_and_not_before() {
        assert_eq!(taken().lapse(Timestamp(1099), 100), Err(InvalidTransition));
        assert_eq!(taken().lapse(Timestamp(1100), 100).unwrap(), sealed());
        assert_eq!(taken().settle(1).lapse(Timestamp(1100), 100).unwrap(), sealed());
        assert_eq!(sealed().lapse(Timestamp(9999), 0), Err(InvalidTransition));
        assert_eq!(taken().settle(0).lapse(Timestamp(9999), 0), Err(InvalidTransition));
    }
}
