//! The guard as a whole, with a clock that the test moves.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use kakehashi_contract::{AuditFact, Identity, Role, Zone};
use kakehashi_kernel::{Ids, Sha256Digest};

use super::{
    action::Kind,
    config::{Action, GuardConfig, Rate, Reaction, Threshold},
    operator::ReleaseError,
    request::Asked,
    subject::Rule,
    time::tests::MovedClock,
    *,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// 2026-11-23 11:13 in Japan, a Monday.
const NOW: i64 = 1_795_400_000_000;

#[derive(Default)]
struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn next(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.0.fetch_add(1, Relaxed)) + 1)
    }
}

/// A guard, its clock, and the facts it told.
struct Post {
    guard: Guard,
    clock: Arc<MovedClock>,
    facts: Arc<Mutex<Vec<AuditFact>>>,
}

impl Post {
    fn new(config: GuardConfig) -> Self {
        Self::at(config, MovedClock::new(NOW))
    }

    fn at(config: GuardConfig, clock: Arc<MovedClock>) -> Self {
        let facts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&facts);
        let parts = GuardParts {
            clock: clock.clone(),
            ids: Arc::new(CountedIds::default()),
            record: Arc::new(move |_, fact| kept.lock().unwrap().push(fact)),
        };
        Self { guard: Guard::new(config, parts).unwrap(), clock, facts }
    }

    fn come(&self, from: &str, who: &Identity) -> Result<Presence, Refusal> {
        self.come_with(from, who, None)
    }

    fn come_with(
        &self,
        from: &str,
        who: &Identity,
        fingerprint: Option<u64>,
    ) -> Result<Presence, Refusal> {
        let place = self.guard.connection(from.parse().unwrap())?;
        let ending = CancellationToken::new();
        self.guard.arrived(place, who, fingerprint.map(Fingerprint), ending)
    }

    async fn ask(&self, presence: &Presence, asked: Asked, status: u16) -> Result<bool, Refusal> {
        self.guard.enter(presence)?;
        let admission = self.guard.admit(presence, asked).await?;
        let without_cookie = admission.without_cookie;
        self.guard.answered(presence, admission, status);
        Ok(without_cookie)
    }

    /// Asks for a record that is or is not there.
    async fn look(&self, presence: &Presence, id: u64, status: u16) -> Result<bool, Refusal> {
        let ids = Some(self.guard.digest(id));
        let asked = Asked { template: "/records/{record}".into(), is_sign_in: false, ids };
        self.ask(presence, asked, status).await
    }

    async fn visit(&self, presence: &Presence) -> Result<bool, Refusal> {
        let asked = Asked { template: "/".into(), is_sign_in: false, ids: None };
        self.ask(presence, asked, 200).await
    }

    async fn sign_in(&self, presence: &Presence, status: u16) -> Result<bool, Refusal> {
        let asked = Asked { template: "/sign-in".into(), is_sign_in: true, ids: None };
        self.ask(presence, asked, status).await
    }

    /// What was told: action, rule.
    fn told(&self) -> Vec<String> {
        let facts = self.facts.lock().unwrap();
        facts.iter().map(|fact| format!("{} {}", fact.action, fact.outcome)).collect()
    }
}

fn holder(organisation: &str, device: u32) -> Identity {
    Identity {
        zone: Zone::Municipal,
        role: Role::MunicipalStaff,
        organisation: organisation.to_owned(),
        device: format!("desk-{device}"),
        certificate: Sha256Digest::of(format!("{organisation}/{device}").as_bytes()),
    }
}

fn contractor() -> Identity {
    Identity { zone: Zone::Conversion, role: Role::Contractor, ..holder("datax", 1) }
}

fn is_blocked<T>(found: &Result<T, Refusal>) -> bool {
    matches!(found, Err(Refusal::Blocked { .. }))
}

