//! Check: what is wrong with a form, as findings.

use cel::Context;
use kakehashi_kernel::limits::FORM_ITEMS_MAX;

use crate::{
    answer::{Answer, Answers},
    definition::{Application, Definition},
    expression::{Expression, Truth},
    finding::{Finding, Localized, Severity},
    item::{AllowedState, Item},
    scope::Scope,
};

/// A consistency rule of a definition.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) item: String,
    pub(crate) severity: Severity,
    /// A finding is made when this is certainly false.
    pub(crate) holds: Expression,
    pub(crate) message: Localized,
    pub(crate) remedy: Localized,
}

impl Definition {
    /// Checks a form: every item in printed order (E: type, length, code, range, required), then the
    /// rules across items. A rule that something is missing for says nothing.
    pub fn check(&self, answers: &Answers, application: Application) -> Vec<Finding> {
        if answers.len() > FORM_ITEMS_MAX {
            return vec![too_many()];
        }
        let scope = Scope::new(self, answers);
        let context = self.engine.context(&scope);
        let mut findings = Vec::new();
        for item in self.items() {
            let answer = answers.get(&item.id).unwrap_or(&Answer::Blank);
            findings.extend(check_item(item, answer, application, &context));
        }
        for (id, _) in answers.iter() {
            if self.item(id).is_none() {
                findings.push(unknown_item());
            }
        }
        for rule in &self.rules {
            if rule.holds.truth(&context) == Truth::False {
                findings.push(Finding::about(
                    rule.item.clone(),
                    rule.id.clone(),
                    rule.severity,
                    rule.message.clone(),
                    rule.remedy.clone(),
                ));
            }
        }
        findings
    }

    /// Tells whether an item is asked, given the other answers. `true` while that is not known.
    pub fn is_relevant(&self, item: &str, answers: &Answers) -> bool {
        let Some(relevant) = self.item(item).and_then(|item| item.relevant.as_ref()) else {
            return self.item(item).is_some();
        };
        let scope = Scope::new(self, answers);
        let context = self.engine.context(&scope);
        relevant.truth(&context) != Truth::False
    }
}

fn check_item(
    item: &Item,
    answer: &Answer,
    application: Application,
    context: &Context<'_, '_>,
) -> Option<Finding> {
    let relevance = item.relevant.as_ref().map_or(Truth::True, |relevant| relevant.truth(context));
    match answer {
        Answer::Given(value) => match item.examine(value) {
            Err(finding) => Some(finding),
            Ok(()) if relevance == Truth::False => Some(irrelevant(item)),
            Ok(()) => None,
        },
        Answer::Blank => {
            let wanted =
                item.required_when.as_ref().map_or(Truth::False, |when| when.truth(context));
            let is_wanted = item.is_required(application) || wanted == Truth::True;
            (is_wanted && relevance == Truth::True).then(|| required(item))
        }
        Answer::NotDone if !item.allows(AllowedState::NotDone) => Some(state_not_allowed(item)),
        Answer::Unknown if !item.allows(AllowedState::Unknown) => Some(state_not_allowed(item)),
        Answer::NotDone | Answer::Unknown => None,
        Answer::Illegible | Answer::Struck | Answer::MultiplyMarked => {
            Some(unreadable(item, answer))
        }
    }
}

fn required(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.required",
        Severity::E,
        Localized::new(
            format!("「{}」が記入されていません。", item.label.ja),
            format!("“{}” is not answered.", item.label.en),
        ),
        Localized::new("記入してください。", "Please answer it."),
    )
}

fn irrelevant(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.irrelevant",
        Severity::W,
        Localized::new(
            format!("ほかの回答によれば「{}」は記入不要ですが、記入されています。", item.label.ja),
            format!(
                "“{}” is answered although other answers say it does not apply.",
                item.label.en
            ),
        ),
        Localized::new(
            "関係する項目を見直してください。",
            "Please look at the related items again.",
        ),
    )
}

fn state_not_allowed(item: &Item) -> Finding {
    Finding::about(
        &item.id,
        "check.state",
        Severity::E,
        Localized::new(
            format!("「{}」には「未実施」「不明」のうち、その回答を選べません。", item.label.ja),
            format!("“{}” cannot be answered with that state.", item.label.en),
        ),
        Localized::new("値を記入してください。", "Please give a value."),
    )
}

fn unreadable(item: &Item, answer: &Answer) -> Finding {
    let (rule, ja, en) = match answer {
        Answer::Struck => ("check.struck", "抹消されています", "is struck out"),
        Answer::MultiplyMarked => {
            ("check.multiple-marked", "複数選択されています", "has more marks than it may have")
        }
        _ => ("check.illegible", "判読できません", "cannot be read"),
    };
    Finding::about(
        &item.id,
        rule,
        Severity::W,
        Localized::new(
            format!("「{}」が{ja}。", item.label.ja),
            format!("“{}” {en}.", item.label.en),
        ),
        Localized::new(
            "紙の記載を確認し、必要なら医療機関へ照会してください。",
            "Please look at the paper and ask the institution if needed.",
        ),
    )
}

/// The id is not shown: it came from outside and may be anything.
fn unknown_item() -> Finding {
    Finding {
        rule: "check.unknown-item".to_owned(),
        item: None,
        severity: Severity::E,
        message: Localized::new(
            "この様式にない項目があります。",
            "There is an item that this form does not have.",
        ),
        remedy: Localized::new("様式の版を確認してください。", "Please check the form version."),
    }
}

fn too_many() -> Finding {
    Finding {
        rule: "check.too-many-items".to_owned(),
        item: None,
        severity: Severity::E,
        message: Localized::new("項目が多すぎます。", "There are too many items."),
        remedy: Localized::new("様式の版を確認してください。", "Please check the form version."),
    }
}
