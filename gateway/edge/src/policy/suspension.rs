//! Who is suspended: organisations, single devices, single certificates. At once, without touching the
//! policy or any certificate, and lifted as easily.
//!
//! Kept in a small file of its own, which an operator or the gateway writes; memory is what counts.
//!
//! ```toml
//! [[suspended]]
//! zone = "municipal"
//! organisation = "141003"
//! device = "scan-01"                     # optional: this device only
//! certificate = "9f3a…"                  # optional: this certificate only (SHA-256 of its DER bytes)
//! since = "2026-11-23T09:05:07+09:00"
//! reason = "stolen-device"               # a code: a-z, digits, hyphen
//! ```

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use kakehashi_contract::{Identity, Zone};
use kakehashi_kernel::{Sha256Digest, Timestamp};
use kakehashi_platform::pki::{PkiError, write_private};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::{error, info};

/// Most suspensions at one time.
const SUSPENDED_MAX: usize = 10_000;
/// Largest file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest organisation, device and reason.
const WORD_BYTES_MAX: usize = 64;

/// One suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// The zone.
    pub zone: Zone,
    /// The organisation in it.
    pub organisation: String,
    /// Only this device of it.
    pub device: Option<String>,
    /// Only this certificate of it.
    pub certificate: Option<Sha256Digest>,
    /// Since when.
    pub since: Timestamp,
    /// Why, as a code.
    pub reason: String,
}

/// Suspensions cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SuspensionError {
    /// The file cannot be read.
    #[error("the suspension file {path} cannot be read")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is no TOML or lacks something.
    #[error("the suspension file cannot be understood")]
    Syntax(#[from] toml::de::Error),
    /// An entry is wrong.
    #[error("suspension {entry}: {what} is malformed")]
    Entry {
        /// 1 for the first.
        entry: usize,
        /// Which part.
        what: &'static str,
    },
    /// Nobody can keep so many apart.
    #[error("there are more than {SUSPENDED_MAX} suspensions, or the file is too large")]
    TooMany,
    /// The file cannot be written. Nothing has changed.
    #[error("the suspension file cannot be written")]
    Write(#[source] Box<PkiError>),
}

/// Who is suspended at present, in memory and on disk.
pub struct Suspensions {
    path: PathBuf,
    held: ArcSwap<Held>,
    /// Counts changes; whoever serves a connection looks again when it moves.
    generation: watch::Sender<u64>,
    /// What was last read or written; held while either is done.
    stamp: Mutex<Option<Stamp>>,
}

type Stamp = (SystemTime, u64, u64);

#[derive(Debug, Default)]
struct Held {
    by_organisation: HashMap<Zone, HashMap<String, Vec<Suspension>>>,
    count: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuspensionFile {
    #[serde(default)]
    suspended: Vec<Row>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    zone: String,
    organisation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    since: String,
    reason: String,
}

impl Suspension {
    /// Answers whether both suspend the same.
    pub fn is_same(&self, other: &Self) -> bool {
        self.zone == other.zone
            && self.organisation == other.organisation
            && self.device == other.device
            && self.certificate == other.certificate
    }

    fn covers(&self, who: &Identity) -> bool {
        self.device.as_ref().is_none_or(|device| *device == who.device)
            && self.certificate.is_none_or(|digest| digest == who.certificate)
    }

    fn check(&self) -> Result<(), &'static str> {
        let parts = [
            ("organisation", Some(&self.organisation)),
            ("device", self.device.as_ref()),
            ("reason", Some(&self.reason)),
        ];
        let wrong = parts.iter().find(|(_, word)| word.is_some_and(|word| !is_word(word)));
        wrong.map_or(Ok(()), |(what, _)| Err(what))
    }
}

impl Suspensions {
    /// Reads the file; without one nobody is suspended.
    ///
    /// # Errors
    ///
    /// [`SuspensionError`] when there is a file that cannot be used: somebody in it might be meant to
    /// stay out.
    pub fn load(path: &Path) -> Result<Self, SuspensionError> {
        let (stamp, all) = match read(path) {
            Ok(found) => found,
            Err(SuspensionError::Read { source, .. }) if is_absent(&source) => (None, Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            held: ArcSwap::from_pointee(Held::of(all)),
            generation: watch::Sender::new(0),
            stamp: Mutex::new(stamp),
        })
    }

    /// Answers whether somebody is suspended.
    pub fn covers(&self, who: &Identity) -> bool {
        let held = self.held.load();
        held.count > 0 && held.find(who).is_some()
    }

    /// Answers every suspension, sorted by zone and organisation.
    pub fn list(&self) -> Vec<Suspension> {
        self.held.load().list()
    }

    /// Follows changes: the number moves with each. Whoever serves a connection asks
    /// [`Suspensions::covers`] again then.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Suspends at once and durably. The same suspension once more replaces reason and date.
    ///
    /// # Errors
    ///
    /// [`SuspensionError`]; then nothing has changed.
    pub fn set(&self, suspension: Suspension) -> Result<(), SuspensionError> {
        suspension.check().map_err(|what| SuspensionError::Entry { entry: 1, what })?;
        self.change(|all| {
            all.retain(|other| !other.is_same(&suspension));
            all.push(suspension);
            true
        })
        .map(|_| ())
    }

    /// Lifts a suspension; `false` when there is none like it.
    ///
    /// # Errors
    ///
    /// [`SuspensionError`]; then nothing has changed.
    pub fn lift(&self, suspension: &Suspension) -> Result<bool, SuspensionError> {
        self.change(|all| {
            let before = all.len();
            all.retain(|other| !other.is_same(suspension));
            all.len() < before
        })
    }

    /// Reads the file again if it has changed since. One that is gone or wrong changes nothing: nobody
    /// comes back in by an accident.
    pub fn reload_if_changed(&self) {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamp(&self.path);
        if *known == found {
            return;
        }
        *known = found;
        match read(&self.path) {
            Ok((_, all)) => self.hold(all),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "the suspension file cannot be used, whoever was suspended stays so");
            }
        }
    }

    /// Changes what the file says, then what memory says.
    fn change(
        &self,
        change: impl FnOnce(&mut Vec<Suspension>) -> bool,
    ) -> Result<bool, SuspensionError> {
        let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have edited the file since it was looked at.
        let mut all = match read(&self.path) {
            Ok((found, all)) if found != *known => all,
            // A file that is gone or wrong must not keep anybody from suspending somebody.
            Ok(_) | Err(_) => self.list(),
        };
        if !change(&mut all) {
            return Ok(false);
        }
        if all.len() > SUSPENDED_MAX {
            return Err(SuspensionError::TooMany);
        }
        let file = SuspensionFile { suspended: all.iter().map(Row::from).collect() };
        let text = toml::to_string(&file).unwrap_or_default();
        let written = write_private(&self.path, text.as_bytes());
        written.map_err(|error| SuspensionError::Write(Box::new(error)))?;
        *known = stamp(&self.path);
        self.hold(all);
        Ok(true)
    }

    fn hold(&self, all: Vec<Suspension>) {
        let count = all.len();
        self.held.store(Arc::new(Held::of(all)));
        self.generation.send_modify(|generation| *generation += 1);
        info!(count, "suspensions were read again");
    }
}

