//! `kakehashi doctor` and the gateway's own page (接続確認), against the real gateway.

use std::{
    ffi::OsString,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use kakehashi_contract::{Zone, reception::RECEPTION_PATH};
use kakehashi_e2e::{
    House, Listening, Started,
    papers::{self, Paper},
    program::run,
    tool::told,
};
use serde_json::Value;

const COMMAND: Duration = Duration::from_mins(1);
const DEADLINE: Duration = Duration::from_secs(30);

struct Clinic {
    house: House,
    _server: Started,
    port: u16,
}

impl Clinic {
    /// Asks the doctor; answers the exit code and the report.
    #[track_caller]
    fn ask(&self, paper: &Paper) -> (i32, Value) {
        let files = paper.files.as_ref().expect("files");
        let mut arguments: Vec<OsString> = vec!["doctor".into(), "--json".into()];
        arguments.push(format!("https://localhost:{}", self.port).into());
        for (option, path) in [
            ("--certificate", files.chain.clone()),
            ("--key", files.key.clone()),
            ("--root", self.house.path("certificates/root.pem")),
        ] {
            arguments.extend([option.into(), path.into_os_string()]);
        }
        let finished = run(arguments, COMMAND);
        let report = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", finished.stdout, finished.stderr));
        (finished.status.code().expect("it ends by itself"), report)
    }
}

#[test]
fn the_doctor_says_who_gets_through_and_where_others_are_stopped() {
    let house = House::new();
    house.furnish();
    let papers = papers::of_every_kind(&house);
    let Listening { server, ports } = Listening::of(&house);
    let clinic = Clinic { port: ports[&Zone::Municipal], _server: server, house };
    let blocked = |name: &str| {
        let paper = papers.iter().find(|paper| paper.name == name).expect("such a paper");
        let (code, report) = clinic.ask(paper);
        let checks = report["checks"].as_array().expect("checks").clone();
        let failed = checks.iter().find(|check| check["state"] == "failed");
        let failed = failed.map(|check| format!("{} {}", check["step"], check["code"]));
        (code, failed.unwrap_or_default().replace('"', ""), report)
    };
    let (code, failed, report) = blocked("good");
    // A warning is no fault of the gateway's: a proxy in the environment of the machine, say.
    assert!(code < 2 && failed.is_empty(), "{report:#}");
    let all_done = report["checks"].as_array().expect("checks").iter();
    assert!(all_done.clone().all(|check| check["state"] != "not-done"), "{report:#}");
    for (name, expected) in [
        ("expired", "files certificate-expired"),
        ("wrong-usage", "files certificate-key-usage"),
        ("revoked", "certificate certificate-revoked"),
        ("other-zone", "certificate certificate-unknown-issuer"),
    ] {
        let asked = Instant::now();
        let (code, failed, report) = loop {
            let found = blocked(name);
            // The gateway may be reading a new revocation list just then.
            if found.1 == expected || asked.elapsed() > DEADLINE {
                break found;
            }
        };
        assert_eq!((code, failed.as_str()), (2, expected), "{report:#}");
        let last = report["checks"].as_array().and_then(|checks| checks.last()).expect("checks");
        assert_eq!((&last["step"], &last["state"]), (&"upstreams".into(), &"not-done".into()));
    }
    page(&clinic, &papers[0]);
}

/// A browser gets a page in Japanese, a program JSON; nobody gets it otherwise than by asking.
#[track_caller]
fn page(clinic: &Clinic, paper: &Paper) {
    let files = paper.files.as_ref().expect("files");
    let ask = |more: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--include", "--cacert"]);
        command.arg(clinic.house.path("certificates/root.pem")).args(more);
        command.arg("--cert").arg(&files.chain).arg("--key").arg(&files.key);
        command.arg(format!("https://localhost:{}{RECEPTION_PATH}", clinic.port));
        told(&mut command, "", COMMAND).text
    };
    let page = ask(&["--header", "Accept: text/html,*/*;q=0.8"]);
    assert!(page.contains("text/html") && page.contains("正常に接続できています"), "{page}");
    assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
    let document = ask(&[]);
    assert!(document.contains("application/json") && document.contains("\"open\""), "{document}");
    assert!(!ask(&["--request", "POST"]).contains("\"open\""));
    let ledger = fs::read_to_string(clinic.house.path("data/gateway-audit.jsonl"));
    assert!(ledger.expect("the ledger").contains(RECEPTION_PATH), "visits are in the ledger too");
}
