//! The converter's decisions: which documents form a lot, who holds it, what a return is worth.
//!
//! Pure: given documents, times and a contractor's answers, it answers values. It stores nothing,
//! reads no XML and knows no clock; the service does.

#![warn(clippy::wildcard_enum_match_arm, clippy::float_arithmetic)]

pub mod document;
pub mod lot;
pub mod plan;
pub mod reconcile;
pub mod verdict;

pub use document::{Document, DocumentState, SentBack};
pub use lot::{Lot, LotState, TakeRefusal, Taken};
pub use plan::{LotPlan, LotRules, Waiting, plan};
pub use reconcile::{Expected, Extent, Reconciled, Returned, Standing, reconcile};
pub use verdict::{Examined, Verdict, examine, judge};

/// The aggregate is not in a state this transition starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state does not allow this transition")]
pub struct InvalidTransition;
