//! Loading the criteria of a form: conditions, and the dated sets of categories and grades.

use std::{collections::BTreeMap, sync::Arc};

use kakehashi_kernel::CivilDate;
use toml::Spanned;

use super::{In, Loader, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    criteria::{Criteria, Criterion, Grade, Logic, RuleSet},
    definition::Application,
    finding::Localized,
    item::Applications,
    source::{RawCriterion, RawDiagnosis, RawGrade, RawSeverity},
};

/// Nodes of one explanation tree, whatever day the form was written.
const EXPLANATION_NODES_MAX: usize = 1_000;
/// How deep criteria may stand on each other. Stored judgements are JSON, which its readers follow to 128
/// levels; a criterion takes two.
const EXPLANATION_DEPTH_MAX: usize = 40;

/// Places of criteria by id.
type Known = BTreeMap<String, usize>;

/// What the explanation of a criterion is made of.
#[derive(Debug, Clone, Copy)]
struct Extent {
    nodes: usize,
    depth: usize,
}

impl Loader<'_> {
    pub(super) fn criteria(
        &self,
        criteria: Vec<In<'_, RawCriterion>>,
        (diagnosis, severity): (Vec<RawDiagnosis>, Vec<RawSeverity>),
        valid: (CivilDate, Option<CivilDate>),
        applies: Applications,
    ) -> Result<Criteria, LoadError> {
        let (conditions, known, extents) = self.conditions(criteria)?;
        let mut loaded = Criteria { conditions, ..Criteria::default() };
        for raw in diagnosis {
            let dates = (raw.certified_from, raw.certified_until);
            let set = (raw.version, raw.notice, raw.category);
            loaded.diagnosis.push(self.set(set, dates, Applications::Both, &known)?);
        }
        for raw in severity {
            let dates = (raw.written_from, raw.written_until);
            let set = (raw.version, raw.notice, raw.grade);
            let applies = raw.applies.unwrap_or(Applications::Both);
            loaded.severity.push(self.set(set, dates, applies, &known)?);
        }
        self.demand_small(&loaded, &extents)?;
        // Somebody may have been certified on any day before the form's last.
        self.demand_whole("diagnosis", loaded.diagnosis.iter().collect(), (None, valid.1))?;
        for application in [Application::New, Application::Renewal] {
            let sets = loaded.severity.iter().filter(|set| set.applies.include(application));
            let sets: Vec<_> = sets.collect();
            if sets.is_empty() && !loaded.severity.is_empty() && applies.include(application) {
                let problem = format!("there is no severity set for {application}");
                return Err(wrong(self.file, None, None, problem));
            }
            self.demand_whole("severity", sets, (Some(valid.0), valid.1))?;
        }
        Ok(loaded)
    }

    fn conditions(
        &self,
        criteria: Vec<In<'_, RawCriterion>>,
    ) -> Result<(Vec<Criterion>, Known, Vec<Extent>), LoadError> {
        let mut known = Known::new();
        let mut extents: Vec<Extent> = Vec::new();
        let mut loaded = Vec::new();
        for In(file, raw) in criteria {
            let refuse =
                |problem: &str| wrong(file, Some(&raw.id.span()), Some(raw.id.get_ref()), problem);
            let logic = self.logic(file, &raw, &known)?;
            let parts = || logic.parts().iter().filter_map(|place| extents.get(*place));
            let extent = Extent {
                nodes: parts().map(|part| part.nodes).sum::<usize>() + 1,
                depth: parts().map(|part| part.depth).max().unwrap_or(0) + 1,
            };
            if extent.nodes > EXPLANATION_NODES_MAX || extent.depth > EXPLANATION_DEPTH_MAX {
                return Err(refuse("the explanation is too large"));
            }
            extents.push(extent);
            if known.insert(raw.id.get_ref().clone(), loaded.len()).is_some() {
                return Err(refuse("the id is used twice"));
            }
            let label = Arc::new(Localized::new(raw.ja, raw.en));
            loaded.push(Criterion { id: raw.id.into_inner().into(), label, logic });
        }
        Ok((loaded, known, extents))
    }

    fn logic(
        &self,
        file: &SourceFile<'_>,
        raw: &RawCriterion,
        known: &Known,
    ) -> Result<Logic, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: String| wrong(file, Some(&raw.id.span()), Some(id), problem);
        let find = |name: &String| {
            let missing = || refuse(format!("no criterion {name} stands before this one"));
            known.get(name).copied().ok_or_else(missing)
        };
        let find_all = |names: &[String]| names.iter().map(find).collect::<Result<Vec<_>, _>>();
        match (&raw.when, &raw.all, &raw.any, (raw.at_least, &raw.of), &raw.not) {
            (Some(text), None, None, (None, None), None) => {
                self.lasting(file, text, id).map(Logic::When)
            }
            (None, Some(names), None, (None, None), None) => find_all(names).map(Logic::All),
            (None, None, Some(names), (None, None), None) => find_all(names).map(Logic::Any),
            (None, None, None, (Some(least), Some(names)), None) => {
                if least == 0 || least > names.len() {
                    return Err(refuse(format!("at_least {least} of {} conditions", names.len())));
                }
                find_all(names).map(|parts| Logic::AtLeast(least, parts))
            }
            (None, None, None, (None, None), Some(name)) => find(name).map(Logic::Not),
            _ => Err(refuse("give one of when, all, any, at_least with of, not".to_owned())),
        }
    }

    fn set(
        &self,
        (version, notice, grades): (Spanned<String>, Localized, Vec<RawGrade>),
        (from, until): (Option<CivilDate>, Option<CivilDate>),
        applies: Applications,
        known: &Known,
    ) -> Result<RuleSet, LoadError> {
        let span = version.span();
        let version = version.into_inner();
        let refuse = |problem: &str| wrong(self.file, Some(&span), Some(&version), problem);
        if grades.is_empty() {
            return Err(refuse("the set is empty"));
        }
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(refuse("the set ends before it begins"));
        }
        let mut loaded: Vec<Grade> = Vec::new();
        for raw in grades {
            let name = raw.criterion.get_ref();
            let refuse = |problem: String| {
                wrong(self.file, Some(&raw.criterion.span()), Some(&raw.id), problem)
            };
            let Some(criterion) = known.get(name).copied() else {
                return Err(refuse(format!("there is no criterion {name}")));
            };
            if loaded.iter().any(|other| other.id == raw.id) {
                return Err(refuse("the id is used twice in this set".to_owned()));
            }
            let label = Arc::new(Localized::new(raw.ja, raw.en));
            loaded.push(Grade { id: raw.id, label, is_eligible: raw.eligible, criterion });
        }
        Ok(RuleSet { version, notice, from, until, applies, grades: loaded })
    }

    /// Where the day is not known an explanation shows every set.
    fn demand_small(&self, criteria: &Criteria, extents: &[Extent]) -> Result<(), LoadError> {
        let grades =
            criteria.diagnosis.iter().chain(&criteria.severity).flat_map(|set| &set.grades);
        let nodes = |grade: &Grade| extents.get(grade.criterion).map_or(1, |of| of.nodes + 1);
        if grades.map(nodes).sum::<usize>() > EXPLANATION_NODES_MAX {
            return Err(wrong(self.file, None, None, "the explanation is too large"));
        }
        Ok(())
    }

    /// Sets must follow each other without gap or overlap over all the days there are.
    fn demand_whole(
        &self,
        what: &str,
        mut sets: Vec<&RuleSet>,
        (first, last): (Option<CivilDate>, Option<CivilDate>),
    ) -> Result<(), LoadError> {
        let refuse = |problem: String| Err(wrong(self.file, None, Some(what), problem));
        sets.sort_by_key(|set| set.from);
        for pair in sets.windows(2) {
            let [before, after] = pair else { continue };
            let (one, other) = (&before.version, &after.version);
            match (before.until, after.from) {
                (Some(until), Some(from)) if until == from => {}
                (Some(until), Some(from)) if until < from => {
                    return refuse(format!(
                        "no set between {one} (until {until}) and {other} ({from})"
                    ));
                }
                _ => return refuse(format!("{one} and {other} hold on the same day")),
            }
        }
        let Some((start, end)) = sets.first().zip(sets.last()) else { return Ok(()) };
        if let Some(from) = start.from
            && first.is_none_or(|first| from > first)
        {
            return refuse(format!("no set before {} ({from})", start.version));
        }
        if let Some(until) = end.until
            && last.is_none_or(|last| until < last)
        {
            return refuse(format!("no set after {} (until {until})", end.version));
        }
        Ok(())
    }
}
