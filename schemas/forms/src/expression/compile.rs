//! From CEL text to a typed tree.

use std::{cell::RefCell, collections::BTreeMap, fmt, sync::Arc};

use cel::{
    Env, IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators as op},
};
use kakehashi_kernel::limits::RULE_BYTES_MAX;
use rust_decimal::Decimal;

use super::{
    operators::{binary, is_binary},
    tree::{Choice, Condition, Moment, Quantity, Text, Var},
};
use crate::{
    code_list::CodeList,
    number::Number,
    reach::turned,
    table::Table,
    typing::{Columns, Names, Type},
};

/// How deep an expression may nest.
const DEPTH_MAX: usize = 60;

/// Parses each text once, however many forms include it.
pub(crate) struct Parser {
    env: Env,
    parsed: RefCell<BTreeMap<String, Arc<IdedExpr>>>,
}

impl Parser {
    pub(crate) fn new() -> Self {
        // Without the standard macros `exists` and `all` stay the calls they are written as.
        Self { env: Env::default(), parsed: RefCell::default() }
    }

    fn parse(&self, text: &str) -> Result<Arc<IdedExpr>, String> {
        if text.len() > RULE_BYTES_MAX {
            return Err(format!("the expression is longer than {RULE_BYTES_MAX} bytes"));
        }
        if let Some(parsed) = self.parsed.borrow().get(text) {
            return Ok(Arc::clone(parsed));
        }
        let parsed = self.env.parser().parse(text).map_err(|error| error.to_string())?;
        let parsed = Arc::new(parsed);
        self.parsed.borrow_mut().insert(text.to_owned(), Arc::clone(&parsed));
        Ok(parsed)
    }
}

/// A compiled expression of some type.
#[derive(Debug)]
pub(crate) enum Tree {
    Condition(Condition),
    Quantity(Quantity),
    Moment(Moment, Precision),
    Text(Text),
    Choice(Choice, Arc<CodeList>),
    Codes(Var, Arc<CodeList>),
    Rows(usize, Arc<Columns>),
    List(Vec<Tree>),
}

impl Tree {
    /// As a number, or itself again.
    pub(crate) fn quantity(self) -> Result<Quantity, Self> {
        quantity(self)
    }
}

/// Whether a date can lack its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    Full,
    Partial,
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition(_) => f.write_str("true or false"),
            Self::Quantity(Quantity::Known(number)) => write!(f, "the number {number}"),
            Self::Quantity(_) => f.write_str("a number"),
            Self::Text(Text::Known(text)) => write!(f, "the text '{text}'"),
            Self::Text(_) => f.write_str("a text"),
            Self::Moment(_, Precision::Full) => f.write_str("a date"),
            Self::Moment(_, Precision::Partial) => f.write_str("a partial date"),
            Self::Choice(_, list) => write!(f, "a code of {}", list.id()),
            Self::Codes(_, list) => write!(f, "codes of {}", list.id()),
            Self::Rows(..) => f.write_str("a table"),
            Self::List(_) => f.write_str("a list"),
        }
    }
}

/// Compiles the expressions of one form.
#[derive(Clone, Copy)]
pub(crate) struct Compiler<'a> {
    pub(crate) parser: &'a Parser,
    pub(crate) names: &'a Names,
    pub(crate) tables: &'a BTreeMap<String, Arc<Table>>,
    /// Whether `answered` may be used: not where more information must not change the result.
    pub(crate) may_ask_answered: bool,
    row: Option<Row<'a>>,
    depth: usize,
}

/// The variable of a loop over the rows of a table.
#[derive(Clone, Copy)]
struct Row<'a> {
    variable: &'a str,
    columns: &'a Columns,
}

impl<'a> Compiler<'a> {
    pub(crate) const fn new(
        parser: &'a Parser,
        names: &'a Names,
        tables: &'a BTreeMap<String, Arc<Table>>,
    ) -> Self {
        Self { parser, names, tables, may_ask_answered: false, row: None, depth: 0 }
    }

    /// Allows `answered`.
    #[must_use]
    pub(crate) const fn asking_answered(self) -> Self {
        Self { may_ask_answered: true, ..self }
    }

    /// Compiles a text that must be true or false.
    pub(crate) fn condition(&self, text: &str) -> Result<Condition, String> {
        match self.compile(text)? {
            Tree::Condition(condition) => Ok(condition),
            other => Err(format!("the expression is {other}, not true or false")),
        }
    }

    /// Compiles a text.
    pub(crate) fn compile(&self, text: &str) -> Result<Tree, String> {
        self.tree(&*self.parser.parse(text)?)
    }

    /// Compiles a text that must be a code of a list.
    pub(crate) fn code(&self, text: &str, list: &Arc<CodeList>) -> Result<Choice, String> {
        self.choice(&*self.parser.parse(text)?, list)
    }

