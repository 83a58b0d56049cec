//! The operator's socket: what a person on this machine may ask the running gateway, and tell it.
//!
//! A Unix socket of mode 0600 for the gateway's own user and root. One line of JSON is a question, one line
//! the answer; a connection may ask several times. Whoever acts is named in the audit ledger by the user
//! the kernel says they are. It opens no other door: no path, no key and no body of a request is seen here.

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kakehashi_kernel::{Clock, Sha256Digest, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream, unix::UCred},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    guard::{DecisionId, Guard, Organisation, ReleaseError},
    policy::{Suspension, Suspensions},
};

/// Bytes of one question.
const QUESTION_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of one answer, as far as the asking side reads.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Operators at once.
const OPERATORS_MAX: usize = 8;
/// Without a question, and for writing an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Alerts answered unless told otherwise.
const ALERTS_SHOWN: usize = 50;
/// Largest user database that is looked at.
const PASSWD_BYTES_MAX: u64 = 1024 * 1024;

/// What an operator may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
enum Question {
    Status,
    Blocks,
    Alerts {
        count: Option<usize>,
    },
    Habits,
    Release {
        id: String,
        days: Option<u32>,
    },
    Suspend {
        #[serde(flatten)]
        whom: Whom,
        reason: String,
    },
    Resume {
        #[serde(flatten)]
        whom: Whom,
    },
    Suspensions,
    Reload,
    Drain,
}

/// An organisation, or only one device or certificate of it.
#[derive(Debug, Clone, Deserialize)]
struct Whom {
    organisation: String,
    device: Option<String>,
    certificate: Option<String>,
}

impl Whom {
    fn suspension(self, reason: String, since: Timestamp) -> Result<Suspension, &'static str> {
        let organisation: Organisation = self.organisation.parse()?;
        let certificate = self.certificate.map(|digest| digest.parse::<Sha256Digest>());
        Ok(Suspension {
            zone: organisation.zone,
            organisation: organisation.code.as_ref().to_owned(),
            device: self.device,
            certificate: certificate.transpose().map_err(|_| "a certificate is 64 digits")?,
            since,
            reason,
        })
    }
}

/// What the socket reaches.
pub(crate) struct Control {
    pub(crate) guard: Arc<Guard>,
    pub(crate) suspensions: Arc<Suspensions>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Cancelled when an operator wants the gateway to drain and end.
    pub(crate) drain: CancellationToken,
}

/// Who asks, as the kernel says.
#[derive(Debug, Clone)]
struct Operator {
    actor: String,
}

impl Control {
    /// Serves the socket until `shutdown`, then removes it.
    pub(crate) async fn serve(
        self: Arc<Self>,
        listener: UnixListener,
        path: PathBuf,
        shutdown: CancellationToken,
    ) {
        // Asking for a reload raises SIGHUP, which ends a process that nobody taught otherwise.
        let _hangups = signal(SignalKind::hangup())
            .inspect_err(|error| warn!(%error, "SIGHUP cannot be followed"));
        let places = Arc::new(Semaphore::new(OPERATORS_MAX));
        let mut operators = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = operators.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted.inspect_err(|error| warn!(%error, "control socket"))
            else {
                // Out of descriptors, most likely: not in a tight loop.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let control = Arc::clone(&self);
            operators.spawn(async move {
                let _place = place;
                if let Err(error) = control.converse(stream).await {
                    warn!(%error, "the control socket broke off");
                }
            });
        }
        operators.shutdown().await;
        if let Err(error) = std::fs::remove_file(&path) {
            warn!(%error, "the control socket could not be removed");
        }
    }

