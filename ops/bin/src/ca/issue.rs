//! `issue` and `issue-server`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use kakehashi_contract::{Role, Zone};
use kakehashi_platform::pki::{
    CertificateFiles, Issued, KeyAlgorithm, Order, PkiError, REQUEST_BYTES_MAX, SigningRequest,
    Subject, SystemSerials, write_private, write_public,
};

use super::{
    desk::{Desk, read},
    passphrase,
};

/// For which device.
#[derive(Debug, Args)]
pub(crate) struct Holder {
    /// entry, municipal, national, conversion or internal
    #[arg(long)]
    pub(super) zone: Zone,
    /// institution, municipal-staff, national-staff, contractor, gateway or component
    #[arg(long)]
    pub(super) role: Role,
    /// Municipality code, institution code …
    #[arg(long)]
    pub(super) organisation: String,
    /// The device
    #[arg(long)]
    pub(super) device: String,
    /// The profile; without it the first that fits
    #[arg(long)]
    pub(super) profile: Option<String>,
    /// Days of validity; without it as in the profile
    #[arg(long)]
    pub(super) days: Option<u16>,
}

impl Holder {
    pub(super) fn order(&self) -> Order {
        let subject = Subject::Device {
            zone: self.zone,
            role: self.role,
            organisation: self.organisation.clone(),
            device: self.device.clone(),
        };
        Order { subject, profile: self.profile.clone(), days: self.days }
    }
}

/// Whose key is certified.
#[derive(Debug, Args)]
struct Key {
    /// Certify the key of this request (PKCS#10, PEM or DER) instead of making one
    #[arg(long, conflicts_with_all = ["algorithm", "bundle_password_file"])]
    request: Option<PathBuf>,
    /// The key to make: p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long = "key", default_value = "p256")]
    algorithm: KeyAlgorithm,
    /// Also write `<device>.p12` for a browser or Windows, under the password in this file
    #[arg(long)]
    bundle_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    desk: Desk,
    /// Where to write `<device>.pem` and `<device>.key.pem`
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    holder: Holder,
    #[command(flatten)]
    key: Key,
}

impl Issue {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        issue(&self.desk, &self.holder.order(), &self.key, &self.out)
    }
}

#[derive(Debug, Args)]
pub(crate) struct IssueServer {
    #[command(flatten)]
    desk: Desk,
    /// Where to write `<name>.pem` and `<name>.key.pem`
    #[arg(long)]
    out: PathBuf,
    /// What operators call the server: gateway, ingest …
    #[arg(long)]
    name: String,
    /// A DNS name or address under which clients reach it (may be repeated)
    #[arg(long = "dns", required = true)]
    names: Vec<String>,
    /// The profile; without it the first that fits
    #[arg(long)]
    profile: Option<String>,
    /// Days of validity; without it as in the profile
    #[arg(long)]
    days: Option<u16>,
    #[command(flatten)]
    key: Key,
}

impl IssueServer {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let subject = Subject::Server { name: self.name.clone(), names: self.names.clone() };
        let order = Order { subject, profile: self.profile.clone(), days: self.days };
        issue(&self.desk, &order, &self.key, &self.out)
    }
}

fn issue(desk: &Desk, order: &Order, key: &Key, out: &Path) -> anyhow::Result<ExitCode> {
    let (mut office, now) = desk.open()?;
    let name = order.subject.device().to_owned();
    if let Some(path) = &key.request {
        let request =
            SigningRequest::parse(&read(path, REQUEST_BYTES_MAX)?).map_err(PkiError::from)?;
        let chain = office.certify(order, &request, now, &SystemSerials)?;
        return keep_chain(out, &name, &chain);
    }
    let password = key.bundle_password_file.as_deref().map(passphrase::read).transpose()?;
    let files = CertificateFiles::of(out, &name);
    if files.key.exists() && files.chain.exists() && !office.seats().is_empty() {
        eprintln!("{} is replaced", files.key.display());
    }
    let issued: Issued = office.issue(order, key.algorithm, now, &SystemSerials)?;
    let files = issued.store(out, &name)?;
    println!("{}\n{}", files.chain.display(), files.key.display());
    if let Some(password) = password {
        let path = out.join(format!("{name}.p12"));
        write_private(&path, &issued.bundle(&name, password.expose())?)?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a chain whose key is somewhere else.
pub(super) fn keep_chain(out: &Path, name: &str, chain: &str) -> anyhow::Result<ExitCode> {
    let files = CertificateFiles::of(out, name);
    if files.key.exists() {
        bail!("{} is the key of another certificate: choose another --out", files.key.display());
    }
    write_public(&files.chain, chain.as_bytes())?;
    println!("{}", files.chain.display());
    Ok(ExitCode::SUCCESS)
}