#[tokio::test]
async fn ids_that_are_not_there_are_cut_off_after_twenty() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    let mut asked = 0;
    while post.look(&presence, asked, 404).await.is_ok() {
        asked += 1;
        assert!(asked <= 20);
    }
    assert_eq!(asked, 20);
    assert!(is_blocked(&post.visit(&presence).await), "nothing else passes either");
    let other = post.come("192.0.2.1", &holder("141003", 2)).unwrap();
    assert!(post.visit(&other).await.is_ok(), "a colleague is not blocked");
    assert_eq!(post.told(), ["guard.block enumeration"]);
    let fact = post.facts.lock().unwrap()[0].clone();
    assert!(fact.detail.contains("counted=20 threshold=20 window=600s"), "{}", fact.detail);
    assert!(fact.detail.contains("organisation:municipal/141003"), "{}", fact.detail);
    assert!(fact.detail.contains("template=/records/{record}"), "{}", fact.detail);
    post.clock.pass(HOUR - 1);
    assert!(is_blocked(&post.visit(&presence).await));
    post.clock.pass(1);
    assert!(post.look(&presence, 99, 404).await.is_ok(), "a block ends by itself");
}

#[tokio::test]
async fn asking_all_at_once_over_many_connections_gains_nothing() {
    let post = Post::new(GuardConfig::default());
    let who = holder("141003", 1);
    let connections: Vec<_> = (0..10).map(|_| post.come("192.0.2.1", &who).unwrap()).collect();
    let reached = AtomicU64::new(0);
    let asking = (0..640).map(|id| {
        let (post, presence, reached) = (&post, &connections[id % 10], &reached);
        async move {
            let ids = Some(post.guard.digest(id));
            let asked = Asked { template: "/records/{record}".into(), is_sign_in: false, ids };
            if post.guard.enter(presence).is_err() {
                return;
            }
            let Ok(admission) = post.guard.admit(presence, asked).await else { return };
            reached.fetch_add(1, Relaxed);
            // The component takes its time; meanwhile all others ask.
            tokio::task::yield_now().await;
            post.guard.answered(presence, admission, 404);
        }
    });
    futures_util::future::join_all(asking).await;
    assert_eq!(reached.load(Relaxed), 20);
}

#[tokio::test]
async fn honest_work_is_not_taken_for_enumeration() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    for n in 0..1_900 {
        // Many records, the same dead link again and again, and a typing mistake a minute.
        assert!(post.look(&presence, n, 200).await.is_ok());
        assert!(post.look(&presence, 1_000_000, 404).await.is_ok());
        if n % 100 == 0 {
            post.clock.pass(MINUTE);
            assert!(post.look(&presence, 2_000_000 + n, 404).await.is_ok());
        }
        post.clock.pass(20);
    }
    assert_eq!(post.told(), [""; 0]);
}

#[tokio::test]
async fn patient_enumeration_is_cut_off_within_a_day() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    let mut asked = 0;
    while post.look(&presence, asked, 404).await.is_ok() {
        asked += 1;
        post.clock.pass(2 * MINUTE);
        assert!(asked <= 100);
    }
    assert_eq!(asked, 100);
}

#[tokio::test]
async fn spreading_over_an_organisations_certificates_is_cut_off_at_sixty() {
    let post = Post::new(GuardConfig::default());
    let desks: Vec<_> =
        (0..30).map(|n| post.come("192.0.2.1", &holder("141003", n)).unwrap()).collect();
    let mut asked = 0;
    while post.look(&desks[asked % 30], asked as u64, 404).await.is_ok() {
        asked += 1;
        assert!(asked <= 60);
    }
    assert_eq!(asked, 60);
    let next = post.come("192.0.2.1", &holder("141003", 77)).unwrap();
    assert!(is_blocked(&post.visit(&next).await), "also the next device");
    let other = post.come("192.0.2.1", &holder("131016", 1)).unwrap();
    assert!(post.visit(&other).await.is_ok(), "another organisation is not blocked");
}

#[tokio::test]
async fn a_scan_is_cut_off_after_forty_different_targets() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    for n in 0..200 {
        // A broken bookmark is one target however often it is opened.
        post.guard.refused(&presence, Some(post.guard.digest("/favicon.ico")), None);
        assert!(post.visit(&presence).await.is_ok(), "{n}");
    }
    for n in 0..39 {
        assert!(post.visit(&presence).await.is_ok(), "{n}");
        post.guard.refused(&presence, Some(post.guard.digest(n)), None);
    }
    assert!(is_blocked(&post.visit(&presence).await));
    assert_eq!(post.told(), ["guard.block scan"]);
}

