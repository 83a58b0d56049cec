//! What components say to one another: messages, manifests, identity, audit entries, problems.
//!
//! Pure data and the decisions about it. Messages and audit entries carry ids, codes and digests,
//! never content about a person.

pub mod audit;
pub mod books;
pub mod identity;
pub mod manifest;
pub mod message;
pub mod objects;
pub mod problem;
pub mod profile;
pub mod reception;
pub mod serial;

pub use audit::{AuditEntry, AuditFact, AuditKey, AuditSealer};
pub use identity::{Identity, IdentityRefusal, Role, Zone};
pub use manifest::{Manifest, ManifestDocument, PageImage};
pub use message::{ApplicationKind, Event, Message};
pub use problem::Problem;
pub use profile::{CLIENT_POLICIES_DER, CLIENT_POLICY_OID};
pub use serial::certificate_serial;

/// Carries the client certificate from the gateway to a component (RFC 9440).
pub const CLIENT_CERT_HEADER: &str = "client-cert";
/// Carries the request id from the gateway to a component and back to the client.
pub const REQUEST_ID_HEADER: &str = "kakehashi-request-id";
