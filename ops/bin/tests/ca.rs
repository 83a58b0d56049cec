//! The certificate authority as its operators meet it: the program, files, and openssl and NSS as judges.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

struct House(TempDir);

impl House {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a program in the house; `%name` stands for a path in it.
    fn run(&self, program: &str, line: &str) -> Output {
        let root = format!("{}/", self.0.path().display());
        let arguments = line.split_whitespace().map(|word| match word.strip_prefix('%') {
            Some(name) => format!("{root}{name}"),
            None => word.replace("=%", &format!("={root}")),
        });
        Command::new(program).args(arguments).output().expect(program)
    }

    #[track_caller]
    fn ca(&self, line: &str) -> String {
        let output = self.run(env!("CARGO_BIN_EXE_kakehashi"), &format!("ca {line}"));
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    #[track_caller]
    fn refused(&self, line: &str, why: &str) {
        let output = self.run(env!("CARGO_BIN_EXE_kakehashi"), &format!("ca {line}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(why), "{line}: {told}");
    }

    #[track_caller]
    fn judged(&self, program: &str, line: &str) -> String {
        let output = self.run(program, line);
        assert!(output.status.success(), "{program} {line}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A root in one folder and zones in another, as on two machines.
    fn set_up(&self, zones: &[&str], passphrase: &str) {
        self.private("passphrase", "correct horse battery staple\n");
        self.ca(&format!("init-root --ca %root-ca {passphrase} --out %carried/root.pem"));
        for zone in zones {
            self.ca(&format!("init-zone --ca %zone-ca --zone {zone} --out %carried/{zone}.csr"));
            self.ca(&format!(
                "sign-zone --ca %root-ca {passphrase} --zone {zone} \
                 --request %carried/{zone}.csr --permit-dns example.lg.jp \
                 --permit-address 10.1.0.0/16 --out %carried/{zone}.pem"
            ));
            self.ca(&format!(
                "install-zone --ca %zone-ca --zone {zone} --certificate %carried/{zone}.pem \
                 --root %carried/root.pem"
            ));
        }
        self.ca(&format!("publish --ca %root-ca {passphrase} --certificates %public"));
        // From here on the root's machine is in its safe.
        fs::rename(self.path("root-ca"), self.path("safe")).expect("moved");
        self.ca("publish --ca %zone-ca --certificates %public");
    }

    fn private(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("mode");
    }

    /// Asks openssl, strictly, whether a certificate is good.
    fn verify(&self, zone: &str, purpose: &str, policy: &str, file: &str) -> Output {
        let lists = [
            fs::read_to_string(self.path("public/root.crl.pem")).expect("the root's list"),
            fs::read_to_string(self.path(&format!("public/{zone}.crl.pem"))).expect("a list"),
        ];
        fs::write(self.path("lists.pem"), lists.concat()).expect("written");
        self.run(
            "openssl",
            &format!(
                "verify -x509_strict -purpose {purpose} -crl_check_all -CRLfile %lists.pem \
                 -policy_check -explicit_policy -policy {policy} -CAfile %public/root.pem \
                 -untrusted %public/{zone}.pem %{file}"
            ),
        )
    }

    #[track_caller]
    fn is_good(&self, zone: &str, purpose: &str, policy: &str, file: &str) {
        let output = self.verify(zone, purpose, policy, file);
        assert!(output.status.success(), "{file}: {output:?}");
    }
}

const CLIENT: &str = "2.25.238322736295081600442834485162028341261.1";
const SERVER: &str = "2.25.238322736295081600442834485162028341261.2";
const ZONES: [(&str, &str); 5] = [
    ("entry", "institution"),
    ("municipal", "municipal-staff"),
    ("national", "national-staff"),
    ("conversion", "contractor"),
    ("internal", "gateway"),
];

#[test]
fn every_profile_passes_openssl_under_the_strict_purpose_check() {
    let house = House::new();
    house.set_up(&ZONES.map(|(zone, _)| zone), "");
    for (zone, role) in ZONES {
        house.ca(&format!(
            "issue --ca %zone-ca --out %out --zone {zone} --role {role} --organisation o-1 \
             --device {zone}-1"
        ));
        let file = format!("out/{zone}-1.pem");
        house.is_good(zone, "sslclient", CLIENT, &file);
        assert!(!house.verify(zone, "sslserver", CLIENT, &file).status.success());
        assert!(!house.verify(zone, "sslclient", SERVER, &file).status.success());
        house.ca(&format!("lint %{file} --issuer %public/{zone}.pem"));
    }
    house.ca("issue-server --ca %zone-ca --out %out --name gateway --dns gateway.example.lg.jp \
         --dns 10.1.2.3 --key rsa3072");
    house.is_good("internal", "sslserver", SERVER, "out/gateway.pem");
    assert!(!house.verify("internal", "sslclient", SERVER, "out/gateway.pem").status.success());
    let server = "issue-server --ca %zone-ca --out %out --name x --dns";
    house.refused(&format!("{server} gateway.example.com"), "name-constraint");
    house.refused(&format!("{server} 10.2.0.1"), "name-constraint");
    house.ca("audit verify --ca %zone-ca");
    house.ca("audit verify --ca %safe");
}

#[test]
fn a_device_is_enrolled_renewed_and_revoked() {
    let house = House::new();
    house.set_up(&["municipal"], "--passphrase-file %passphrase");
    // A window as long as the validity, so that the story need not wait ten months.
    let profiles = house.ca("profiles").replace("renewal_days = 60", "renewal_days = 364");
    fs::write(house.path("zone-ca/profiles.toml"), profiles).expect("written");
    let invite = "invite --ca %zone-ca --zone municipal --role municipal-staff \
                  --organisation 010006 --device scan-01 --days 300";
    house.ca(&format!("{invite} --out %code.txt"));
    house.ca("request --code-file %code.txt --out %device");
    house.ca("enrol --ca %zone-ca --envelope %device/enrolment.json --out %issued");
    house.is_good("municipal", "sslclient", CLIENT, "issued/scan-01.pem");
    let enrol = "enrol --ca %zone-ca --envelope %device/enrolment.json --out %issued";
    house.refused(enrol, "takes no request any more (used)");

    // A device without our program: openssl makes key and request, and asks to be a CA.
    house.ca(&format!("{invite} --out %code2.txt"));
    house.judged(
        "openssl",
        "req -new -newkey rsa:2048 -nodes -keyout %o.key -out %o.csr -subj /CN=root \
         -addext basicConstraints=critical,CA:TRUE",
    );
    fs::write(house.path("wrong.txt"), "00000-00000-00000-00000-00000").expect("written");
    let enrol = "enrol --ca %zone-ca --request %o.csr --out %issued2 --code-file";
    house.refused(&format!("{enrol} %wrong.txt"), "no such code");
    house.ca(&format!("{enrol} %code2.txt"));
    house.is_good("municipal", "sslclient", CLIENT, "issued2/scan-01.pem");

    fs::copy(house.path("device/device.key.pem"), house.path("old.key")).expect("copied");
    house.ca(
        "renew-request --certificate %issued/scan-01.pem --certificate-key %old.key --out %next",
    );
    house.ca("renew --ca %zone-ca --envelope %next/renewal.json --out %issued3");
    house.is_good("municipal", "sslclient", CLIENT, "issued3/scan-01.pem");
    house.refused(
        "renew --ca %zone-ca --envelope %next/renewal.json --out %issued4",
        "renewed before",
    );

    let listed = house.ca("list --ca %zone-ca --format csv --expires-within 398");
    assert!(listed.starts_with('\u{feff}') && listed.contains("=\"\"010006\"\""), "{listed}");
    assert_eq!(listed.lines().count(), 4);
    assert_eq!(house.ca("list --ca %zone-ca --format json --expires-within 30"), "[]\n");

    let revoke = "revoke --ca %zone-ca --certificates %public";
    house.ca(&format!("{revoke} --certificate %issued/scan-01.pem --reason keyCompromise"));
    let output = house.verify("municipal", "sslclient", CLIENT, "issued/scan-01.pem");
    assert!(String::from_utf8_lossy(&output.stderr).contains("certificate revoked"), "{output:?}");
    house.is_good("municipal", "sslclient", CLIENT, "issued3/scan-01.pem");
    let shown = house.judged("openssl", "crl -in %public/municipal.crl.pem -noout -text");
    assert!(shown.contains("Key Compromise"), "{shown}");
    house.ca(&format!("{revoke} --organisation 010006 --reason cessation-of-operation"));
    assert_eq!(house.ca("list --ca %zone-ca --format json"), "[]\n");
    house.refused(&format!("{revoke} --serial 4a5e"), "knows no such certificate");

    let verified = house.ca("audit verify --ca %zone-ca");
    assert!(verified.contains("unbroken") && verified.contains("0 discrepancies"), "{verified}");
    let journal = house.path("zone-ca/journal.jsonl");
    let text = fs::read_to_string(&journal).expect("the journal");
    fs::write(&journal, text.replace("key-compromise", "superseded")).expect("written");
    house.refused("list --ca %zone-ca", "対処");
    house.refused("audit verify --ca %zone-ca", "the journal of this CA was changed");
}

#[test]
fn a_bundle_opens_in_openssl_and_in_nss() {
    let house = House::new();
    house.set_up(&["entry"], "");
    house.private("password", "demo-password\n");
    house.ca("issue --ca %zone-ca --out %out --zone entry --role institution --organisation o-1 \
         --device pc-1 --key rsa2048 --bundle-password-file %password");
    let shown =
        house.judged("openssl", "pkcs12 -in %out/pc-1.p12 -passin pass:demo-password -nodes");
    assert!(shown.contains("BEGIN PRIVATE KEY") && shown.contains("BEGIN CERTIFICATE"));
    let wrong = house.run("openssl", "pkcs12 -in %out/pc-1.p12 -passin pass:other -nodes");
    assert!(!wrong.status.success());
    fs::create_dir(house.path("nss")).expect("a folder");
    house.judged("certutil", "-N -d %nss --empty-password");
    house.judged("pk12util", "-i %out/pc-1.p12 -d %nss -W demo-password");
    let listed = house.judged("certutil", "-L -d %nss");
    assert!(listed.contains("u,u,u"), "{listed}");
}

#[test]
fn help_names_every_command_in_both_languages() {
    let house = House::new();
    let help = house.ca("--help");
    for word in ["init-root", "発行", "失効", "更新", "Issues a client certificate"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(Path::new(env!("CARGO_BIN_EXE_kakehashi")).exists());
}
