//! Sets up a data folder for the demo: CA, certificates, keys, policy, configuration.
//!
//! Idempotent: a folder that is there already is used as it is, whatever was interrupted before.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use kakehashi_contract::{Role, Zone};
use kakehashi_kernel::{Clock, Sensitive};
use kakehashi_platform::{
    pki::{
        Authority, CertificateFiles, Holder, Issued, SystemSerials, Validity, write_private,
        write_public,
    },
    runtime::{SystemClock, SystemEntropy, load_config},
};
use kakehashi_seal::Entropy;
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// The demo's municipality: a code with a valid check digit that no municipality has.
pub(crate) const MUNICIPALITY: &str = "999997";
/// The demo's medical institution.
pub(crate) const INSTITUTION: &str = "demo-hospital";
/// The demo's contractor.
pub(crate) const CONTRACTOR: &str = "demo-contractor";

const CA_DAYS: u16 = 3650;
const LEAF_DAYS: u16 = 365;
const LIST_DAYS: i64 = 30;

/// A prepared data folder.
pub(crate) struct Prepared {
    /// The folder.
    pub(crate) root: PathBuf,
    /// The configuration in it.
    pub(crate) config: Config,
    /// Client certificates of the three outside parties.
    pub(crate) clients: Clients,
    /// Who may sign in.
    pub(crate) accounts: DemoAccounts,
    /// Held while this process uses the folder.
    _lock: fs::File,
}

/// Client certificates.
pub(crate) struct Clients {
    pub(crate) root: PathBuf,
    pub(crate) municipality: CertificateFiles,
    pub(crate) institution: CertificateFiles,
    pub(crate) contractor: CertificateFiles,
    /// Opens the `.p12` files for a browser.
    pub(crate) bundle_password: Sensitive<String>,
}

/// The demo's accounts, with passwords drawn at random for this folder.
#[derive(Clone, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the words of the file in the data folder")]
pub(crate) struct DemoAccounts {
    pub(crate) doctor_password: Sensitive<String>,
    pub(crate) clerk_password: Sensitive<String>,
    pub(crate) bundle_password: Sensitive<String>,
}

impl DemoAccounts {
    pub(crate) const DOCTOR: &'static str = "doctor";
    pub(crate) const CLERK: &'static str = "clerk";
}

/// Prepares `root`.
pub(crate) fn prepare(root: &Path) -> anyhow::Result<Prepared> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    let root = root.canonicalize()?;
    let lock = fs::File::create(root.join("lock"))?;
    lock.try_lock().with_context(|| {
        format!("another process is using {}: stop it, or choose another --data", root.display())
    })?;
    let accounts = accounts(&root)?;
    let clients = certificates(&root, &accounts)?;
    let config = configuration(&root)?;
    Ok(Prepared { root, config, clients, accounts, _lock: lock })
}

fn certificates(root: &Path, accounts: &DemoAccounts) -> anyhow::Result<Clients> {
    let now = SystemClock.now();
    let serials = &SystemSerials;
    let authority = Authority::ensure(&root.join("ca"), Validity::days(now, CA_DAYS), serials)?;
    let servers = root.join("certificates");
    authority.publish(&servers, now, now.plus_ms(LIST_DAYS * 86_400_000))?;
    let leaf = Validity::days(now, LEAF_DAYS);
    for name in ["gateway", "ingest", "converter", "registry"] {
        authority.ensure_server(&servers, name, now, leaf, serials)?;
    }
    let gateway = Holder::new(Zone::Internal, Role::Gateway, "kakehashi", "gateway");
    authority.ensure_client(&servers, "gateway-client", &gateway, now, leaf, serials)?;

    let folder = root.join("clients");
    let client = |name: &str, zone, role, organisation: &str| {
        let holder = Holder::new(zone, role, organisation, format!("{name}-01"));
        let files = authority.ensure_client(&folder, name, &holder, now, leaf, serials)?;
        let bundle = folder.join(format!("{name}.p12"));
        if !bundle.exists() {
            let password = accounts.bundle_password.expose();
            write_private(&bundle, &Issued::load(&files)?.bundle(name, password)?)?;
        }
        anyhow::Ok(files)
    };
    Ok(Clients {
        root: servers.join("root.pem"),
        municipality: client("municipality", Zone::Municipal, Role::MunicipalStaff, MUNICIPALITY)?,
        institution: client("institution", Zone::Entry, Role::Institution, INSTITUTION)?,
        contractor: client("contractor", Zone::Conversion, Role::Contractor, CONTRACTOR)?,
        bundle_password: accounts.bundle_password.clone(),
    })
}

fn accounts(root: &Path) -> anyhow::Result<DemoAccounts> {
    let path = root.join("demo-accounts.toml");
    if !path.exists() {
        let accounts = DemoAccounts {
            doctor_password: password(),
            clerk_password: password(),
            bundle_password: password(),
        };
        write_private(&path, toml::to_string(&accounts)?.as_bytes())?;
    }
    Ok(toml::from_str(&fs::read_to_string(&path)?)?)
}

/// Sixteen letters and digits that nobody confuses, in groups of four: about 78 bits.
fn password() -> Sensitive<String> {
    const LETTERS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    Sensitive::new(groups.join("-"))
}

/// Longest path of a Unix socket, less the end of string (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The operator's socket, where its path is not too long for one.
fn control(root: &Path) -> String {
    let path = root.join("data/gateway.sock");
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return String::new();
    }
    format!("control = \"{}\"", path.display())
}

fn configuration(root: &Path) -> anyhow::Result<Config> {
    let policy = root.join("policy.toml");
    write_public(&policy, include_bytes!("../../deploy/policy.toml"))?;
    let path = root.join("kakehashi.toml");
    if !path.exists() {
        let folder = |name: &str| format!("\"{}\"", root.join(name).display());
        let text = include_str!("../../deploy/kakehashi.toml")
            .replace("\"/var/lib/kakehashi\"", &folder("data"))
            .replace(
                "\"/var/lib/kakehashi/gateway-audit.jsonl\"",
                &folder("data/gateway-audit.jsonl"),
            )
            .replace("\"/var/lib/kakehashi/suspended.toml\"", &folder("data/suspended.toml"))
            .replace("\"/var/lib/kakehashi/guard.json\"", &folder("data/guard.json"))
            .replace("\"/var/lib/kakehashi/alerts.jsonl\"", &folder("data/alerts.jsonl"))
            .replace("control = \"/run/kakehashi/gateway.sock\"", &control(root))
            // Lists are published at each start, for a month.
            .replace("revocations_age_max_hours = 48", "revocations_age_max_hours = 720")
            .replace("127.0.0.1:9440", "127.0.0.1:0")
            .replace("\"/etc/kakehashi/keys\"", &folder("keys"))
            .replace("\"/etc/kakehashi/certificates\"", &folder("certificates"))
            .replace("\"/etc/kakehashi/policy.toml\"", &folder("policy.toml"))
            .replace(
                "\"/etc/kakehashi/certificates/",
                &format!("\"{}/", root.join("certificates").display()),
            )
            .replace("format = \"json\"", "format = \"text\"")
            .replace("127.0.0.1:8511", "127.0.0.1:0")
            .replace("127.0.0.1:8512", "127.0.0.1:0")
            .replace("127.0.0.1:8513", "127.0.0.1:0")
            .replace("overdue_ms = 1800000", "overdue_ms = 20000\nsweep_every_ms = 5000");
        // As a whole or not at all: a torn file would be taken for the operator's.
        write_public(&path, text.as_bytes())?;
    }
    fs::create_dir_all(root.join("data"))?;
    Ok(load_config(&path)?)
}
