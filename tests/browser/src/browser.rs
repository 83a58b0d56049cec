//! A person's browser: pages, the keyboard, waits on conditions, pictures.

use std::{cell::RefCell, fmt::Debug, fs, path::PathBuf, time::Duration};

use anyhow::{Context, ensure};
use fantoccini::{Client, Locator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::{
    bridge::Bridge,
    driver::Driver,
    keyboard::{self, FOCUS, Focus, Key},
    page::FAULTS,
    traffic::{self, Extension},
};

/// How long a condition may take to come true, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// More presses of Tab than any page has controls.
const TABS_MAX: usize = 600;

/// A browser with one window on one zone. Everything behind it ends when it is dropped.
pub struct Browser {
    client: Client,
    origin: String,
    pictures: PathBuf,
    expected: RefCell<Vec<String>>,
    _driver: Driver,
    _bridge: Bridge,
}

impl Browser {
    /// Opens a window of 1366×768, as municipal machines have them.
    pub(crate) async fn open(bridge: Bridge, pictures: PathBuf) -> anyhow::Result<Self> {
        let (driver, client) = Driver::start().await?;
        let origin = format!("https://127.0.0.1:{}", bridge.address.port());
        let size = json!({ "width": 1366, "height": 768, "deviceScaleFactor": 1, "mobile": false });
        devtools(&client, "Emulation.setDeviceMetricsOverride", &size).await?;
        fs::create_dir_all(&pictures)?;
        // What Chromium itself asked for when it opened is none of our pages' doing.
        client.goto("about:blank").await?;
        traffic::complaints(&client, &origin, &[]).await?;
        let expected = RefCell::new(Vec::new());
        Ok(Self { client, origin, pictures, expected, _driver: driver, _bridge: bridge })
    }

    /// Says that the server will refuse with this status and that this is no complaint.
    pub fn expect_status(&self, status: u16) {
        self.expected.borrow_mut().push(format!("status of {status}"));
    }

    /// Pulls the network cable out.
    pub async fn unplug(&self) -> anyhow::Result<()> {
        self.expected.borrow_mut().push("net::ERR_INTERNET_DISCONNECTED".to_owned());
        self.network(true).await
    }

    /// Puts the network cable back.
    pub async fn plug_in(&self) -> anyhow::Result<()> {
        self.network(false).await
    }

    async fn network(&self, is_offline: bool) -> anyhow::Result<()> {
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        devtools(&self.client, "Network.emulateNetworkConditions", &conditions).await
    }

    /// Types a path into the address line.
    pub async fn go(&self, path: &str) -> anyhow::Result<()> {
        self.client.goto(&format!("{}{path}", self.origin)).await?;
        Ok(())
    }

    /// Answers path and query of the page shown.
    pub async fn path(&self) -> anyhow::Result<String> {
        self.ask("return location.pathname + location.search;").await
    }

    /// Runs a script that looks at the page.
    pub async fn ask<T: DeserializeOwned>(&self, script: &str) -> anyhow::Result<T> {
        let answer = self.client.execute(script, Vec::new()).await?;
        serde_json::from_value(answer).with_context(|| format!("script answered oddly: {script}"))
    }

    /// Answers the text of all elements of a CSS selector, as shown.
    pub async fn texts(&self, selector: &str) -> anyhow::Result<Vec<String>> {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .map((element) => element.innerText.trim());";
        Ok(serde_json::from_value(self.client.execute(script, vec![json!(selector)]).await?)?)
    }

    /// Waits until a JavaScript expression is true of the page; also across page loads.
    pub async fn wait(&self, condition: &str) -> anyhow::Result<()> {
        let script = format!("return document.readyState === 'complete' && Boolean({condition});");
        let looking = async {
            let mut clock = interval(LOOK);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                clock.tick().await;
                // While a page is being left there is nothing to ask.
                let answer = self.client.execute(&script, Vec::new()).await;
                if matches!(answer, Ok(Value::Bool(true))) {
                    return;
                }
            }
        };
        if timeout(PATIENCE, looking).await.is_err() {
            self.picture("waited-in-vain").await?;
            let path = self.path().await.unwrap_or_default();
            anyhow::bail!("never came true on {path}: {condition}");
        }
        Ok(())
    }

    /// Waits until a page with this path is shown.
    pub async fn arrive(&self, path: &str) -> anyhow::Result<()> {
        self.wait(&format!("location.pathname === {}", json!(path))).await
    }

    /// Answers what has the focus.
    pub async fn focus(&self) -> anyhow::Result<Focus> {
        self.ask(FOCUS).await
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: &[Key]) -> anyhow::Result<()> {
        keyboard::press(&self.client, keys).await
    }

    /// Types text where the focus is.
    pub async fn write(&self, text: &str) -> anyhow::Result<()> {
        self.client.active_element().await?.send_keys(text).await?;
        Ok(())
    }

    /// Presses Tab until the focus is where it is wanted.
    pub async fn tab_to(&self, wanted: impl Fn(&Focus) -> bool) -> anyhow::Result<Focus> {
        for _ in 0..TABS_MAX {
            let focus = self.focus().await?;
            if wanted(&focus) {
                return Ok(focus);
            }
            self.press(&[Key::Tab]).await?;
        }
        anyhow::bail!("the keyboard does not get there on {}", self.path().await?)
    }

    /// Tabs to the first link or button with this text and presses Enter.
    pub async fn choose(&self, text: &str) -> anyhow::Result<()> {
        self.tab_to(|focus| matches!(focus.tag.as_str(), "a" | "button") && focus.text == text)
            .await
            .with_context(|| format!("no link or button {text:?}"))?;
        self.press(&[Key::Enter]).await
    }

    /// Chooses files in a file input, as the dialogue of the system would.
    pub async fn choose_files(&self, id: &str, files: &[PathBuf]) -> anyhow::Result<()> {
        let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let input = self.client.find(Locator::Id(id)).await?;
        input.send_keys(&paths.join("\n")).await?;
        Ok(())
    }

    /// Saves what the window shows as `<name>.png`.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let png = self.client.screenshot().await?;
        fs::write(self.pictures.join(format!("{name}.png")), png)?;
        Ok(())
    }

    /// Looks at the page as an auditor: labels, headings, language, requests, console. Saves a picture.
    pub async fn examine(&self, name: &str) -> anyhow::Result<()> {
        self.picture(name).await?;
        let faults: Vec<String> = self.ask(FAULTS).await?;
        self.expect_none(name, &faults)?;
        let expected = self.expected.borrow().clone();
        let complaints = traffic::complaints(&self.client, &self.origin, &expected).await?;
        self.expect_none(name, &complaints)
    }

    fn expect_none(&self, name: &str, found: &[impl Debug]) -> anyhow::Result<()> {
        ensure!(found.is_empty(), "{name} on {}: {found:#?}", self.origin);
        Ok(())
    }

    /// Closes the window; a last look at what was logged.
    pub async fn close(self) -> anyhow::Result<()> {
        let expected = self.expected.borrow().clone();
        let complaints = traffic::complaints(&self.client, &self.origin, &expected).await?;
        self.expect_none("at the end", &complaints)?;
        let started = Instant::now();
        self.client.clone().close().await?;
        ensure!(started.elapsed() < PATIENCE, "Chromium takes too long to close");
        Ok(())
    }
}

/// Runs a command of the browser's developer tools.
async fn devtools(client: &Client, command: &str, params: &Value) -> anyhow::Result<()> {
    let body = json!({ "cmd": command, "params": params });
    client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await?;
    Ok(())
}
