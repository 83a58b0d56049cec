//! Mutual TLS between our own processes: the server side of a component and the client side of everybody.
//!
//! A component [`serve`]s its router to the gateway alone and learns who the outside client is from the
//! gateway's `Client-Cert` header (RFC 9440), as a [`ClientIdentity`]. A [`Client`] trusts our own root
//! and nothing else. Policy, routes and audit of outside requests are the gateway's and not here.

mod client;
mod client_cert;
mod identity;
mod limits;
mod listen;
mod problem;
mod serve;
#[cfg(test)]
mod tests;
mod tls;
mod trust;

pub use client::{
    Answer, BoxBody, BoxError, Client, ClientError, ClientLimits, Protocol, empty_body, full_body,
};
pub use client_cert::{ClientCertMalformed, client_cert_value, read_client_cert};
pub use identity::ClientIdentity;
pub use limits::Limits;
pub use listen::{accept_each, serve_http};
pub use serve::serve;
pub use tls::{
    ClientTls, ServerTls, TlsError, TlsVersions, client_config, client_verifier, crypto_provider,
    server_config_with, unix_time,
};
pub use trust::{Current, Trust};
