//! `kakehashi doctor` (接続確認): tries the way from a client to the gateway step by step, and says which
//! step is blocked and what to do about it. It changes nothing, neither here nor there.

mod ask;
mod check;
mod files;
mod handshake;
mod network;
mod report;
#[cfg(test)]
mod tests;
mod words;

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context, bail};
use clap::Args;
use http::Uri;
use kakehashi_kernel::Clock;
use kakehashi_platform::runtime::SystemClock;
use serde_json::json;

use self::{
    check::{Check, Diagnosis, Step, Text},
    files::Source,
};

/// Whom to ask, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorArgs {
    /// The gateway's address: `https://host:port`
    url: Uri,
    /// The client certificate with its chain, PEM
    #[arg(long, requires = "key", conflicts_with = "bundle", required_unless_present = "bundle")]
    certificate: Option<PathBuf>,
    /// The private key, PEM
    #[arg(long)]
    key: Option<PathBuf>,
    /// Certificate and key as one PKCS#12 file (.p12), instead of --certificate and --key
    #[arg(long)]
    bundle: Option<PathBuf>,
    /// A file whose first line is the bundle's password; without it you are asked
    #[arg(long, requires = "bundle")]
    password_file: Option<PathBuf>,
    /// The root certificate that the gateway's own certificate comes from, PEM
    #[arg(long)]
    root: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A gateway's address.
struct Target {
    host: String,
    port: u16,
}

/// Examines, reports; exit code 0 (works), 1 (works, with warnings) or 2 (blocked).
pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let target = Target::read(&args.url)?;
    let source = source(&args)?;
    let diagnosis = examine(&target, &source, &args.root, &SystemClock).await;
    let url = format!("https://{}", target.authority());
    if args.json {
        let blocked = diagnosis.blocked().map(|check| check.step.as_str());
        let report = json!({ "url": url, "exit_code": diagnosis.exit_code(), "blocked": blocked,
            "checks": diagnosis.checks });
        println!("{report}");
    } else {
        print!("{}", report::render(&url, &diagnosis));
        io::stdout().flush()?;
    }
    Ok(ExitCode::from(diagnosis.exit_code()))
}

/// Takes the steps until one is blocked.
async fn examine(target: &Target, source: &Source, root: &Path, clock: &dyn Clock) -> Diagnosis {
    let (mut checks, credentials) = files::examine(source, root, clock.now());
    let Some(credentials) = credentials else { return Diagnosis::of(checks) };
    let (resolved, addresses) = network::resolve(&target.host, target.port).await;
    checks.push(resolved);
    if addresses.is_empty() {
        return Diagnosis::of(checks);
    }
    let (connected, stream) = network::connect(&addresses).await;
    checks.push(connected);
    checks.extend(network::proxy());
    let Some((stream, took)) = stream else { return Diagnosis::of(checks) };
    let (found, stream) =
        handshake::shake(stream, took, &target.host, &credentials, clock.now()).await;
    checks.extend(found);
    if let Some(stream) = stream {
        checks.extend(ask::reception(stream, &target.authority(), clock).await);
    }
    add_zone(&mut checks, &credentials);
    Diagnosis::of(checks)
}

/// A certificate of one zone at the listener of another is the commonest mistake: say which one it is.
fn add_zone(checks: &mut [Check], credentials: &files::Credentials) {
    let wrong = ["certificate-unknown-issuer", "certificate-refused"];
    for check in checks {
        if check.step == Step::Certificate && wrong.contains(&check.code) {
            let zone = credentials.identity.zone;
            let Text { ja, en } = &check.found;
            check.found = Text::new(
                format!("{ja}（この証明書の区分は {zone}）"),
                format!("{en} (this certificate is of the zone {zone})"),
            );
        }
    }
}

impl Target {
    fn read(url: &Uri) -> anyhow::Result<Self> {
        let host = url.host().context("the address must be https://host:port")?;
        if url.scheme_str() != Some("https") {
            bail!("the address must begin with https://");
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port_u16().unwrap_or(443) })
    }

    fn authority(&self) -> String {
        let Self { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

fn source(args: &DoctorArgs) -> anyhow::Result<Source> {
    if let Some(file) = &args.bundle {
        let password = match &args.password_file {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                text.lines().next().unwrap_or_default().to_owned()
            }
            None => ask_password()?,
        };
        return Ok(Source::Bundle { file: file.clone(), password });
    }
    match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => {
            Ok(Source::Pair { certificate: certificate.clone(), key: key.clone() })
        }
        _ => bail!("give --certificate and --key, or --bundle"),
    }
}

/// Reads one line from standard input, without showing it where that is a terminal.
fn ask_password() -> anyhow::Result<String> {
    let is_terminal = io::stdin().is_terminal();
    let echo = |word| {
        // Where there is no stty the password is shown while it is typed, as it would be anyway.
        Command::new("stty").arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).status().ok()
    };
    if is_terminal {
        eprint!("パスワード / password (.p12): ");
        echo("-echo");
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if is_terminal {
        echo("echo");
        eprintln!();
    }
    read.context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
