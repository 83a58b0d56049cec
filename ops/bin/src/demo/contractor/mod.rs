//! The demo's conversion contractor: a separate process that speaks the contractor's HTTP interface
//! with its own certificate.
//!
//! In place of human eyes it reads the serial number off the page images; seed and index of the serial
//! tell what the form says, and the kit's keyer types it, mistakes included. It knows nothing else: a
//! page image that does not arrive, or is damaged, cannot be keyed.

use std::{
    collections::BTreeMap, path::PathBuf, process::ExitCode, process::Stdio, sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use http::StatusCode;
use kakehashi_contract::{Manifest, ManifestDocument, Zone};
use kakehashi_forms::{Application, Catalogue, Definition};
use kakehashi_kernel::Sha256Digest;
use kakehashi_kit::{Keyed, Keying, key, parse_serial, read_serial};
use kakehashi_platform::{
    mtls::{Client, ClientLimits, ClientTls},
    pki::CertificateFiles,
    runtime::SystemClock,
};
use serde::Deserialize;
use tokio::process::{Child, Command};

use super::{base, municipality::fill};
use crate::{cli::DemoArgs, compose::Running, prepare::Prepared};

mod typed;

const POLL: Duration = Duration::from_millis(300);

/// Options of the contractor process.
#[derive(Debug, Args)]
pub(crate) struct ContractorArgs {
    /// The gateway's conversion listener
    #[arg(long)]
    url: String,
    /// Our certificate, PEM
    #[arg(long)]
    certificate: PathBuf,
    /// Our key, PEM
    #[arg(long)]
    key: PathBuf,
    /// The only root to trust, PEM
    #[arg(long)]
    root: PathBuf,
    /// Documents of a thousand keyed with a mistake
    #[arg(long)]
    mistakes_permille: u32,
    /// As planted in the forms
    #[arg(long)]
    marker: Option<String>,
}

/// The contractor as the demo sees it: a child that ends when its standard input is closed, also when
/// the demo is killed.
pub(super) struct ContractorProcess {
    child: Child,
}

impl ContractorProcess {
    pub(super) fn spawn(
        args: &DemoArgs,
        prepared: &Prepared,
        running: &Running,
    ) -> anyhow::Result<Self> {
        let files = &prepared.clients.contractor;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("contractor")
            .args(["--url", &base(running, Zone::Conversion)?])
            .arg("--certificate")
            .arg(&files.chain)
            .arg("--key")
            .arg(&files.key)
            .arg("--root")
            .arg(&prepared.clients.root)
            .args(["--mistakes-permille", &args.mistakes_permille.to_string()])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        if let Some(marker) = &args.marker {
            command.args(["--marker", marker]);
        }
        Ok(Self { child: command.spawn().context("cannot start the contractor")? })
    }

    /// Fails when the contractor has died.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the contractor stopped early: {status}"),
        }
    }

    /// Closes its input and waits for it to end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await??;
        ensure!(status.success(), "the contractor failed: {status}");
        Ok(())
    }
}

/// Runs the contractor until standard input is closed.
pub(crate) async fn run(args: ContractorArgs) -> anyhow::Result<ExitCode> {
    let contractor = Contractor::new(args)?;
    let ended =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        result = contractor.work() => result?,
        result = ended => { result??; }
    }
    Ok(ExitCode::SUCCESS)
}

struct Contractor {
    client: Client,
    catalogue: Catalogue,
    args: ContractorArgs,
}

#[derive(Debug, Deserialize)]
struct Lots {
    lots: Vec<LotEntry>,
}

#[derive(Debug, Deserialize)]
struct LotEntry {
    lot: String,
}

#[derive(Debug, Deserialize)]
struct ReturnTicket {
    #[serde(rename = "return")]
    id: String,
}

#[derive(Debug, Deserialize)]
struct ReturnState {
    state: String,
}

impl Contractor {
    fn new(args: ContractorArgs) -> anyhow::Result<Self> {
        let files = CertificateFiles { chain: args.certificate.clone(), key: args.key.clone() };
        let tls = ClientTls { client: Some(files), root: args.root.clone() };
        let client = Client::new(&tls, Arc::new(SystemClock), ClientLimits::default())?;
        Ok(Self { client, catalogue: Catalogue::builtin()?, args })
    }

