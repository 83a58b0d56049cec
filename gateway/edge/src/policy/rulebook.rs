//! What is in force: the policy and the suspensions, followed as their files change.
//!
//! A file that cannot be used is reported with everything that is wrong with it, and what was in force
//! stays so. A policy is exchanged as a whole between two requests.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use http::request::Parts;
use kakehashi_contract::Identity;
use kakehashi_kernel::{Clock, Timestamp};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Denied, Permit, Policy, PolicyError, RouteLine, Suspensions, file::FILE_BYTES_MAX,
    suspension::stamp,
};
use crate::refusal::Refusal;

/// How often the files are looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// The policy and the suspensions in force.
pub(crate) struct Rulebook {
    path: PathBuf,
    upstreams: Vec<String>,
    policy: ArcSwap<Policy>,
    suspensions: Arc<Suspensions>,
    stamp: Mutex<Option<(SystemTime, u64, u64)>>,
    reloads: Mutex<PolicyReloads>,
    clock: Arc<dyn Clock>,
}

/// How reading the policy file again has gone so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PolicyReloads {
    /// Policies put into force since the start.
    pub(crate) done: u64,
    /// Files that could not be used.
    pub(crate) failed: u64,
    /// When the policy in force was read.
    pub(crate) read_at: Timestamp,
}

/// Why a policy file is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// To see whether it changed.
    Interval,
    /// Somebody asked by SIGHUP.
    Signal,
}

