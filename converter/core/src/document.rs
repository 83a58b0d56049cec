//! A document: one released scan on its way through lots and returns.
//!
//! What it does not hold: the form, the pages and the sender, which never change on the way.

use kakehashi_kernel::{DocumentId, LotId, Sha256Digest, limits::CORRECTION_ROUNDS_MAX};

use crate::InvalidTransition;

/// One document and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document {
    /// The document, which is the scan.
    pub id: DocumentId,
    /// 1 for the first time round, at most [`CORRECTION_ROUNDS_MAX`].
    pub round: u32,
    /// Where it is.
    pub state: DocumentState,
}

/// Where a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentState {
    /// Waits for a lot.
    Pending,
    /// In a sealed lot that nobody took yet.
    InLot {
        /// The lot.
        lot: LotId,
    },
    /// With the contractor.
    HandedOver {
        /// The lot.
        lot: LotId,
    },
    /// Valid XML came back.
    Accepted {
        /// The lot it came back from.
        lot: LotId,
        /// Digest of the accepted XML.
        digest: Sha256Digest,
    },
    /// The registry holds the record.
    Loaded,
    /// Went round too often: a person must look.
    Stuck,
    /// Withdrawn by the municipality.
    Withdrawn,
}

/// What became of a document that came back faulty or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentBack {
    /// It waits for a lot again, one round later.
    Again(Document),
    /// It used its last round.
    Stuck(Document),
}

impl DocumentState {
    /// The word in tables and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InLot { .. } => "in_lot",
            Self::HandedOver { .. } => "handed_over",
            Self::Accepted { .. } => "accepted",
            Self::Loaded => "loaded",
            Self::Stuck => "stuck",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The lot the document is in or was accepted from.
    pub const fn lot(self) -> Option<LotId> {
        match self {
            Self::InLot { lot } | Self::HandedOver { lot } | Self::Accepted { lot, .. } => {
                Some(lot)
            }
            Self::Pending | Self::Loaded | Self::Stuck | Self::Withdrawn => None,
        }
    }
}

impl Document {
    /// A document that was just released.
    pub const fn released(id: DocumentId) -> Self {
        Self { id, round: 1, state: DocumentState::Pending }
    }

    /// Puts the document into a lot that is being sealed.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is pending.
    pub const fn join(self, lot: LotId) -> Result<Self, InvalidTransition> {
        let DocumentState::Pending = self.state else { return Err(InvalidTransition) };
        Ok(self.with(DocumentState::InLot { lot }))
    }

    /// Hands the document over with its lot.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is in a lot.
    pub const fn hand_over(self) -> Result<Self, InvalidTransition> {
        let DocumentState::InLot { lot } = self.state else { return Err(InvalidTransition) };
        Ok(self.with(DocumentState::HandedOver { lot }))
    }

    /// Takes the document from a contractor whose lease ran out; it stays in its lot.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is handed over.
    pub const fn lapse(self) -> Result<Self, InvalidTransition> {
        let DocumentState::HandedOver { lot } = self.state else { return Err(InvalidTransition) };
        Ok(self.with(DocumentState::InLot { lot }))
    }

    /// Accepts the XML of this round.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is handed over.
    pub const fn accept(self, digest: Sha256Digest) -> Result<Self, InvalidTransition> {
        let DocumentState::HandedOver { lot } = self.state else { return Err(InvalidTransition) };
        Ok(self.with(DocumentState::Accepted { lot, digest }))
    }

    /// Sends the document round again, until `rounds_max` (at most [`CORRECTION_ROUNDS_MAX`]) rounds
    /// are used.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] unless it is handed over.
    pub fn send_back(self, rounds_max: u32) -> Result<SentBack, InvalidTransition> {
        let DocumentState::HandedOver { .. } = self.state else { return Err(InvalidTransition) };
        if self.round >= rounds_max.min(CORRECTION_ROUNDS_MAX) {
            return Ok(SentBack::Stuck(self.with(DocumentState::Stuck)));
        }
        let again = Self { round: self.round + 1, ..self.with(DocumentState::Pending) };
        Ok(SentBack::Again(again))
    }

    /// Withdraws the document. Once it is accepted the registry decides, not the converter.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] when it is accepted, loaded or withdrawn already.
    pub const fn withdraw(self) -> Result<Self, InvalidTransition> {
        match self.state {
            DocumentState::Pending
            | DocumentState::InLot { .. }
            | DocumentState::HandedOver { .. }
            | DocumentState::Stuck => Ok(self.with(DocumentState::Withdrawn)),
            DocumentState::Accepted { .. } | DocumentState::Loaded | DocumentState::Withdrawn => {
                Err(InvalidTransition)
            }
        }
    }

