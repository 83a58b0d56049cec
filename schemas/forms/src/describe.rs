//! What a definition says, as texts: for the published specification, which people implement from.

use kakehashi_kernel::CivilDate;

use crate::{
    criteria::{Criteria, Criterion, Logic, RuleSet},
    definition::Definition,
    expression::Expression,
    finding::{Localized, Severity},
    item::{Applications, Item},
};

/// A consistency rule.
#[derive(Debug, Clone, Copy)]
pub struct RuleText<'a> {
    /// Its id, as findings name it.
    pub id: &'a str,
    /// The item the finding is shown at.
    pub item: &'a str,
    /// How much the finding weighs.
    pub severity: Severity,
    /// What must hold, in CEL.
    pub holds: &'a str,
    /// What the finding says.
    pub message: &'a Localized,
    /// What to do about it.
    pub remedy: &'a Localized,
}

/// A condition of the criteria.
#[derive(Debug, Clone)]
pub struct CriterionText<'a> {
    /// Its id, as explanations and other conditions name it.
    pub id: &'a str,
    /// What it says.
    pub label: &'a Localized,
    /// CEL, or how it is made of other conditions.
    pub logic: String,
}

/// A set of diagnosis categories or severity grades, and for whom it holds.
#[derive(Debug, Clone)]
pub struct SetText<'a> {
    /// Names the text it follows.
    pub version: &'a str,
    /// What every screen that shows a judgement by it says.
    pub notice: &'a Localized,
    /// First day of first certification (diagnosis) or of writing (severity).
    pub from: Option<CivilDate>,
    /// First day it no longer holds for.
    pub until: Option<CivilDate>,
    /// For which applications.
    pub applies: Applications,
    /// The classes, in the order they are tried.
    pub classes: Vec<ClassText<'a>>,
}

/// A diagnosis category or severity grade.
#[derive(Debug, Clone, Copy)]
pub struct ClassText<'a> {
    /// Its id.
    pub id: &'a str,
    /// As shown.
    pub label: &'a Localized,
    /// The condition that makes it.
    pub criterion: &'a str,
    /// Whether it counts towards 該当.
    pub is_eligible: bool,
}

impl Definition {
    /// The consistency rules, in the order they are checked.
    pub fn rule_texts(&self) -> impl Iterator<Item = RuleText<'_>> {
        self.rules().iter().map(|rule| RuleText {
            id: &rule.id,
            item: &rule.item,
            severity: rule.severity,
            holds: rule.holds.text(),
            message: &rule.message,
            remedy: &rule.remedy,
        })
    }

    /// The conditions of the criteria, simplest first.
    pub fn criterion_texts(&self) -> impl Iterator<Item = CriterionText<'_>> {
        let criteria = self.criteria();
        criteria.conditions.iter().map(|criterion| CriterionText {
            id: &criterion.id,
            label: &criterion.label,
            logic: logic(criteria, criterion),
        })
    }

    /// The sets of diagnosis categories; none: 機械判定なし.
    pub fn diagnosis_texts(&self) -> Vec<SetText<'_>> {
        sets(self.criteria(), &self.criteria().diagnosis)
    }

    /// The sets of severity grades; none: 機械判定なし.
    pub fn severity_texts(&self) -> Vec<SetText<'_>> {
        sets(self.criteria(), &self.criteria().severity)
    }
}

impl Item {
    /// When it is asked, in CEL, unless always.
    pub fn relevant_text(&self) -> Option<&str> {
        self.relevant.as_ref().map(Expression::text)
    }

    /// When it must be answered, in CEL, besides what [`Item::required`] says.
    pub fn required_when_text(&self) -> Option<&str> {
        self.required_when.as_ref().map(Expression::text)
    }
}

fn name(criteria: &Criteria, place: usize) -> &str {
    criteria.conditions.get(place).map_or("", |criterion| &*criterion.id)
}

fn logic(criteria: &Criteria, criterion: &Criterion) -> String {
    let names = |parts: &[usize]| {
        parts.iter().map(|part| name(criteria, *part)).collect::<Vec<_>>().join("、")
    };
    match &criterion.logic {
        Logic::When(expression) => expression.text().to_owned(),
        Logic::All(parts) => format!("すべて: {}", names(parts)),
        Logic::Any(parts) => format!("いずれか: {}", names(parts)),
        Logic::AtLeast(least, parts) => format!("{least}つ以上: {}", names(parts)),
        Logic::Not(part) => format!("でない: {}", name(criteria, *part)),
    }
}

fn sets<'a>(criteria: &'a Criteria, sets: &'a [RuleSet]) -> Vec<SetText<'a>> {
    let set = |set: &'a RuleSet| SetText {
        version: &set.version,
        notice: &set.notice,
        from: set.from,
        until: set.until,
        applies: set.applies,
        classes: set
            .grades
            .iter()
            .map(|grade| ClassText {
                id: &grade.id,
                label: &grade.label,
                criterion: name(criteria, grade.criterion),
                is_eligible: grade.is_eligible,
            })
            .collect(),
    };
    sets.iter().map(set).collect()
}
