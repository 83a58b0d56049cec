//! What scanners of TLS say about the door: testssl.sh and `SSLyze`, each told in full what is accepted and
//! why. Anything else above "low" fails.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, time::Duration};

use kakehashi_contract::Zone;
use kakehashi_e2e::{
    House, Listening, Started,
    papers::{self, Paper},
    tool::told,
};
use serde::Deserialize;
use serde_json::Value;

/// For one run of a scanner on a busy machine.
const SCAN: Duration = Duration::from_mins(4);

/// What testssl.sh remarks on and we accept, and why.
const ACCEPTED: [(&str, &str); 2] = [
    (
        "cert_revocation",
        "clients know the server by one private root; a lost server key is a new root",
    ),
    ("engine_problem", "a remark on the scanner's own openssl, which has no GOST"),
];

struct Scanned {
    house: House,
    _server: Started,
    port: u16,
    good: Paper,
}

impl Scanned {
    #[track_caller]
    fn start() -> Self {
        let house = House::new();
        house.furnish();
        let good = papers::of_every_kind(&house).swap_remove(0);
        let Listening { server, ports } = Listening::of(&house);
        Self { port: ports[&Zone::Municipal], house, _server: server, good }
    }

    /// testssl.sh 3.0 cannot show a certificate itself; its openssl can. And where it asks for a session to
    /// keep it hangs up at once, often before the ticket, which TLS 1.3 sends after the handshake (RFC 8446
    /// §4.6.1); so that one connection stays open for a second.
    #[track_caller]
    fn openssl(&self) -> PathBuf {
        let files = self.good.files.as_ref().expect("the good one has files");
        let path = self.house.path("openssl");
        let script = format!(
            r#"#!/bin/sh
if [ "$1" != s_client ]; then exec openssl "$@"; fi
shift
set -- s_client -cert '{chain}' -key '{key}' "$@"
case " $* " in *" -sess_out "*) sleep 1 | openssl "$@" ;; *) exec openssl "$@" ;; esac
"#,
            chain = files.chain.display(),
            key = files.key.display(),
        );
        fs::write(&path, script)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o700)))
            .expect("a script of ours");
        path
    }

    fn target(&self) -> String {
        format!("localhost:{}", self.port)
    }
}

#[derive(Debug, Deserialize)]
struct Remark {
    id: String,
    severity: String,
    finding: String,
}