impl Held {
    fn of(all: Vec<Suspension>) -> Self {
        let mut held = Self { count: all.len(), ..Self::default() };
        for suspension in all {
            let zone = held.by_organisation.entry(suspension.zone).or_default();
            zone.entry(suspension.organisation.clone()).or_default().push(suspension);
        }
        held
    }

    fn find(&self, who: &Identity) -> Option<&Suspension> {
        let all = self.by_organisation.get(&who.zone)?.get(&who.organisation)?;
        all.iter().find(|suspension| suspension.covers(who))
    }

    fn list(&self) -> Vec<Suspension> {
        let zones = self.by_organisation.values().flat_map(HashMap::values);
        let mut all: Vec<Suspension> = zones.flatten().cloned().collect();
        all.sort_by(|one, other| {
            let key = |s: &Suspension| (s.zone, s.organisation.clone(), s.device.clone(), s.since);
            key(one).cmp(&key(other))
        });
        all
    }
}

impl From<&Suspension> for Row {
    fn from(suspension: &Suspension) -> Self {
        Self {
            zone: suspension.zone.to_string(),
            organisation: suspension.organisation.clone(),
            device: suspension.device.clone(),
            certificate: suspension.certificate.map(|digest| digest.to_string()),
            since: suspension.since.to_string(),
            reason: suspension.reason.clone(),
        }
    }
}

impl TryFrom<Row> for Suspension {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, &'static str> {
        let certificate = row.certificate.map(|text| text.parse().map_err(|_| "certificate"));
        let suspension = Self {
            zone: row.zone.parse().map_err(|_| "zone")?,
            organisation: row.organisation,
            device: row.device,
            certificate: certificate.transpose()?,
            since: row.since.parse().map_err(|_| "since")?,
            reason: row.reason,
        };
        suspension.check()?;
        Ok(suspension)
    }
}

fn read(path: &Path) -> Result<(Option<Stamp>, Vec<Suspension>), SuspensionError> {
    let found = stamp(path);
    if found.is_some_and(|(_, length, _)| length > FILE_BYTES_MAX) {
        return Err(SuspensionError::TooMany);
    }
    let text = fs::read_to_string(path)
        .map_err(|source| SuspensionError::Read { path: path.to_owned(), source })?;
    let file: SuspensionFile = toml::from_str(&text)?;
    if file.suspended.len() > SUSPENDED_MAX {
        return Err(SuspensionError::TooMany);
    }
    let rows = file.suspended.into_iter().enumerate();
    let all = rows.map(|(index, row)| {
        Suspension::try_from(row).map_err(|what| SuspensionError::Entry { entry: index + 1, what })
    });
    Ok((found, all.collect::<Result<_, _>>()?))
}

