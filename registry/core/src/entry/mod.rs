//! Entering a form: what the three buttons mean and what the browser's fields become.

mod table;
mod typed;

use std::str::FromStr;

use kakehashi_forms::{Definition, Finding};

pub use self::{
    table::{ADD_ROW, cell_field, row_count_field},
    typed::{BELOW_DETECTION, Typed, state_field},
};

/// The button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// チェック.
    Check,
    /// 計算.
    Calculate,
    /// 登録.
    Register,
    /// 行を追加: the page comes back with one more row of a table.
    AddRow,
}

/// The text names no button.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such button")]
pub struct UnknownAction;

impl Action {
    /// Every button.
    pub const ALL: [Self; 4] = [Self::Check, Self::Calculate, Self::Register, Self::AddRow];

    /// The value of the field `action`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Calculate => "calculate",
            Self::Register => "register",
            Self::AddRow => "add-row",
        }
    }
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

/// Joins what did not read with what the check found: an item that did not read is not also reported
/// as missing. Printed order first, findings across items last.
pub fn merge(definition: &Definition, unread: Vec<Finding>, checked: Vec<Finding>) -> Vec<Finding> {
    let is_unread = |finding: &Finding| {
        unread.iter().any(|other| other.is_error() && is_same_place(other, finding))
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

/// Whether two findings are about the same item; in a table, about the same cell, or one of them about the
/// row or the table the other's cell is in.
fn is_same_place(unread: &Finding, checked: &Finding) -> bool {
    let is_same_cell = match (&unread.cell, &checked.cell) {
        (Some(unread), Some(checked)) => {
            let is_wide = unread.column.is_none() || checked.column.is_none();
            unread.row == checked.row && (is_wide || unread.column == checked.column)
        }
        (None, _) | (_, None) => true,
    };
    unread.item == checked.item && is_same_cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_read_and_others_refused() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!("delete".parse::<Action>(), Err(UnknownAction));
        assert_eq!("".parse::<Action>(), Err(UnknownAction));
    }
}
