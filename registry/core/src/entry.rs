//! Entering a form: what the three buttons mean and what the browser's fields become.

use std::str::FromStr;

use kakehashi_forms::{AllowedState, Answer, Answers, Definition, Finding, Item, Kind, Reading};
use kakehashi_kernel::limits::FORM_ITEMS_MAX;

/// The button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// チェック.
    Check,
    /// 計算.
    Calculate,
    /// 登録.
    Register,
}

/// The text names no button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such button")]
pub struct UnknownAction;

impl Action {
    /// The value of the field `action`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Calculate => "calculate",
            Self::Register => "register",
        }
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Check, Self::Calculate, Self::Register]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or(UnknownAction)
    }
}

/// The name of the field that answers an item by a state (未実施, 不明) instead of a value.
pub fn state_field(item: &str) -> String {
    format!("{item}.state")
}

/// What was typed, field by field, kept as typed so that a page can show it again.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed(Vec<(String, String)>);

impl Typed {
    /// Takes the fields of a posted form in their order.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first value of a field; empty when it was not sent.
    pub fn first(&self, field: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name == field);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// All values of a field.
    pub fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// Reads every item of the form. A field that does not belong to the form is left out; one that
    /// does not read becomes a finding (E) and its item stays blank; one that was read with a doubt has a
    /// finding (W) besides.
    ///
    /// A value wins over a state: whoever types a number does not mean 未実施 any longer.
    pub fn read(&self, definition: &Definition) -> (Answers, Vec<Finding>) {
        let mut answers = Answers::new();
        let mut findings = Vec::new();
        for item in definition.items().take(FORM_ITEMS_MAX) {
            match self.read_item(definition, item) {
                Ok(reading) => {
                    findings.extend(reading.notes);
                    if reading.answer != Answer::Blank {
                        answers.set(item.id.clone(), reading.answer);
                    }
                }
                Err(finding) => findings.push(*finding),
            }
        }
        (answers, findings)
    }

    fn read_item(&self, definition: &Definition, item: &Item) -> Result<Reading, Box<Finding>> {
        let text = if matches!(item.kind, Kind::Codes(_)) {
            self.all(&item.id).collect::<Vec<_>>().join(" ")
        } else {
            self.first(&item.id).to_owned()
        };
        let reading = definition.read_noting(&item.id, &text).map_err(Box::new)?;
        if reading.answer != Answer::Blank {
            return Ok(reading);
        }
        let state = Answer::from_state(self.first(&state_field(&item.id)));
        let answer = match state {
            Some(Answer::NotDone) if item.allows(AllowedState::NotDone) => Answer::NotDone,
            Some(Answer::Unknown) if item.allows(AllowedState::Unknown) => Answer::Unknown,
            _ => Answer::Blank,
        };
        Ok(Reading { answer, ..reading })
    }
}

/// Joins what did not read with what the check found: an item that did not read is not also reported
/// as missing. Printed order first, findings across items last.
pub fn merge(definition: &Definition, unread: Vec<Finding>, checked: Vec<Finding>) -> Vec<Finding> {
    let is_unread = |finding: &Finding| {
        unread.iter().any(|other| other.is_error() && other.item == finding.item)
    };
    let mut findings: Vec<Finding> =
        checked.into_iter().filter(|finding| !is_unread(finding)).collect();
    findings.extend(unread);
    let place = |finding: &Finding| {
        let item = finding.item.as_deref();
        definition.items().position(|other| Some(other.id.as_str()) == item)
    };
    findings.sort_by_key(|finding| (finding.severity, place(finding).unwrap_or(usize::MAX)));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_read_and_others_refused() {
        for action in [Action::Check, Action::Calculate, Action::Register] {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!("delete".parse::<Action>(), Err(UnknownAction));
        assert_eq!("".parse::<Action>(), Err(UnknownAction));
    }

    #[test]
    fn fields_keep_their_values_as_typed() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let typed = Typed::new(vec![field("a", " 1 "), field("b", "2"), field("a", "3")]);
        assert_eq!(typed.first("a"), " 1 ");
        assert_eq!(typed.all("a").collect::<Vec<_>>(), [" 1 ", "3"]);
        assert_eq!(typed.first("c"), "");
    }
}