    async fn converse(self: Arc<Self>, stream: UnixStream) -> io::Result<()> {
        let credentials = stream.peer_cred()?;
        let Some(operator) = Operator::of(credentials) else {
            warn!(uid = credentials.uid(), "a user was turned away from the control socket");
            return Ok(());
        };
        let (reading, mut writing) = stream.into_split();
        let mut reading = tokio::io::BufReader::new(reading);
        loop {
            let mut line = Vec::new();
            let mut bounded = (&mut reading).take(QUESTION_BYTES_MAX);
            let Ok(read) = timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await else {
                return Ok(());
            };
            if read? == 0 {
                return Ok(());
            }
            let is_whole = line.last() == Some(&b'\n');
            let answer = if is_whole {
                match serde_json::from_slice::<Question>(&line) {
                    Ok(question) => {
                        let (control, operator) = (Arc::clone(&self), operator.clone());
                        // Some of it writes files.
                        let asked = tokio::task::spawn_blocking(move || {
                            control.answer(&operator, question)
                        });
                        asked.await.map_err(io::Error::other)?
                    }
                    Err(error) => refusal("question-malformed", &error.to_string()),
                }
            } else {
                refusal("question-too-long", "")
            };
            let mut text = answer.to_string();
            text.push('\n');
            if timeout(PATIENCE, writing.write_all(text.as_bytes())).await.is_err() || !is_whole {
                return Ok(());
            }
        }
    }

    fn answer(&self, operator: &Operator, question: Question) -> Value {
        match question {
            Question::Status => json!({ "ok": true, "guard": self.guard.status() }),
            Question::Blocks => json!({
                "ok": true,
                "measures": self.guard.in_force(),
                "exceptions": self.guard.exceptions_in_force(),
            }),
            Question::Alerts { count } => {
                let alerts = self.guard.recent_alerts(count.unwrap_or(ALERTS_SHOWN));
                json!({ "ok": true, "alerts": alerts })
            }
            Question::Habits => json!({ "ok": true, "habits": self.guard.habits() }),
            Question::Release { id, days } => self.release(operator, &id, days),
            Question::Suspend { whom, reason } => self.suspend(operator, whom, reason),
            Question::Resume { whom } => self.resume(operator, whom),
            Question::Suspensions => {
                let list = self.suspensions.list();
                json!({ "ok": true, "suspensions": list.iter().map(shown).collect::<Vec<_>>() })
            }
            Question::Reload => self.reload(operator),
            Question::Drain => {
                self.record(operator, "gateway.drain", "gateway", "ok");
                self.drain.cancel();
                json!({ "ok": true })
            }
        }
    }

    fn release(&self, operator: &Operator, id: &str, days: Option<u32>) -> Value {
        let Ok(id) = id.parse::<DecisionId>() else {
            return refusal("id-malformed", "g- and hexadecimal digits");
        };
        match self.guard.release(id, days, &operator.actor) {
            Ok(released) => json!({ "ok": true, "released": released }),
            Err(error) => {
                self.record(operator, "guard.release", &id.to_string(), code(error));
                refusal(code(error), &error.to_string())
            }
        }
    }

    fn suspend(&self, operator: &Operator, whom: Whom, reason: String) -> Value {
        let suspension = match whom.suspension(reason, self.clock.now()) {
            Ok(suspension) => suspension,
            Err(what) => return refusal("suspension-failed", what),
        };
        let subject = subject(&suspension);
        if let Err(error) = self.suspensions.set(suspension) {
            self.record(operator, "gateway.suspend", &subject, "failed");
            return refusal("suspension-failed", &error.to_string());
        }
        self.record(operator, "gateway.suspend", &subject, "ok");
        json!({ "ok": true })
    }

    fn resume(&self, operator: &Operator, whom: Whom) -> Value {
        let suspension = match whom.suspension("none".to_owned(), self.clock.now()) {
            Ok(suspension) => suspension,
            Err(what) => return refusal("suspension-failed", what),
        };
        let subject = subject(&suspension);
        match self.suspensions.lift(&suspension) {
            Ok(true) => {
                self.record(operator, "gateway.resume", &subject, "ok");
                json!({ "ok": true })
            }
            Ok(false) => refusal("suspension-unknown", &subject),
            Err(error) => {
                self.record(operator, "gateway.resume", &subject, "failed");
                refusal("suspension-failed", &error.to_string())
            }
        }
    }

