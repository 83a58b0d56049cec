//! `kakehashi ca`: issues and revokes client certificates. The only command that opens CA keys.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Subcommand;
use kakehashi_contract::{Role, Zone};
use kakehashi_kernel::Clock;
use kakehashi_platform::{
    pki::{Authority, Holder, SystemSerials, Validity},
    runtime::SystemClock,
};

const CA_DAYS: u16 = 3650;
const LIST_DAYS: i64 = 30;

/// What to do with the CA.
#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Issues a client certificate
    Issue {
        /// The folder of the CA
        #[arg(long)]
        ca: PathBuf,
        /// Where to write `<device>.pem` and `<device>.key.pem`
        #[arg(long)]
        out: PathBuf,
        /// entry, municipal, national, conversion or internal
        #[arg(long)]
        zone: Zone,
        /// institution, municipal-staff, national-staff, contractor, gateway or component
        #[arg(long)]
        role: Role,
        /// Municipality code, institution code …
        #[arg(long)]
        organisation: String,
        /// The device
        #[arg(long)]
        device: String,
        /// Days of validity
        #[arg(long, default_value_t = 365)]
        days: u16,
    },
    /// Revokes a certificate and publishes new revocation lists
    Revoke {
        /// The folder of the CA
        #[arg(long)]
        ca: PathBuf,
        /// The folder that gateway and components read
        #[arg(long)]
        certificates: PathBuf,
        /// The zone of the certificate
        #[arg(long)]
        zone: Zone,
        /// The certificate, PEM
        #[arg(long)]
        certificate: PathBuf,
    },
}

pub(crate) fn run(command: CaCommand) -> anyhow::Result<ExitCode> {
    let now = SystemClock.now();
    let open = |folder: &PathBuf| {
        Authority::ensure(folder, Validity::days(now, CA_DAYS), &SystemSerials)
            .with_context(|| format!("cannot open the CA in {}", folder.display()))
    };
    match command {
        CaCommand::Issue { ca, out, zone, role, organisation, device, days } => {
            let holder = Holder::new(zone, role, organisation, device.clone());
            let issued =
                open(&ca)?.issue_client(&holder, Validity::days(now, days), &SystemSerials)?;
            let files = issued.store(&out, &device)?;
            println!("{}\n{}", files.chain.display(), files.key.display());
        }
        CaCommand::Revoke { ca, certificates, zone, certificate } => {
            let authority = open(&ca)?;
            let chain = fs::read_to_string(&certificate)
                .with_context(|| format!("cannot read {}", certificate.display()))?;
            authority.revoke(zone, &chain, now)?;
            authority.publish(&certificates, now, now.plus_ms(LIST_DAYS * 86_400_000))?;
            println!("revoked; the gateway picks the new list up by itself");
        }
    }
    Ok(ExitCode::SUCCESS)
}
