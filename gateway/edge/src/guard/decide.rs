//! From what a detector found to what is done about it, with the reason written down.

use std::sync::{Arc, PoisonError};

use super::{
    Guard,
    action::{DecisionId, Evidence, Exceptions, Kind, Measure, Measures, Standing},
    alert::{Alert, Severity},
    config::{Action, Reaction},
    subject::{Organisation, Rule, Subject},
    time::Moment,
    watched::{Certificate, OrganisationWatch},
};

/// What was found about whom, and what shall be done.
pub(crate) struct Found<'a> {
    rule: Rule,
    subject: &'a Subject,
    standing: &'a Standing,
    certificate: Option<&'a Certificate>,
    organisation: Option<&'a Organisation>,
    template: Option<&'a Arc<str>>,
    evidence: Evidence,
    kinds: Vec<Kind>,
    minutes: u32,
    is_page: bool,
}

impl<'a> Found<'a> {
    pub(crate) const fn new(
        rule: Rule,
        subject: &'a Subject,
        standing: &'a Standing,
        evidence: Evidence,
    ) -> Self {
        Self {
            rule,
            subject,
            standing,
            certificate: None,
            organisation: None,
            template: None,
            evidence,
            kinds: Vec::new(),
            minutes: 0,
            is_page: false,
        }
    }

    pub(crate) const fn of_certificate(
        rule: Rule,
        certificate: &'a Certificate,
        evidence: Evidence,
    ) -> Self {
        let mut found = Self::new(rule, &certificate.subject, &certificate.standing, evidence);
        found.certificate = Some(certificate);
        found.organisation = Some(&certificate.organisation);
        found
    }

    pub(crate) const fn of_organisation(
        rule: Rule,
        organisation: &'a OrganisationWatch,
        evidence: Evidence,
    ) -> Self {
        Self::new(rule, &organisation.subject, &organisation.standing, evidence)
    }

    /// As the configuration says.
    pub(crate) fn reacting(mut self, reaction: &Reaction) -> Self {
        for action in &reaction.actions {
            match action {
                Action::Log => {}
                Action::Slow => self.kinds.push(Kind::Slow),
                // Only a certificate's holder can prove itself.
                Action::Challenge if self.certificate.is_none() => {}
                Action::Challenge => self.kinds.push(Kind::Challenge),
                Action::Block => self.kinds.push(Kind::Block),
                Action::Page => self.is_page = true,
            }
        }
        self.minutes = reaction.minutes;
        self
    }

    pub(crate) fn lasting(mut self, kinds: &[Kind], minutes: u32) -> Self {
        self.kinds = kinds.to_vec();
        self.minutes = minutes;
        self
    }

    pub(crate) const fn on(mut self, template: Option<&'a Arc<str>>) -> Self {
        self.template = template;
        self
    }

    pub(crate) const fn whose(mut self, organisation: Option<&'a Organisation>) -> Self {
        self.organisation = organisation;
        self
    }

    fn severity(&self) -> Severity {
        let is_minor = matches!(self.rule, Rule::Rate | Rule::Fingerprint);
        match (self.is_page, self.kinds.is_empty() && is_minor) {
            (true, _) => Severity::Page,
            (false, true) => Severity::Notice,
            (false, false) => Severity::Warning,
        }
    }
}

impl Guard {
    /// Puts measures in force and tells of them, unless an operator made an exception.
    pub(super) fn decide(&self, found: &Found<'_>, now: Moment) {
        let whose = found.organisation.cloned().map(Subject::Organisation);
        let mut concerned = vec![found.subject];
        concerned.extend(&whose);
        if self.exceptions().cover(found.rule, &concerned, now.wall) {
            return;
        }
        let id = self.decision_id();
        let until = now.wall.plus_ms(i64::from(found.minutes) * 60_000);
        for kind in found.kinds.iter().copied() {
            let measure = Measure {
                id,
                kind,
                rule: found.rule,
                subject: found.subject.clone(),
                evidence: found.evidence,
                since: now.wall,
                until,
            };
            if let (Kind::Challenge, Some(certificate)) = (kind, found.certificate) {
                certificate.past().places.challenge(now.tick);
            }
            found.standing.put(&self.measures().put(measure, now.wall));
        }
        let alert = Alert {
            id,
            at: now.wall,
            severity: found.severity(),
            rule: found.rule,
            subject: found.subject.clone(),
            organisation: whose,
            evidence: found.evidence,
            template: found.template.cloned(),
            measures: found.kinds.clone(),
            until: (!found.kinds.is_empty()).then_some(until),
            untold: 0,
            release: format!("kakehashi gateway release {id}"),
        };
        self.alerts.tell(alert, now.tick);
    }

    /// Tells whether an operator made an exception for a certificate or its organisation.
    pub(super) fn is_excepted(&self, rule: Rule, certificate: &Certificate, now: Moment) -> bool {
        let whose = Subject::Organisation(certificate.organisation.clone());
        self.exceptions().cover(rule, &[&certificate.subject, &whose], now.wall)
    }

    /// Gives somebody seen anew what is still in force about them.
    pub(super) fn restore(&self, subject: &Subject, standing: &Standing) {
        let now = self.ticker.now();
        self.measures().of(subject, now.wall).for_each(|measure| standing.put(measure));
    }

    fn decision_id(&self) -> DecisionId {
        const DIGITS: u128 = 0xff_ffff_ffff;
        DecisionId(u64::try_from(self.ids.next().as_u128() & DIGITS).unwrap_or_default())
    }

    pub(super) fn measures(&self) -> std::sync::MutexGuard<'_, Measures> {
        self.measures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn exceptions(&self) -> std::sync::MutexGuard<'_, Exceptions> {
        self.exceptions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
