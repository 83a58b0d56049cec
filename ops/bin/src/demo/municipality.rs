//! The demo's municipality: scans forms and sends them by resumable upload.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use kakehashi_forms::{Application, Definition};
use kakehashi_kernel::Sha256Digest;
use kakehashi_kit::{FilledForm, Press, catalogue, filled_form, filled_with_marker};
use kakehashi_platform::mtls::{Answer, BoxBody, Client, full_body};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{journal::Journal, plan::Special, progress::Progress};
use crate::cli::DemoArgs;

const PART_BYTES: usize = 1024 * 1024;
const UPLOADS_AT_ONCE: usize = 4;
const ATTEMPTS: u32 = 6;

/// The municipality's client.
#[derive(Clone)]
pub(super) struct Municipality {
    client: Client,
    base: String,
}

/// What sending came to.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Scans sent twice whose second receipt was not the first.
    pub(super) receipts_that_differ: u32,
}

/// The totals as the municipality sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Totals {
    pub(super) received: u64,
    pub(super) refused: u64,
    pub(super) withdrawn: u64,
    pub(super) in_progress: u64,
    pub(super) loaded: u64,
}

struct Job {
    index: u32,
    special: Special,
    application: Application,
    file: Vec<u8>,
}

/// The truth behind the scan `index` of a run: the forms of the run take turns.
pub(super) fn form(args: &DemoArgs, index: u32) -> anyhow::Result<FilledForm> {
    let turns = u32::try_from(args.forms.len()).unwrap_or(u32::MAX).max(1);
    let turn = usize::try_from(index % turns)?;
    let key = *args.forms.get(turn).context("no form to send")?;
    let definition =
        catalogue().definition(key).with_context(|| format!("no definition of {key}"))?;
    Ok(fill(definition, args.seed, index, args.marker.as_deref()))
}

/// Fills in a form, with the marker planted if there is one.
pub(super) fn fill(
    definition: &Definition,
    seed: u64,
    index: u32,
    marker: Option<&str>,
) -> FilledForm {
    match marker {
        Some(marker) => filled_with_marker(definition, seed, index, marker),
        None => filled_form(definition, seed, index),
    }
}

/// Scans and sends every form that has no receipt yet.
pub(super) async fn send_all(
    municipality: &Municipality,
    args: &DemoArgs,
    journal: Journal,
    progress: &Progress,
) -> anyhow::Result<Sent> {
    let journal = Arc::new(journal);
    progress.sending(u64::from(args.scans));
    let (jobs, ready) = mpsc::channel(UPLOADS_AT_ONCE);
    let scanning = {
        let (args, journal) = (args.clone(), Arc::clone(&journal));
        let skipped = progress.sent();
        tokio::task::spawn_blocking(move || scan_all(&args, &journal, &jobs, || skipped.inc(1)))
    };
    let ready = stream::unfold(ready, |mut ready| async { Some((ready.recv().await?, ready)) });
    let differing: Vec<u32> = ready
        .map(|job: Job| {
            let journal = Arc::clone(&journal);
            async move {
                let (receipt, differs) = municipality.send(&job).await?;
                journal.note(args.seed, job.index, &receipt)?;
                progress.sent().inc(1);
                anyhow::Ok(u32::from(differs))
            }
        })
        .buffer_unordered(UPLOADS_AT_ONCE)
        .try_collect()
        .await?;
    scanning.await??;
    progress.sending_done();
    Ok(Sent { receipts_that_differ: differing.iter().sum() })
}

fn scan_all(
    args: &DemoArgs,
    journal: &Journal,
    jobs: &mpsc::Sender<Job>,
    skipped: impl Fn(),
) -> anyhow::Result<()> {
    let mut press = Press::new();
    for index in 0..args.scans {
        if journal.receipt(index).is_some() {
            skipped();
            continue;
        }
        let form = form(args, index)?;
        let special = Special::of(index);
        let file = special.file(press.scan(&form)?, index)?;
        let job = Job { index, special, application: form.application, file };
        if jobs.blocking_send(job).is_err() {
            break;
        }
    }
    Ok(())
}

impl Municipality {
    pub(super) fn new(client: Client, base: String) -> Self {
        Self { client, base }
    }