    pub(super) fn tree(&self, expr: &IdedExpr) -> Result<Tree, String> {
        let inner = Self { depth: self.depth + 1, ..*self };
        if inner.depth > DEPTH_MAX {
            return Err(format!("the expression is nested deeper than {DEPTH_MAX}"));
        }
        match &expr.expr {
            Expr::Ident(name) => inner.name(name),
            Expr::Literal(literal) => constant(literal),
            Expr::List(list) => {
                let trees = list.elements.iter().map(|element| inner.tree(element));
                trees.collect::<Result<_, _>>().map(Tree::List)
            }
            Expr::Select(select) => inner.select(select),
            Expr::Call(call) => inner.call(call),
            Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("maps and structures are not allowed".to_owned())
            }
        }
    }

    fn name(&self, name: &str) -> Result<Tree, String> {
        if self.row.is_some_and(|row| row.variable == name) {
            return Err(format!("{name} is a row: use one of its columns"));
        }
        let (slot, is) = self.names.find(name)?;
        Ok(match is {
            Type::Rows(columns) => Tree::Rows(slot, Arc::clone(columns)),
            other => of_type(Var::Slot(slot), other)?,
        })
    }

    fn select(&self, select: &SelectExpr) -> Result<Tree, String> {
        let field = select.field.as_str();
        if let (Expr::Ident(name), Some(row)) = (&select.operand.expr, self.row)
            && name == row.variable
        {
            let place = row.columns.iter().position(|(column, _)| column == field);
            let place = place.ok_or_else(|| format!("unknown column {field}"))?;
            return of_type(Var::Column(place), &row.columns[place].1);
        }
        match (self.tree(&select.operand)?, field, select.test) {
            (Tree::Moment(moment, Precision::Partial), "first", false) => {
                Ok(Tree::Moment(Moment::First(Box::new(moment)), Precision::Full))
            }
            (Tree::Moment(moment, Precision::Partial), "last", false) => {
                Ok(Tree::Moment(Moment::Last(Box::new(moment)), Precision::Full))
            }
            (operand, field, _) => Err(format!("{operand} has no .{field}")),
        }
    }

    fn call(&self, call: &CallExpr) -> Result<Tree, String> {
        if let Some(target) = &call.target {
            return self.rows(call, target);
        }
        let name = call.func_name.as_str();
        if name == op::CONDITIONAL {
            return self.conditional(&call.args);
        }
        let args: Vec<Tree> =
            call.args.iter().map(|argument| self.tree(argument)).collect::<Result<_, _>>()?;
        match (name, <[Tree; 2]>::try_from(args)) {
            (name, Ok([left, right])) if is_binary(name) => binary(name, left, right),
            (name, Ok(both)) => self.function(name, both.into()),
            (op::LOGICAL_NOT, Err(args)) => match <[Tree; 1]>::try_from(args) {
                Ok([Tree::Condition(inner)]) => {
                    Ok(Tree::Condition(Condition::Not(Box::new(inner))))
                }
                Ok(other) => Err(refuse("!", &other)),
                Err(other) => Err(refuse("!", &other)),
            },
            (op::NEGATE, Err(args)) => match <[Tree; 1]>::try_from(args) {
                Ok([inner]) => negate(inner),
                Err(other) => Err(refuse("-", &other)),
            },
            (name, Err(args)) => self.function(name, args),
        }
    }

    /// `table.exists(row, …)` and `table.all(row, …)`.
    fn rows(&self, call: &CallExpr, target: &IdedExpr) -> Result<Tree, String> {
        let name = call.func_name.as_str();
        let [variable, body] = &call.args[..] else {
            return Err(format!("the function {name} is not allowed"));
        };
        let (Expr::Ident(variable), op::EXISTS | op::ALL) = (&variable.expr, name) else {
            return Err(format!("the function {name} is not allowed"));
        };
        if self.row.is_some() {
            return Err("a loop inside a loop is not allowed".to_owned());
        }
        let Tree::Rows(slot, columns) = self.tree(target)? else {
            return Err("loops are allowed over the rows of a table only".to_owned());
        };
        if self.names.find(variable).is_ok() {
            return Err(format!("{variable} is also an item"));
        }
        let inner = Compiler { row: Some(Row { variable, columns: &columns }), ..*self };
        match inner.tree(body)? {
            Tree::Condition(condition) if name == op::EXISTS => {
                Ok(Tree::Condition(Condition::Exists(slot, Box::new(condition))))
            }
            Tree::Condition(condition) => {
                Ok(Tree::Condition(Condition::Every(slot, Box::new(condition))))
            }
            other => Err(format!("the condition of {name} is {other}, not true or false")),
        }
    }

    fn conditional(&self, args: &[IdedExpr]) -> Result<Tree, String> {
        let [condition, yes, no] = args else { return Err("?: takes three parts".to_owned()) };
        let condition = match self.tree(condition)? {
            Tree::Condition(condition) => condition,
            other => return Err(format!("the part before ? is {other}, not true or false")),
        };
        Ok(match (self.tree(yes)?, self.tree(no)?) {
            (Tree::Condition(yes), Tree::Condition(no)) => {
                Tree::Condition(Condition::If(Box::new((condition, yes, no))))
            }
            (Tree::Moment(yes, one), Tree::Moment(no, other)) => {
                let precision = if one == other { one } else { Precision::Partial };
                Tree::Moment(Moment::If(Box::new((condition, yes, no))), precision)
            }
            (Tree::Choice(yes, list), Tree::Choice(no, other)) if list == other => {
                Tree::Choice(Choice::If(Box::new((condition, yes, no))), list)
            }
            (yes, no) => match (quantity(yes), quantity(no)) {
                (Ok(yes), Ok(no)) => Tree::Quantity(Quantity::If(Box::new((condition, yes, no)))),
                (Err(yes), Ok(_)) => return Err(format!("{yes} and a number do not go with ?:")),
                (Ok(_), Err(no)) => return Err(format!("a number and {no} do not go with ?:")),
                (Err(yes), Err(no)) => return Err(format!("{yes} and {no} do not go with ?:")),
            },
        })
    }

    /// An expression that must be a code of a list: literals are codes.
    fn choice(&self, expr: &IdedExpr, list: &Arc<CodeList>) -> Result<Choice, String> {
        if let Expr::Call(call) = &expr.expr
            && let (op::CONDITIONAL, [condition, yes, no]) =
                (call.func_name.as_str(), &call.args[..])
        {
            let condition = match self.tree(condition)? {
                Tree::Condition(condition) => condition,
                other => return Err(format!("the part before ? is {other}, not true or false")),
            };
            let inner = Self { depth: self.depth + 1, ..*self };
            if inner.depth > DEPTH_MAX {
                return Err(format!("the expression is nested deeper than {DEPTH_MAX}"));
            }
            let parts = (condition, inner.choice(yes, list)?, inner.choice(no, list)?);
            return Ok(Choice::If(Box::new(parts)));
        }
        match self.tree(expr)? {
            Tree::Choice(choice, other) if other == *list => Ok(choice),
            Tree::Text(Text::Known(code)) => known_code(list, &code).map(Choice::Known),
            Tree::Quantity(Quantity::Known(code)) => {
                known_code(list, &code.to_string()).map(Choice::Known)
            }
            Tree::Quantity(quantity) if list.is_numeric() => {
                Ok(Choice::OfNumber(Box::new(quantity), Arc::clone(list)))
            }
            other => Err(format!("the expression is {other}, not a code of {}", list.id())),
        }
    }
}

