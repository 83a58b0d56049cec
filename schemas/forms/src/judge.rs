//! Judge: diagnosis category, severity grade, 該当 / 非該当 / 判定不能, and why.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::{
    answer::Answers,
    circumstances::{Circumstances, FIRST_CERTIFIED, WRITTEN},
    criteria::{Criteria, Grade, Logic, RuleSet},
    definition::{Application, Definition},
    expression::Missing,
    finding::Localized,
    scope::{Scope, View},
    shared,
    truth::Truth,
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
    #[serde(with = "shared::option")]
    pub criterion: Option<Arc<str>>,
    /// What the condition says.
    #[serde(with = "shared")]
    pub label: Arc<Localized>,
    /// What it came to.
    pub outcome: Outcome,
    /// The conditions it is made of.
    pub children: Vec<Node>,
}

/// By which text one half of the judgement was made, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Half {
    /// Whether an eligible category or grade holds.
    pub outcome: Outcome,
    /// Names the text; the texts, if it is not known which one holds.
    pub version: String,
    /// What a screen that shows it must say about that text.
    pub notice: Localized,
}

/// What the criteria say about a form. Never blocks registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// 該当 when the diagnosis is an eligible category and the severity an eligible grade.
    /// Undetermined when the form has no criteria for one of the halves.
    pub outcome: Outcome,
    /// The diagnosis category, if one is certain.
    pub diagnosis: Option<Class>,
    /// The severity grade, if one is certain.
    pub severity: Option<Class>,
    /// Why.
    pub explanation: Node,
    /// For 判定不能: the items whose answers could still decide it, in printed order. Where one half
    /// is 機械判定なし: those that could decide the other.
    pub missing: Vec<String>,
    /// Names the texts the judgement follows, each once.
    pub rule_version: String,
    /// What a screen that shows the judgement must say about those texts, each sentence once.
    pub rule_notice: Localized,
    /// How the diagnosis was judged. `None` is 機械判定なし, or a judgement stored before this was
    /// written.
    #[serde(default)]
    pub diagnosis_half: Option<Half>,
    /// How the severity was judged; `None` as above.
    #[serde(default)]
    pub severity_half: Option<Half>,
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

/// What differs between the halves.
struct HalfText {
    label: Heading,
    /// Said where the day that decides between several texts is not known.
    unknown: Heading,
    /// The item that says the day.
    item: &'static str,
}

/// A heading of the explanation, made once.
type Heading = LazyLock<Arc<Localized>>;

macro_rules! heading {
    ($ja:literal, $en:literal) => {
        LazyLock::new(|| Arc::new(Localized::new($ja, $en)))
    };
}

static JUDGEMENT: Heading = heading!("判定", "Judgement");
static NOT_JUDGED: Heading = heading!("機械判定なし", "Not judged by machine");

static DIAGNOSIS: HalfText = HalfText {
    label: heading!("診断基準", "Diagnostic criteria"),
    unknown: heading!("初回認定日が分からない", "The day of first certification is not known"),
    item: FIRST_CERTIFIED,
};

/// A new application follows the rules of the day it is written, unless it says another.
static DIAGNOSIS_OF_NEW: HalfText = HalfText {
    label: heading!("診断基準", "Diagnostic criteria"),
    unknown: heading!("記載年月日が分からない", "The day of writing is not known"),
    item: WRITTEN,
};

static SEVERITY: HalfText = HalfText {
    label: heading!("重症度分類", "Severity"),
    unknown: heading!("記載年月日が分からない", "The day of writing is not known"),
    item: WRITTEN,
};

/// One half, judged by every rule set that can hold.
struct Judged<'a> {
    text: &'static HalfText,
    sets: Vec<&'a RuleSet>,
    truth: Truth,
    /// Whether the sets disagree or are open, so that knowing the day could decide.
    depends_on_day: bool,
}

impl Definition {
    /// Judges a form by the disease's criteria, under the circumstances.
    ///
    /// A half the form version has no criteria for is 機械判定なし, and so is the whole.
    pub fn judge(&self, answers: &Answers, circumstances: &Circumstances) -> Judgement {
        self.judge_in(&Scope::new(self, answers), circumstances)
    }

