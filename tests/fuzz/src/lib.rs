//! Strangers' bytes against everything of ours that parses them.
//!
//! Reading order: [`target`] (what a target is), `targets` (all of them), `mutate` (how samples are
//! damaged), [`drive`] (a bounded run). It looks for panics, hangs and contradictions; whether a parser
//! reads good input rightly is its own crate's test.
#![expect(clippy::missing_panics_doc, reason = "a target panics when a parser contradicts itself")]

pub mod drive;
mod mutate;
pub mod target;
mod targets;

pub use drive::{Budget, Report, drive};
pub use target::{Target, named};
pub use targets::TARGETS;