fn of_type(var: Var, is: &Type) -> Result<Tree, String> {
    Ok(match is {
        Type::Bool => Tree::Condition(Condition::Var(var)),
        Type::Number => Tree::Quantity(Quantity::Var(var)),
        Type::Text => Tree::Text(Text::Var(var)),
        Type::Date => Tree::Moment(Moment::Var(var), Precision::Full),
        Type::PartialDate => Tree::Moment(Moment::Var(var), Precision::Partial),
        Type::Code(list) => Tree::Choice(Choice::Var(var), Arc::clone(list)),
        Type::Codes(list) => Tree::Codes(var, Arc::clone(list)),
        Type::Rows(_) => return Err("a table inside a table is not allowed".to_owned()),
    })
}

fn constant(literal: &LiteralValue) -> Result<Tree, String> {
    match literal {
        LiteralValue::Boolean(is_true) => Ok(Tree::Condition(Condition::Known(*is_true.inner()))),
        LiteralValue::Int(number) => Ok(Tree::Quantity(Quantity::Known((*number.inner()).into()))),
        // The shortest text of a double is the one that was written, up to fifteen digits.
        LiteralValue::Double(number) => match number.inner().to_string().parse::<Decimal>() {
            Ok(number) => Ok(Tree::Quantity(Quantity::Known(number))),
            Err(_) => Err(format!("{} has too many digits", number.inner())),
        },
        LiteralValue::String(text) => Ok(Tree::Text(Text::Known(text.inner().to_string()))),
        LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => {
            Err("bytes, null and unsigned numbers are not allowed".to_owned())
        }
    }
}

pub(super) fn refuse(name: &str, args: &[Tree]) -> String {
    let list: Vec<String> = args.iter().map(ToString::to_string).collect();
    format!("{name} does not go with {}", list.join(" and "))
}

/// A tree as a number, or the tree again.
pub(super) fn quantity(tree: Tree) -> Result<Quantity, Tree> {
    match tree {
        Tree::Quantity(quantity) => Ok(quantity),
        Tree::Choice(choice, list) if list.is_numeric() => Ok(Quantity::OfCode(choice, list)),
        other => Err(other),
    }
}

fn negate(inner: Tree) -> Result<Tree, String> {
    match quantity(inner) {
        Ok(Quantity::Known(number)) => Ok(Tree::Quantity(Quantity::Known(turned(number)))),
        Ok(inner) => Ok(Tree::Quantity(Quantity::Apply(Number::negative, Box::new(inner)))),
        Err(other) => Err(refuse("-", &[other])),
    }
}

pub(super) fn known_code(list: &CodeList, code: &str) -> Result<usize, String> {
    list.place(code).ok_or_else(|| format!("{code} is not a code of {}", list.id()))
}
