//! The whole product with a demo's data behind it, for one story.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use kakehashi_kernel::Clock;
use kakehashi_platform::{
    pki::{Authority, Issued, SystemSerials, Validity},
    runtime::SystemClock,
};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    task::JoinSet,
    time::timeout,
};

use crate::{
    Browser,
    bridge::{Bridge, client_tls},
};

const DEMO: Duration = Duration::from_mins(10);
const START: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_mins(1);

/// Who opens a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The municipality, in its zone.
    Municipality,
    /// The medical institution, in the entry zone.
    Institution,
}

impl Party {
    const fn zone(self) -> &'static str {
        match self {
            Self::Municipality => "municipal",
            Self::Institution => "entry",
        }
    }

    const fn certificate(self) -> &'static str {
        match self {
            Self::Municipality => "municipality",
            Self::Institution => "institution",
        }
    }
}

/// The passwords of the demo's accounts `doctor` and `clerk`.
#[derive(Debug, Clone, Deserialize)]
pub struct Accounts {
    /// The doctor's.
    #[serde(rename = "doctor_password")]
    pub doctor: String,
    /// The municipal clerk's.
    #[serde(rename = "clerk_password")]
    pub clerk: String,
}

/// A data folder that a demo has filled, and the product serving it.
pub struct World {
    folder: TempDir,
    /// Who may sign in.
    pub accounts: Accounts,
    pictures: PathBuf,
    bridge_certificate: Issued,
    gateway: BTreeMap<String, SocketAddr>,
    serving: Child,
    _log: JoinSet<()>,
}

impl World {
    /// Runs a demo of `scans` scans, then serves its folder on free ports.
    ///
    /// `pictures` is where browsers save what they show.
    pub async fn start(scans: u32, pictures: &Path) -> anyhow::Result<Self> {
        let program = program()?;
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        demo(&program, &data, scans).await?;

        let config = data.join("kakehashi.toml");
        let text = fs::read_to_string(&config)?;
        let text = [":8441\"", ":8442\"", ":8443\""]
            .iter()
            .fold(text, |text, port| text.replace(port, ":0\""));
        fs::write(&config, text)?;
        let (serving, gateway, log) = serve(&program, &config).await?;

        let now = SystemClock.now();
        let validity = Validity::days(now, 2);
        let authority = Authority::ensure(&data.join("ca"), validity, &SystemSerials)?;
        let bridge_certificate = authority.issue_server("browser", validity, &SystemSerials)?;
        let accounts = toml::from_str(&fs::read_to_string(data.join("demo-accounts.toml"))?)?;
        let pictures = pictures.to_owned();
        Ok(Self { folder, accounts, pictures, bridge_certificate, gateway, serving, _log: log })
    }

    /// A folder for files of the story.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens a browser for somebody.
    pub async fn browser(&self, party: Party) -> anyhow::Result<Browser> {
        let gateway = self.gateway.get(party.zone()).context("zone without a listener")?;
        let client = client_tls(&self.folder.path().join("data"), party.certificate());
        let bridge = Bridge::open(*gateway, &self.bridge_certificate, &client).await?;
        Browser::open(bridge, self.pictures.clone()).await
    }

    /// Asks the product to stop and waits until it has drained.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.serving.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(pid.context("the product has ended by itself")?, Signal::TERM)?;
        let status = timeout(STOP, self.serving.wait()).await.context("does not stop")??;
        ensure!(status.success(), "did not drain: {status}");
        Ok(())
    }
}

/// Answers the built program, which lies beside this test.
fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(Path::parent).context("test outside a target folder")?;
    let program = profile.join("kakehashi");
    ensure!(
        program.is_file(),
        "{} is missing: build it first with `cargo build --release -p kakehashi`",
        program.display(),
    );
    Ok(program)
}

async fn demo(program: &Path, data: &Path, scans: u32) -> anyhow::Result<()> {
    let running = Command::new(program)
        .args(["demo", "--once", "--seed", "7", "--scans", &scans.to_string(), "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(DEMO, running).await.context("the demo takes too long")??;
    ensure!(
        output.status.success(),
        "the demo failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(())
}

/// Starts the product and reads from its log where it listens.
async fn serve(
    program: &Path,
    config: &Path,
) -> anyhow::Result<(Child, BTreeMap<String, SocketAddr>, JoinSet<()>)> {
    let mut serving = Command::new(program)
        .arg("serve")
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stderr = serving.stderr.take().context("no log")?;
    let mut lines = BufReader::new(stderr).lines();
    let listening = timeout(START, listeners(&mut lines)).await.context("does not come up")??;
    let mut log = JoinSet::new();
    // The rest of the log is read so that the product never waits for us.
    log.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((serving, listening, log))
}

async fn listeners(
    lines: &mut Lines<BufReader<ChildStderr>>,
) -> anyhow::Result<BTreeMap<String, SocketAddr>> {
    let mut found = BTreeMap::new();
    while found.len() < 3 {
        let Some(line) = lines.next_line().await? else { bail!("the product ended at once") };
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name));
        if let (true, Some(zone), Some(address)) =
            (line.contains("listening"), field("zone="), field("address="))
        {
            found.insert(zone.to_owned(), address.parse()?);
        }
    }
    Ok(found)
}