    pub(crate) fn judge_in(&self, scope: &Scope<'_>, circumstances: &Circumstances) -> Judgement {
        let criteria = &self.body.criteria;
        let view = scope.view();
        let truths = evaluate(criteria, view);
        let certified = circumstances.certified();
        let written = circumstances.written_on.map(|day| (day, day));
        let is_by_writing = circumstances.application == Application::New
            && circumstances.first_certified_on.is_none();
        let text = if is_by_writing { &DIAGNOSIS_OF_NEW } else { &DIAGNOSIS };
        let diagnosis = Judged::new(text, &criteria.diagnosis, &truths, |set| {
            certified.is_none_or(|(first, last)| set.may_hold(first, last))
        });
        let severity = Judged::new(&SEVERITY, &criteria.severity, &truths, |set| {
            set.applies.include(circumstances.application)
                && written.is_none_or(|(first, last)| set.may_hold(first, last))
        });
        let halves = [&diagnosis, &severity];
        let is_whole = halves.iter().all(|half| half.is_judged());
        let outcome = if is_whole {
            Truth::all([diagnosis.truth, severity.truth])
        } else {
            Truth::Undetermined
        };
        let mut missing = Missing::new();
        if outcome == Truth::Undetermined {
            for half in halves {
                half.missing(self, &truths, view, &mut missing);
            }
        }
        let label = if is_whole { &JUDGEMENT } else { &NOT_JUDGED };
        Judgement {
            outcome: outcome.into(),
            diagnosis: diagnosis.class(&truths),
            severity: severity.class(&truths),
            explanation: Node {
                criterion: None,
                label: Arc::clone(label),
                outcome: outcome.into(),
                children: halves.iter().map(|half| half.explain(criteria, &truths)).collect(),
            },
            missing: self.ids(&missing),
            rule_version: versions(halves.iter().flat_map(|half| &half.sets).copied()),
            rule_notice: notices(halves.iter().flat_map(|half| &half.sets).copied()),
            diagnosis_half: diagnosis.half(),
            severity_half: severity.half(),
        }
    }

    /// Names the texts the form can be judged by, each once.
    pub fn rule_version(&self) -> String {
        versions(self.body.criteria.diagnosis.iter().chain(&self.body.criteria.severity))
    }

    /// What there is to say about those texts, each sentence once.
    pub fn rule_notice(&self) -> Localized {
        notices(self.body.criteria.diagnosis.iter().chain(&self.body.criteria.severity))
    }

    /// Tells whether the diagnosis can be judged by machine.
    pub fn has_diagnosis(&self) -> bool {
        !self.body.criteria.diagnosis.is_empty()
    }

    /// Tells whether the severity can be judged by machine.
    pub fn has_severity(&self) -> bool {
        !self.body.criteria.severity.is_empty()
    }

    /// The ids of slots, in printed order.
    fn ids(&self, slots: &Missing) -> Vec<String> {
        let items = self.items().enumerate().filter(|(slot, _)| slots.contains(slot));
        items.map(|(_, item)| item.id.clone()).collect()
    }
}

impl<'a> Judged<'a> {
    fn new(
        text: &'static HalfText,
        sets: &'a [RuleSet],
        truths: &[Truth],
        holds: impl Fn(&RuleSet) -> bool,
    ) -> Self {
        let sets: Vec<&RuleSet> = sets.iter().filter(|set| holds(set)).collect();
        let mut found = sets.iter().map(|set| eligible(&set.grades, truths));
        let first = found.next().unwrap_or(Truth::Undetermined);
        let agree = found.all(|truth| truth == first);
        let truth = if agree { first } else { Truth::Undetermined };
        let depends_on_day = sets.len() > 1 && truth == Truth::Undetermined;
        Self { text, sets, truth, depends_on_day }
    }

    fn is_judged(&self) -> bool {
        !self.sets.is_empty()
    }

    fn half(&self) -> Option<Half> {
        self.is_judged().then(|| Half {
            outcome: self.truth.into(),
            version: versions(self.sets.iter().copied()),
            notice: notices(self.sets.iter().copied()),
        })
    }

    /// The first grade that holds, if every set agrees on it.
    fn class(&self, truths: &[Truth]) -> Option<Class> {
        let mut grades = self.sets.iter().map(|set| first(&set.grades, truths));
        let grade = grades.next()??;
        let agree = grades.all(|other| other.is_some_and(|other| other.id == grade.id));
        agree.then(|| Class { id: grade.id.clone(), label: Localized::clone(&grade.label) })
    }

    fn missing(
        &self,
        definition: &Definition,
        truths: &[Truth],
        view: View<'_>,
        missing: &mut Missing,
    ) {
        if self.truth != Truth::Undetermined {
            return;
        }
        if self.depends_on_day {
            missing.extend(definition.body.layout.slot(self.text.item));
        }
        let grades = self.sets.iter().flat_map(|set| &set.grades);
        for grade in grades.filter(|grade| grade.is_eligible) {
            collect_missing(&definition.body.criteria, truths, view, grade.criterion, missing);
        }
    }

