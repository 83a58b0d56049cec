//! The gateway's audit ledger, read as an auditor would: JSON lines.

use std::{fs, path::PathBuf, time::Duration};

use kakehashi_contract::AuditEntry;

use crate::{House, until};

const DEADLINE: Duration = Duration::from_secs(20);

/// The ledger of one house.
pub struct Ledger(PathBuf);

impl Ledger {
    /// Names it.
    pub fn of(house: &House) -> Self {
        Self(house.path("data/gateway-audit.jsonl"))
    }

    /// Reads every whole line, of closed segments first: one is closed at midnight.
    #[track_caller]
    pub fn entries(&self) -> Vec<AuditEntry> {
        let folder = self.0.parent().expect("the ledger is in a folder");
        let files = fs::read_dir(folder).expect("the folder is there");
        let mut segments: Vec<PathBuf> = files
            .map(|file| file.expect("a file").path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("gateway-audit.0") && name.ends_with(".jsonl")
            })
            .collect();
        segments.sort();
        segments.push(self.0.clone());
        let read = |path: &PathBuf| fs::read_to_string(path).expect("the ledger is there");
        let text: String = segments.iter().map(read).collect();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().map(|line| serde_json::from_str(line).expect("an audit entry"));
        lines.collect()
    }

    /// Waits for the first entry after the first `seen` that `is_it` knows.
    #[track_caller]
    pub fn awaits(
        &self,
        seen: usize,
        what: &str,
        is_it: impl Fn(&AuditEntry) -> bool,
    ) -> AuditEntry {
        until(&format!("an audit entry: {what}"), DEADLINE, || {
            self.entries().into_iter().skip(seen).find(|entry| is_it(entry))
        })
    }
}