    /// Sends one file as its plan says; answers the receipt and whether a repeat got another one.
    async fn send(&self, job: &Job) -> anyhow::Result<(String, bool)> {
        let cut = job.special == Special::Cut;
        let receipt = self.upload(job, cut, true).await?;
        if job.special != Special::Twice {
            return Ok((receipt, false));
        }
        // Once more without a declared digest, so that every byte travels again.
        let again = self.upload(job, false, false).await?;
        Ok((receipt.clone(), again != receipt))
    }

    async fn upload(&self, job: &Job, cut: bool, declared: bool) -> anyhow::Result<String> {
        let created = self.create(job, declared).await?;
        if let Some(receipt) = receipt(&created.headers) {
            return Ok(receipt);
        }
        let location = created.headers.get("location").context("no Location for an upload")?;
        let url = format!("{}{}", self.base, location.to_str()?);
        if cut {
            self.send_half(&url, &job.file).await;
        }
        for attempt in 1..=ATTEMPTS {
            match self.send_rest(&url, &job.file).await {
                Ok(Some(receipt)) => return Ok(receipt),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
        }
        bail!("upload of scan {} came to no receipt", job.index)
    }

    async fn create(&self, job: &Job, declared: bool) -> anyhow::Result<Answer> {
        let application = match job.application {
            Application::New => "new",
            Application::Renewal => "renewal",
        };
        let name = format!("scan-{:06}.pdf", job.index);
        let digest = Sha256Digest::of(&job.file).to_string();
        let mut pairs = vec![("filename", name.as_str()), ("application", application)];
        if declared {
            pairs.push(("sha256", &digest));
        }
        let metadata: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
        let request = tus(Method::POST, &format!("{}/uploads", self.base))
            .header("upload-length", job.file.len())
            .header("upload-metadata", metadata.join(","))
            .body(Bytes::new())?;
        let answer = self.client.send(request).await?;
        ensure!(answer.status == StatusCode::CREATED, "upload was not opened: {}", answer.status);
        Ok(answer)
    }

    /// Sends the first half and breaks the connection off, as a network does.
    async fn send_half(&self, url: &str, file: &[u8]) {
        let half = Bytes::copy_from_slice(&file[..file.len() / 2]);
        let broken = stream::iter([
            Ok(Frame::data(half)),
            Err(Box::<dyn std::error::Error + Send + Sync>::from("the cable was pulled")),
        ]);
        let body: BoxBody = BodyExt::boxed_unsync(StreamBody::new(broken));
        let request = patch(url, 0).header("content-length", file.len()).body(body);
        if let Ok(request) = request
            && let Ok(answer) = self.client.request(request).await
        {
            tracing::debug!(status = %answer.status(), "the cut upload was answered");
        }
    }

    /// Asks where the upload stands and sends the rest in parts. `None` when it was interrupted.
    async fn send_rest(&self, url: &str, file: &[u8]) -> anyhow::Result<Option<String>> {
        let head = self.client.send(tus(Method::HEAD, url).body(Bytes::new())?).await?;
        if let Some(receipt) = receipt(&head.headers) {
            return Ok(Some(receipt));
        }
        let mut offset = offset(&head)?;
        while offset < file.len() {
            let end = file.len().min(offset + PART_BYTES);
            let body = full_body(Bytes::copy_from_slice(&file[offset..end]));
            let answer = self.client.request(patch(url, offset).body(body)?).await?;
            ensure!(answer.status() == StatusCode::NO_CONTENT, "part refused: {}", answer.status());
            if let Some(receipt) = receipt(answer.headers()) {
                return Ok(Some(receipt));
            }
            offset = end;
        }
        Ok(None)
    }

    /// The totals of this municipality.
    pub(super) async fn totals(&self) -> anyhow::Result<Totals> {
        let answer = self.client.get(&format!("{}/api/scans/summary", self.base)).await?;
        ensure!(answer.status.is_success(), "no totals: {}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

fn tus(method: Method, url: &str) -> http::request::Builder {
    Request::builder().method(method).uri(url).header("tus-resumable", "1.0.0")
}

fn patch(url: &str, offset: usize) -> http::request::Builder {
    tus(Method::PATCH, url)
        .header("content-type", "application/offset+octet-stream")
        .header("upload-offset", offset)
}

fn receipt(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("upload-receipt")?.to_str().ok()?.to_owned())
}

fn offset(answer: &Answer) -> anyhow::Result<usize> {
    ensure!(answer.status == StatusCode::OK, "upload is not there: {}", answer.status);
    let offset = answer.headers.get("upload-offset").context("no Upload-Offset")?;
    Ok(offset.to_str()?.parse()?)
}
