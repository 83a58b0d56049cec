//! Where the components are, and what the way to them is granted.

use std::time::Duration;

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use serde::Deserialize;

/// The places one component runs at: `"https://host:port"`, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Places {
    /// One place.
    One(String),
    /// Several, equal in every respect.
    Several(Vec<String>),
}

/// Most places one component may run at.
const PLACES_MAX: usize = 32;

impl Places {
    /// Answers the places; `None` when there is none, too many, or one is no `https://host:port`.
    pub(crate) fn authorities(&self) -> Option<Vec<Authority>> {
        let urls = match self {
            Self::One(url) => std::slice::from_ref(url),
            Self::Several(urls) => urls,
        };
        if !(1..=PLACES_MAX).contains(&urls.len()) {
            return None;
        }
        urls.iter().map(|url| authority(url)).collect()
    }
}

impl From<String> for Places {
    fn from(url: String) -> Self {
        Self::One(url)
    }
}

fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let is_bare =
        uri.scheme() == Some(&Scheme::HTTPS) && uri.path() == "/" && uri.query().is_none();
    uri.authority().filter(|authority| is_bare && authority.port().is_some()).cloned()
}

/// What the way to the components is granted, for each place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamLimits {
    /// Open connections.
    pub connections_max: usize,
    /// Connections kept although nothing runs on them.
    pub idle_connections_max: usize,
    /// How long such a connection is kept; shorter than the component's own limit (30 s).
    pub idle_timeout_ms: u64,
    /// For TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// Requests that may wait for a connection; more are told to come back.
    pub queue_max: usize,
    /// How long one may wait.
    pub queue_timeout_ms: u64,
    /// Times a request is tried where trying again is safe.
    pub attempts_max: u32,
    /// Requests in a row that a place may leave without an answer in time before it is left alone.
    pub timeouts_max: u32,
    /// Between two looks at a place nobody has heard from.
    pub health_interval_ms: u64,
    /// Longest time a place that failed is left alone.
    pub backoff_max_ms: u64,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            idle_connections_max: 64,
            idle_timeout_ms: 15_000,
            connect_timeout_ms: 5_000,
            queue_max: 1_024,
            queue_timeout_ms: 5_000,
            attempts_max: 3,
            timeouts_max: 3,
            health_interval_ms: 5_000,
            backoff_max_ms: 30_000,
        }
    }
}

impl UpstreamLimits {
    pub(super) const fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub(super) const fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) const fn queue_timeout(&self) -> Duration {
        Duration::from_millis(self.queue_timeout_ms)
    }

    pub(super) const fn health_interval(&self) -> Duration {
        Duration::from_millis(self.health_interval_ms)
    }

    pub(super) const fn backoff_max(&self) -> Duration {
        Duration::from_millis(self.backoff_max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        component: Places,
    }

    #[track_caller]
    fn check(text: &str, expected: Option<usize>) {
        let file: File = toml::from_str(text).unwrap();
        assert_eq!(file.component.authorities().map(|found| found.len()), expected, "{text}");
    }

    #[test]
    fn a_component_runs_at_one_place_or_several() {
        check("component = \"https://one:1\"", Some(1));
        check("component = [\"https://one:1\", \"https://127.0.0.1:2\"]", Some(2));
    }

    #[test]
    fn a_place_is_a_bare_address() {
        check("component = []", None);
        check("component = \"http://one:1\"", None);
        check("component = \"https://one\"", None);
        check("component = [\"https://one:1\", \"https://two:2/path\"]", None);
    }
}
