//! Types of expressions: a rule that compares a date with a number, or names a code that is not in
//! the list, is refused when the definition is loaded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    code_list::CodeList,
    item::{Item, Kind},
};

/// What an item, a column or a derived item is to expressions.
#[derive(Debug, Clone)]
pub(crate) enum Type {
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A date.
    Date,
    /// A date that lies somewhere in a month or a year.
    PartialDate,
    /// One code.
    Code(Arc<CodeList>),
    /// Several codes.
    Codes(Arc<CodeList>),
    /// A table.
    Rows(Arc<Columns>),
}

/// The columns of a table, in their order.
pub(crate) type Columns = Vec<(String, Type)>;

impl Type {
    /// What rules see of an item.
    pub(crate) fn of_kind(kind: &Kind) -> Self {
        match kind {
            Kind::Text { .. }
            | Kind::Kana { .. }
            | Kind::Digits { .. }
            | Kind::Postcode
            | Kind::Tel
            | Kind::Recipient
            | Kind::Insurer => Self::Text,
            Kind::Date => Self::Date,
            Kind::PartialDate => Self::PartialDate,
            Kind::Code(list) => Self::Code(Arc::clone(list)),
            Kind::Codes(list) => Self::Codes(Arc::clone(list)),
            Kind::Integer { .. } | Kind::Decimal { .. } => Self::Number,
            Kind::Rows { columns, .. } => {
                let column = |column: &Item| (column.id.clone(), Self::of_kind(&column.kind));
                Self::Rows(Arc::new(columns.iter().map(column).collect()))
            }
        }
    }
}

/// What the expressions of a form may refer to: its items, and the derived items calculated so far.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: BTreeMap<String, (usize, Type)>,
    later: BTreeSet<String>,
}

impl Names {
    /// Adds a name with the next slot. Answers false when there is one already.
    pub(crate) fn learn(&mut self, name: &str, is: Type) -> bool {
        self.later.remove(name);
        let slot = self.known.len();
        self.known.insert(name.to_owned(), (slot, is)).is_none()
    }

    /// Says that a name is calculated further down.
    pub(crate) fn expect(&mut self, name: &str) {
        self.later.insert(name.to_owned());
    }

    /// Finds a name.
    ///
    /// # Errors
    ///
    /// A text that says why there is none.
    pub(crate) fn find(&self, name: &str) -> Result<(usize, &Type), String> {
        match self.known.get(name) {
            Some((slot, is)) => Ok((*slot, is)),
            None if self.later.contains(name) => {
                Err(format!("{name} is calculated only here or further down"))
            }
            None => Err(format!("unknown item {name}")),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }
}
