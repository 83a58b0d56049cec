//! Mutual TLS between our own processes: the server side of a component and the client side of everybody.
//!
//! A component [`serve`]s its router to the gateway alone and learns who the outside client is from the
//! gateway's `Client-Cert` header (RFC 9440), as a [`ClientIdentity`]. A [`Client`] trusts our own root
//! and nothing else. Policy, routes and audit of outside requests are the gateway's and not here.

mod authority;
mod client;
mod client_cert;
mod client_trust;
mod code;
mod expiry;
mod follow;
mod identity;
mod lanes;
mod limits;
mod listen;
mod ocsp;
mod present;
mod problem;
mod read_ahead;
mod revocation;
mod root;
mod serve;
mod signed;
mod tls;
mod trust;
mod verifier;

pub use client::{
    Answer, BoxBody, BoxError, Client, ClientError, ClientLimits, Protocol, empty_body, full_body,
};
pub use client_cert::{ClientCertMalformed, client_cert_value, read_client_cert};
pub use client_trust::ClientTrust;
pub use code::handshake_code;
pub use expiry::Expiry;
pub use follow::{Followed, Reloads};
pub use identity::ClientIdentity;
pub use lanes::{Lanes, place as lane};
pub use limits::Limits;
pub use listen::{WhenFull, accept_each, accept_each_on, serve_http};
pub use ocsp::OcspFault;
pub use read_ahead::ReadAhead;
pub use revocation::RevocationFault;
pub use serve::serve;
pub use tls::{
    ClientTls, RootFiles, ServerTls, TlsError, TlsVersions, TrustRules, client_config,
    crypto_provider,
};
pub use trust::{Current, Trust, Untrusted, Vouched};
pub use verifier::Credential;
