//! `revoke` and `publish`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use kakehashi_contract::Zone;
use kakehashi_platform::pki::{Published, Reason, Seat, Selection, Serial};

use super::desk::{Desk, read_text};

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    desk: Desk,
    /// The folder that gateway and components read: new lists are published there at once
    #[arg(long)]
    certificates: PathBuf,
    /// Only in this zone
    #[arg(long)]
    zone: Option<Zone>,
    /// The certificate, PEM
    #[arg(long, conflicts_with_all = ["serial", "organisation"])]
    certificate: Option<PathBuf>,
    /// Or its serial number, hexadecimal
    #[arg(long, conflicts_with = "organisation")]
    serial: Option<Serial>,
    /// Or every certificate of this organisation, and its open enrolment codes …
    #[arg(long)]
    organisation: Option<String>,
    /// … or of one device of it
    #[arg(long, requires = "organisation")]
    device: Option<String>,
    /// unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation …
    #[arg(long, default_value = "unspecified")]
    reason: Reason,
}

impl Revoke {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        let revoked = office.revoke(&self.selection()?, self.reason, now)?;
        for (seat, serial) in &revoked {
            println!("{seat} {}", serial.colons());
        }
        if revoked.is_empty() {
            println!("nothing new to revoke (新たな失効なし)");
        }
        let published = office.publish(&self.certificates, None, None, now)?;
        print(&published);
        println!("revoked; the gateway picks the new list up by itself (失効済み)");
        Ok(ExitCode::SUCCESS)
    }

    fn selection(&self) -> anyhow::Result<Selection> {
        if let Some(path) = &self.certificate {
            return Ok(Selection::Certificate(read_text(path)?));
        }
        if let Some(serial) = &self.serial {
            return Ok(Selection::Serial(serial.clone()));
        }
        let Some(organisation) = &self.organisation else {
            bail!("say what to revoke: --certificate, --serial or --organisation")
        };
        Ok(Selection::Holder {
            zone: self.zone,
            organisation: organisation.clone(),
            device: self.device.clone(),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    #[command(flatten)]
    desk: Desk,
    /// The folder that gateway and components read
    #[arg(long)]
    certificates: PathBuf,
    /// Only this CA: root or a zone; without it every CA whose key is here
    #[arg(long = "only")]
    only: Option<Seat>,
    /// Hours until the next list must be there; without it as in the profiles
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=9600))]
    next_update_hours: Option<u32>,
}

impl Publish {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        print(&office.publish(&self.certificates, self.only, self.next_update_hours, now)?);
        Ok(ExitCode::SUCCESS)
    }
}

fn print(published: &[Published]) {
    for list in published {
        println!(
            "{}: list {} with {} entries, next before {}",
            list.path.display(),
            list.number,
            list.revoked,
            list.next_update.display_japan()
        );
    }
}
