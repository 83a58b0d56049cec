//! Loading rules and derived items.

use std::{collections::BTreeSet, sync::Arc};

use toml::Spanned;

use super::{In, Loader, wrong};
use crate::{
    calculate::{Derived, Formula},
    catalogue::{LoadError, SourceFile},
    check::Rule,
    expression::{Expression, Tree},
    finding::Localized,
    source::{RawDerived, RawRule},
    typing::Type,
};

/// Most places a derived number can be rounded to.
const PLACES_MAX: u32 = 10;

impl<'a> Loader<'a> {
    /// Compiles derived items in order, each seeing those before it.
    pub(super) fn derive(
        &mut self,
        raw: Vec<In<'a, RawDerived>>,
    ) -> Result<Vec<Derived>, LoadError> {
        for In(_, raw) in &raw {
            self.names.expect(raw.id.get_ref());
        }
        let mut derived = Vec::with_capacity(raw.len());
        for In(file, raw) in raw {
            let id = raw.id.clone();
            let loaded = self.derived(file, raw)?;
            self.learn(file, &id, loaded.type_of())?;
            derived.push(loaded);
        }
        Ok(derived)
    }

    fn derived(&self, file: &SourceFile<'_>, raw: RawDerived) -> Result<Derived, LoadError> {
        let id = raw.id.get_ref();
        let formula_of = self.formula(file, &raw)?;
        let when = raw.when.as_ref().map(|text| self.lasting(file, text, id)).transpose()?;
        Ok(Derived {
            slot: self.names.len(),
            id: raw.id.into_inner(),
            label: Localized::new(raw.ja, raw.en),
            unit: raw.unit,
            formula: raw.formula,
            source: raw.source,
            confidence: raw.confidence,
            value: raw.value.into_inner(),
            when,
            formula_of,
        })
    }

    fn formula(&self, file: &SourceFile<'_>, raw: &RawDerived) -> Result<Formula, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: String| wrong(file, Some(&raw.value.span()), Some(id), problem);
        if raw.places.is_some_and(|places| places > PLACES_MAX) {
            return Err(refuse(format!("more than {PLACES_MAX} places")));
        }
        if let Some(name) = &raw.codes {
            let Some(list) = self.parts.lists.get(name.get_ref()) else {
                let problem = format!("there is no code list {}", name.get_ref());
                return Err(wrong(file, Some(&name.span()), Some(id), problem));
            };
            if raw.places.is_some() {
                return Err(refuse("a code has no places".to_owned()));
            }
            let choice = self.compiler().code(raw.value.get_ref(), list).map_err(refuse)?;
            return Ok(Formula::Code(choice, Arc::clone(list)));
        }
        match self.compiler().compile(raw.value.get_ref()).map_err(refuse)? {
            Tree::Condition(condition) if raw.places.is_none() => Ok(Formula::Truth(condition)),
            Tree::Condition(_) => Err(refuse("true or false has no places".to_owned())),
            tree => match tree.quantity() {
                Ok(quantity) => Ok(Formula::Number(quantity, raw.places)),
                Err(other) => Err(refuse(format!(
                    "the value is {other}, not a number, true or false, or (with codes) a code"
                ))),
            },
        }
    }

    /// Compiles the rules. Findings name them, so each has its own id, and none that of a common check.
    pub(super) fn rules(&self, raw: Vec<In<'a, RawRule>>) -> Result<Vec<Rule>, LoadError> {
        let mut ids = BTreeSet::new();
        for In(file, raw) in &raw {
            let id = raw.id.get_ref();
            let refuse = |problem| Err(wrong(file, Some(&raw.id.span()), Some(id), problem));
            if id.starts_with("check.") {
                return refuse("check. begins the ids of the checks that all forms have");
            }
            if !ids.insert(id) {
                return refuse("the id is used twice");
            }
        }
        raw.into_iter().map(|In(file, raw)| self.rule(file, raw)).collect()
    }

    fn rule(&self, file: &SourceFile<'_>, raw: RawRule) -> Result<Rule, LoadError> {
        let id = raw.id.into_inner();
        if let Err(problem) = self.names.find(raw.item.get_ref()) {
            return Err(wrong(file, Some(&raw.item.span()), Some(&id), problem));
        }
        Ok(Rule {
            holds: self.expression(file, &raw.holds, &id)?,
            id,
            item: raw.item.into_inner(),
            severity: raw.severity,
            message: raw.message,
            remedy: raw.remedy,
        })
    }

    pub(super) fn optional(
        &self,
        file: &SourceFile<'_>,
        text: Option<Spanned<String>>,
        rule: &str,
    ) -> Result<Option<Expression>, LoadError> {
        text.map(|text| self.expression(file, &text, rule)).transpose()
    }
}

impl Derived {
    fn type_of(&self) -> Type {
        match &self.formula_of {
            Formula::Number(..) => Type::Number,
            Formula::Code(_, list) => Type::Code(Arc::clone(list)),
            Formula::Truth(_) => Type::Bool,
        }
    }
}