#[tokio::test]
async fn a_released_block_is_a_false_positive_and_not_found_again() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    let scan = || (0..100).for_each(|n| post.guard.refused(&presence, Some(n), None));
    scan();
    let Err(Refusal::Blocked { id, retry_after_s }) = post.visit(&presence).await else {
        panic!("not blocked")
    };
    assert_eq!(retry_after_s, 15 * 60);
    let unknown = post.guard.release(DecisionId(id.0 + 1_000), None, "operator");
    assert_eq!(unknown.unwrap_err(), ReleaseError::Unknown);
    let released = post.guard.release(id, Some(30), "operator/0/root").unwrap();
    assert_eq!((released.rule, released.measures), (Rule::Scan, vec![Kind::Block]));
    assert!(post.visit(&presence).await.is_ok());
    scan();
    assert!(post.visit(&presence).await.is_ok(), "the rule is silent about this certificate");
    assert_eq!(post.told(), ["guard.block scan", "guard.release ok"]);
    assert_eq!(post.facts.lock().unwrap()[1].actor, "operator/0/root");
    post.clock.pass(30 * 24 * HOUR);
    scan();
    assert!(is_blocked(&post.visit(&presence).await), "and not for ever");
}

#[tokio::test]
async fn repeated_refusals_lock_out_and_longer_each_time() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    for minutes in [1, 2, 5, 15, 15] {
        (0..300).for_each(|_| post.guard.refused(&presence, None, None));
        let Err(Refusal::Blocked { retry_after_s, .. }) = post.visit(&presence).await else {
            panic!("not locked out")
        };
        assert_eq!(retry_after_s, minutes * 60);
        post.clock.pass(i64::from(minutes) * MINUTE);
        assert!(post.visit(&presence).await.is_ok());
    }
}

#[tokio::test]
async fn failed_sign_ins_lock_the_sign_in_and_nothing_else() {
    let post = Post::new(GuardConfig::default());
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    for _ in 0..30 {
        assert!(post.sign_in(&presence, 401).await.is_ok());
        assert!(post.sign_in(&presence, 303).await.is_ok(), "who gets in at last is forgiven");
    }
    for _ in 0..10 {
        assert!(post.sign_in(&presence, 401).await.is_ok());
    }
    let locked = post.sign_in(&presence, 303).await;
    assert!(matches!(locked, Err(Refusal::SignInLocked { retry_after_s: 60, .. })), "{locked:?}");
    assert!(post.visit(&presence).await.is_ok());
    post.clock.pass(MINUTE);
    assert!(post.sign_in(&presence, 303).await.is_ok());
}

#[tokio::test]
async fn scanning_with_many_certificates_is_cut_off_at_a_hundred_and_twenty() {
    let post = Post::new(GuardConfig::default());
    let desks: Vec<_> =
        (0..10).map(|n| post.come("192.0.2.1", &holder("141003", n)).unwrap()).collect();
    for target in 0..120 {
        let desk = &desks[target % 10];
        assert!(post.visit(desk).await.is_ok(), "{target}");
        post.guard.refused(desk, Some(target as u64), None);
    }
    for desk in &desks {
        assert!(is_blocked(&post.visit(desk).await), "every certificate of the organisation");
    }
    assert_eq!(post.told(), ["guard.block scan"]);
    let other = post.come("192.0.2.1", &holder("141004", 1)).unwrap();
    assert!(post.visit(&other).await.is_ok(), "and nobody else's");
}

#[tokio::test]
async fn guessing_passwords_with_many_certificates_locks_the_organisation() {
    let post = Post::new(GuardConfig::default());
    let desks: Vec<_> =
        (0..25).map(|n| post.come("192.0.2.1", &holder("141003", n)).unwrap()).collect();
    let mut tried = 0;
    while post.sign_in(&desks[tried % 25], 401).await.is_ok() {
        tried += 1;
        assert!(tried <= 50);
    }
    assert_eq!(tried, 50);
}

