//! chromedriver: a process of our own on a free port, and Chromium behind it.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const START: Duration = Duration::from_mins(1);
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1366,768",
    "--ignore-certificate-errors",
];

/// A running chromedriver with one Chromium. Both end when it is dropped, also in a failing test.
pub(crate) struct Driver {
    port: u16,
    process: Child,
    profile: TempDir,
}

impl Driver {
    /// Starts chromedriver and a new Chromium with an empty profile.
    pub(crate) async fn start() -> anyhow::Result<(Self, Client)> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            // The language of the browser's own buttons, as on the users' machines.
            .env("LANGUAGE", "ja")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver does not start: install chromium and chromium-driver")?;
        let stdout = process.stdout.take().context("chromedriver has no output")?;
        let port =
            timeout(START, port(stdout)).await.context("chromedriver does not come up")??;
        let profile = tempfile::tempdir()?;
        let driver = Self { port, process, profile };
        let client = driver.connect().await?;
        Ok((driver, client))
    }

    async fn connect(&self) -> anyhow::Result<Client> {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([profile.as_str()]).collect();
        let Value::Object(capabilities) = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        }) else {
            bail!("capabilities are an object");
        };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let connecting =
            async { builder.connect(&format!("http://127.0.0.1:{}", self.port)).await };
        timeout(START, connecting)
            .await
            .context("Chromium does not come up")?
            .context("Chromium does not start: install chromium and chromium-driver")
    }
}

/// Reads the port out of what chromedriver says when it is ready.
async fn port(stdout: tokio::process::ChildStdout) -> anyhow::Result<u16> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    bail!("chromedriver ended without a port")
}

impl Drop for Driver {
    fn drop(&mut self) {
        // chromedriver closes Chromium when asked to shut down; killed, it would leave it behind.
        shut_down(self.port).ok();
        self.process.start_kill().ok();
    }
}

fn shut_down(port: u16) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(
        stream,
        "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}
