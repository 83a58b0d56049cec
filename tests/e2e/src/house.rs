//! A data folder of its own, and the commands on it.

use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Finished, Started,
    program::{run, start, start_with},
    until,
};

/// A command that only looks.
const LOOK: Duration = Duration::from_mins(1);
/// Lines of the log shown when a test fails.
const LOG_LINES: usize = 60;

/// A data folder. Removed at the end of the test.
pub struct House {
    folder: TempDir,
}

impl House {
    /// Makes an empty one.
    #[track_caller]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("kakehashi-e2e-").tempdir();
        Self { folder: folder.expect("a temporary folder") }
    }

    /// The data folder.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("house")
    }

    /// A path in the data folder.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root().join(below)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.path("kakehashi.toml")
    }

    /// The arguments of a demo run that ends by itself.
    pub fn demo_arguments(&self, scans: u32, seed: u64, more: &[&str]) -> Vec<OsString> {
        let mut arguments: Vec<OsString> =
            ["demo", "--once", "--json", "--scans"].map(OsString::from).to_vec();
        arguments.extend([scans.to_string().into(), "--seed".into(), seed.to_string().into()]);
        arguments.extend(["--data".into(), self.root().into_os_string()]);
        arguments.extend(more.iter().map(OsString::from));
        arguments
    }

    /// Runs the demo to its end, which must be a good one.
    #[track_caller]
    pub fn demo(&self, scans: u32, seed: u64, more: &[&str], deadline: Duration) -> Finished {
        let finished = run(self.demo_arguments(scans, seed, more), deadline);
        finished.must_succeed();
        finished
    }

    /// Starts the demo.
    #[track_caller]
    pub fn start_demo(&self, scans: u32, seed: u64) -> Started {
        start(self.demo_arguments(scans, seed, &[]))
    }

    /// Starts every component as configured, and nothing else.
    #[track_caller]
    pub fn serve(&self) -> Started {
        start(["serve".into(), "--role".into(), "all".into(), "--config".into(), self.config_os()])
    }

    /// Starts the gateway alone, with a socket that listens already if there is one.
    #[track_caller]
    pub fn serve_gateway(&self, listener: Option<&TcpListener>) -> Started {
        let arguments: [OsString; 5] = [
            "serve".into(),
            "--role".into(),
            "gateway".into(),
            "--config".into(),
            self.config_os(),
        ];
        match listener {
            Some(listener) => start_with(arguments, listener),
            None => start(arguments),
        }
    }

    /// `kakehashi books --json`.
    #[track_caller]
    pub fn books(&self) -> Finished {
        run(["books".into(), "--json".into(), "--config".into(), self.config_os()], LOOK)
    }

    /// `kakehashi audit verify`.
    #[track_caller]
    pub fn verify_audit(&self) -> Finished {
        run(["audit".into(), "verify".into(), "--config".into(), self.config_os()], LOOK)
    }

    fn config_os(&self) -> OsString {
        self.config().into_os_string()
    }

    /// Changes the text of the configuration. Panics when `from` is not in it.
    #[track_caller]
    pub fn configure(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("the configuration is there");
        assert!(text.contains(from), "the configuration does not say {from}:\n{text}");
        fs::write(self.config(), text.replace(from, to)).expect("the configuration is written");
    }

    /// Makes the folder with its certificates and configuration, and nothing on the road: a demo run
    /// that is killed as soon as it listens, whose data is thrown away.
    #[track_caller]
    pub fn furnish(&self) {
        let mut demo = self.start_demo(1, 1);
        until("an audit ledger", Duration::from_mins(1), || {
            assert!(demo.is_running(), "the demo ended:\n{}", demo.stderr());
            self.path("data/gateway-audit.jsonl").exists().then_some(())
        });
        demo.kill();
        demo.leaves_nobody(Duration::from_secs(10));
        for (left, is_folder) in [("data", true), ("demo-journal.jsonl", false)] {
            let path = self.path(left);
            if path.exists() {
                let removed =
                    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                removed.expect("a temporary folder can be emptied");
            }
        }
    }

    /// Copies the whole folder, and points the copy's configuration at the copy.
    #[must_use]
    #[track_caller]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        copy_folder(&self.root(), &copy.root());
        let own = self.root().display().to_string();
        copy.configure(&format!("\"{own}/"), &format!("\"{}/", copy.root().display()));
        let text = fs::read_to_string(copy.config()).expect("the configuration is there");
        assert!(!text.contains(&own), "the copy still points at the original:\n{text}");
        copy
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read(self.path("kakehashi.log")).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            eprintln!("-- the end of {}:\n{last}", self.path("kakehashi.log").display());
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a temporary folder");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            // Permissions are copied too: keys that others may read are refused.
            fs::copy(entry.path(), &target).expect("a file is copied");
        }
    }
}
