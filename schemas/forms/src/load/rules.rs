//! Loading rules and derived items.

use toml::Spanned;

use super::{Loader, wrong};
use crate::{
    calculate::{Calculation, Derived},
    catalogue::{LoadError, SourceFile},
    check::Rule,
    expression::Expression,
    finding::Localized,
    source::{RawDerived, RawRule},
    typing::Type,
};

impl Loader<'_> {
    pub(super) fn derived(
        &self,
        file: &SourceFile<'_>,
        raw: RawDerived,
    ) -> Result<Derived, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: String| wrong(file, Some(&raw.id.span()), Some(id), problem);
        let calculation = match (raw.years, raw.points) {
            (Some([from, to]), None) => Calculation::Years { from, to },
            (None, Some(items)) => Calculation::Points(items),
            _ => return Err(refuse("give either years or points".to_owned())),
        };
        for input in calculation.inputs() {
            let fits = match (&calculation, self.types.get(input)) {
                (Calculation::Years { .. }, Some(Type::Date | Type::PartialDate)) => true,
                (Calculation::Points(_), Some(Type::Code(list))) => {
                    list.options().iter().all(|option| option.points.is_some())
                }
                _ => false,
            };
            if !fits {
                return Err(refuse(format!("cannot be calculated from {input}")));
            }
        }
        Ok(Derived {
            id: raw.id.into_inner(),
            label: Localized::new(raw.ja, raw.en),
            unit: raw.unit,
            formula: raw.formula,
            source: raw.source,
            calculation,
        })
    }

    pub(super) fn rule(&self, file: &SourceFile<'_>, raw: RawRule) -> Result<Rule, LoadError> {
        let id = raw.id.into_inner();
        if !self.types.contains_key(raw.item.get_ref()) {
            let problem = format!("unknown item {}", raw.item.get_ref());
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

    pub(super) fn expression(
        &self,
        file: &SourceFile<'_>,
        text: &Spanned<String>,
        rule: &str,
    ) -> Result<Expression, LoadError> {
        Expression::compile(text.get_ref(), &self.types)
            .map_err(|problem| wrong(file, Some(&text.span()), Some(rule), problem))
    }
}