/// Modification time, length and inode tell whether a file was replaced.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The words of certificates' names.
fn is_word(text: &str) -> bool {
    (1..=WORD_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use kakehashi_contract::Role;
    use tempfile::TempDir;

    use super::*;

    fn suspension(organisation: &str, device: Option<&str>) -> Suspension {
        Suspension {
            zone: Zone::Municipal,
            organisation: organisation.to_owned(),
            device: device.map(str::to_owned),
            certificate: None,
            since: Timestamp(1_795_400_000_000),
            reason: "stolen-device".to_owned(),
        }
    }

    fn who(organisation: &str, device: &str) -> Identity {
        Identity {
            zone: Zone::Municipal,
            role: Role::MunicipalStaff,
            organisation: organisation.to_owned(),
            device: device.to_owned(),
            certificate: Sha256Digest::of(device.as_bytes()),
        }
    }

    fn open() -> (TempDir, Suspensions) {
        let folder = TempDir::new().unwrap();
        let suspensions = Suspensions::load(&folder.path().join("suspended.toml")).unwrap();
        (folder, suspensions)
    }

    #[test]
    fn a_suspension_covers_its_organisation_and_nobody_else() {
        let (_folder, suspensions) = open();
        suspensions.set(suspension("141003", None)).unwrap();
        assert!(suspensions.covers(&who("141003", "scan-01")));
        assert!(!suspensions.covers(&who("141004", "scan-01")));
        let elsewhere = Identity { zone: Zone::Entry, ..who("141003", "scan-01") };
        assert!(!suspensions.covers(&elsewhere));
    }

    #[test]
    fn a_device_or_certificate_can_be_suspended_alone() {
        let (_folder, suspensions) = open();
        suspensions.set(suspension("141003", Some("scan-01"))).unwrap();
        let certificate = Some(who("141003", "scan-03").certificate);
        suspensions.set(Suspension { certificate, ..suspension("141003", None) }).unwrap();
        assert!(suspensions.covers(&who("141003", "scan-01")));
        assert!(!suspensions.covers(&who("141003", "scan-02")));
        assert!(suspensions.covers(&who("141003", "scan-03")));
    }

    #[test]
    fn a_suspension_survives_a_restart_until_it_is_lifted() {
        let (folder, suspensions) = open();
        let path = folder.path().join("suspended.toml");
        suspensions.set(suspension("141003", None)).unwrap();
        suspensions.set(suspension("141003", None)).unwrap();
        let again = Suspensions::load(&path).unwrap();
        assert_eq!(again.list(), [suspension("141003", None)]);
        assert!(again.lift(&suspension("141003", None)).unwrap());
        assert!(!again.lift(&suspension("141003", None)).unwrap());
        assert!(Suspensions::load(&path).unwrap().list().is_empty());
    }

    #[test]
    fn the_generation_moves_with_every_change() {
        let (_folder, suspensions) = open();
        let mut watch = suspensions.watch();
        suspensions.set(suspension("141003", None)).unwrap();
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        assert!(!suspensions.lift(&suspension("9", None)).unwrap());
        assert!(!watch.has_changed().unwrap());
    }

    #[test]
    fn what_an_operator_writes_counts_and_what_is_wrong_changes_nothing() {
        let (folder, suspensions) = open();
        let path = folder.path().join("suspended.toml");
        suspensions.set(suspension("141003", None)).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, good.replace("141003", "141004-and-more")).unwrap();
        suspensions.reload_if_changed();
        assert!(suspensions.covers(&who("141004-and-more", "scan-01")));
        assert!(!suspensions.covers(&who("141003", "scan-01")));
        for wrong in
            ["suspended = 1", "[[suspended]]\nzone = \"moon\"", &good.replace("since", "sinc")]
        {
            fs::write(&path, wrong).unwrap();
            suspensions.reload_if_changed();
            assert!(suspensions.covers(&who("141004-and-more", "scan-01")), "{wrong}");
            assert!(Suspensions::load(&path).is_err(), "{wrong}");
        }
        // Suspending works all the same, and mends the file.
        suspensions.set(suspension("1", None)).unwrap();
        assert_eq!(Suspensions::load(&path).unwrap().list().len(), 2);
        fs::remove_file(&path).unwrap();
        suspensions.reload_if_changed();
        assert!(suspensions.covers(&who("141004-and-more", "scan-01")));
    }

    #[test]
    fn an_edit_and_a_command_do_not_undo_each_other() {
        let (folder, suspensions) = open();
        let path = folder.path().join("suspended.toml");
        suspensions.set(suspension("141003", None)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n{}", text.replace("141003", "1410041"))).unwrap();
        suspensions.set(suspension("1", None)).unwrap();
        let organisations: Vec<_> =
            suspensions.list().into_iter().map(|one| one.organisation).collect();
        assert_eq!(organisations, ["1", "141003", "1410041"]);
    }

    #[test]
    fn malformed_suspensions_are_refused() {
        let (_folder, suspensions) = open();
        for wrong in ["", "14 1003", "A", "../x", &"1".repeat(65)] {
            assert!(suspensions.set(suspension(wrong, None)).is_err(), "{wrong}");
            assert!(suspensions.set(suspension("1", Some(wrong))).is_err(), "{wrong}");
        }
        assert!(suspensions.list().is_empty());
    }
}
