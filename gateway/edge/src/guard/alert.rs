//! Alerts: what a detector found and what was done about it, for people and their systems.
//!
//! An alert is a structured log event (target `alert`), a line of the alert file, and an entry of the audit
//! ledger. It names digests, codes and templates: no path, no query, no name of a person.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use kakehashi_contract::AuditFact;
use kakehashi_kernel::Timestamp;
use serde::Serialize;
use tracing::{info, warn};

use super::{
    action::{DecisionId, Evidence, Kind},
    config::AlertsConfig,
    keeper::Keeper,
    subject::{Rule, Subject},
};

const MINUTE_MS: i64 = 60_000;

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    /// To be read some day.
    Notice,
    /// To be read today.
    Warning,
    /// A person must look now.
    Page,
}

impl Severity {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Page => "page",
        }
    }
}

/// One decision, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Alert {
    pub(crate) id: DecisionId,
    pub(crate) at: Timestamp,
    pub(crate) severity: Severity,
    pub(crate) rule: Rule,
    pub(crate) subject: Subject,
    /// Whose certificate, where the subject is not the organisation itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<Subject>,
    #[serde(flatten)]
    pub(crate) evidence: Evidence,
    /// The route of the last request counted, as the policy writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<Arc<str>>,
    /// What was done. Empty: nothing but telling.
    pub(crate) measures: Vec<Kind>,
    /// Until when it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Timestamp>,
    /// Alerts of this rule that were not told since the last one.
    pub(crate) untold: u64,
    /// How an operator ends it.
    pub(crate) release: String,
}

/// Where the ledger's facts go.
pub(crate) type Record = Arc<dyn Fn(Timestamp, AuditFact) + Send + Sync>;

/// Tells alerts, not too many of one rule.
pub(crate) struct Alerts {
    config: AlertsConfig,
    told: Mutex<Told>,
    keeper: Arc<Keeper>,
    record: Record,
}

#[derive(Debug, Default)]
struct Told {
    minutes: [Minute; Rule::ALL.len()],
    recent: VecDeque<Alert>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Minute {
    since: Option<i64>,
    told: u32,
    untold: u64,
}

impl Alerts {
    pub(crate) fn new(config: AlertsConfig, keeper: Arc<Keeper>, record: Record) -> Self {
        Self { config, told: Mutex::default(), keeper, record }
    }

    /// Tells an alert, or counts it when its rule has told enough in this minute. What puts a measure in
    /// force is always in the ledger.
    pub(crate) fn tell(&self, mut alert: Alert, tick: i64) {
        let is_told = self.count(&mut alert, tick);
        if is_told || !alert.measures.is_empty() {
            (self.record)(alert.at, fact(&alert));
        }
        if !is_told {
            return;
        }
        log(&alert);
        if let Ok(line) = serde_json::to_vec(&alert) {
            self.keeper.alert(line);
        }
    }

    /// Writes an operator's act into the ledger and the log.
    pub(crate) fn act(&self, at: Timestamp, fact: AuditFact) {
        let AuditFact { actor, action, subject, outcome, detail } = &fact;
        warn!(target: "alert", actor, action, subject, outcome, detail, "operator: {action}");
        (self.record)(at, fact);
    }

    fn count(&self, alert: &mut Alert, tick: i64) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = &mut told.minutes[alert.rule as usize];
        if minute.since.is_none_or(|since| tick - since >= MINUTE_MS) {
            (minute.since, minute.told) = (Some(tick), 0);
        }
        if minute.told >= self.config.per_rule_and_minute {
            minute.untold += 1;
            return false;
        }
        minute.told += 1;
        alert.untold = std::mem::take(&mut minute.untold);
        while told.recent.len() >= self.config.recent_max.max(1) {
            told.recent.pop_front();
        }
        told.recent.push_back(alert.clone());
        true
    }

    /// Answers the newest alerts, the newest last.
    pub(crate) fn recent(&self, count: usize) -> Vec<Alert> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let skipped = told.recent.len().saturating_sub(count);
        told.recent.iter().skip(skipped).cloned().collect()
    }

    /// Finds a decision that put no measure in force.
    pub(crate) fn find(&self, id: DecisionId) -> Option<Alert> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.recent.iter().find(|alert| alert.id == id).cloned()
    }
}

fn log(alert: &Alert) {
    let (id, rule, subject) = (alert.id, alert.rule.code(), &alert.subject);
    let (counted, threshold) = (alert.evidence.counted, alert.evidence.threshold);
    let window_s = alert.evidence.window_s;
    let severity = alert.severity.code();
    let organisation = alert.organisation.as_ref().map_or_else(String::new, ToString::to_string);
    let template = alert.template.as_deref().unwrap_or("-");
    let measures = measures(alert);
    let until = alert.until.map_or_else(|| "-".to_owned(), |until| until.to_string());
    let (untold, release) = (alert.untold, &alert.release);
    match alert.severity {
        Severity::Notice => info!(
            target: "alert", %id, severity, rule, %subject, organisation, counted, threshold,
            window_s, template, measures, until, untold, release, "{rule}: {subject}"
        ),
        Severity::Warning => warn!(
            target: "alert", %id, severity, rule, %subject, organisation, counted, threshold,
            window_s, template, measures, until, untold, release, "{rule}: {subject}"
        ),
        Severity::Page => tracing::error!(
            target: "alert", %id, severity, rule, %subject, organisation, counted, threshold,
            window_s, template, measures, until, untold, release, "{rule}: {subject}"
        ),
    }
}

fn measures(alert: &Alert) -> String {
    if alert.measures.is_empty() {
        return "log".to_owned();
    }
    alert.measures.iter().map(|kind| kind.code()).collect::<Vec<_>>().join("+")
}

fn fact(alert: &Alert) -> AuditFact {
    let Evidence { counted, threshold, window_s } = alert.evidence;
    let mut detail = format!(
        "id={} severity={} counted={counted} threshold={threshold} window={window_s}s",
        alert.id,
        alert.severity.code(),
    );
    if let Some(organisation) = &alert.organisation {
        detail = format!("{detail} {organisation}");
    }
    if let Some(template) = &alert.template {
        detail = format!("{detail} template={template}");
    }
    if let Some(until) = alert.until {
        detail = format!("{detail} until={until}");
    }
    AuditFact {
        actor: "gateway".to_owned(),
        action: format!("guard.{}", measures(alert)),
        subject: alert.subject.to_string(),
        outcome: alert.rule.code().to_owned(),
        detail,
    }
}
