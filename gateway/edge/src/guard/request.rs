//! The way of one request through the guard: may it pass, and what came of it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};

use super::{
    Guard, Presence,
    action::{Evidence, Kind, Standing},
    blocked,
    config::{Action, Threshold},
    decide::Found,
    evidence,
    lockout::Added,
    seconds,
    subject::{Organisation, Rule, Subject},
    time::Moment,
    watched::{Certificate, OrganisationWatch},
};
use crate::refusal::Refusal;

/// What a permitted request asks, as far as the guard wants to know.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The route as the policy writes it.
    pub(crate) template: Arc<str>,
    /// Whether it tries to sign in.
    pub(crate) is_sign_in: bool,
    /// The digest of its flagged ids or access keys, if it has any ([`Guard::digest`]).
    pub(crate) ids: Option<u64>,
}

/// A request that may pass. Hand it back with its answer's status.
#[derive(Debug)]
pub(crate) struct Admission {
    asked: Asked,
    turn: Option<OwnedSemaphorePermit>,
    /// The holder has to prove itself first: nothing a session could be recognised by may pass.
    pub(crate) without_cookie: bool,
}

impl Guard {
    /// Lets a request in to be looked at, whatever it asks. First of all, so that what the policy refuses
    /// is limited too.
    ///
    /// # Errors
    ///
    /// [`Refusal::Blocked`] or [`Refusal::Limited`].
    pub(crate) fn enter(&self, presence: &Presence) -> Result<(), Refusal> {
        let now = self.ticker.now();
        not_blocked(presence, now)?;
        self.rates(presence, now)?;
        self.count(presence, now)
    }

    /// Lets a request pass that the policy permits, perhaps later.
    ///
    /// # Errors
    ///
    /// [`Refusal::Blocked`], [`Refusal::Limited`], [`Refusal::SignInLocked`] or [`Refusal::Challenged`].
    pub(crate) async fn admit(
        &self,
        presence: &Presence,
        asked: Asked,
    ) -> Result<Admission, Refusal> {
        let now = self.ticker.now();
        if asked.is_sign_in {
            sign_in_open(presence, now)?;
        }
        let without_cookie = challenged(presence, now)?;
        self.slowed(presence, now).await?;
        let turn = match asked.ids {
            Some(_) => Some(self.turn(presence, now).await?),
            None => None,
        };
        Ok(Admission { asked, turn, without_cookie })
    }

    fn rates(&self, presence: &Presence, now: Moment) -> Result<(), Refusal> {
        let Presence { certificate, organisation, place, .. } = presence;
        let whose = Some(&certificate.organisation);
        let limited = |subject: &Subject, standing: &Standing, wait| {
            Err(self.limited(subject, standing, whose, wait, now))
        };
        if let Err(wait) = certificate.requests.take() {
            return limited(&certificate.subject, &certificate.standing, wait);
        }
        if let Err(wait) = organisation.requests.take() {
            return limited(&organisation.subject, &organisation.standing, wait);
        }
        let address = &place.address;
        if !address.is_exempt
            && let Err(wait) = address.requests.take()
        {
            return limited(&address.subject, &address.standing, wait);
        }
        Ok(())
    }

    /// Counts the request in its hour, and tells when the hour is more than the habit.
    fn count(&self, presence: &Presence, now: Moment) -> Result<(), Refusal> {
        use std::sync::atomic::Ordering::Relaxed;
        let organisation = &presence.organisation;
        organisation.turn_hour(now.wall, &self.config);
        if let Some(most) = self.config.limits.organisation_bytes_per_hour
            && organisation.hour_bytes.load(Relaxed) >= most
        {
            const HOUR_MS: i64 = 3_600_000;
            let left_ms = HOUR_MS - now.wall.0.rem_euclid(HOUR_MS);
            return Err(Refusal::Limited { retry_after_s: seconds(left_ms) });
        }
        let requests = organisation.hour_requests.fetch_add(1, Relaxed) + 1;
        let detectors = &self.config.detectors;
        if requests >= organisation.unusual_bound.load(Relaxed) {
            let threshold = organisation.unusual_bound.swap(u64::MAX, Relaxed);
            if threshold != u64::MAX {
                let evidence = Evidence { counted: requests, threshold, window_s: 3_600 };
                let found = Found::of_organisation(Rule::Hours, organisation, evidence);
                self.decide(&found.reacting(&detectors.hours.reaction), now);
            }
        }
        if requests > organisation.requests_bound.load(Relaxed) {
            self.too_much(organisation, &organisation.requests_bound, requests, now);
        }
        Ok(())
    }

    fn too_much(
        &self,
        organisation: &OrganisationWatch,
        bound: &std::sync::atomic::AtomicU64,
        counted: u64,
        now: Moment,
    ) {
        // Told once an hour: the bound is out of reach until the hour turns.
        let threshold = bound.swap(u64::MAX, std::sync::atomic::Ordering::Relaxed);
        if threshold != u64::MAX {
            let evidence = Evidence { counted, threshold, window_s: 3_600 };
            let found = Found::of_organisation(Rule::Volume, organisation, evidence);
            self.decide(&found.reacting(&self.config.detectors.volume.reaction), now);
        }
    }

