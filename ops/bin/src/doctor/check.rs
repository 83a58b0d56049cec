//! What one step of the examination found, and what to do about it.

use serde::{Serialize, ser::SerializeStruct};

/// A text in the reader's language and in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Text {
    pub(super) ja: String,
    pub(super) en: String,
}

impl Text {
    pub(super) fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }
}

/// One step, in the order in which a connection takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Files,
    Dns,
    Tcp,
    Tls,
    Certificate,
    Clock,
    Policy,
    Upstreams,
}

impl Step {
    pub(super) const ALL: [Self; 8] = [
        Self::Files,
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Certificate,
        Self::Clock,
        Self::Policy,
        Self::Upstreams,
    ];

    /// The stable word of the JSON report.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Clock => "clock",
            Self::Policy => "policy",
            Self::Upstreams => "upstreams",
        }
    }

    /// What the step is called.
    pub(super) const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Files => ("設定とファイル", "Files"),
            Self::Dns => ("名前解決（DNS）", "Name (DNS)"),
            Self::Tcp => ("通信（TCP）", "Network (TCP)"),
            Self::Tls => ("暗号通信（TLS）", "Encryption (TLS)"),
            Self::Certificate => ("端末の証明書", "Client certificate"),
            Self::Clock => ("時計", "Clock"),
            Self::Policy => ("利用の許可", "Policy"),
            Self::Upstreams => ("内部のサービス", "Services behind"),
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Ok,
    NotDone,
    Warning,
    Failed,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotDone => "not-done",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) step: Step,
    pub(super) state: State,
    /// Stable, for help desks and scripts.
    pub(super) code: &'static str,
    pub(super) found: Text,
    pub(super) remedy: Option<Text>,
}

impl Check {
    pub(super) const fn ok(step: Step, code: &'static str, found: Text) -> Self {
        Self { step, state: State::Ok, code, found, remedy: None }
    }

    pub(super) const fn warning(step: Step, code: &'static str, found: Text, remedy: Text) -> Self {
        Self { step, state: State::Warning, code, found, remedy: Some(remedy) }
    }

    pub(super) const fn failed(step: Step, code: &'static str, found: Text, remedy: Text) -> Self {
        Self { step, state: State::Failed, code, found, remedy: Some(remedy) }
    }

    fn not_done(step: Step) -> Self {
        let found = Text::new("未実施", "not done");
        Self { step, state: State::NotDone, code: "not-done", found, remedy: None }
    }
}

impl Serialize for Check {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Check", 5)?;
        map.serialize_field("step", self.step.as_str())?;
        map.serialize_field("state", self.state.as_str())?;
        map.serialize_field("code", self.code)?;
        map.serialize_field("found", &self.found)?;
        map.serialize_field("remedy", &self.remedy)?;
        map.end()
    }
}

/// All findings, in the order of the steps; at least one of every step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub(super) checks: Vec<Check>,
}

impl Diagnosis {
    /// Completes what was found with the steps that were not reached.
    pub(super) fn of(mut checks: Vec<Check>) -> Self {
        for step in Step::ALL {
            if !checks.iter().any(|check| check.step == step) {
                checks.push(Check::not_done(step));
            }
        }
        checks.sort_by_key(|check| check.step);
        Self { checks }
    }

    /// Answers the first finding that blocks the connection.
    pub(super) fn blocked(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.state == State::Failed)
    }

    /// 0 when all is well, 1 when it works but something wants attention, 2 when it is blocked.
    pub(super) fn exit_code(&self) -> u8 {
        let has = |state| self.checks.iter().any(|check| check.state == state);
        match (has(State::Failed), has(State::Warning)) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Text {
        Text::new("あ", "a")
    }

    #[test]
    fn steps_that_were_not_reached_are_said_to_be_not_done() {
        let failed = Check::failed(Step::Dns, "dns-unknown", text(), text());
        let diagnosis =
            Diagnosis::of(vec![Check::ok(Step::Files, "files-ok", text()), failed.clone()]);
        let states: Vec<State> = diagnosis.checks.iter().map(|check| check.state).collect();
        assert_eq!(states[..3], [State::Ok, State::Failed, State::NotDone]);
        assert_eq!(states.len(), Step::ALL.len());
        assert_eq!(diagnosis.blocked(), Some(&failed));
        assert_eq!(diagnosis.exit_code(), 2);
    }

    #[test]
    fn a_warning_is_neither_fine_nor_blocked() {
        let all = |check: Check| Diagnosis::of(vec![check]).exit_code();
        assert_eq!(all(Check::ok(Step::Files, "files-ok", text())), 0);
        assert_eq!(all(Check::warning(Step::Clock, "clock-skew", text(), text())), 1);
    }
}
