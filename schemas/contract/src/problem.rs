//! Problem documents (RFC 9457): what a client is told when a request does not succeed.

use serde::{Deserialize, Serialize};

/// The media type of a problem document.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// One problem. Holds no personal data and nothing about our insides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:kakehashi:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, one sentence in Japanese.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request id to quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Problem {
    /// Makes a problem of a stable code.
    pub fn new(status: u16, code: &str, title: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:kakehashi:problem:{code}"),
            title: title.into(),
            status,
            detail: None,
            instance: None,
        }
    }

    /// Adds what the reader should do next.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { detail: Some(remedy.into()), ..self }
    }

    /// Adds the request id.
    #[must_use]
    pub fn with_request(self, request: impl Into<String>) -> Self {
        Self { instance: Some(request.into()), ..self }
    }
}
