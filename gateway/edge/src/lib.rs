//! The mutual-TLS front door: accept → handshake → identity → policy → forward → audit.
//!
//! Reading order: [`config`], `accept`, `request`, `policy`, `forward`, [`ledger`]. The gateway holds
//! server keys, client roots and revocation lists. It has no database, sees no PDF, and knows no account.

mod accept;
mod audit;
mod body;
mod certificate_words;
mod config;
pub mod control;
mod edge;
mod explain;
mod forward;
#[doc(hidden)]
pub mod fuzz;
mod guard;
mod handover;
mod headers;
mod host;
mod identify;
pub mod ledger;
mod listen;
mod metrics;
mod note;
pub mod operation;
mod policy;
mod problem;
mod reception;
mod refusal;
mod request;
mod secure;
mod serve;
pub mod trace;
mod upstream;
mod wire;
mod wire_words;

pub use config::{EdgeConfig, LimitsConfig, ListenerConfig, RootConfig, UpstreamClientConfig};
pub use edge::{Edge, EdgeError, EdgeParts};
pub use guard::config::{GuardConfig, Rate};
pub use handover::HandoverError;
pub use policy::{
    Policy, PolicyError, PolicyFault, RouteLine, Suspension, SuspensionError, Suspensions,
};
pub use upstream::{Places, UpstreamLimits};