    async fn work(&self) -> anyhow::Result<()> {
        loop {
            let Lots { lots } = self.get_json("/api/v1/lots").await?;
            for entry in &lots {
                self.convert(&entry.lot).await?;
            }
            if lots.is_empty() {
                tokio::time::sleep(POLL).await;
            }
        }
    }

    async fn convert(&self, lot: &str) -> anyhow::Result<()> {
        let taken = self.post(&format!("/api/v1/lots/{lot}/take"), "application/json", "").await?;
        if taken.status == StatusCode::CONFLICT {
            return Ok(());
        }
        ensure!(taken.status.is_success(), "lot {lot} cannot be taken: {}", taken.status);
        let manifest: Manifest = self.get_json(&format!("/api/v1/lots/{lot}/manifest")).await?;
        let definition = self
            .catalogue
            .definition(manifest.form)
            .with_context(|| format!("no definition of {}", manifest.form))?;
        let mut typed = BTreeMap::new();
        for document in &manifest.documents {
            typed.insert(
                document.document,
                self.key_document(&manifest, document, definition).await?,
            );
        }
        let xml = typed::write(&manifest, definition, &typed)?;
        let path = format!("/api/v1/lots/{lot}/returns");
        let answer = self.post(&path, "application/xml", xml).await?;
        ensure!(answer.status.is_success(), "return of lot {lot} refused: {}", answer.status);
        let ticket: ReturnTicket = serde_json::from_slice(&answer.body)?;
        self.await_verdict(&ticket.id).await
    }

    /// Fetches every page, checks it against the manifest, and types what the form says.
    async fn key_document(
        &self,
        manifest: &Manifest,
        document: &ManifestDocument,
        definition: &Definition,
    ) -> anyhow::Result<(Application, Keyed)> {
        let mut serial = None;
        for page in &document.pages {
            let path = format!(
                "/api/v1/lots/{}/documents/{}/pages/{}",
                manifest.lot, document.document, page.number
            );
            let answer = self.client.get(&format!("{}{path}", self.args.url)).await?;
            ensure!(answer.status.is_success(), "page not served: {}", answer.status);
            ensure!(Sha256Digest::of(&answer.body) == page.digest, "page is not the manifest's");
            if serial.is_none() {
                let png = answer.body.clone();
                let read = tokio::task::spawn_blocking(move || read_serial(&png)).await?;
                serial = read.map(|(code, serial)| (page.number, code, serial));
            }
        }
        let (page, code, serial) = serial.context("no page of the document can be read")?;
        let printed = manifest.form.page_code(page.try_into()?);
        ensure!(code == printed, "a page of {code} is in a lot of {}", manifest.form);
        let (seed, index) = parse_serial(&serial).context("the serial is not one of the kit's")?;
        let form = fill(definition, seed, index, self.args.marker.as_deref());
        let keying = Keying {
            seed,
            index,
            round: document.round,
            mistakes_permille: self.args.mistakes_permille,
        };
        Ok((form.application, key(definition, form.application, &form.answers, keying)))
    }

    async fn await_verdict(&self, id: &str) -> anyhow::Result<()> {
        for _ in 0..400 {
            let state: ReturnState = self.get_json(&format!("/api/v1/returns/{id}")).await?;
            match state.state.as_str() {
                "received" => tokio::time::sleep(POLL).await,
                "refused" => bail!("return {id} was refused as a whole"),
                _ => return Ok(()),
            }
        }
        bail!("return {id} got no verdict")
    }

    async fn get_json<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.client.get(&format!("{}{path}", self.args.url)).await?;
        ensure!(answer.status.is_success(), "{path}: {}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    }

    async fn post(
        &self,
        path: &str,
        content_type: &str,
        body: impl Into<bytes::Bytes>,
    ) -> anyhow::Result<kakehashi_platform::mtls::Answer> {
        Ok(self.client.post(&format!("{}{path}", self.args.url), content_type, body).await?)
    }
}