    fn explain(&self, criteria: &Criteria, truths: &[Truth]) -> Node {
        let heading = |label: &Arc<Localized>, outcome: Truth, children| Node {
            criterion: None,
            label: Arc::clone(label),
            outcome: outcome.into(),
            children,
        };
        match &self.sets[..] {
            [] => {
                let children = vec![heading(&NOT_JUDGED, Truth::Undetermined, Vec::new())];
                heading(&self.text.label, Truth::Undetermined, children)
            }
            [set] => heading(&self.text.label, self.truth, grades(&set.grades, criteria, truths)),
            sets => {
                let mut children = Vec::new();
                if self.depends_on_day {
                    children.push(heading(&self.text.unknown, Truth::Undetermined, Vec::new()));
                }
                children.extend(sets.iter().map(|set| {
                    heading(
                        &Arc::new(Localized::new(&set.version, &set.version)),
                        eligible(&set.grades, truths),
                        grades(&set.grades, criteria, truths),
                    )
                }));
                heading(&self.text.label, self.truth, children)
            }
        }
    }
}

fn versions<'a>(sets: impl Iterator<Item = &'a RuleSet>) -> String {
    joined(sets.map(|set| set.version.as_str()), "; ")
}

fn notices<'a>(sets: impl Iterator<Item = &'a RuleSet> + Clone) -> Localized {
    Localized {
        ja: joined(sets.clone().map(|set| set.notice.ja.as_str()), ""),
        en: joined(sets.map(|set| set.notice.en.as_str()), " "),
    }
}

/// Joins texts, each once, in order.
fn joined<'a>(mut texts: impl Iterator<Item = &'a str>, between: &str) -> String {
    let Some(first) = texts.next() else { return String::new() };
    let mut all = first.to_owned();
    let mut seen = Vec::new();
    for text in texts {
        if text != first && !seen.contains(&text) {
            seen.push(text);
            all.push_str(between);
            all.push_str(text);
        }
    }
    all
}

/// The truth of every criterion. Each refers to earlier ones only.
fn evaluate(criteria: &Criteria, view: View<'_>) -> Vec<Truth> {
    let mut truths: Vec<Truth> = Vec::with_capacity(criteria.conditions.len());
    for criterion in &criteria.conditions {
        let of = |place: &usize| truth_at(&truths, *place);
        let truth = match &criterion.logic {
            Logic::When(expression) => expression.condition().truth(view),
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
fn first<'a>(grades: &'a [Grade], truths: &[Truth]) -> Option<&'a Grade> {
    let grade = grades.iter().find(|grade| truth_at(truths, grade.criterion) != Truth::False)?;
    (truth_at(truths, grade.criterion) == Truth::True).then_some(grade)
}

fn grades(grades: &[Grade], criteria: &Criteria, truths: &[Truth]) -> Vec<Node> {
    let node = |grade: &Grade| Node {
        criterion: None,
        label: Arc::clone(&grade.label),
        outcome: truth_at(truths, grade.criterion).into(),
        children: vec![explain(criteria, truths, grade.criterion)],
    };
    grades.iter().map(node).collect()
}

/// The size of the tree is bounded when the definition is loaded.
fn explain(criteria: &Criteria, truths: &[Truth], place: usize) -> Node {
    let Some(criterion) = criteria.conditions.get(place) else {
        return Node {
            criterion: None,
            label: Arc::default(),
            outcome: Outcome::Undetermined,
            children: Vec::new(),
        };
    };
    let parts = criterion.logic.parts().iter();
    Node {
        criterion: Some(Arc::clone(&criterion.id)),
        label: Arc::clone(&criterion.label),
        outcome: truth_at(truths, place).into(),
        children: parts.map(|part| explain(criteria, truths, *part)).collect(),
    }
}

/// Follows the undetermined conditions down to the items that could decide them.
fn collect_missing(
    criteria: &Criteria,
    truths: &[Truth],
    view: View<'_>,
    place: usize,
    missing: &mut Missing,
) {
    let Some(criterion) = criteria.conditions.get(place) else { return };
    if truth_at(truths, place) != Truth::Undetermined {
        return;
    }
    if let Logic::When(expression) = &criterion.logic {
        expression.condition().missing(view, missing);
    }
    for part in criterion.logic.parts() {
        collect_missing(criteria, truths, view, *part, missing);
    }
}
