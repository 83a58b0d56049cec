//! Pure decisions about a scan: what an upload must declare, which states a scan goes through, what
//! an inspection means, and how far along the road it is.
//!
//! No I/O, no clock, no randomness: the service asks and stores the answers.

pub mod inspection;
pub mod progress;
pub mod scan;
pub mod upload;

pub use progress::{Progress, Stage};
pub use scan::{InvalidTransition, Receipt, Scan, ScanState};
pub use upload::{Declaration, DeclarationError};