    /// Does what SIGHUP does: every file that is followed is read again.
    fn reload(&self, operator: &Operator) -> Value {
        let pid = rustix::process::getpid();
        match rustix::process::kill_process(pid, rustix::process::Signal::HUP) {
            Ok(()) => {
                self.record(operator, "gateway.reload", "gateway", "ok");
                json!({ "ok": true })
            }
            Err(error) => refusal("reload-failed", &error.to_string()),
        }
    }

    fn record(&self, operator: &Operator, action: &str, subject: &str, outcome: &str) {
        let now = self.clock.now();
        self.guard.act(now, &operator.actor, action, subject, outcome, String::new());
    }
}

fn subject(suspension: &Suspension) -> String {
    let mut subject = format!("{}/{}", suspension.zone, suspension.organisation);
    if let Some(device) = &suspension.device {
        subject = format!("{subject}/{device}");
    }
    if let Some(certificate) = &suspension.certificate {
        subject = format!("{subject} certificate={certificate}");
    }
    subject
}

fn shown(suspension: &Suspension) -> Value {
    json!({
        "organisation": format!("{}/{}", suspension.zone, suspension.organisation),
        "device": suspension.device,
        "certificate": suspension.certificate,
        "since": suspension.since,
        "reason": suspension.reason,
    })
}

const fn code(error: ReleaseError) -> &'static str {
    match error {
        ReleaseError::Unknown => "decision-unknown",
        ReleaseError::TooManyExceptions => "too-many-exceptions",
    }
}

fn refusal(code: &str, detail: &str) -> Value {
    json!({ "ok": false, "error": code, "detail": detail })
}

impl Operator {
    /// Root and the gateway's own user may act; the socket's mode says so too.
    fn of(credentials: UCred) -> Option<Self> {
        let uid = credentials.uid();
        let is_permitted = uid == 0 || uid == rustix::process::geteuid().as_raw();
        is_permitted.then(|| Self { actor: actor(uid) })
    }
}

/// Names whoever acts as the gateway's own user, as the ledger does.
pub(crate) fn own_actor() -> String {
    actor(rustix::process::geteuid().as_raw())
}

fn actor(uid: u32) -> String {
    format!("operator/{uid}/{}", user_name(uid))
}

/// Looks a user's name up for people who read the ledger; the number is what counts.
fn user_name(uid: u32) -> String {
    let mut text = String::new();
    let read = std::fs::File::open("/etc/passwd").and_then(|file| {
        io::Read::read_to_string(&mut io::Read::take(file, PASSWD_BYTES_MAX), &mut text)
    });
    if read.is_err() {
        return "-".to_owned();
    }
    let line = text
        .lines()
        .find(|line| line.split(':').nth(2).and_then(|field| field.parse().ok()) == Some(uid));
    line.and_then(|line| line.split(':').next()).unwrap_or("-").to_owned()
}

/// Binds the socket, for its owner alone from its first moment on.
///
/// # Errors
///
/// When another gateway answers there, or the folder cannot be written.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another gateway has this socket"));
    }
    bind_private(path)
}

/// Binds a socket for its owner alone, in place of whatever lies there.
///
/// # Errors
///
/// When the folder cannot be written.
pub(crate) fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&new, path)?;
    Ok(listener)
}

/// Asks a running gateway one question, `{"command": …}`, and answers what it says. Blocks.
///
/// # Errors
///
/// When nothing listens there, or the answer is none.
pub fn ask(path: &Path, question: &Value) -> io::Result<Value> {
    let stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = question.to_string();
    text.push('\n');
    (&stream).write_all(text.as_bytes())?;
    let mut line = Vec::new();
    BufReader::new(io::Read::take(&stream, ANSWER_BYTES_MAX)).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        error!("the gateway closed the control socket");
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&line)?)
}