    /// Notes that the registry holds the record. The registry knows better than we do, so every state
    /// but withdrawn and loaded allows it: after a restored backup the news may be ahead of us.
    ///
    /// # Errors
    ///
    /// [`InvalidTransition`] when it is loaded or withdrawn already.
    pub const fn load(self) -> Result<Self, InvalidTransition> {
        match self.state {
            DocumentState::Pending
            | DocumentState::InLot { .. }
            | DocumentState::HandedOver { .. }
            | DocumentState::Accepted { .. }
            | DocumentState::Stuck => Ok(self.with(DocumentState::Loaded)),
            DocumentState::Loaded | DocumentState::Withdrawn => Err(InvalidTransition),
        }
    }

    const fn with(self, state: DocumentState) -> Self {
        Self { id: self.id, round: self.round, state }
    }
}

impl SentBack {
    /// The document after it.
    pub const fn document(self) -> Document {
        match self {
            Self::Again(document) | Self::Stuck(document) => document,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn lot() -> LotId {
        Uuid::from_u128(9).into()
    }

    fn released() -> Document {
        Document::released(Uuid::from_u128(1).into())
    }

    fn handed_over() -> Document {
        released().join(lot()).unwrap().hand_over().unwrap()
    }

    fn digest() -> Sha256Digest {
        Sha256Digest::of(b"<form/>")
    }

    fn every_state() -> Vec<Document> {
        let of = |state| Document { state, ..released() };
        vec![
            of(DocumentState::Pending),
            of(DocumentState::InLot { lot: lot() }),
            of(DocumentState::HandedOver { lot: lot() }),
            of(DocumentState::Accepted { lot: lot(), digest: digest() }),
            of(DocumentState::Loaded),
            of(DocumentState::Stuck),
            of(DocumentState::Withdrawn),
        ]
    }

    #[track_caller]
    fn allowed(expected: &[&str], step: impl Fn(Document) -> Result<Document, InvalidTransition>) {
        let from: Vec<&str> = every_state()
            .into_iter()
            .filter(|document| step(*document).is_ok())
            .map(|document| document.state.as_str())
            .collect();
        assert_eq!(from, expected);
    }

    #[test]
    fn each_transition_starts_where_it_may_and_nowhere_else() {
        allowed(&["pending"], |document| document.join(lot()));
        allowed(&["in_lot"], Document::hand_over);
        allowed(&["handed_over"], Document::lapse);
        allowed(&["handed_over"], |document| document.accept(digest()));
        allowed(&["handed_over"], |document| document.send_back(5).map(SentBack::document));
        allowed(&["pending", "in_lot", "handed_over", "stuck"], Document::withdraw);
        allowed(&["pending", "in_lot", "handed_over", "accepted", "stuck"], Document::load);
    }

    #[test]
    fn an_accepted_document_knows_its_lot_and_digest() {
        let accepted = handed_over().accept(digest()).unwrap();
        assert_eq!(accepted.state, DocumentState::Accepted { lot: lot(), digest: digest() });
        assert_eq!(accepted.state.lot(), Some(lot()));
    }

    #[test]
    fn a_document_sent_back_waits_one_round_later() {
        let SentBack::Again(again) = handed_over().send_back(5).unwrap() else { panic!("stuck") };
        assert_eq!((again.round, again.state), (2, DocumentState::Pending));
    }

    #[test]
    fn a_lapsed_document_keeps_its_lot_and_round() {
        let lapsed = handed_over().lapse().unwrap();
        assert_eq!((lapsed.round, lapsed.state), (1, DocumentState::InLot { lot: lot() }));
    }

    #[track_caller]
    fn rounds_until_stuck(rounds_max: u32, expected: u32) {
        let mut document = handed_over();
        loop {
            match document.send_back(rounds_max).unwrap() {
                SentBack::Again(again) => {
                    document = again.join(lot()).unwrap().hand_over().unwrap();
                }
                SentBack::Stuck(stuck) => {
                    assert_eq!(stuck.state, DocumentState::Stuck);
                    assert_eq!(stuck.round, expected);
                    return;
                }
            }
        }
    }

    #[test]
    fn the_rounds_are_bounded_and_configuration_may_only_lower_them() {
        rounds_until_stuck(5, 5);
        rounds_until_stuck(2, 2);
        rounds_until_stuck(0, 1);
        rounds_until_stuck(u32::MAX, CORRECTION_ROUNDS_MAX);
    }
}
