//! What one listener grants its peers.

use std::time::Duration;

/// Limits of one listener. The defaults suit a component behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Time from accept to the finished TLS handshake.
    pub handshake_timeout: Duration,
    /// Time for a request's header, and how long an HTTP/1.1 connection may stay idle.
    pub header_timeout: Duration,
    /// Bytes of a request's header. HTTP/1.1 needs at least 8 KiB.
    pub header_bytes_max: usize,
    /// Concurrent requests of one HTTP/2 connection.
    pub streams_max: u32,
    /// How long open requests may take to end after shutdown began.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            header_bytes_max: 32 * 1024,
            streams_max: 128,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
