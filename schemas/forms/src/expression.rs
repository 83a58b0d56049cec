//! One CEL expression of a definition, compiled once, with three-valued truth.
//!
//! A variable that has no value is an error to CEL; `&&` and `||` absorb it, and what is left of the
//! error afterwards is [`Truth::Undetermined`]. There are no loops, so evaluation is bounded by the
//! text ([`RULE_BYTES_MAX`]).

use std::{collections::BTreeMap, fmt, sync::Arc};

use cel::{Context, Env, Program};
use kakehashi_kernel::limits::RULE_BYTES_MAX;

use crate::{
    scope::Scope,
    typing::{Type, type_of},
};

/// True, false, or not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// Yes, whatever is still missing.
    True,
    /// No, whatever is still missing.
    False,
    /// What is missing decides.
    Undetermined,
}

impl Truth {
    /// Answers false when one is false, true when all are true.
    pub(crate) fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::True;
        for truth in truths {
            match truth {
                Self::False => return Self::False,
                Self::Undetermined => result = Self::Undetermined,
                Self::True => {}
            }
        }
        result
    }

    /// Answers true when one is true, false when all are false.
    pub(crate) fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        Self::all(truths.into_iter().map(Self::not)).not()
    }

    /// Answers true when `least` are true whatever the others turn out to be.
    pub(crate) fn at_least(least: usize, truths: impl IntoIterator<Item = Self>) -> Self {
        let (mut yes, mut open) = (0, 0);
        for truth in truths {
            match truth {
                Self::True => yes += 1,
                Self::Undetermined => open += 1,
                Self::False => {}
            }
        }
        match (yes >= least, yes + open >= least) {
            (true, _) => Self::True,
            (false, true) => Self::Undetermined,
            (false, false) => Self::False,
        }
    }

    /// Turns true and false round.
    pub(crate) fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Undetermined => Self::Undetermined,
        }
    }
}

/// The CEL environment all expressions of a catalogue share.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Env>);

impl Engine {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Env::stdlib()))
    }

    /// Opens a form's answers to any number of expressions.
    pub(crate) fn context<'a>(&self, scope: &'a Scope<'a>) -> Context<'a, 'a> {
        let mut context = Context::with_env(Arc::clone(&self.0));
        context.set_variable_resolver(scope);
        context
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// A compiled expression that answers true or false.
pub(crate) struct Expression {
    program: Program,
    text: String,
    variables: Vec<String>,
}

impl Expression {
    /// Compiles a text and checks it against the items there are.
    pub(crate) fn compile(text: &str, types: &BTreeMap<String, Type>) -> Result<Self, String> {
        if text.len() > RULE_BYTES_MAX {
            return Err(format!("the expression is longer than {RULE_BYTES_MAX} bytes"));
        }
        let program = Program::compile(text).map_err(|error| error.to_string())?;
        let mut variables: Vec<String> =
            program.references().variables().into_iter().map(str::to_owned).collect();
        variables.sort();
        for variable in &variables {
            if !types.contains_key(variable) {
                return Err(format!("unknown item {variable}"));
            }
        }
        match type_of(program.expression(), types)? {
            Type::Bool => Ok(Self { program, text: text.to_owned(), variables }),
            other => Err(format!("the expression is {other}, not true or false")),
        }
    }

    /// Evaluates it.
    pub(crate) fn truth(&self, context: &Context<'_, '_>) -> Truth {
        match self.program.execute(context) {
            Ok(cel::Value::Bool(true)) => Truth::True,
            Ok(cel::Value::Bool(false)) => Truth::False,
            Ok(_) | Err(_) => Truth::Undetermined,
        }
    }

    /// The items it refers to, sorted.
    pub(crate) fn variables(&self) -> &[String] {
        &self.variables
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}