    /// Makes a slowed subject's request wait; when too many wait already, it is refused.
    async fn slowed(&self, presence: &Presence, now: Moment) -> Result<(), Refusal> {
        let standings = [&presence.certificate.standing, &presence.organisation.standing];
        if standings.iter().all(|standing| standing.held(Kind::Slow, now.wall).is_none()) {
            return Ok(());
        }
        let delay = self.config.actions.slow();
        let limited = Refusal::Limited { retry_after_s: seconds(millis(delay)) };
        let _place = self.sleepers.try_acquire().map_err(|_| limited)?;
        sleep(delay).await;
        Ok(())
    }

    /// Waits until fewer requests with ids are under way than may miss: however many are asked at once,
    /// no more than the threshold ever reach a component in vain.
    async fn turn(
        &self,
        presence: &Presence,
        now: Moment,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        let config = &self.config.detectors.enumeration;
        let certificate = &presence.certificate;
        {
            let mut past = certificate.past();
            if past.missed.expire(config.certificate, now.tick) {
                certificate.refill(&mut past);
            }
        }
        let turns = || Arc::clone(&certificate.turns);
        if let Ok(turn) = turns().try_acquire_owned() {
            return Ok(turn);
        }
        let patience = Duration::from_millis(config.turn_timeout_ms);
        match timeout(patience, turns().acquire_owned()).await {
            Ok(Ok(turn)) => {
                // Meanwhile the others may have been found to enumerate.
                not_blocked(presence, self.ticker.now())?;
                Ok(turn)
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::Limited { retry_after_s: 1 }),
        }
    }

    /// Takes in the status of an admitted request's answer, as soon as it is known.
    pub(crate) fn answered(&self, presence: &Presence, admission: Admission, status: u16) {
        let Admission { asked, turn, .. } = admission;
        if let (Some(digest), Some(turn)) = (asked.ids, turn)
            && self.config.detectors.enumeration.statuses.contains(&status)
        {
            self.missed(presence, digest, turn, &asked.template);
        }
        if asked.is_sign_in {
            match status {
                401 | 403 => self.sign_in_failed(presence, &asked.template),
                200..=399 => {
                    let mut past = presence.certificate.past();
                    past.sign_ins.clear();
                    past.places.pass(presence.place.network);
                }
                _ => {}
            }
        }
    }

    fn missed(
        &self,
        presence: &Presence,
        digest: u64,
        turn: OwnedSemaphorePermit,
        template: &Arc<str>,
    ) {
        let now = self.ticker.now();
        let Presence { certificate, organisation, .. } = presence;
        if self.is_excepted(Rule::Enumeration, certificate, now) {
            return;
        }
        let config = &self.config.detectors.enumeration;
        let (short, daily) = {
            let mut past = certificate.past();
            let short = past.missed.add(digest, config.certificate, now.tick);
            if short != Added::Known && config.reaction.actions.contains(&Action::Block) {
                turn.forget();
                past.turns_used += 1;
            }
            (short, past.missed_daily.add(digest, config.certificate_daily, now.tick))
        };
        let wide = organisation.past().missed.add(digest, config.organisation, now.tick);
        let mut is_certificate_found = false;
        for (added, threshold) in [(short, config.certificate), (daily, config.certificate_daily)] {
            if added == Added::New(threshold.count) {
                is_certificate_found = true;
                self.cut_off_certificate(
                    Rule::Enumeration,
                    certificate,
                    threshold,
                    Some(template),
                    now,
                );
            }
        }
        if is_certificate_found {
            // The block is in force: whoever waits for a turn finds it.
            let mut past = certificate.past();
            past.missed.clear();
            past.missed_daily.clear();
            certificate.refill(&mut past);
        }
        if wide == Added::New(config.organisation.count) {
            let evidence = evidence(u64::from(config.organisation.count), config.organisation);
            let found = Found::of_organisation(Rule::Enumeration, organisation, evidence);
            self.decide(&found.reacting(&config.reaction).on(Some(template)), now);
            organisation.past().missed.clear();
        }
    }

    fn cut_off_certificate(
        &self,
        rule: Rule,
        certificate: &Certificate,
        threshold: Threshold,
        template: Option<&Arc<str>>,
        now: Moment,
    ) {
        let reaction = match rule {
            Rule::Enumeration => &self.config.detectors.enumeration.reaction,
            _ => &self.config.detectors.scan.reaction,
        };
        let evidence = evidence(u64::from(threshold.count), threshold);
        let found = Found::of_certificate(rule, certificate, evidence);
        self.decide(&found.reacting(reaction).on(template), now);
    }