#[test]
fn testssl_finds_nothing_that_matters() {
    let scanned = Scanned::start();
    let report = scanned.house.path("testssl.json");
    let mut command = Command::new("testssl");
    command.arg("--openssl").arg(scanned.openssl());
    command.args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none"]);
    command.args([
        "--ip",
        "127.0.0.1",
        "--assume-http",
        "--protocols",
        "--server-defaults",
        "--standard",
    ]);
    command.args(["--fs", "--vulnerable", "--openssl-timeout", "20"]);
    command.arg("--add-ca").arg(scanned.house.path("certificates/root.pem"));
    command.arg("--jsonfile").arg(&report).arg(scanned.target());
    let told = told(&mut command, "", SCAN);
    let text = fs::read_to_string(&report).unwrap_or_else(|_| panic!("no report:\n{}", told.text));
    let remarks: Vec<Remark> = serde_json::from_str(&text).expect("a list of remarks");
    let said = |id: &str| remarks.iter().find(|remark| remark.id == id);
    // The scan has really happened.
    assert!(
        said("TLS1_3").is_some_and(|remark| remark.finding.contains("offered")),
        "{remarks:#?}"
    );
    for old in ["SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"] {
        let is_off = said(old).is_some_and(|remark| remark.finding.contains("not offered"));
        assert!(is_off, "{old}: {:?}", said(old));
    }
    let is_fine = |remark: &&Remark| {
        matches!(remark.severity.as_str(), "OK" | "INFO" | "LOW" | "DEBUG")
            || ACCEPTED.iter().any(|(id, _)| remark.id.starts_with(id))
    };
    let faults: Vec<&Remark> = remarks.iter().filter(|remark| !is_fine(remark)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn sslyze_finds_nothing_that_matters() {
    let scanned = Scanned::start();
    let files = scanned.good.files.as_ref().expect("the good one has files");
    let mut command = Command::new(judge_named("sslyze"));
    command.arg("--cert").arg(&files.chain).arg("--key").arg(&files.key);
    command.arg("--certinfo_ca_file").arg(scanned.house.path("certificates/root.pem"));
    let report = scanned.house.path("sslyze.json");
    command.arg(format!("--json_out={}", report.display()));
    command.args(["--quiet", "--mozilla_config=disable", "--certinfo"]);
    for check in [
        "sslv3",
        "tlsv1",
        "tlsv1_1",
        "tlsv1_2",
        "tlsv1_3",
        "compression",
        "early_data",
        "heartbleed",
        "openssl_ccs",
        "robot",
        "reneg",
        "resum",
        "fallback",
        "elliptic_curves",
    ] {
        command.arg(format!("--{check}"));
    }
    let told = told(command.arg(scanned.target()), "", SCAN);
    let text = fs::read_to_string(&report).unwrap_or_else(|_| panic!("no report:\n{}", told.text));
    let report: Value = serde_json::from_str(&text).expect("a report");
    let [scan] = &report["server_scan_results"].as_array().expect("results")[..] else {
        panic!("{report:#}")
    };
    assert_eq!(scan["scan_status"], "COMPLETED", "{scan:#}");
    judge(&scan["scan_result"]);
}

/// Every answer of every check, as it must be.
#[track_caller]
fn judge(found: &Value) {
    let of = |check: &str, pointer: &str| {
        let check = &found[check];
        assert_eq!(check["status"], "COMPLETED", "{check:#}");
        check["result"].pointer(pointer).unwrap_or_else(|| panic!("{pointer}: {check:#}")).clone()
    };
    let suites = |version: &str| {
        let accepted = of(&format!("{version}_cipher_suites"), "/accepted_cipher_suites");
        let accepted = accepted.as_array().expect("a list").clone();
        let name = |suite: &Value| suite["cipher_suite"]["name"].as_str().unwrap_or("?").to_owned();
        accepted.iter().map(name).collect::<Vec<_>>()
    };
    // Whether SSL 2 is off testssl.sh says: SSLyze's client for it does not understand a modern refusal.
    for old in ["ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"] {
        assert_eq!(suites(old), [""; 0], "{old}");
    }
    let mut offered = suites("tls_1_3");
    offered.sort();
    let aead = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
    assert_eq!(offered, aead);
    for (check, pointer) in [
        ("tls_compression", "/supports_compression"),
        ("tls_1_3_early_data", "/supports_early_data"),
        ("heartbleed", "/is_vulnerable_to_heartbleed"),
        ("openssl_ccs_injection", "/is_vulnerable_to_ccs_injection"),
        ("session_renegotiation", "/is_vulnerable_to_client_renegotiation_dos"),
    ] {
        assert_eq!(of(check, pointer), Value::Bool(false), "{check}");
    }
    let robot = of("robot", "/robot_result");
    assert!(robot.as_str().is_some_and(|result| result.starts_with("NOT_VULNERABLE")), "{robot}");
    let chains = of("certificate_info", "/certificate_deployments");
    for chain in chains.as_array().expect("a list") {
        assert_eq!(chain["leaf_certificate_subject_matches_hostname"], true, "{chain:#}");
        assert_eq!(chain["verified_chain_has_sha1_signature"], false, "{chain:#}");
        assert_eq!(chain["received_chain_has_valid_order"], true, "{chain:#}");
        let trusted = chain["path_validation_results"].as_array().into_iter().flatten();
        let by_ours = |result: &&Value| result["trust_store"]["name"] == "Supplied CA file";
        assert!(trusted.clone().any(|r| by_ours(&r) && r["was_validation_successful"] == true));
    }
}

/// One of other people's judges from `PyPI`, which ops/test keeps beside the build.
#[track_caller]
fn judge_named(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a file");
    let target = test.ancestors().nth(3).expect("tests lie in target/release/deps");
    let judge = target.join("judges/bin").join(name);
    assert!(judge.is_file(), "{} is missing: run ops/test once", judge.display());
    judge
}
