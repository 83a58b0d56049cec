//! `request` and `renew-request`: the device's side. The key never leaves the device.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use kakehashi_platform::pki::{
    CertificateFiles, EnrolmentCode, Issued, KeyAlgorithm, RenewalEnvelope, SigningRequest,
    write_private, write_public,
};

use super::desk::read_text;

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The file with the one-time code
    #[arg(long)]
    code_file: PathBuf,
    /// Where to write `device.key.pem` (stays here) and `enrolment.json` (goes to the CA)
    #[arg(long)]
    out: PathBuf,
    /// p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long, default_value = "p256")]
    key: KeyAlgorithm,
}

impl Request {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let code = EnrolmentCode::parse(&read_text(&self.code_file)?)?;
        let key_path = self.out.join("device.key.pem");
        if key_path.exists() {
            bail!("{} is there already and is not replaced", key_path.display());
        }
        let key = self.key.generate()?;
        let envelope = code.envelope(&SigningRequest::make(&key)?)?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        let path = self.out.join("enrolment.json");
        write_public(&path, envelope.to_json().as_bytes())?;
        println!("{}\n{}", key_path.display(), path.display());
        println!("next: carry enrolment.json to the CA (次: enrolment.json を認証局へ)");
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub(crate) struct RenewRequest {
    /// The present certificate, PEM
    #[arg(long)]
    certificate: PathBuf,
    /// Its key
    #[arg(long)]
    certificate_key: PathBuf,
    /// Where to write `device.key.pem` (the new key, stays here) and `renewal.json` (goes to the CA)
    #[arg(long)]
    out: PathBuf,
    /// p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long, default_value = "p256")]
    key: KeyAlgorithm,
}

impl RenewRequest {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let key_path = self.out.join("device.key.pem");
        if key_path.exists() {
            bail!("{} is there already and is not replaced", key_path.display());
        }
        let present = Issued::load(&CertificateFiles {
            chain: self.certificate.clone(),
            key: self.certificate_key.clone(),
        })?;
        let key = self.key.generate()?;
        let envelope = RenewalEnvelope::make(&present, &SigningRequest::make(&key)?)?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        let path = self.out.join("renewal.json");
        write_public(&path, envelope.to_json().as_bytes())?;
        println!("{}\n{}", key_path.display(), path.display());
        println!("next: carry renewal.json to the CA (次: renewal.json を認証局へ)");
        Ok(ExitCode::SUCCESS)
    }
}
