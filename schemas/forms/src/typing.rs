//! Types of expressions: a rule that compares a date with a number, or names a code that is not in
//! the list, is refused when the definition is loaded.

use std::{collections::BTreeMap, fmt, sync::Arc};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, SelectExpr, operators as op},
};

use crate::{code_list::CodeList, item::Kind};

/// What an expression is.
#[derive(Debug, Clone)]
pub(crate) enum Type {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with places. Only compared, never computed with, so a double is exact.
    Double,
    /// A text.
    Text,
    /// A date, as its ISO text; the order of the texts is the order of the dates.
    Date,
    /// A partial date: only its `.first` and `.last` day can be used.
    PartialDate,
    /// One code.
    Code(Arc<CodeList>),
    /// Several codes.
    Codes(Arc<CodeList>),
    /// The rows of a table.
    Rows,
    /// A number written in the rule.
    IntLiteral(i64),
    /// A text written in the rule.
    TextLiteral(String),
    /// A list of whole numbers or codes written in the rule.
    List(Vec<Type>),
}

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
            Kind::Integer { .. } => Self::Int,
            Kind::Decimal { .. } => Self::Double,
            Kind::Rows { .. } => Self::Rows,
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::Int | Self::IntLiteral(_) => true,
            Self::Code(list) => list.is_numeric(),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::IntLiteral(number) => write!(f, "the number {number}"),
            Self::Double => f.write_str("a decimal number"),
            Self::Text => f.write_str("a text"),
            Self::TextLiteral(text) => write!(f, "the text '{text}'"),
            Self::Date => f.write_str("a date"),
            Self::PartialDate => f.write_str("a partial date (use .first or .last)"),
            Self::Code(list) => write!(f, "a code of {}", list.id()),
            Self::Rows => f.write_str("a table"),
            Self::Codes(list) => write!(f, "codes of {}", list.id()),
            Self::List(_) => f.write_str("a list"),
        }
    }
}

/// Answers the type of an expression, or why it has none.
pub(crate) fn type_of(expr: &IdedExpr, types: &BTreeMap<String, Type>) -> Result<Type, String> {
    match &expr.expr {
        Expr::Ident(name) => types.get(name).cloned().ok_or_else(|| format!("unknown item {name}")),
        Expr::Literal(literal) => type_of_literal(literal),
        Expr::List(list) => {
            let elements = list.elements.iter().map(|element| type_of(element, types));
            elements.collect::<Result<_, _>>().map(Type::List)
        }
        Expr::Select(select) => type_of_select(select, types),
        Expr::Call(call) => type_of_call(call, types),
        Expr::Comprehension(_) => {
            Err("loops (all, exists, map, filter) are not allowed".to_owned())
        }
        Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
            Err("maps and structures are not allowed".to_owned())
        }
    }
}

fn type_of_literal(literal: &LiteralValue) -> Result<Type, String> {
    match literal {
        LiteralValue::Boolean(_) => Ok(Type::Bool),
        LiteralValue::Int(number) => Ok(Type::IntLiteral(*number.inner())),
        LiteralValue::Double(_) => Ok(Type::Double),
        LiteralValue::String(text) => Ok(Type::TextLiteral(text.inner().to_string())),
        LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => {
            Err("bytes, null and unsigned numbers are not allowed".to_owned())
        }
    }
}

fn type_of_select(select: &SelectExpr, types: &BTreeMap<String, Type>) -> Result<Type, String> {
    let operand = type_of(&select.operand, types)?;
    match (&operand, select.field.as_str(), select.test) {
        (Type::PartialDate, "first" | "last", false) => Ok(Type::Date),
        (_, field, _) => Err(format!("{operand} has no .{field}")),
    }
}

fn type_of_call(call: &CallExpr, types: &BTreeMap<String, Type>) -> Result<Type, String> {
    if call.target.is_some() {
        return Err(format!("the function {} is not allowed", call.func_name));
    }
    let arguments: Vec<Type> =
        call.args.iter().map(|argument| type_of(argument, types)).collect::<Result<_, _>>()?;
    let refuse = || {
        let list: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        Err(format!("{} does not go with {}", call.func_name, list.join(" and ")))
    };
    match (call.func_name.as_str(), &arguments[..]) {
        (op::LOGICAL_AND | op::LOGICAL_OR, [Type::Bool, Type::Bool])
        | (op::LOGICAL_NOT, [Type::Bool]) => Ok(Type::Bool),
        (op::EQUALS | op::NOT_EQUALS, [left, right]) => {
            equal(left, right)?;
            Ok(Type::Bool)
        }
        (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
            match (left, right) {
                (Type::Date, Type::Date) | (Type::Double, Type::Double) => Ok(Type::Bool),
                (left, right) if left.is_whole() && right.is_whole() => Ok(Type::Bool),
                _ => refuse(),
            }
        }
        (op::IN, [element, Type::List(list)]) => {
            list.iter().try_for_each(|entry| equal(element, entry))?;
            Ok(Type::Bool)
        }
        (op::IN, [element, Type::Codes(list)]) => {
            equal(&Type::Code(Arc::clone(list)), element)?;
            Ok(Type::Bool)
        }
        (op::ADD | op::SUBSTRACT | op::MULTIPLY, [left, right])
            if left.is_whole() && right.is_whole() =>
        {
            Ok(Type::Int)
        }
        ("size", [Type::Codes(_) | Type::Text]) => Ok(Type::Int),
        _ => refuse(),
    }
}

/// Tells whether two things can be compared for equality, and a code exists in its list.
fn equal(left: &Type, right: &Type) -> Result<(), String> {
    let missing = |list: &CodeList, code: &str| format!("{code} is not a code of {}", list.id());
    match (left, right) {
        (Type::Code(list), Type::IntLiteral(number))
        | (Type::IntLiteral(number), Type::Code(list))
            if list.is_numeric() =>
        {
            let code = number.to_string();
            list.option(&code).map(|_| ()).ok_or_else(|| missing(list, &code))
        }
        (Type::Code(list), Type::TextLiteral(code))
        | (Type::TextLiteral(code), Type::Code(list))
            if !list.is_numeric() =>
        {
            list.option(code).map(|_| ()).ok_or_else(|| missing(list, code))
        }
        (Type::Bool, Type::Bool)
        | (Type::Date, Type::Date)
        | (Type::Double, Type::Double)
        | (Type::Text, Type::Text | Type::TextLiteral(_))
        | (Type::TextLiteral(_), Type::Text) => Ok(()),
        (left, right) if left.is_whole() && right.is_whole() => Ok(()),
        (left, right) => Err(format!("{left} cannot be compared with {right}")),
    }
}
