//! What the gateway answers about a connection to whoever made it (接続確認): who it takes the client
//! for, what is permitted, and whether the services behind are well. Nothing about anybody else.

use kakehashi_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Identity;

/// Where the gateway answers. Open to every valid certificate of the listener's zone.
pub const RECEPTION_PATH: &str = "/.well-known/kakehashi/connection";

/// How the gateway sees a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reception {
    /// Who the certificate says the client is.
    pub identity: Identity,
    /// The certificate's serial number, as the audit trail writes it.
    pub serial: String,
    /// Until when the certificate is valid.
    pub not_after: Timestamp,
    /// The gateway's clock.
    pub server_time: Timestamp,
    /// The request id to quote.
    pub request: String,
    /// Whether requests get through at present.
    pub standing: Standing,
    /// When they do again, where that can be foreseen.
    pub opens: Option<Timestamp>,
    /// What may be asked.
    pub permitted: Vec<Permitted>,
    /// The services this client's requests go to.
    pub upstreams: Vec<Upstream>,
}

/// Whether requests get through at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// They do.
    Open,
    /// The organisation, device or certificate is suspended.
    Suspended,
    /// Not at this hour.
    OutOfHours,
}

/// One permitted way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Permitted {
    /// The path template.
    pub path: String,
    /// The method.
    pub method: String,
}

/// One service behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Upstream {
    /// The component's name.
    pub name: String,
    /// Whether it answers.
    pub is_well: bool,
}
