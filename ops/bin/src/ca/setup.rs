//! `init-root`, `init-zone`, `sign-zone`, `install-zone`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use kakehashi_contract::Zone;
use kakehashi_platform::pki::{
    Network, REQUEST_BYTES_MAX, SigningRequest, SystemSerials, write_public,
};

use super::desk::{Desk, NewKey, read, read_text};

#[derive(Debug, Args)]
pub(crate) struct InitRoot {
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    key: NewKey,
    /// Days of validity; without it as in the profiles
    #[arg(long)]
    days: Option<u16>,
    /// Where to write the root's certificate for carrying to the zones
    #[arg(long)]
    out: PathBuf,
}

impl InitRoot {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let passphrase = self.desk.new_passphrase(&self.key)?;
        let (mut office, now) = self.desk.open()?;
        let pem = office.make_root(self.days, passphrase.as_ref(), now, &SystemSerials)?;
        write_public(&self.out, pem.as_bytes())?;
        println!("{}", self.out.display());
        println!("next: `kakehashi ca init-zone` for each zone (次: 各ゾーンで init-zone)");
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct InitZone {
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    key: NewKey,
    /// entry, municipal, national, conversion or internal
    #[arg(long)]
    zone: Zone,
    /// Where to write the request for the root
    #[arg(long)]
    out: PathBuf,
}

impl InitZone {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let passphrase = self.desk.new_passphrase(&self.key)?;
        let (mut office, now) = self.desk.open()?;
        let request = office.request_zone(self.zone, passphrase.as_ref(), now)?;
        write_public(&self.out, request.as_bytes())?;
        println!("{}", self.out.display());
        println!("next: `kakehashi ca sign-zone` where the root is (次: ルート側で sign-zone)");
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct SignZone {
    #[command(flatten)]
    desk: Desk,
    /// The zone
    #[arg(long)]
    zone: Zone,
    /// The request of `init-zone`
    #[arg(long)]
    request: PathBuf,
    /// Internal zone: a DNS name that servers may bear, with everything below it (may be repeated)
    #[arg(long)]
    permit_dns: Vec<String>,
    /// Internal zone: addresses that servers may bear, `10.1.0.0/16` (may be repeated)
    #[arg(long)]
    permit_address: Vec<Network>,
    /// Where to write the zone's certificate
    #[arg(long)]
    out: PathBuf,
}

impl SignZone {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        let request = SigningRequest::parse(&read(&self.request, REQUEST_BYTES_MAX)?)
            .map_err(kakehashi_platform::pki::PkiError::from)?;
        let pem = office.sign_zone(
            self.zone,
            &request,
            &self.permit_dns,
            &self.permit_address,
            now,
            &SystemSerials,
        )?;
        write_public(&self.out, pem.as_bytes())?;
        println!("{}", self.out.display());
        println!(
            "next: `kakehashi ca install-zone` where the zone's key is (次: ゾーン側で install-zone)"
        );
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct InstallZone {
    #[command(flatten)]
    desk: Desk,
    /// The zone
    #[arg(long)]
    zone: Zone,
    /// The certificate of `sign-zone`
    #[arg(long)]
    certificate: PathBuf,
    /// The root's certificate
    #[arg(long)]
    root: PathBuf,
}

impl InstallZone {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        let (certificate, root) = (read_text(&self.certificate)?, read_text(&self.root)?);
        office.install_zone(self.zone, &certificate, &root, now)?;
        println!("{} can issue now ({}: 発行できます)", self.zone, self.zone);
        Ok(ExitCode::SUCCESS)
    }
}
