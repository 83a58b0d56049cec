//! Certificates of every kind, as they turn up at the municipal listener of a house.

use std::{fs, path::PathBuf, process::Command};

use kakehashi_contract::{Role, Zone};
use kakehashi_kernel::{Clock, Timestamp};
use kakehashi_platform::{
    pki::{Authority, CertificateFiles, Holder, SystemSerials, Validity, write_private},
    runtime::SystemClock,
};

use crate::House;

const DAY_MS: i64 = 86_400_000;
/// As the demo sets it up.
const MUNICIPALITY: &str = "999997";
/// The password of bundles.
pub const BUNDLE_PASSWORD: &str = "paper";

/// One certificate and what becomes of it.
#[derive(Debug, Clone)]
pub struct Paper {
    /// What is the matter with it.
    pub name: &'static str,
    /// The files; `None` for somebody without a certificate.
    pub files: Option<CertificateFiles>,
    /// The outcomes in the ledger that name the matter. Empty for the good one.
    pub outcomes: &'static [&'static str],
}

impl Paper {
    /// Whether it opens the door.
    pub const fn is_good(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Makes a PKCS#12 bundle of it, as a browser takes it. Its password is [`BUNDLE_PASSWORD`].
    #[track_caller]
    pub fn bundle(&self) -> Option<PathBuf> {
        let files = self.files.as_ref()?;
        let bundle = files.chain.with_extension("p12");
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-export", "-name", self.name, "-passout"]);
        command.arg(format!("pass:{BUNDLE_PASSWORD}"));
        command.arg("-in").arg(&files.chain).arg("-inkey").arg(&files.key);
        openssl(command.arg("-out").arg(&bundle));
        Some(bundle)
    }
}

/// Makes one of each for a municipality's device. The house must have been furnished; what is revoked is
/// revoked before this returns, and a gateway that runs finds the new list within seconds.
#[track_caller]
pub fn of_every_kind(house: &House) -> Vec<Paper> {
    let now = SystemClock.now();
    let authority = authority(house, "ca", now);
    let issue = |authority: &Authority, name: &str, zone, from: i64, until: i64| {
        let role = if zone == Zone::Entry { Role::Institution } else { Role::MunicipalStaff };
        let holder = Holder::new(zone, role, MUNICIPALITY, "paper");
        let validity = Validity {
            not_before: now.plus_ms(from * DAY_MS),
            not_after: now.plus_ms(until * DAY_MS),
        };
        let issued = authority.issue_client(&holder, validity, &SystemSerials);
        let issued = issued.expect("a certificate");
        let files = issued.store(&house.path("papers"), name).expect("its files");
        (issued, files)
    };
    let (revoked, revoked_files) = issue(&authority, "revoked", Zone::Municipal, 0, 30);
    authority.revoke(Zone::Municipal, &revoked.chain_pem, now).expect("ours to revoke");
    let certificates = house.path("certificates");
    authority.publish(&certificates, now, now.plus_ms(30 * DAY_MS)).expect("a new list");
    let stranger = self::authority(house, "stranger", now);
    let paper = |name, files, outcomes| Paper { name, files: Some(files), outcomes };
    vec![
        paper("good", issue(&authority, "good", Zone::Municipal, 0, 30).1, &[]),
        Paper { name: "none", files: None, outcomes: &["certificate-missing"] },
        paper(
            "expired",
            issue(&authority, "expired", Zone::Municipal, -20, -1).1,
            &["certificate-expired"],
        ),
        paper("revoked", revoked_files, &["certificate-revoked"]),
        paper(
            "other-zone",
            issue(&authority, "other-zone", Zone::Entry, 0, 30).1,
            &["certificate-unknown-issuer"],
        ),
        paper(
            "other-authority",
            issue(&stranger, "other-authority", Zone::Municipal, 0, 30).1,
            &["certificate-unknown-issuer", "certificate-bad-signature"],
        ),
        paper("wrong-usage", by_hand(house, "wrong-usage", true), &["certificate-key-usage"]),
        paper("self-signed", by_hand(house, "self-signed", false), &["certificate-unknown-issuer"]),
    ]
}

/// Issues a good certificate of the municipal zone to a device of any organisation.
#[track_caller]
pub fn of_organisation(house: &House, organisation: &str, device: &str) -> CertificateFiles {
    let now = SystemClock.now();
    let holder = Holder::new(Zone::Municipal, Role::MunicipalStaff, organisation, device);
    let issued =
        authority(house, "ca", now).issue_client(&holder, Validity::days(now, 30), &SystemSerials);
    let name = format!("{organisation}-{device}");
    let stored = issued.and_then(|issued| issued.store(&house.path("papers"), &name));
    stored.expect("a certificate")
}

#[track_caller]
fn authority(house: &House, folder: &str, now: Timestamp) -> Authority {
    Authority::ensure(&house.path(folder), Validity::days(now, 30), &SystemSerials)
        .expect("an authority")
}

/// What our own authority would not issue is issued with openssl: a certificate for servers by the
/// municipal zone's CA, or one signed by nobody.
#[track_caller]
fn by_hand(house: &House, name: &str, is_signed: bool) -> CertificateFiles {
    let files = CertificateFiles::of(&house.path("papers"), name);
    write_private(&files.key, b"").expect("a place for the key");
    let usage = if is_signed { "serverAuth" } else { "clientAuth" };
    let uri = format!("kakehashi://municipal/municipal-staff/{MUNICIPALITY}/paper");
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    command.args(["-nodes", "-days", "7", "-subj", "/O=Kakehashi/CN=paper", "-keyout"]);
    command.arg(&files.key).arg("-out").arg(&files.chain);
    for extension in [
        "basicConstraints=critical,CA:FALSE".to_owned(),
        "keyUsage=critical,digitalSignature".to_owned(),
        format!("extendedKeyUsage={usage}"),
        format!("subjectAltName=URI:{uri}"),
    ] {
        command.arg("-addext").arg(extension);
    }
    openssl(&mut command);
    if is_signed {
        sign(house, &files);
    }
    files
}

/// Has the municipal zone's CA sign what was self-signed, extensions and all.
#[track_caller]
fn sign(house: &House, files: &CertificateFiles) {
    let (request, signed) = (files.chain.with_extension("csr"), files.chain.with_extension("new"));
    let mut command = Command::new("openssl");
    command.args(["x509", "-x509toreq", "-copy_extensions", "copyall", "-in"]);
    command.arg(&files.chain).arg("-signkey").arg(&files.key).arg("-out").arg(&request);
    openssl(&mut command);
    let ca = house.path("ca/municipal");
    let mut command = Command::new("openssl");
    command.args(["x509", "-req", "-copy_extensions", "copyall", "-days", "7", "-in"]);
    command.arg(&request).arg("-CA").arg(ca.join("certificate.pem"));
    command.arg("-CAkey").arg(ca.join("key.pem")).arg("-out").arg(&signed);
    openssl(&mut command);
    let mut chain = fs::read_to_string(&signed).expect("what openssl signed");
    chain.push_str(&fs::read_to_string(ca.join("certificate.pem")).expect("the CA's certificate"));
    fs::write(&files.chain, chain).expect("the chain is written");
}

#[track_caller]
fn openssl(command: &mut Command) {
    let output = command.output().expect("openssl is installed (ops/test)");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
