//! From definition files to definitions: includes resolved, every rule compiled and type-checked.

mod codes;
mod criteria;
mod csv;
mod items;
mod listed;
mod rules;
mod sections;
mod sequence;
mod shapes;
mod tables;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use kakehashi_kernel::{CivilDate, FormKey};
use serde::de::DeserializeOwned;

use crate::{
    catalogue::{LoadError, SourceFile},
    code_list::CodeList,
    definition::{Body, Definition, Section},
    expression::{Compiler, Expression, Parser},
    item::Applications,
    scope::Layout,
    source::{RawCriterion, RawDerived, RawForm, RawRule, RawShape, RawShared},
    table::Table,
    typing::Names,
};

use sequence::{Forms, Place};

type Lists = BTreeMap<String, Arc<CodeList>>;
type Tables = BTreeMap<String, Arc<Table>>;
type Shared<'a> = BTreeMap<&'a str, (SourceFile<'a>, RawShared)>;

/// Loads every form among the files, and says what is wrong first in each file, each problem once. A
/// file that only suffers from another one's mistake is not named.
pub(crate) fn catalogue(
    files: &[SourceFile<'_>],
) -> (BTreeMap<FormKey, Definition>, Vec<LoadError>) {
    let mut errors = Vec::new();
    let parts = Parts::load(files, &mut errors);
    let parser = Parser::new();
    let mut forms = Forms::default();
    for file in files.iter().filter(|file| file.path.starts_with("forms/")) {
        match Loader::new(file, &parts, &parser).form() {
            Ok(definition) => errors.extend(forms.add(Place::of(file), definition).err()),
            Err(error) if errors.contains(&error) || parts.is_broken(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    let mut listed = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("lists/")) {
        match listed::read(file) {
            Ok(rows) => listed.extend(rows),
            Err(error) => errors.push(error),
        }
    }
    let shapes = shapes::load(files, &parts, &parser, &listed, &mut errors);
    for row in listed {
        match shapes.dress(row) {
            Ok(Some((place, definition))) => errors.extend(forms.add(place, definition).err()),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    errors.extend(forms.find_breaks());
    (forms.into_definitions(), errors)
}

/// What forms are made of.
struct Parts<'a> {
    lists: Lists,
    tables: Tables,
    shared: Shared<'a>,
    /// Whether a file of lists, tables or sections could not be read, so that what is missing may not be
    /// the form's mistake.
    broken: bool,
}

impl<'a> Parts<'a> {
    fn load(files: &[SourceFile<'a>], errors: &mut Vec<LoadError>) -> Self {
        let (lists, tables, shared) = (Lists::new(), Tables::new(), Shared::new());
        let mut parts = Self { lists, tables, shared, broken: false };
        for file in files {
            let loaded = if file.path.starts_with("codes/") {
                codes::load_lists(file, &mut parts.lists)
            } else if file.path.starts_with("tables/") {
                tables::load_tables(file, &mut parts.tables)
            } else if let Some(name) = file.path.strip_prefix("shared/") {
                let name = name.trim_end_matches(".toml");
                parse(file).map(|raw| drop(parts.shared.insert(name, (*file, raw))))
            } else {
                Ok(())
            };
            errors.extend(loaded.err());
        }
        parts.broken = !errors.is_empty();
        parts
    }

    fn is_broken(&self, error: &LoadError) -> bool {
        self.broken && error.problem.starts_with("there is no ")
    }
}

fn parse<T: DeserializeOwned>(file: &SourceFile<'_>) -> Result<T, LoadError> {
    toml::from_str(file.text)
        .map_err(|error: toml::de::Error| wrong(file, error.span().as_ref(), None, error.message()))
}

fn wrong(
    file: &SourceFile<'_>,
    span: Option<&Range<usize>>,
    rule: Option<&str>,
    problem: impl Into<String>,
) -> LoadError {
    let before = span.and_then(|span| file.text.get(..span.start));
    LoadError {
        file: file.path.to_owned(),
        line: before.map(|before| before.matches('\n').count() + 1),
        rule: rule.map(str::to_owned),
        problem: problem.into(),
    }
}

/// Loads one form file.
struct Loader<'a> {
    file: &'a SourceFile<'a>,
    parts: &'a Parts<'a>,
    parser: &'a Parser,
    /// What expressions may refer to; complete before the first rule is compiled.
    names: Names,
}

/// A raw thing and the file it stands in.
struct In<'a, T>(&'a SourceFile<'a>, T);

/// What a form collects from its sections and adds itself, in order.
#[derive(Default)]
struct Pieces<'a> {
    derived: Vec<In<'a, RawDerived>>,
    rules: Vec<In<'a, RawRule>>,
    criteria: Vec<In<'a, RawCriterion>>,
}

impl<'a> Loader<'a> {
    fn new(file: &'a SourceFile<'a>, parts: &'a Parts<'a>, parser: &'a Parser) -> Self {
        Self { file, parts, parser, names: Names::default() }
    }

    /// Loads a form file.
    fn form(self) -> Result<Definition, LoadError> {
        let mut raw: RawForm = parse(self.file)?;
        let key = self.key(&raw)?;
        let unverified = raw.unverified.clone();
        let applies = raw.applies.unwrap_or(Applications::Both);
        let valid = (raw.valid_from, raw.accepted_until.or(raw.valid_until));
        let body = self.body(raw.take_shape(), valid)?;
        Ok(Definition {
            key,
            name: raw.name,
            kana: raw.kana,
            group: None,
            pages: raw.pages,
            valid_from: raw.valid_from,
            valid_until: raw.valid_until,
            accepted_until: raw.accepted_until,
            applies,
            unverified,
            shape: None,
            body: Arc::new(body),
        })
    }

    /// Compiles what a form asks, for forms written on `valid` days: those it is for, and those an
    /// outdated form is still accepted on.
    fn body(
        mut self,
        raw: RawShape,
        valid: (CivilDate, Option<CivilDate>),
    ) -> Result<Body, LoadError> {
        let mut pieces = Pieces::default();
        let mut collected = Vec::new();
        for section in raw.section {
            if section.page.get_ref() > &raw.pages || *section.page.get_ref() == 0 {
                return Err(wrong(self.file, Some(&section.page.span()), None, "no such page"));
            }
            collected.push(self.collect(section, &mut pieces)?);
        }
        pieces.derived.extend(raw.derived.into_iter().map(|derived| In(self.file, derived)));
        pieces.rules.extend(raw.rule.into_iter().map(|rule| In(self.file, rule)));
        pieces.criteria.extend(raw.criterion.into_iter().map(|raw| In(self.file, raw)));
        self.learn_items(&collected)?;
        let derived = self.derive(pieces.derived)?;
        let sections = collected.into_iter().map(|section| self.section(section, raw.pages));
        let mut sections: Vec<Section> = sections.collect::<Result<_, _>>()?;
        // A shared file may bring criteria only.
        sections.retain(|section| !section.items.is_empty());
        let rules = self.rules(pieces.rules)?;
        let applies = raw.applies.unwrap_or(Applications::Both);
        let sets = (raw.diagnosis, raw.severity);
        let criteria = self.criteria(pieces.criteria, sets, valid, applies)?;
        let items = sections.iter().flat_map(|section| &section.items).map(|item| item.id.as_str());
        let layout = Layout::new(items.chain(derived.iter().map(|derived| derived.id.as_str())));
        let places = sections::places(&sections);
        Ok(Body { sections, places, derived, rules, criteria, layout })
    }

    fn key(&self, raw: &RawForm) -> Result<FormKey, LoadError> {
        let refuse = |problem: String| wrong(self.file, Some(&raw.key.span()), None, problem);
        let key: FormKey = raw.key.get_ref().parse().map_err(
            |error: kakehashi_kernel::programme::InvalidFormKey| refuse(error.to_string()),
        )?;
        let path = self.file.path.trim_start_matches("forms/").trim_end_matches(".toml");
        if key.to_string() == path {
            Ok(key)
        } else {
            Err(refuse("the key does not match the path".to_owned()))
        }
    }

    /// Compiles conditions that may ask what was answered.
    fn expression(
        &self,
        file: &SourceFile<'_>,
        text: &toml::Spanned<String>,
        rule: &str,
    ) -> Result<Expression, LoadError> {
        Expression::compile(text.get_ref(), &self.compiler().asking_answered())
            .map_err(|problem| wrong(file, Some(&text.span()), Some(rule), problem))
    }

    /// Compiles conditions that more information must not change once they are certain.
    fn lasting(
        &self,
        file: &SourceFile<'_>,
        text: &toml::Spanned<String>,
        rule: &str,
    ) -> Result<Expression, LoadError> {
        Expression::compile(text.get_ref(), &self.compiler())
            .map_err(|problem| wrong(file, Some(&text.span()), Some(rule), problem))
    }

    fn compiler(&self) -> Compiler<'_> {
        Compiler::new(self.parser, &self.names, &self.parts.tables)
    }
}
