//! Loading the criteria of a form.

use std::collections::BTreeMap;

use super::{Loader, wrong};
use crate::{
    catalogue::LoadError,
    criteria::{Criteria, Criterion, Grade, Logic},
    finding::Localized,
    source::{RawCriterion, RawGrade},
};

/// Nodes of one explanation tree.
const EXPLANATION_NODES_MAX: usize = 1_000;

impl Loader<'_> {
    pub(super) fn criteria(
        &self,
        criteria: Vec<RawCriterion>,
        categories: Vec<RawGrade>,
        grades: Vec<RawGrade>,
    ) -> Result<Option<Criteria>, LoadError> {
        if criteria.is_empty() && categories.is_empty() && grades.is_empty() {
            return Ok(None);
        }
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut sizes: Vec<usize> = Vec::new();
        let mut loaded = Vec::new();
        for raw in criteria {
            let span = raw.id.span();
            let id = raw.id.get_ref().clone();
            let logic = self.logic(&raw, &known)?;
            let size = |place: &usize| sizes.get(*place).copied().unwrap_or(1);
            sizes.push(logic.parts().iter().map(size).sum::<usize>() + 1);
            if sizes.last().is_some_and(|size| *size > EXPLANATION_NODES_MAX) {
                return Err(wrong(
                    self.file,
                    Some(&span),
                    Some(&id),
                    "the explanation is too large",
                ));
            }
            if known.insert(id.clone(), loaded.len()).is_some() {
                return Err(wrong(self.file, Some(&span), Some(&id), "the id is used twice"));
            }
            loaded.push(Criterion { id, label: Localized::new(raw.ja, raw.en), logic });
        }
        let categories = self.grades(categories, &known)?;
        let grades = self.grades(grades, &known)?;
        Ok(Some(Criteria { conditions: loaded, categories, grades }))
    }

    fn logic(
        &self,
        raw: &RawCriterion,
        known: &BTreeMap<String, usize>,
    ) -> Result<Logic, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: String| wrong(self.file, Some(&raw.id.span()), Some(id), problem);
        let find = |name: &String| {
            let missing = || refuse(format!("no criterion {name} stands before this one"));
            known.get(name).copied().ok_or_else(missing)
        };
        let find_all = |names: &[String]| names.iter().map(find).collect::<Result<Vec<_>, _>>();
        match (&raw.when, &raw.all, &raw.any, (raw.at_least, &raw.of), &raw.not) {
            (Some(text), None, None, (None, None), None) => {
                self.expression(self.file, text, id).map(Logic::When)
            }
            (None, Some(names), None, (None, None), None) => find_all(names).map(Logic::All),
            (None, None, Some(names), (None, None), None) => find_all(names).map(Logic::Any),
            (None, None, None, (Some(least), Some(names)), None) => {
                find_all(names).map(|parts| Logic::AtLeast(least, parts))
            }
            (None, None, None, (None, None), Some(name)) => find(name).map(Logic::Not),
            _ => Err(refuse("give one of when, all, any, at_least with of, not".to_owned())),
        }
    }

    fn grades(
        &self,
        grades: Vec<RawGrade>,
        known: &BTreeMap<String, usize>,
    ) -> Result<Vec<Grade>, LoadError> {
        let load = |raw: RawGrade| {
            let name = raw.criterion.get_ref();
            let Some(criterion) = known.get(name).copied() else {
                let problem = format!("there is no criterion {name}");
                return Err(wrong(self.file, Some(&raw.criterion.span()), Some(&raw.id), problem));
            };
            let label = Localized::new(raw.ja, raw.en);
            Ok(Grade { id: raw.id, label, is_eligible: raw.eligible, criterion })
        };
        grades.into_iter().map(load).collect()
    }
}
