//! What an operator may ask the guard, and do about its decisions.

use kakehashi_contract::AuditFact;
use kakehashi_kernel::Timestamp;
use serde::Serialize;

use super::{
    Guard,
    action::{DecisionId, Exception, Kind, Measure},
    alert::Alert,
    detector::Use,
    subject::{Organisation, Rule, Subject},
};

const DAY_MS: i64 = 86_400_000;
/// Longest exception.
const EXCEPTION_DAYS_MAX: u32 = 366;

/// How much the guard knows at present.
#[derive(Debug, Serialize)]
pub(crate) struct GuardStatus {
    pub(crate) certificates: usize,
    pub(crate) organisations: usize,
    pub(crate) addresses: usize,
    pub(crate) measures: usize,
    pub(crate) exceptions: usize,
    /// Lines that the alert file did not get.
    pub(crate) alerts_lost: u64,
}

/// A decision that was lifted.
#[derive(Debug, Serialize)]
pub(crate) struct Released {
    pub(crate) id: DecisionId,
    pub(crate) rule: Rule,
    pub(crate) subject: Subject,
    /// What was in force.
    pub(crate) measures: Vec<Kind>,
    /// Until when the rule is silent about the subject.
    pub(crate) excepted_until: Option<Timestamp>,
}

/// What an organisation usually does.
#[derive(Debug, Serialize)]
pub(crate) struct HabitShown {
    pub(crate) organisation: Organisation,
    pub(crate) days: u32,
    pub(crate) is_learned: bool,
    pub(crate) hour: Use,
    pub(crate) day: Use,
    pub(crate) hours: [u32; 24],
}

/// Why a decision was not lifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// Nothing in force and no recent alert has this id.
    #[error("no decision in force and no recent alert has this id")]
    Unknown,
    /// The measures are lifted, but no exception could be made.
    #[error("lifted, but there are too many exceptions already")]
    TooManyExceptions,
}

impl Guard {
    pub(crate) fn status(&self) -> GuardStatus {
        let now = self.ticker.now();
        GuardStatus {
            certificates: self.certificates.len(),
            organisations: self.organisations.len(),
            addresses: self.addresses.len(),
            measures: self.measures().in_force(now.wall).len(),
            exceptions: self.exceptions().in_force(now.wall).len(),
            alerts_lost: self.keeper.lost(),
        }
    }

    pub(crate) fn in_force(&self) -> Vec<Measure> {
        self.measures().in_force(self.ticker.now().wall)
    }

    pub(crate) fn exceptions_in_force(&self) -> Vec<Exception> {
        self.exceptions().in_force(self.ticker.now().wall)
    }

    pub(crate) fn recent_alerts(&self, count: usize) -> Vec<Alert> {
        self.alerts.recent(count)
    }

    /// Answers the habits of those who came since the start.
    pub(crate) fn habits(&self) -> Vec<HabitShown> {
        let learning_days = self.config.detectors.volume.learning_days;
        let mut shown = Vec::new();
        self.organisations.each(|organisation, watch| {
            let habit = watch.habit();
            shown.push(HabitShown {
                organisation: organisation.clone(),
                days: habit.days,
                is_learned: habit.days >= learning_days,
                hour: habit.hour,
                day: habit.day,
                hours: habit.hours,
            });
        });
        shown.sort_by(|a, b| a.organisation.cmp(&b.organisation));
        shown
    }

    /// Lifts a decision as a false positive. For `days` (none: as configured; zero: not at all) its rule is
    /// silent about its subject.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`].
    pub(crate) fn release(
        &self,
        id: DecisionId,
        days: Option<u32>,
        by: &str,
    ) -> Result<Released, ReleaseError> {
        let now = self.ticker.now();
        let lifted = self.measures().lift(id);
        let (rule, subject) = if let Some(measure) = lifted.first() {
            (measure.rule, measure.subject.clone())
        } else {
            let alert = self.alerts.find(id).ok_or(ReleaseError::Unknown)?;
            (alert.rule, alert.subject)
        };
        let measures: Vec<Kind> = lifted.iter().map(|measure| measure.kind).collect();
        self.forgive(&subject, &measures);
        let days = days.unwrap_or(self.config.actions.exception_days).min(EXCEPTION_DAYS_MAX);
        let until = now.wall.plus_ms(i64::from(days) * DAY_MS);
        let mut is_made = true;
        if days > 0 {
            let exception = Exception { rule, subject: subject.clone(), until, by: by.to_owned() };
            is_made = self.exceptions().make(exception, now.wall);
        }
        let excepted_until = (days > 0 && is_made).then_some(until);
        let released = Released { id, rule, subject, measures, excepted_until };
        self.told_release(&released, by, now.wall);
        if is_made { Ok(released) } else { Err(ReleaseError::TooManyExceptions) }
    }

    fn forgive(&self, subject: &Subject, measures: &[Kind]) {
        let lift = |standing: &super::action::Standing| {
            for kind in measures {
                standing.lift(*kind);
            }
        };
        match subject {
            Subject::Certificate(digest) => {
                if let Some(certificate) = self.certificates.find(digest) {
                    lift(&certificate.standing);
                    certificate.forgive();
                }
            }
            Subject::Organisation(organisation) => {
                if let Some(organisation) = self.organisations.find(organisation) {
                    lift(&organisation.standing);
                    organisation.forgive();
                }
            }
            Subject::Address(address) => {
                if let Some(address) = self.addresses.find(address) {
                    lift(&address.standing);
                    address.forgive();
                }
            }
        }
    }

    fn told_release(&self, released: &Released, by: &str, now: Timestamp) {
        let measures: Vec<&str> = released.measures.iter().map(|kind| kind.code()).collect();
        let until = released.excepted_until.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let detail = format!(
            "id={} rule={} lifted={} exception-until={until}",
            released.id,
            released.rule.code(),
            if measures.is_empty() { "-".to_owned() } else { measures.join("+") },
        );
        self.act(now, by, "guard.release", &released.subject.to_string(), "ok", detail);
    }

    /// Records an operator's act.
    pub(crate) fn act(
        &self,
        at: Timestamp,
        by: &str,
        action: &str,
        subject: &str,
        outcome: &str,
        detail: String,
    ) {
        let fact = AuditFact {
            actor: by.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            outcome: outcome.to_owned(),
            detail,
        };
        self.alerts.act(at, fact);
    }
}
