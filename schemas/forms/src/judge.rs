//! Judge: diagnosis category, severity grade, 該当 / 非該当 / 判定不能, and why.

use serde::{Deserialize, Serialize};

use crate::{
    answer::Answers,
    criteria::{Criteria, Grade, Logic},
    definition::Definition,
    expression::Truth,
    finding::Localized,
    scope::Scope,
};

/// What a judgement or one condition in it came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 該当.
    Met,
    /// 非該当.
    NotMet,
    /// 判定不能: what is missing decides.
    Undetermined,
}

impl Outcome {
    /// As shown on screen.
    pub fn label(self) -> Localized {
        match self {
            Self::Met => Localized::new("該当", "Met"),
            Self::NotMet => Localized::new("非該当", "Not met"),
            Self::Undetermined => Localized::new("判定不能", "Undetermined"),
        }
    }
}

/// The diagnosis category or severity grade a form falls into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Its id in the definition: `definite`.
    pub id: String,
    /// As shown.
    pub label: Localized,
}

/// One condition of the explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The criterion's id in the definition; `None` for the headings above the criteria.
    pub criterion: Option<String>,
    /// What the condition says.
    pub label: Localized,
    /// What it came to.
    pub outcome: Outcome,
    /// The conditions it is made of.
    pub children: Vec<Node>,
}

/// What the criteria say about a form. Never blocks registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// 該当 when the diagnosis is an eligible category and the severity an eligible grade.
    pub outcome: Outcome,
    /// The diagnosis category, if one is certain.
    pub diagnosis: Option<Class>,
    /// The severity grade, if one is certain.
    pub severity: Option<Class>,
    /// Why.
    pub explanation: Node,
    /// For 判定不能: the items whose answers could still decide it, in printed order.
    pub missing: Vec<String>,
    /// Names the text the judgement follows.
    pub rule_version: String,
    /// What a screen that shows the judgement must say about that text.
    pub rule_notice: Localized,
}

impl From<Truth> for Outcome {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::Met,
            Truth::False => Self::NotMet,
            Truth::Undetermined => Self::Undetermined,
        }
    }
}

impl Definition {
    /// Judges a form by the disease's criteria.
    ///
    /// A form version without criteria (機械判定なし) is undetermined, with nothing missing.
    pub fn judge(&self, answers: &Answers) -> Judgement {
        let Some(criteria) = &self.criteria else { return self.not_judged() };
        let scope = Scope::new(self, answers);
        let truths = evaluate(self, criteria, &scope);
        let diagnosis = eligible(&criteria.categories, &truths);
        let severity = eligible(&criteria.grades, &truths);
        let outcome = Truth::all([diagnosis, severity]);
        let mut missing = std::collections::BTreeSet::new();
        if outcome == Truth::Undetermined {
            let halves = [(diagnosis, &criteria.categories), (severity, &criteria.grades)];
            let open = halves.iter().filter(|(truth, _)| *truth == Truth::Undetermined);
            for grade in open.flat_map(|(_, grades)| *grades).filter(|grade| grade.is_eligible) {
                collect_missing(criteria, &truths, &scope, grade.criterion, &mut missing);
            }
        }
        Judgement {
            outcome: outcome.into(),
            diagnosis: first(&criteria.categories, &truths),
            severity: first(&criteria.grades, &truths),
            explanation: Node {
                criterion: None,
                label: Localized::new("判定", "Judgement"),
                outcome: outcome.into(),
                children: vec![
                    half(
                        "診断基準",
                        "Diagnostic criteria",
                        diagnosis,
                        &criteria.categories,
                        criteria,
                        &truths,
                    ),
                    half("重症度分類", "Severity", severity, &criteria.grades, criteria, &truths),
                ],
            },
            missing: self.to_items(&missing),
            rule_version: self.rule_version.clone(),
            rule_notice: self.rule_notice.clone(),
        }
    }

    fn not_judged(&self) -> Judgement {
        Judgement {
            outcome: Outcome::Undetermined,
            diagnosis: None,
            severity: None,
            explanation: Node {
                criterion: None,
                label: Localized::new("機械判定なし", "Not judged by machine"),
                outcome: Outcome::Undetermined,
                children: Vec::new(),
            },
            missing: Vec::new(),
            rule_version: self.rule_version.clone(),
            rule_notice: self.rule_notice.clone(),
        }
    }

