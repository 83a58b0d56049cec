//! What the browser logged: requests that left the origin, refused content, errors of scripts.

use anyhow::Context;
use fantoccini::{Client, wd::WebDriverCompatibleCommand};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

/// A command of chromedriver outside the standard.
#[derive(Debug)]
pub(crate) struct Extension {
    /// The path below the session.
    pub(crate) path: &'static str,
    /// The body.
    pub(crate) body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

#[derive(Deserialize)]
struct Entry {
    level: String,
    message: String,
    #[serde(default)]
    source: String,
}

/// Answers everything that should not have happened since the last call.
///
/// `expected` are words in failed requests that the story brought about.
pub(crate) async fn complaints(
    client: &Client,
    origin: &str,
    expected: &[String],
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in log(client, "browser").await? {
        let is_asked_for =
            entry.source == "network" && expected.iter().any(|words| entry.message.contains(words));
        if matches!(entry.level.as_str(), "SEVERE" | "WARNING") && !is_asked_for {
            found.push(format!("console: {} {}", entry.level, entry.message));
        }
    }
    for entry in log(client, "performance").await? {
        let message: Value = serde_json::from_str(&entry.message)?;
        let event = &message["message"];
        let url = match event["method"].as_str() {
            Some("Network.requestWillBeSent") => &event["params"]["request"]["url"],
            Some("Network.webSocketCreated") => &event["params"]["url"],
            _ => continue,
        };
        let url = url.as_str().context("a request has a URL")?;
        let is_ours = url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'));
        if !is_ours {
            found.push(format!("request outside the origin: {url}"));
        }
    }
    Ok(found)
}

async fn log(client: &Client, kind: &str) -> anyhow::Result<Vec<Entry>> {
    let body = serde_json::json!({ "type": kind });
    let entries = client.issue_cmd(Extension { path: "se/log", body }).await?;
    Ok(serde_json::from_value(entries)?)
}
