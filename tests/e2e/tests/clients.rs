//! Other people's clients at the door, each with a good certificate and with every bad one. The good one is
//! answered; the bad ones get nothing, reach no component, and are named in the ledger.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use kakehashi_contract::{AuditEntry, Zone};
use kakehashi_e2e::{
    House, Listening, Started,
    ledger::Ledger,
    papers::{self, BUNDLE_PASSWORD, Paper},
    tool::told,
    until,
};

/// A page of the municipality that answers with its own totals.
const TOTALS: &str = "/api/scans/summary";
/// For one run of a client on a busy machine.
const CLIENT: Duration = Duration::from_mins(1);
const LEDGER: Duration = Duration::from_secs(30);

/// A house that serves, and certificates of every kind.
struct Street {
    house: House,
    _server: Started,
    port: u16,
    ledger: Ledger,
    papers: Vec<Paper>,
}

impl Street {
    #[track_caller]
    fn new() -> Self {
        let house = House::new();
        house.furnish();
        let papers = papers::of_every_kind(&house);
        let Listening { server, ports } = Listening::of(&house);
        let ledger = Ledger::of(&house);
        Self { port: ports[&Zone::Municipal], _server: server, ledger, papers, house }
    }

    fn root(&self) -> PathBuf {
        self.house.path("certificates/root.pem")
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    fn request(&self) -> String {
        let host = format!("localhost:{}", self.port);
        format!("GET {TOTALS} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    }

    /// Tries every certificate with a client. `ask` answers whether it was let in.
    /// `also` are outcomes of a client that keeps a certificate back itself.
    #[track_caller]
    fn tries(&self, also: &[&str], ask: impl Fn(&Paper) -> Answered) {
        for paper in &self.papers {
            let seen = self.ledger.entries().len();
            let answered = ask(paper);
            let text = &answered.text;
            assert_eq!(answered.is_let_in, paper.is_good(), "{}:\n{text}", paper.name);
            let entries = self.await_entries(seen, paper, also, text);
            let requests = entries.iter().filter(|entry| entry.fact.action == "request");
            assert_eq!(requests.count() > 0, paper.is_good(), "{}: {entries:?}", paper.name);
        }
    }

    /// Waits for the entry that this attempt must leave, and answers all it has left.
    #[track_caller]
    fn await_entries(
        &self,
        seen: usize,
        paper: &Paper,
        also: &[&str],
        text: &str,
    ) -> Vec<AuditEntry> {
        until(&format!("the ledger's word on {}:\n{text}", paper.name), LEDGER, || {
            let entries = self.ledger.entries().split_off(seen);
            let is_told = |entry: &AuditEntry| {
                let outcome = entry.fact.outcome.as_str();
                let is_named = paper.outcomes.contains(&outcome) || also.contains(&outcome);
                if paper.is_good() { outcome == "ok" } else { is_named }
            };
            entries.iter().any(is_told).then_some(entries)
        })
    }
}

/// What a client says it was answered.
struct Answered {
    is_let_in: bool,
    text: String,
}

/// Adds the options that name certificate and key, if there are any.
fn with_files(command: &mut Command, paper: &Paper, certificate: &str, key: &str) {
    if let Some(files) = &paper.files {
        command.arg(certificate).arg(&files.chain).arg(key).arg(&files.key);
    }
}

#[track_caller]
fn says(command: &mut Command, input: &str, good: &str) -> Answered {
    let told = told(command, input, CLIENT);
    Answered { is_let_in: told.text.contains(good), text: told.text }
}

#[test]
fn openssl_is_let_in_with_a_good_certificate_only() {
    let street = Street::new();
    street.tries(&[], |paper| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-ign_eof", "-verify_return_error", "-connect"]);
        command.arg(format!("localhost:{}", street.port));
        command.args(["-servername", "localhost", "-CAfile"]).arg(street.root());
        with_files(&mut command, paper, "-cert", "-key");
        says(&mut command, &street.request(), "HTTP/1.1 200")
    });
}

#[test]
fn curl_is_let_in_with_a_good_certificate_only() {
    let street = Street::new();
    for (version, good) in [("--http1.1", "status=200 http=1.1"), ("--http2", "status=200 http=2")]
    {
        street.tries(&[], |paper| {
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", version, "--cacert"]).arg(street.root());
            command.args(["--output", "/dev/null", "--write-out"]);
            command.arg("status=%{http_code} http=%{http_version}");
            with_files(&mut command, paper, "--cert", "--key");
            says(command.arg(street.url(TOTALS)), "", good)
        });
    }
}

#[test]
fn nghttp_is_let_in_with_a_good_certificate_only() {
    let street = Street::new();
    street.tries(&[], |paper| {
        let mut command = Command::new("nghttp");
        command.args(["--verbose", "--no-verify-peer", "--timeout=20"]);
        if let Some(files) = &paper.files {
            command.arg(format!("--cert={}", files.chain.display()));
            command.arg(format!("--key={}", files.key.display()));
        }
        says(command.arg(street.url(TOTALS)), "", ":status: 200")
    });
}

#[test]
fn gnutls_is_let_in_with_a_good_certificate_only() {
    let street = Street::new();
    street.tries(&[], |paper| {
        let mut command = Command::new("gnutls-cli");
        command.arg("--port").arg(street.port.to_string());
        command.arg("--x509cafile").arg(street.root());
        with_files(&mut command, paper, "--x509certfile", "--x509keyfile");
        says(command.arg("localhost"), &street.request(), "HTTP/1.1 200")
    });
}

#[test]
fn chromium_is_let_in_with_a_good_certificate_only() {
    let street = Street::new();
    // What has expired, or comes from nobody the gateway names, it does not show.
    street.tries(&["certificate-missing"], |paper| {
        let home = street.house.path(&format!("home-{}", paper.name));
        prepare_home(&home, &street.root(), paper);
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"]);
        command.args(["--disable-dev-shm-usage", "--no-first-run", "--disable-sync"]);
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.args(["--timeout=20000", "--dump-dom"]);
        command.arg(format!("--user-data-dir={}", home.join("profile").display()));
        command.env("HOME", &home).env("LC_ALL", "C.UTF-8").env_remove("XDG_CONFIG_HOME");
        says(command.arg(street.url(TOTALS)), "", "\"received\"")
    });
}

/// A home as an administrator sets it up: our root trusted, the certificate in the store of the browser,
/// and the choice of it made in advance.
#[track_caller]
fn prepare_home(home: &Path, root: &Path, paper: &Paper) {
    let store = home.join(".pki/nssdb");
    let profile = home.join("profile/Default");
    fs::create_dir_all(&store).and_then(|()| fs::create_dir_all(&profile)).expect("folders");
    let database = format!("sql:{}", store.display());
    let must = |command: &mut Command| {
        let told = told(command, "", CLIENT);
        assert!(told.status.success(), "{command:?}: {}", told.text);
    };
    must(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]));
    must(
        Command::new("certutil")
            .args(["-A", "-n", "root", "-t", "C,,", "-d", &database, "-i"])
            .arg(root),
    );
    if let Some(bundle) = paper.bundle() {
        let mut command = Command::new("pk12util");
        must(command.args(["-d", &database, "-K", "", "-W", BUNDLE_PASSWORD, "-i"]).arg(bundle));
    }
    let choice = r#"{"pattern":"https://localhost","filter":{}}"#;
    let preferences = serde_json::json!({
        "profile": { "managed_auto_select_certificate_for_urls": [choice] },
    });
    fs::write(profile.join("Preferences"), preferences.to_string()).expect("preferences");
}
