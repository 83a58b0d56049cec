//! The expressions of a definition: CEL texts, compiled once, type-checked, to trees over the slots of
//! a form.
//!
//! The crate `cel` parses; what evaluates is ours, because its values are three-valued and spans:
//! [`Truth::Undetermined`] where what is missing decides, a [`Number`] that is known to lie between
//! two ends. Evaluation looks no name up, cannot fail and is bounded by the text
//! ([`RULE_BYTES_MAX`](kakehashi_kernel::limits::RULE_BYTES_MAX)) and the rows of a table.

mod compile;
mod evaluate;
mod functions;
mod missing;
mod operators;
#[cfg(test)]
mod properties;
mod tree;

use std::fmt;

pub(crate) use compile::{Compiler, Parser, Tree};
pub(crate) use missing::Missing;
pub(crate) use tree::{Choice, Condition, Quantity, Var};

use crate::{scope::Scope, truth::Truth};

/// A compiled expression that answers true or false.
pub(crate) struct Expression {
    condition: Condition,
    text: String,
}

impl Expression {
    /// Compiles a text and checks it against the items there are.
    pub(crate) fn compile(text: &str, compiler: &Compiler<'_>) -> Result<Self, String> {
        let condition = compiler.condition(text)?;
        Ok(Self { condition, text: text.to_owned() })
    }

    /// Evaluates it.
    pub(crate) fn truth(&self, scope: &Scope<'_>) -> Truth {
        self.condition.truth(scope.view())
    }

    /// What it was compiled to.
    pub(crate) const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The CEL text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}
