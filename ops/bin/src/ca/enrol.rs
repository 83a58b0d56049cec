//! `invite`, `withdraw`, `enrol` and `renew`: the CA's side.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use kakehashi_platform::pki::{
    ENVELOPE_BYTES_MAX, EnrolmentCode, EnrolmentEnvelope, Invitation, PkiError, REQUEST_BYTES_MAX,
    RenewalEnvelope, SigningRequest, SystemSerials, write_private,
};

use super::{
    desk::{Desk, read, read_text},
    issue::{Holder, keep_chain},
};

#[derive(Debug, Args)]
pub(crate) struct Invite {
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    holder: Holder,
    /// Hours in which the code must be used; without it as in the profiles
    #[arg(long)]
    valid_hours: Option<u32>,
    /// Where to write the code (mode 0600); it is shown nowhere else
    #[arg(long)]
    out: PathBuf,
}

impl Invite {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.out.exists() {
            bail!("{} is there already: choose another --out", self.out.display());
        }
        let (mut office, now) = self.desk.open()?;
        let invitation = Invitation { order: self.holder.order(), valid_hours: self.valid_hours };
        let code = office.invite(&invitation, now, &SystemSerials)?;
        write_private(&self.out, format!("{}\n", code.reveal()).as_bytes())?;
        println!("{}\nenrolment {} (登録番号)", self.out.display(), code.id());
        println!("next: `kakehashi ca request` on the device (次: 端末で request)");
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    desk: Desk,
    /// The enrolment: the first five letters of its code
    #[arg(long)]
    enrolment: String,
}

impl Withdraw {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        office.withdraw(&self.enrolment.to_ascii_uppercase(), now)?;
        println!("withdrawn (取り消しました)");
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Enrol {
    #[command(flatten)]
    desk: Desk,
    /// The device's envelope from `kakehashi ca request`
    #[arg(long, required_unless_present = "request", conflicts_with = "request")]
    envelope: Option<PathBuf>,
    /// Or a bare request (PKCS#10, PEM or DER) from a device without this program …
    #[arg(long, requires = "code_file")]
    request: Option<PathBuf>,
    /// … and a file with its code
    #[arg(long, requires = "request")]
    code_file: Option<PathBuf>,
    /// Where to write `<device>.pem`
    #[arg(long)]
    out: PathBuf,
}

impl Enrol {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        let (enrolment, chain) = match (&self.envelope, &self.request, &self.code_file) {
            (Some(path), ..) => {
                let envelope = EnrolmentEnvelope::parse(&read(path, ENVELOPE_BYTES_MAX)?)?;
                office.enrol(&envelope, now, &SystemSerials)?
            }
            (None, Some(path), Some(code)) => {
                let request = SigningRequest::parse(&read(path, REQUEST_BYTES_MAX)?)
                    .map_err(PkiError::from)?;
                let code = EnrolmentCode::parse(&read_text(code)?)?;
                office.enrol_by_code(&code, &request, now, &SystemSerials)?
            }
            _ => bail!("give --envelope, or --request with --code-file"),
        };
        keep_chain(&self.out, enrolment.subject.device(), &chain)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    desk: Desk,
    /// The device's envelope from `kakehashi ca renew-request`
    #[arg(long)]
    envelope: PathBuf,
    /// Where to write `<device>.pem`
    #[arg(long)]
    out: PathBuf,
}

impl Renew {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (mut office, now) = self.desk.open()?;
        let envelope = RenewalEnvelope::parse(&read(&self.envelope, ENVELOPE_BYTES_MAX)?)?;
        let (old, chain) = office.renew(&envelope, now, &SystemSerials)?;
        println!(
            "{} stays valid until {} (旧証明書の期限)",
            old.serial.colons(),
            old.not_after.display_japan()
        );
        keep_chain(&self.out, old.subject.device(), &chain)
    }
}