#[test]
fn an_address_that_fails_handshakes_is_locked_out_and_its_neighbours_are_not() {
    let post = Post::new(GuardConfig::default());
    let stranger: IpAddr = "192.0.2.1".parse().unwrap();
    for _ in 0..300 {
        assert!(post.guard.connection(stranger).is_ok());
        post.guard.handshake_failed(stranger, "certificate-missing");
        post.clock.pass(10);
    }
    assert!(is_blocked(&post.guard.connection(stranger)));
    assert!(post.guard.connection("192.0.2.2".parse().unwrap()).is_ok());
    post.clock.pass(MINUTE);
    assert!(post.guard.connection(stranger).is_ok());
    // Where good certificates come from, one broken device does not lock its colleagues out.
    let known: IpAddr = "198.51.100.1".parse().unwrap();
    drop(post.come("198.51.100.1", &holder("141003", 1)).unwrap());
    (0..1_499).for_each(|_| post.guard.handshake_failed(known, "certificate-missing"));
    assert!(post.guard.connection(known).is_ok());
    post.guard.handshake_failed(known, "certificate-missing");
    assert!(is_blocked(&post.guard.connection(known)));
    // What is not the client's doing is not counted.
    let checker: IpAddr = "203.0.113.1".parse().unwrap();
    for code in ["handshake-aborted", "revocation-stale"] {
        (0..10_000).for_each(|_| post.guard.handshake_failed(checker, code));
    }
    assert!(post.guard.connection(checker).is_ok());
    // Whoever is on this machine is no stranger.
    (0..10_000).for_each(|_| {
        post.guard.handshake_failed(Ipv4Addr::LOCALHOST.into(), "certificate-missing");
    });
    assert!(post.guard.connection(Ipv4Addr::LOCALHOST.into()).is_ok());
}

#[tokio::test]
async fn rates_answer_when_to_come_again() {
    let mut config = GuardConfig::default();
    config.limits.certificate_requests = Rate { per_second: 2, burst: 5 };
    config.limits.certificate_open_max = 2;
    let post = Post::new(config);
    let who = holder("141003", 1);
    let presence = post.come("192.0.2.1", &who).unwrap();
    for _ in 0..5 {
        assert!(post.visit(&presence).await.is_ok());
    }
    let refused = post.visit(&presence).await;
    assert_eq!(refused, Err(Refusal::Limited { retry_after_s: 1 }));
    post.clock.pass(1_000);
    assert!(post.visit(&presence).await.is_ok() && post.visit(&presence).await.is_ok());
    assert!(post.visit(&presence).await.is_err());
    let second = post.come("192.0.2.1", &who).unwrap();
    assert!(matches!(post.come("192.0.2.1", &who), Err(Refusal::Limited { .. })));
    drop(second);
    assert!(post.come("192.0.2.1", &who).is_ok());
    assert_eq!(post.told(), ["guard.log rate"], "told once a minute, not at every request");
}

#[tokio::test]
async fn one_certificate_in_two_places_must_sign_in_again_from_each() {
    let post = Post::new(GuardConfig::default());
    let who = holder("141003", 1);
    let office = post.come("192.0.2.1", &who).unwrap();
    assert_eq!(post.visit(&office).await, Ok(false));
    post.clock.pass(1);
    let elsewhere = post.come("198.51.100.1", &who).unwrap();
    assert_eq!(post.told(), ["guard.challenge places"]);
    // Connections from before are closed; those after it lose their cookies.
    assert!(matches!(post.visit(&office).await, Err(Refusal::Challenged { .. })));
    assert!(office.ending().is_cancelled());
    drop(office);
    post.clock.pass(1);
    let office = post.come("192.0.2.2", &who).unwrap();
    assert_eq!(post.visit(&office).await, Ok(true), "nothing a session could be known by passes");
    assert_eq!(post.sign_in(&office, 401).await, Ok(true));
    assert_eq!(post.visit(&office).await, Ok(true));
    assert_eq!(post.sign_in(&office, 303).await, Ok(true));
    assert_eq!(post.visit(&office).await, Ok(false), "who signed in is believed");
    post.clock.pass(1);
    drop(elsewhere);
    let elsewhere = post.come("198.51.100.1", &who).unwrap();
    assert_eq!(post.visit(&elsewhere).await, Ok(true), "but only where it was");
    assert_eq!(post.told(), ["guard.challenge places"], "one challenge is enough");
}

#[tokio::test]
async fn a_machine_passes_a_challenge_from_home_only() {
    let post = Post::new(GuardConfig::default());
    let who = contractor();
    let home = post.come("192.0.2.1", &who).unwrap();
    post.clock.pass(1);
    let thief = post.come("198.51.100.1", &who).unwrap();
    assert!(matches!(post.visit(&thief).await, Err(Refusal::Challenged { .. })));
    assert!(matches!(post.visit(&home).await, Err(Refusal::Challenged { .. })));
    post.clock.pass(1);
    let thief = post.come("198.51.100.1", &who).unwrap();
    assert!(matches!(post.visit(&thief).await, Err(Refusal::Challenged { .. })));
    let home = post.come("192.0.2.1", &who).unwrap();
    assert_eq!(post.visit(&home).await, Ok(false));
    let Err(Refusal::Challenged { id }) = post.visit(&thief).await else { panic!("passed") };
    post.guard.release(id, None, "operator").unwrap();
    assert_eq!(post.visit(&thief).await, Ok(false), "unless a person says it is right");
}

