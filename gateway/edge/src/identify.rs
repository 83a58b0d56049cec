//! Who finished a handshake: tls facts → a client of this zone, or a named refusal.
//!
//! The certificate's profile is in `kakehashi_contract::profile`; what the platform's `Trust` vouches for is
//! looked at here once more for the listener's zone. A [`Known`] comes from here alone, and nobody else is
//! served: a connection that finished its handshake only to be told why it is of no use has none.

use kakehashi_contract::Zone;
use kakehashi_platform::mtls::{Credential, Trust, Vouched};
use rustls::ServerConnection;

/// A client of this listener's zone, whose certificate holds.
#[derive(Debug)]
pub(crate) struct Known(Vouched);

impl Known {
    /// What the certificate says.
    pub(crate) fn credential(&self) -> &Credential {
        self.0.credential()
    }

    /// Waits until the certificate no longer holds, and answers why.
    pub(crate) async fn withdrawn(self, trust: &Trust) -> &'static str {
        trust.withdrawn(self.0).await.code
    }
}

/// Establishes who is at the other end, whether the handshake was a full one or a resumption.
pub(crate) fn identify(
    trust: &Trust,
    zone: Zone,
    connection: &ServerConnection,
) -> Result<Known, &'static str> {
    let vouched = trust.settle(connection).map_err(|untrusted| untrusted.code)?;
    if vouched.credential().identity.zone == zone {
        Ok(Known(vouched))
    } else {
        Err("certificate-other-zone")
    }
}
