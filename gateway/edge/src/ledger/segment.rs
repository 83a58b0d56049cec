//! Segments: how closed ones are named and found, and the entry that begins each but the first.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use kakehashi_contract::AuditFact;
use kakehashi_kernel::{Sha256Digest, Timestamp};

/// The action of the entry that begins a segment.
pub(super) const SEGMENT_ACTION: &str = "segment";
const PREVIOUS: &str = "previous=";
const DAY_MS: i64 = 86_400_000;
const JAPAN_MS: i64 = 9 * 3_600_000;

/// A closed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) path: PathBuf,
}

/// Names the segment that begins with entry `first` of that day:
/// `gateway-audit.0000000000000001.2026-11-23.jsonl`.
pub(super) fn lasting_name(path: &Path, first: u64, at: Timestamp) -> PathBuf {
    let (stem, extension) = affixes(path);
    path.with_file_name(format!("{stem}.{first:016}.{}{extension}", at.date_in_japan()))
}

/// Finds the closed segments, in order.
pub(super) fn closed_segments(path: &Path) -> io::Result<Vec<Segment>> {
    let (stem, extension) = affixes(path);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let first = name.to_str().and_then(|name| {
            let rest = name.strip_prefix(stem.as_str())?.strip_prefix('.')?;
            let (first, day) = rest.strip_suffix(extension.as_str())?.split_once('.')?;
            let is_name = first.len() == 16 && day.len() == 10;
            first.parse().ok().filter(|_| is_name)
        });
        if let Some(first) = first {
            found.push(Segment { first, path: folder.join(name) });
        }
    }
    found.sort_by(|one, other| (one.first, &one.path).cmp(&(other.first, &other.path)));
    Ok(found)
}

fn affixes(path: &Path) -> (String, String) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    (stem, extension.unwrap_or_default())
}

/// Writes the fact that begins a segment after `previous`.
pub(super) fn begin(first: u64, previous: Sha256Digest) -> AuditFact {
    AuditFact {
        actor: super::CHAIN.to_owned(),
        action: SEGMENT_ACTION.to_owned(),
        subject: first.to_string(),
        outcome: "ok".to_owned(),
        detail: format!("{PREVIOUS}{previous}"),
    }
}

/// Reads the digest that a segment's first entry repeats.
pub(super) fn previous(detail: &str) -> Option<Sha256Digest> {
    detail.strip_prefix(PREVIOUS)?.parse().ok()
}

/// The number of the day in Japan.
pub(super) const fn day(at: Timestamp) -> i64 {
    at.0.saturating_add(JAPAN_MS).div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_segments_are_found_by_name_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["audit.jsonl", "other/audit"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let at = Timestamp(1_795_359_600_000);
            let names = [lasting_name(&path, 12, at), lasting_name(&path, 2, at)];
            for segment in &names {
                fs::write(segment, "").unwrap();
            }
            for other in ["audit.jsonl.head", "audit.2.2026-11-23.jsonl", "b.0000000000000001.x"] {
                fs::write(path.with_file_name(other), "").unwrap();
            }
            let found = closed_segments(&path).unwrap();
            assert_eq!(found.iter().map(|one| one.first).collect::<Vec<_>>(), [2, 12], "{found:?}");
            assert_eq!(found[1].path, names[0]);
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_japan() {
        let midnight = 1_795_359_600_000;
        assert_eq!(day(Timestamp(midnight)), day(Timestamp(midnight - 1)) + 1);
        assert_eq!(day(Timestamp(midnight)), day(Timestamp(midnight + DAY_MS - 1)));
        assert_eq!(day(Timestamp(-JAPAN_MS - 1)), -1);
    }
}