#[test]
fn a_new_program_is_told_once() {
    let post = Post::new(GuardConfig::default());
    let who = holder("141003", 1);
    for (fingerprint, told) in [(1, 0), (1, 0), (2, 1), (2, 1), (1, 1), (3, 2)] {
        drop(post.come_with("192.0.2.1", &who, Some(fingerprint)).unwrap());
        assert_eq!(post.told().len(), told);
    }
    assert_eq!(post.told(), ["guard.log fingerprint"; 2]);
}

#[test]
fn many_organisations_from_one_address_are_told() {
    let post = Post::new(GuardConfig::default());
    for n in 0..30 {
        let _arrived = post.come("192.0.2.1", &holder(&format!("{n:06}"), 1)).unwrap();
        let _device = post.come("127.0.0.1", &holder(&format!("{n:06}"), 2)).unwrap();
    }
    assert_eq!(post.told(), ["guard.log crowd"]);
}

/// An office at work from 9 to 17 o'clock, so many requests an hour, for some days.
async fn work(post: &Post, who: &Identity, days: i64, requests: u32) {
    post.clock.0.store(NOW - 2 * HOUR - 13 * MINUTE, Relaxed);
    for _ in 0..days {
        for _ in 0..8 {
            let presence = post.come("192.0.2.1", who).unwrap();
            for _ in 0..requests {
                assert!(post.visit(&presence).await.is_ok());
            }
            post.clock.pass(HOUR);
        }
        post.clock.pass(16 * HOUR);
    }
}

fn habits() -> GuardConfig {
    let mut config = GuardConfig::default();
    config.detectors.volume.floor_requests = 100;
    config.detectors.volume.learning_days = 5;
    config.detectors.hours.learning_days = 5;
    config
}

#[tokio::test]
async fn an_organisations_habit_is_learned_and_what_is_far_above_it_told() {
    let post = Post::new(habits());
    let who = holder("141003", 1);
    work(&post, &who, 7, 30).await;
    assert_eq!(post.told(), [""; 0]);
    let presence = post.come("192.0.2.1", &who).unwrap();
    for _ in 0..1_000 {
        assert!(post.visit(&presence).await.is_ok(), "by default nobody is hindered");
    }
    assert_eq!(post.told(), ["guard.log volume"]);
    post.guard.observe(&presence.organisation, 3 << 30);
    assert_eq!(post.told(), ["guard.log volume"; 2], "bytes too");
}

#[tokio::test]
async fn hours_at_which_an_organisation_never_works_are_told() {
    let post = Post::new(habits());
    let who = holder("141003", 1);
    work(&post, &who, 7, 30).await;
    post.clock.pass(16 * HOUR);
    let presence = post.come("192.0.2.1", &who).unwrap();
    for _ in 0..30 {
        assert!(post.visit(&presence).await.is_ok());
    }
    assert_eq!(post.told(), ["guard.log hours"]);
}

#[tokio::test]
async fn a_restart_forgets_neither_habits_nor_blocks_nor_exceptions() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = habits();
    config.state = Some(folder.path().join("guard.json"));
    let post = Post::new(config.clone());
    let (who, other) = (holder("141003", 1), holder("141003", 2));
    work(&post, &who, 7, 30).await;
    let presence = post.come_with("192.0.2.1", &who, Some(1)).unwrap();
    (0..40).for_each(|n| post.guard.refused(&presence, Some(n), None));
    let presence = post.come("192.0.2.1", &other).unwrap();
    (0..40).for_each(|n| post.guard.refused(&presence, Some(n), None));
    let Err(Refusal::Blocked { id, .. }) = post.visit(&presence).await else { panic!("passed") };
    post.guard.release(id, None, "operator").unwrap();
    post.guard.close();

    let again = Post::at(config.clone(), post.clock.clone());
    let presence = again.come("192.0.2.1", &who).unwrap();
    assert!(is_blocked(&again.visit(&presence).await));
    let presence = again.come("192.0.2.1", &other).unwrap();
    (0..40).for_each(|n| again.guard.refused(&presence, Some(n), None));
    for _ in 0..1_000 {
        assert!(again.visit(&presence).await.is_ok(), "the exception holds");
    }
    assert_eq!(again.told(), ["guard.log volume"], "the habit is known");
    post.clock.pass(15 * MINUTE);
    drop(again.come_with("192.0.2.1", &who, Some(2)).unwrap());
    assert_eq!(again.told()[1], "guard.log fingerprint", "the program is known");
    again.guard.close();
    let third = Post::at(config, post.clock.clone());
    let kept = third.guard.stored();
    assert_eq!(kept.certificates.len(), 2, "who has not come yet is kept too");
}

