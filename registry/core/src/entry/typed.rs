//! What was typed into the fields of a posted form, and what it reads as.

use kakehashi_forms::{
    AllowedState, Answer, Answers, Definition, Finding, Item, Kind, Reading, Value,
};
use kakehashi_kernel::limits::FORM_ITEMS_MAX;

use super::{ADD_ROW, Action, UnknownAction};

/// The state that stands for 感度以下 in a state field.
pub const BELOW_DETECTION: &str = "below-detection";

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

    /// The button that was pressed.
    ///
    /// # Errors
    ///
    /// [`UnknownAction`] when it is none of the page's.
    pub fn action(&self) -> Result<Action, UnknownAction> {
        if self.first(ADD_ROW).is_empty() {
            return self.first("action").parse();
        }
        Ok(Action::AddRow)
    }

    /// Every field with its value.
    pub(super) fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// Reads every item of the form. A field that does not belong to the form is left out; one that
    /// does not read becomes a finding (E) and its item stays blank; one that was read with a doubt has a
    /// finding (W) besides. Rows of tables are counted as sent: see [`Typed::without_empty_rows`].
    ///
    /// A value wins over a state: whoever types a number does not mean 未実施 any longer.
    pub fn read(&self, definition: &Definition) -> (Answers, Vec<Finding>) {
        let mut answers = Answers::new();
        let mut findings = Vec::new();
        for item in definition.items().take(FORM_ITEMS_MAX) {
            if let Some(answer) = self.read_item(item, &mut findings) {
                answers.set(item.id.clone(), answer);
            }
        }
        (answers, findings)
    }

    fn read_item(&self, item: &Item, findings: &mut Vec<Finding>) -> Option<Answer> {
        if matches!(item.kind, Kind::Rows { .. })
            && let Some(rows) = self.read_rows(item, findings)
        {
            return Some(Answer::Given(Value::Rows(rows)));
        }
        match self.read_field(item, &item.id) {
            Ok(reading) => {
                findings.extend(reading.notes);
                Some(reading.answer).filter(|answer| *answer != Answer::Blank)
            }
            Err(finding) => {
                findings.push(*finding);
                None
            }
        }
    }

    /// Reads the field of an item, or of a cell as its column.
    pub(super) fn read_field(&self, item: &Item, field: &str) -> Result<Reading, Box<Finding>> {
        let text = if matches!(item.kind, Kind::Codes(_)) {
            self.all(field).collect::<Vec<_>>().join(" ")
        } else {
            self.first(field).to_owned()
        };
        let reading = item.read(&text).map_err(Box::new)?;
        if reading.answer != Answer::Blank {
            return Ok(reading);
        }
        let state = self.first(&state_field(field));
        let answer = match Answer::from_state(state) {
            Some(Answer::NotDone) if item.allows(AllowedState::NotDone) => Answer::NotDone,
            Some(Answer::Unknown) if item.allows(AllowedState::Unknown) => Answer::Unknown,
            _ if state == BELOW_DETECTION && item.takes_below_detection() => {
                Answer::Given(Value::BelowDetection)
            }
            _ => Answer::Blank,
        };
        Ok(Reading { answer, ..reading })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_values_as_typed() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let typed = Typed::new(vec![field("a", " 1 "), field("b", "2"), field("a", "3")]);
        assert_eq!(typed.first("a"), " 1 ");
        assert_eq!(typed.all("a").collect::<Vec<_>>(), [" 1 ", "3"]);
        assert_eq!(typed.first("c"), "");
    }
}