    /// Puts variables into printed order; a derived one becomes the items it is derived from.
    fn to_items(&self, variables: &std::collections::BTreeSet<&str>) -> Vec<String> {
        let mut wanted = variables.clone();
        for derived in &self.derived {
            if variables.contains(derived.id.as_str()) {
                wanted.extend(derived.calculation.inputs());
            }
        }
        let items = self.items().filter(|item| wanted.contains(item.id.as_str()));
        items.map(|item| item.id.clone()).collect()
    }
}

/// The truth of every criterion. Each refers to earlier ones only.
fn evaluate(definition: &Definition, criteria: &Criteria, scope: &Scope<'_>) -> Vec<Truth> {
    let context = definition.engine.context(scope);
    let mut truths: Vec<Truth> = Vec::with_capacity(criteria.conditions.len());
    for criterion in &criteria.conditions {
        let of = |place: &usize| truths.get(*place).copied().unwrap_or(Truth::Undetermined);
        let truth = match &criterion.logic {
            Logic::When(expression) => expression.truth(&context),
            Logic::All(parts) => Truth::all(parts.iter().map(of)),
            Logic::Any(parts) => Truth::any(parts.iter().map(of)),
            Logic::AtLeast(least, parts) => Truth::at_least(*least, parts.iter().map(of)),
            Logic::Not(part) => of(part).not(),
        };
        truths.push(truth);
    }
    truths
}

fn truth_at(truths: &[Truth], place: usize) -> Truth {
    truths.get(place).copied().unwrap_or(Truth::Undetermined)
}

fn eligible(grades: &[Grade], truths: &[Truth]) -> Truth {
    let eligible = grades.iter().filter(|grade| grade.is_eligible);
    Truth::any(eligible.map(|grade| truth_at(truths, grade.criterion)))
}

/// The first grade that holds, if no earlier one could still turn out to hold.
fn first(grades: &[Grade], truths: &[Truth]) -> Option<Class> {
    let grade = grades.iter().find(|grade| truth_at(truths, grade.criterion) != Truth::False)?;
    let is_certain = truth_at(truths, grade.criterion) == Truth::True;
    is_certain.then(|| Class { id: grade.id.clone(), label: grade.label.clone() })
}

fn half(
    ja: &str,
    en: &str,
    truth: Truth,
    grades: &[Grade],
    criteria: &Criteria,
    truths: &[Truth],
) -> Node {
    let children = grades.iter().map(|grade| Node {
        criterion: None,
        label: grade.label.clone(),
        outcome: truth_at(truths, grade.criterion).into(),
        children: vec![explain(criteria, truths, grade.criterion)],
    });
    Node {
        criterion: None,
        label: Localized::new(ja, en),
        outcome: truth.into(),
        children: children.collect(),
    }
}

/// The size of the tree is bounded when the definition is loaded.
fn explain(criteria: &Criteria, truths: &[Truth], place: usize) -> Node {
    let Some(criterion) = criteria.conditions.get(place) else {
        return Node {
            criterion: None,
            label: Localized::default(),
            outcome: Outcome::Undetermined,
            children: Vec::new(),
        };
    };
    let parts = criterion.logic.parts().iter();
    Node {
        criterion: Some(criterion.id.clone()),
        label: criterion.label.clone(),
        outcome: truth_at(truths, place).into(),
        children: parts.map(|part| explain(criteria, truths, *part)).collect(),
    }
}

/// Follows the undetermined conditions down to the items without a value.
fn collect_missing<'a>(
    criteria: &'a Criteria,
    truths: &[Truth],
    scope: &Scope<'_>,
    place: usize,
    missing: &mut std::collections::BTreeSet<&'a str>,
) {
    let Some(criterion) = criteria.conditions.get(place) else { return };
    if truth_at(truths, place) != Truth::Undetermined {
        return;
    }
    if let Logic::When(expression) = &criterion.logic {
        let unknown = expression.variables().iter().filter(|variable| !scope.knows(variable));
        missing.extend(unknown.map(String::as_str));
    }
    for part in criterion.logic.parts() {
        collect_missing(criteria, truths, scope, *part, missing);
    }
}
