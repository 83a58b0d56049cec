//! Loading tables of numbers.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Tables, parse, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    source::RawTables,
    table::Table,
};

pub(super) fn load_tables(file: &SourceFile<'_>, tables: &mut Tables) -> Result<(), LoadError> {
    let raw: RawTables = parse(file)?;
    for table in raw.table {
        let span = table.id.span();
        let id = table.id.into_inner();
        let refuse = |problem: &str| wrong(file, Some(&span), Some(&id), problem);
        let numbers =
            |texts: &[String]| texts.iter().map(|text| text.parse::<Decimal>().ok()).collect();
        let (Some(x), Some(y)): (Option<Vec<_>>, Option<Vec<_>>) =
            (numbers(&table.x), numbers(&table.y))
        else {
            return Err(refuse("x and y are lists of decimal numbers, written as texts"));
        };
        if x.is_empty() || x.len() != y.len() {
            return Err(refuse("x and y do not have the same length, or are empty"));
        }
        if !x.is_sorted_by(|left, right| left < right) {
            return Err(refuse("x does not rise"));
        }
        let points = x.into_iter().zip(y).collect();
        let (between, below, above) = (table.between, table.below, table.above);
        let table = Table { id: id.clone(), points, between, below, above };
        if tables.insert(id.clone(), Arc::new(table)).is_some() {
            return Err(refuse("there is another table of this name"));
        }
    }
    Ok(())
}
