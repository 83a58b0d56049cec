//! What all gateways stand on: one folder with certificates, configurations and logs, and the upstream.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use kakehashi_contract::{Role, Zone};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    pki::{Authority, Holder, SystemSerials, Validity},
    runtime::SystemClock,
};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, SerialNumber};
use tempfile::TempDir;

use super::{
    ANY_PORT, Options,
    load::tls,
    process::{Group, another_of_us, line},
};

/// Names of certificates in the folder.
pub(crate) const SERVER: &str = "gateway";
pub(crate) const COMPONENT: &str = "ingest";
pub(crate) const CLIENT: &str = "client";
pub(crate) const GATEWAY_CLIENT: &str = "gateway-client";

const CA_DAYS: u16 = 30;
const LEAF_DAYS: u16 = 7;

/// The folder, and the upstream that runs.
pub(crate) struct Ground {
    folder: PathBuf,
    upstream: SocketAddr,
    program: PathBuf,
    are_peers_bare: bool,
    _upstream: Group,
    _folder: Option<TempDir>,
}

impl Ground {
    pub(crate) fn lay(options: &Options) -> anyhow::Result<Self> {
        let program = options.program.clone().map_or_else(program, Ok)?;
        let temporary = tempfile::Builder::new().prefix("kakehashi-bench-").tempdir()?;
        let (folder, kept) = if options.keep {
            let path = temporary.keep();
            println!("configurations and logs stay in {}", path.display());
            (path, None)
        } else {
            (temporary.path().to_owned(), Some(temporary))
        };
        certificates(&folder)?;
        let certificates = folder.join("certificates").display().to_string();
        let mut upstream =
            another_of_us(&["upstream".to_owned(), "--certificates".to_owned(), certificates])?;
        let (_, mut output) = upstream.pipes()?;
        let address = line(&mut output)?.parse().context("the upstream's address")?;
        Ok(Self {
            folder,
            upstream: address,
            program,
            are_peers_bare: options.bare_peers,
            _upstream: upstream,
            _folder: kept,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    pub(crate) const fn upstream(&self) -> SocketAddr {
        self.upstream
    }

    /// The gateway under measurement.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) const fn are_peers_bare(&self) -> bool {
        self.are_peers_bare
    }
}

/// A port that nobody had a moment ago. The peers cannot say which one they chose.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(ANY_PORT)?.local_addr()?.port())
}

/// The program, beside this bench in the target folder.
fn program() -> anyhow::Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let release = bench.ancestors().nth(2).context("a target folder")?;
    let program = release.join("kakehashi");
    ensure!(program.exists(), "build the program first: cargo build --release");
    Ok(program)
}

/// Our own authority's certificates, and the same once more in the forms the peers read.
pub(crate) fn certificates(folder: &Path) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let serials = &SystemSerials;
    let authority = folder.join("ca");
    let ours = Authority::ensure(&authority, Validity::days(now, CA_DAYS), serials)?;
    let out = folder.join("certificates");
    let next_update = now.plus_ms(i64::from(LEAF_DAYS) * 86_400_000);
    ours.publish(&out, now, next_update)?;
    let leaf = Validity::days(now, LEAF_DAYS);
    for name in [SERVER, COMPONENT] {
        ours.ensure_server(&out, name, now, leaf, serials)?;
    }
    let gateway = Holder::new(Zone::Internal, Role::Gateway, "kakehashi", "gateway");
    ours.ensure_client(&out, GATEWAY_CLIENT, &gateway, now, leaf, serials)?;
    let client = Holder::new(Zone::Municipal, Role::MunicipalStaff, "999997", "bench-01");
    ours.ensure_client(&out, CLIENT, &client, now, leaf, serials)?;
    // OpenSSL follows a chain to its root and asks for a revocation list at every step.
    let root_list = revocations_of_the_root(&authority, now, next_update)?;
    let text = |name: &str| fs::read_to_string(out.join(name));
    let write = |name: &str, parts: [&str; 2]| fs::write(out.join(name), parts.concat());
    write("peer-clients.pem", [&text("municipal.pem")?, &text("root.pem")?])?;
    write("peer-clients.crl.pem", [&text("municipal.crl.pem")?, &root_list])?;
    for name in [SERVER, GATEWAY_CLIENT] {
        let (chain, key) = (text(&format!("{name}.pem"))?, text(&format!("{name}.key.pem"))?);
        write(&format!("{name}.both.pem"), [&chain, &key])?;
    }
    tls::certificates(&out.join("peer-clients.pem")).map(drop)
}

fn revocations_of_the_root(
    authority: &Path,
    now: Timestamp,
    next_update: Timestamp,
) -> anyhow::Result<String> {
    let root = authority.join("root");
    let key = KeyPair::from_pem(&fs::read_to_string(root.join("key.pem"))?)?;
    let certificate = fs::read_to_string(root.join("certificate.pem"))?;
    let issuer = Issuer::from_ca_cert_pem(&certificate, key)?;
    let at = |time: Timestamp| time::OffsetDateTime::from_unix_timestamp(time.0 / 1000);
    let list = CertificateRevocationListParams {
        this_update: at(now)?,
        next_update: at(next_update)?,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(list.signed_by(&issuer)?.pem()?)
}
