//! Configuration, telemetry, shutdown, and the real clock, ids and randomness.

pub mod config;
pub mod hangup;
pub mod keys;
pub mod shutdown;
pub mod system;
pub mod telemetry;
pub mod worker;

pub use config::{ConfigError, load_config};
pub use hangup::Hangup;
pub use keys::{KeyFileError, KeyFolder};
pub use shutdown::{Shutdown, Signals};
pub use system::{SystemClock, SystemEntropy, SystemIds};
