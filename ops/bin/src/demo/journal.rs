//! What the demo's municipality has receipts for, so that a run that was cut short need not scan and
//! send again. Losing it costs time only: the same bytes get the same receipt.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::cli::DemoArgs;

/// The journal.
pub(super) struct Journal {
    file: Mutex<fs::File>,
    receipts: BTreeMap<u32, String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    seed: u64,
    index: u32,
    receipt: String,
}

impl Journal {
    /// Opens the journal and reads the lines of this seed. A torn line is passed over.
    pub(super) fn open(path: &Path, args: &DemoArgs) -> anyhow::Result<Self> {
        let text = fs::read(path).unwrap_or_default();
        let receipts = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok())
            .filter(|line| line.seed == args.seed)
            .map(|line| (line.index, line.receipt))
            .collect();
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        if text.last().is_some_and(|byte| *byte != b'\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { file: Mutex::new(file), receipts })
    }

    /// The receipt of a scan that was sent before.
    pub(super) fn receipt(&self, index: u32) -> Option<&str> {
        self.receipts.get(&index).map(String::as_str)
    }

    /// Notes a receipt.
    pub(super) fn note(&self, seed: u64, index: u32, receipt: &str) -> anyhow::Result<()> {
        let line = serde_json::to_string(&Line { seed, index, receipt: receipt.to_owned() })?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}")?;
        Ok(())
    }
}