#[test]
fn a_state_file_that_cannot_be_read_is_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guard.json");
    std::fs::write(&path, "{\"organisations\":7}").unwrap();
    let config = GuardConfig { state: Some(path), ..GuardConfig::default() };
    let post = Post::new(config);
    assert!(post.come("192.0.2.1", &holder("141003", 1)).is_ok());
    assert!(folder.path().join("guard.json.unreadable").exists());
}

#[tokio::test]
async fn a_slowed_subject_waits_and_only_so_many_wait() {
    let mut config = GuardConfig::default();
    config.detectors.scan.certificate = Threshold { count: 3, window_s: 60 };
    config.detectors.scan.reaction = Reaction { actions: vec![Action::Slow], minutes: 5 };
    config.actions.sleepers_max = 2;
    config.actions.slow_ms = 20;
    let post = Post::new(config);
    let presence = post.come("192.0.2.1", &holder("141003", 1)).unwrap();
    (0..3).for_each(|n| post.guard.refused(&presence, Some(n), None));
    assert_eq!(post.told(), ["guard.slow scan"]);
    let visits = tokio::join!(post.visit(&presence), post.visit(&presence), post.visit(&presence));
    assert_eq!(visits.0, Ok(false));
    assert_eq!(visits.1, Ok(false));
    assert_eq!(visits.2, Err(Refusal::Limited { retry_after_s: 1 }));
    post.clock.pass(5 * MINUTE);
    let visits = tokio::join!(post.visit(&presence), post.visit(&presence), post.visit(&presence));
    assert_eq!(visits, (Ok(false), Ok(false), Ok(false)));
}

#[tokio::test]
async fn alerts_are_lines_that_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = GuardConfig::default();
    let path: PathBuf = folder.path().join("alerts.jsonl");
    config.alerts.file = Some(path.clone());
    config.alerts.per_rule_and_minute = 2;
    let post = Post::new(config);
    for n in 0..5 {
        let presence = post.come("192.0.2.1", &holder(&format!("{n:06}"), 1)).unwrap();
        (0..40).for_each(|n| post.guard.refused(&presence, Some(n), None));
    }
    assert_eq!(post.told(), ["guard.block scan"; 5], "every block is in the ledger");
    post.clock.pass(MINUTE);
    let presence = post.come("192.0.2.1", &holder("000009", 1)).unwrap();
    (0..40).for_each(|n| post.guard.refused(&presence, Some(n), None));
    post.guard.close();
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "two in the first minute, one in the next");
    let line = &lines[2];
    for (key, value) in [
        ("severity", "page".into()),
        ("rule", "scan".into()),
        ("counted", 40.into()),
        ("threshold", 40.into()),
        ("window_s", 600.into()),
        ("untold", 3.into()),
        ("measures", serde_json::json!(["block"])),
    ] {
        assert_eq!(line[key], value, "{line}");
    }
    let release = line["release"].as_str().unwrap();
    assert_eq!(release, format!("kakehashi gateway release {}", line["id"].as_str().unwrap()));
}

#[test]
fn a_million_strangers_leave_bounded_tables() {
    let mut config = GuardConfig::default();
    config.tables.addresses_max = 4_096;
    config.tables.measures_max = 64;
    let fail = |post: &Post, count: u32| {
        for n in 0..count {
            post.guard.handshake_failed(
                Ipv4Addr::from_bits(0x0a00_0000 + n).into(),
                "certificate-missing",
            );
        }
        let status = post.guard.status();
        assert!(status.addresses <= 4_096 && status.measures <= 64, "{status:?}");
    };
    fail(&Post::new(config.clone()), 1_000_000);
    config.lockout.handshakes = Threshold { count: 1, window_s: 60 };
    fail(&Post::new(config), 10_000);
}