    fn sign_in_failed(&self, presence: &Presence, template: &Arc<str>) {
        let now = self.ticker.now();
        let Presence { certificate, organisation, .. } = presence;
        let config = &self.config.lockout;
        let kinds = [Kind::SignInLock];
        let threshold = config.certificate_sign_ins;
        let minutes = certificate.past().sign_ins.fail(threshold, config, now.tick);
        if let Some(minutes) = minutes {
            let evidence = evidence(u64::from(threshold.count), threshold);
            let found = Found::of_certificate(Rule::SignIn, certificate, evidence);
            self.decide(&found.lasting(&kinds, minutes).on(Some(template)), now);
        }
        let threshold = config.organisation_sign_ins;
        let minutes = organisation.past().sign_ins.fail(threshold, config, now.tick);
        if let Some(minutes) = minutes {
            let evidence = evidence(u64::from(threshold.count), threshold);
            let found = Found::of_organisation(Rule::SignIn, organisation, evidence);
            self.decide(&found.lasting(&kinds, minutes).on(Some(template)), now);
        }
    }

    /// Takes in a request that was refused here. `target` is the digest of what it wanted, where the
    /// policy knows no such thing: many different ones are a scan.
    pub(crate) fn refused(
        &self,
        presence: &Presence,
        target: Option<u64>,
        template: Option<&Arc<str>>,
    ) {
        let now = self.ticker.now();
        let Presence { certificate, organisation, .. } = presence;
        // Others of the same holder may have been under way when it was cut off.
        if not_blocked(presence, now).is_err() {
            return;
        }
        let lockout = &self.config.lockout;
        let minutes = certificate.past().refusals.fail(lockout.refusals, lockout, now.tick);
        if let Some(minutes) = minutes {
            let evidence = evidence(u64::from(lockout.refusals.count), lockout.refusals);
            let found = Found::of_certificate(Rule::Refusals, certificate, evidence);
            self.decide(&found.lasting(&[Kind::Block], minutes).on(template), now);
        }
        let Some(target) = target else { return };
        if self.is_excepted(Rule::Scan, certificate, now) {
            return;
        }
        let config = &self.config.detectors.scan;
        let added = certificate.past().scanned.add(target, config.certificate, now.tick);
        if added == Added::New(config.certificate.count) {
            self.cut_off_certificate(Rule::Scan, certificate, config.certificate, template, now);
            certificate.past().scanned.clear();
        }
        let added = organisation.past().scanned.add(target, config.organisation, now.tick);
        if added == Added::New(config.organisation.count) {
            let evidence = evidence(u64::from(config.organisation.count), config.organisation);
            let found = Found::of_organisation(Rule::Scan, organisation, evidence);
            self.decide(&found.reacting(&config.reaction).on(template), now);
            organisation.past().scanned.clear();
        }
    }

    /// Counts bytes in their hour, and tells when the hour is more than the habit.
    pub(super) fn observe(&self, organisation: &OrganisationWatch, bytes: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        let before = organisation.hour_bytes.fetch_add(bytes, Relaxed);
        let bytes = before.saturating_add(bytes);
        if bytes > organisation.bytes_bound.load(Relaxed) {
            self.too_much(organisation, &organisation.bytes_bound, bytes, self.ticker.now());
        }
    }

    /// Answers a refusal for a rate, and tells of it at most once a minute.
    pub(super) fn limited(
        &self,
        subject: &Subject,
        standing: &Standing,
        organisation: Option<&Organisation>,
        wait: Duration,
        now: Moment,
    ) -> Refusal {
        if standing.may_tell(now.tick) {
            let evidence = Evidence { counted: 1, threshold: 1, window_s: 0 };
            let found = Found::new(Rule::Rate, subject, standing, evidence).whose(organisation);
            self.decide(&found, now);
        }
        Refusal::Limited { retry_after_s: seconds(millis(wait)) }
    }
}

fn not_blocked(presence: &Presence, now: Moment) -> Result<(), Refusal> {
    for standing in [&presence.certificate.standing, &presence.organisation.standing] {
        if let Some((id, left_ms)) = standing.held(Kind::Block, now.wall) {
            return Err(blocked(id, left_ms));
        }
    }
    Ok(())
}

fn sign_in_open(presence: &Presence, now: Moment) -> Result<(), Refusal> {
    for standing in [&presence.certificate.standing, &presence.organisation.standing] {
        if let Some((id, left_ms)) = standing.held(Kind::SignInLock, now.wall) {
            return Err(Refusal::SignInLocked { id, retry_after_s: seconds(left_ms) });
        }
    }
    Ok(())
}

/// Answers whether the request must pass without its cookies. People pass a challenge by signing in on a
/// connection begun after it; machines by a connection begun after it from the network known longest.
/// Passing holds for that network only.
fn challenged(presence: &Presence, now: Moment) -> Result<bool, Refusal> {
    let Some((id, _)) = presence.certificate.standing.held(Kind::Challenge, now.wall) else {
        return Ok(false);
    };
    let network = presence.place.network;
    let mut past = presence.certificate.past();
    if past.places.has_passed(network) {
        return Ok(false);
    }
    let is_fresh = past.places.is_fresh(presence.arrived);
    if presence.is_machine && is_fresh && past.places.home() == Some(network) {
        past.places.pass(network);
        return Ok(false);
    }
    if presence.is_machine || !is_fresh {
        presence.ending.cancel();
        return Err(Refusal::Challenged { id });
    }
    Ok(true)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