impl Rulebook {
    /// Reads the policy file. `upstreams` names the components there are.
    pub(crate) fn load(
        path: &Path,
        upstreams: Vec<String>,
        suspensions: Arc<Suspensions>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PolicyError> {
        let stamp = Mutex::new(stamp(path));
        let policy = ArcSwap::from_pointee(read(path, &upstreams)?);
        let reloads = Mutex::new(PolicyReloads { done: 0, failed: 0, read_at: clock.now() });
        Ok(Self { path: path.to_owned(), upstreams, policy, suspensions, stamp, reloads, clock })
    }

    /// Answers the permission for a request, or why there is none.
    pub(crate) fn admit(
        &self,
        who: &Identity,
        head: &Parts,
        now: Timestamp,
    ) -> Result<Permit, Denied> {
        if self.suspensions.covers(who) {
            return Err(Denied { refusal: Refusal::Suspended, template: None });
        }
        self.policy.load().admit(who, head, now)
    }

    /// Answers whether a holder's requests get through at present, whatever the route.
    pub(crate) fn standing(&self, who: &Identity, now: Timestamp) -> Result<(), Refusal> {
        if self.suspensions.covers(who) {
            return Err(Refusal::Suspended);
        }
        self.policy.load().check_zone_hours(who, now)
    }

    /// Answers every way through that a holder has, sorted.
    pub(crate) fn ways(&self, who: &Identity) -> Vec<RouteLine> {
        let mut lines = self.policy.load().lines();
        lines.retain(|line| line.zone == who.zone && line.role == who.role);
        lines
    }

    /// Answers how reading the file again has gone so far.
    pub(crate) fn reloads(&self) -> PolicyReloads {
        *self.reloads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers who is suspended.
    pub(crate) const fn suspensions(&self) -> &Arc<Suspensions> {
        &self.suspensions
    }

    /// Returns when somebody who was not suspended is. Whoever was before is answered, and told so.
    pub(crate) async fn suspended(&self, who: &Identity) {
        let mut changes = self.suspensions.watch();
        let mut was_suspended = self.suspensions.covers(who);
        while changes.changed().await.is_ok() {
            let is_suspended = self.suspensions.covers(who);
            if is_suspended && !was_suspended {
                return;
            }
            was_suspended = is_suspended;
        }
        std::future::pending::<()>().await;
    }

    /// Looks at both files every second, and at SIGHUP, until `shutdown`.
    pub(crate) async fn follow_files(self: Arc<Self>, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval(FOLLOW_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut hangups = signal(SignalKind::hangup())
            .inspect_err(|error| warn!(%error, "SIGHUP cannot be followed"))
            .ok();
        loop {
            let reason = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => Reason::Interval,
                Some(()) = async { hangups.as_mut()?.recv().await } => Reason::Signal,
            };
            let book = Arc::clone(&self);
            let looking = tokio::task::spawn_blocking(move || book.look(reason));
            if looking.await.is_err() {
                error!("the policy file could not be looked at");
            }
        }
    }

    fn look(&self, reason: Reason) {
        self.suspensions.reload_if_changed();
        let found = stamp(&self.path);
        {
            let mut known = self.stamp.lock().unwrap_or_else(PoisonError::into_inner);
            if *known == found && reason == Reason::Interval {
                return;
            }
            *known = found;
        }
        let found = read(&self.path, &self.upstreams);
        self.count(found.is_ok());
        match found {
            Ok(policy) => {
                self.policy.store(Arc::new(policy));
                info!("the policy was read again");
            }
            Err(PolicyError::Faults(faults)) => {
                for fault in &faults {
                    error!("{fault}");
                }
                error!("the new policy cannot be used, the old one stays");
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                error!(error, "the new policy cannot be used, the old one stays");
            }
        }
    }

    fn count(&self, is_good: bool) {
        let mut reloads = self.reloads.lock().unwrap_or_else(PoisonError::into_inner);
        if is_good {
            reloads.done += 1;
            reloads.read_at = self.clock.now();
        } else {
            reloads.failed += 1;
        }
    }
}

fn read(path: &Path, upstreams: &[String]) -> Result<Policy, PolicyError> {
    let length = fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge).into());
    }
    Policy::parse(&fs::read_to_string(path)?, |name| upstreams.iter().any(|known| known == name))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use kakehashi_contract::{Role, Zone};
    use kakehashi_kernel::Sha256Digest;
    use tempfile::TempDir;

    use super::*;
    use crate::policy::Suspension;

    fn policy(path: &str) -> String {
        format!(
            "[[route]]\nzone = \"municipal\"\nrole = \"municipal-staff\"\nmethods = [\"GET\"]\n\
             path = \"{path}\"\nupstream = \"ingest\"\n"
        )
    }

    /// One millisecond later each time it is asked.
    struct Ticking(std::sync::atomic::AtomicI64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        }
    }

    fn book(folder: &TempDir) -> Rulebook {
        let path = folder.path().join("policy.toml");
        fs::write(&path, policy("/scans")).unwrap();
        let suspensions = Suspensions::load(&folder.path().join("suspended.toml")).unwrap();
        let clock = Arc::new(Ticking(0.into()));
        Rulebook::load(&path, vec!["ingest".to_owned()], Arc::new(suspensions), clock).unwrap()
    }

    fn ask(book: &Rulebook, path: &str) -> Option<Refusal> {
        let who = Identity {
            zone: Zone::Municipal,
            role: Role::MunicipalStaff,
            organisation: "141003".to_owned(),
            device: "scan-01".to_owned(),
            certificate: Sha256Digest::of(b""),
        };
        let head = Request::get(path).body(()).unwrap().into_parts().0;
        book.admit(&who, &head, Timestamp(0)).err().map(|denied| denied.refusal)
    }

    #[test]
    fn a_new_policy_takes_the_old_ones_place() {
        let folder = TempDir::new().unwrap();
        let book = book(&folder);
        fs::write(folder.path().join("policy.toml"), policy("/records")).unwrap();
        book.look(Reason::Interval);
        assert_eq!(ask(&book, "/records"), None);
        assert_eq!(ask(&book, "/scans"), Some(Refusal::NoRoute));
        let reloads = PolicyReloads { done: 1, failed: 0, read_at: Timestamp(1) };
        assert_eq!(book.reloads(), reloads);
    }

    #[test]
    fn a_wrong_policy_leaves_the_old_one_in_force() {
        let folder = TempDir::new().unwrap();
        let book = book(&folder);
        let good = policy("/records");
        for wrong in [good.replace("ingest", "elsewhere"), format!("{good}\n[["), String::from("x")]
        {
            fs::write(folder.path().join("policy.toml"), wrong).unwrap();
            book.look(Reason::Interval);
            assert_eq!(ask(&book, "/scans"), None);
            assert_eq!(ask(&book, "/records"), Some(Refusal::NoRoute));
        }
        fs::remove_file(folder.path().join("policy.toml")).unwrap();
        book.look(Reason::Signal);
        assert_eq!(ask(&book, "/scans"), None);
        // When the policy in force was read has not changed.
        let reloads = PolicyReloads { done: 0, failed: 4, read_at: Timestamp(0) };
        assert_eq!(book.reloads(), reloads);
    }

    #[test]
    fn whoever_is_suspended_is_told_so_whatever_is_asked() {
        let folder = TempDir::new().unwrap();
        let book = book(&folder);
        let suspension = Suspension {
            zone: Zone::Municipal,
            organisation: "141003".to_owned(),
            device: None,
            certificate: None,
            since: Timestamp(0),
            reason: "incident".to_owned(),
        };
        book.suspensions().set(suspension.clone()).unwrap();
        assert_eq!(ask(&book, "/scans"), Some(Refusal::Suspended));
        assert_eq!(ask(&book, "/nowhere"), Some(Refusal::Suspended));
        book.suspensions().lift(&suspension).unwrap();
        assert_eq!(ask(&book, "/scans"), None);
    }
}
