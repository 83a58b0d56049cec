//! From definition files to definitions: includes resolved, every rule compiled and type-checked.

mod codes;
mod criteria;
mod items;
mod rules;
mod sections;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use kakehashi_kernel::FormKey;
use serde::de::DeserializeOwned;

use crate::{
    calculate::Derived,
    catalogue::{LoadError, SourceFile},
    check::Rule,
    code_list::CodeList,
    definition::{Definition, Section},
    expression::Engine,
    source::{RawDerived, RawForm, RawRule, RawShared},
    typing::Type,
};

type Lists = BTreeMap<String, Arc<CodeList>>;
type Shared<'a> = BTreeMap<&'a str, (SourceFile<'a>, RawShared)>;

/// Loads every form among the files.
pub(crate) fn catalogue(
    files: &[SourceFile<'_>],
) -> Result<BTreeMap<FormKey, Definition>, LoadError> {
    let engine = Engine::new();
    let mut lists = Lists::new();
    let mut shared = Shared::new();
    for file in files {
        if file.path.starts_with("codes/") {
            codes::load_lists(file, &mut lists)?;
        } else if let Some(name) = file.path.strip_prefix("shared/") {
            shared.insert(name.trim_end_matches(".toml"), (*file, parse(file)?));
        }
    }
    let mut forms = BTreeMap::new();
    let mut paths: BTreeMap<FormKey, &str> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.starts_with("forms/")) {
        let form = Loader { file, lists: &lists, shared: &shared, types: BTreeMap::new() };
        let definition = form.load(&engine)?;
        if definition.key.to_string()
            != file.path.trim_start_matches("forms/").trim_end_matches(".toml")
        {
            return Err(wrong(file, None, None, "the key does not match the path"));
        }
        paths.insert(definition.key, file.path);
        forms.insert(definition.key, definition);
    }
    demand_no_overlap(&forms, &paths)?;
    Ok(forms)
}

/// Two versions of one form must not be in force on the same day.
fn demand_no_overlap(
    forms: &BTreeMap<FormKey, Definition>,
    paths: &BTreeMap<FormKey, &str>,
) -> Result<(), LoadError> {
    for (key, form) in forms {
        for (other_key, other) in
            forms.range((std::ops::Bound::Excluded(*key), std::ops::Bound::Unbounded))
        {
            let same = (key.programme, key.number, key.branch)
                == (other_key.programme, other_key.number, other_key.branch);
            let starts_before_end =
                |a: &Definition, b: &Definition| b.valid_until.is_none_or(|end| a.valid_from < end);
            if same && starts_before_end(form, other) && starts_before_end(other, form) {
                let file = paths.get(key).copied().unwrap_or_default().to_owned();
                let other = paths.get(other_key).copied().unwrap_or_default();
                let problem = format!("in force on the same day as {other}");
                return Err(LoadError { file, line: None, rule: None, problem });
            }
        }
    }
    Ok(())
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
    lists: &'a Lists,
    shared: &'a Shared<'a>,
    /// What rules see of every item and derived item; complete before the first rule is compiled.
    types: BTreeMap<String, Type>,
}

/// A raw thing and the file it stands in.
struct In<'a, T>(&'a SourceFile<'a>, T);

impl<'a> Loader<'a> {
    fn load(mut self, engine: &Engine) -> Result<Definition, LoadError> {
        let mut raw: RawForm = parse(self.file)?;
        let key: FormKey = raw.key.get_ref().parse().map_err(
            |error: kakehashi_kernel::programme::InvalidFormKey| {
                wrong(self.file, Some(&raw.key.span()), None, error.to_string())
            },
        )?;
        let mut derived: Vec<In<'a, RawDerived>> = Vec::new();
        let mut rules: Vec<In<'a, RawRule>> = Vec::new();
        let mut collected = Vec::new();
        for section in std::mem::take(&mut raw.section) {
            if section.page.get_ref() > &raw.pages || *section.page.get_ref() == 0 {
                return Err(wrong(self.file, Some(&section.page.span()), None, "no such page"));
            }
            collected.push(self.collect(section, &mut derived, &mut rules)?);
        }
        derived.extend(raw.derived.into_iter().map(|derived| In(self.file, derived)));
        rules.extend(raw.rule.into_iter().map(|rule| In(self.file, rule)));
        self.learn_types(&collected, &derived)?;
        let sections: Vec<Section> = collected
            .into_iter()
            .map(|section| self.section(section, raw.pages))
            .collect::<Result<_, _>>()?;
        let places = sections::places(&sections);
        let derived: Vec<Derived> = derived
            .into_iter()
            .map(|In(file, raw)| self.derived(file, raw))
            .collect::<Result<_, _>>()?;
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|In(file, raw)| self.rule(file, raw))
            .collect::<Result<_, _>>()?;
        let criteria = self.criteria(raw.criterion, raw.category, raw.grade)?;
        Ok(Definition {
            key,
            name: raw.name,
            pages: raw.pages,
            valid_from: raw.valid_from,
            valid_until: raw.valid_until,
            rule_version: raw.rule_version,
            rule_notice: raw.rule_notice,
            sections,
            places,
            derived,
            rules,
            criteria,
            engine: engine.clone(),
        })
    }
}
