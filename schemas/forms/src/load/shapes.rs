//! `shapes/<programme>/<name>.toml`: bodies that many form versions of `lists/` share, compiled once.

use std::{collections::BTreeMap, sync::Arc};

use kakehashi_kernel::CivilDate;

use super::{Loader, Parts, listed::Listed, parse, sequence::Place};
use crate::{
    catalogue::{LoadError, SourceFile},
    definition::{Body, Definition},
    expression::Parser,
    finding::Localized,
    item::Applications,
    source::RawShape,
};

/// A compiled shape.
struct Shape {
    pages: u16,
    applies: Applications,
    unverified: Option<Localized>,
    body: Arc<Body>,
}

/// The shapes by name (`nanbyo/common`); `None` where the file is wrong and has been told.
pub(super) struct Shapes<'a>(BTreeMap<&'a str, Option<Shape>>);

/// Loads every shape among the files.
pub(super) fn load<'a>(
    files: &[SourceFile<'a>],
    parts: &Parts<'_>,
    parser: &Parser,
    listed: &[Listed],
    errors: &mut Vec<LoadError>,
) -> Shapes<'a> {
    let mut shapes = BTreeMap::new();
    for file in files {
        let Some(name) = file.path.strip_prefix("shapes/") else { continue };
        let name = name.trim_end_matches(".toml");
        let shape = load_one(file, parts, parser, days(name, listed));
        let shape = shape.map_err(|error| {
            if !errors.contains(&error) && !parts.is_broken(&error) {
                errors.push(error);
            }
        });
        shapes.insert(name, shape.ok());
    }
    Shapes(shapes)
}

fn load_one(
    file: &SourceFile<'_>,
    parts: &Parts<'_>,
    parser: &Parser,
    valid: (CivilDate, Option<CivilDate>),
) -> Result<Shape, LoadError> {
    let raw: RawShape = parse(file)?;
    let (pages, unverified) = (raw.pages, raw.unverified.clone());
    let applies = raw.applies.unwrap_or(Applications::Both);
    let body = Arc::new(Loader::new(file, parts, parser).body(raw, valid)?);
    Ok(Shape { pages, applies, unverified, body })
}

/// The days of writing of all form versions that have a shape: its severity sets must cover them.
fn days(shape: &str, listed: &[Listed]) -> (CivilDate, Option<CivilDate>) {
    let users = || listed.iter().filter(|row| row.shape == shape);
    let last_day = CivilDate::new(2200, 12, 31).expect("the last day there is");
    let from = users().map(|row| row.valid_from).min().unwrap_or(last_day);
    let last = |row: &Listed| row.accepted_until.or(row.valid_until);
    let is_open = users().any(|row| last(row).is_none());
    let until = users().filter_map(last).max();
    (from, if is_open { None } else { until })
}

impl Shapes<'_> {
    /// Gives a listed form version its shape; `None` if the shape is wrong, which has been told.
    pub(super) fn dress(&self, row: Listed) -> Result<Option<(Place, Definition)>, LoadError> {
        let Some(shape) = self.0.get(row.shape.as_str()) else {
            return Err(row.place.wrong(format!("there is no shape {}", row.shape)));
        };
        let Some(shape) = shape else { return Ok(None) };
        if row.pages < shape.pages {
            let problem = format!("{} pages, but its shape has {}", row.pages, shape.pages);
            return Err(row.place.wrong(problem));
        }
        let definition = Definition {
            key: row.key,
            name: row.name,
            kana: row.kana,
            group: row.group,
            pages: row.pages,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
            accepted_until: row.accepted_until,
            applies: shape.applies,
            unverified: both(shape.unverified.as_ref(), row.unverified),
            shape: Some(row.shape),
            body: Arc::clone(&shape.body),
        };
        Ok(Some((row.place, definition)))
    }
}

/// What is not confirmed about the shape, and about the form itself.
fn both(shape: Option<&Localized>, own: Option<Localized>) -> Option<Localized> {
    match (shape, own) {
        (Some(shape), Some(own)) => Some(Localized::new(
            format!("{}{}", shape.ja, own.ja),
            format!("{} {}", shape.en, own.en),
        )),
        (shape, own) => own.or_else(|| shape.cloned()),
    }
}
