//! The three gateways: how each is told the same, started, and stopped.
//!
//! All listen with the same certificate, want a client certificate of the same authority that is not on
//! the same revocation list, speak TLS 1.3, HTTP/1.1 and 2, pass the client's certificate on in a header,
//! keep connections to the upstream, write who asked what to a file, and have two workers.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::ValueEnum;

use super::{
    ground::{Ground, free_port},
    process::Group,
};

/// How long one may take to listen.
const START: Duration = Duration::from_secs(20);

/// A gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// `kakehashi serve --role gateway`.
    Ours,
    /// Debian package `nginx-light` or `nginx`.
    Nginx,
    /// Debian package `haproxy`.
    Haproxy,
}

/// A gateway that listens. Dropping it stops it.
pub(crate) struct Listening {
    pub(crate) peer: Peer,
    pub(crate) address: SocketAddr,
    pub(crate) group: Group,
}

impl Peer {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
        }
    }

    /// Writes the configuration, starts and waits until it listens.
    pub(crate) fn start(self, ground: &Ground) -> anyhow::Result<Listening> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let folder = ground.folder().join(format!("{}-{}", self.as_str(), address.port()));
        fs::create_dir_all(&folder)?;
        let setting = Setting {
            address,
            upstream: ground.upstream(),
            certificates: ground.certificates(),
            folder,
            is_bare: ground.are_peers_bare(),
        };
        let log = fs::File::create(setting.folder.join("output.log"))?;
        let mut command = self.command(ground, &setting)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut group = Group::start(command)?;
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            let text = || fs::read_to_string(setting.folder.join("output.log")).unwrap_or_default();
            group.must_run().with_context(|| format!("{} said: {}", self.as_str(), text()))?;
            if started.elapsed() > START {
                bail!("{} does not listen: {}", self.as_str(), text());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Listening { peer: self, address, group })
    }

    fn command(self, ground: &Ground, setting: &Setting) -> anyhow::Result<Command> {
        let at = |name: &str| setting.folder.join(name);
        Ok(match self {
            Self::Ours => {
                fs::write(at("policy.toml"), POLICY)?;
                fs::write(at("kakehashi.toml"), setting.kakehashi())?;
                fs::create_dir_all(at("data"))?;
                let mut command = Command::new(ground.program());
                command.args(["serve", "--role", "gateway", "--config"]).arg(at("kakehashi.toml"));
                command
            }
            Self::Nginx => {
                fs::write(at("nginx.conf"), setting.nginx())?;
                let mut command = Command::new("nginx");
                command.arg("-p").arg(&setting.folder).arg("-c").arg(at("nginx.conf"));
                command
            }
            Self::Haproxy => {
                fs::write(at("haproxy.cfg"), setting.haproxy())?;
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f"]).arg(at("haproxy.cfg"));
                command
            }
        })
    }
}

/// What a configuration is written from.
pub(crate) struct Setting {
    pub(crate) address: SocketAddr,
    pub(crate) upstream: SocketAddr,
    pub(crate) certificates: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) is_bare: bool,
}

/// What the load tool asks for.
const POLICY: &str = include_str!("policy.toml");

impl Setting {
    /// Ours, with policy, guard and audit on. The guard's limits are raised: everything here comes from
    /// one address with one certificate, which is what the guard is there to stop.
    pub(crate) fn kakehashi(&self) -> String {
        self.fill(include_str!("kakehashi.toml"))
    }

    pub(crate) fn nginx(&self) -> String {
        let text = self.fill(include_str!("nginx.conf"));
        if !self.is_bare {
            return text;
        }
        without(&text, &["proxy_set_header Client-Cert", "access_log", "log_format"])
            .replace("http {", "http {\n  access_log off;")
    }

    pub(crate) fn haproxy(&self) -> String {
        let text = self.fill(include_str!("haproxy.cfg"));
        if !self.is_bare {
            return text;
        }
        without(&text, &["http-request set-header Client-Cert", "log ", "log-format"])
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("{address}", &self.address.to_string())
            .replace("{upstream}", &self.upstream.to_string())
            .replace("{certificates}", &self.certificates.display().to_string())
            .replace("{folder}", &self.folder.display().to_string())
    }
}

/// Leaves out the lines that begin with one of these.
fn without(text: &str, beginnings: &[&str]) -> String {
    let keeps = |line: &&str| !beginnings.iter().any(|word| line.trim_start().starts_with(word));
    let mut kept = text.lines().filter(keeps).collect::<Vec<_>>().join("\n");
    kept.push('\n');
    kept
}
