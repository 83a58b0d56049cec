//! Check: what is wrong with a form, as findings.

use kakehashi_kernel::limits::FORM_ITEMS_MAX;

use crate::{
    answer::Answers,
    check_item::check_item,
    definition::{Application, Definition},
    expression::Expression,
    finding::{Finding, Localized, Severity},
    scope::Scope,
    truth::Truth,
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
    /// Checks a form: every item in printed order (E: type, length, code, range, required), whether the
    /// version is right for the day it was written and the application (W), then the rules across items. A rule that something is missing for says nothing.
    pub fn check(&self, answers: &Answers, application: Application) -> Vec<Finding> {
        if answers.len() > FORM_ITEMS_MAX {
            return vec![too_many()];
        }
        self.check_in(&Scope::new(self, answers), application)
    }

    pub(crate) fn check_in(&self, scope: &Scope<'_>, application: Application) -> Vec<Finding> {
        let view = scope.view();
        let truth = |when: &Expression| when.condition().truth(view);
        let mut findings = Vec::new();
        for (slot, item) in self.items().enumerate() {
            findings.extend(check_item(item, scope.answer(slot), application, truth));
        }
        findings.extend((0..scope.strangers()).map(|_| unknown_item()));
        findings.extend(self.check_version(scope, application));
        for rule in &self.body.rules {
            if truth(&rule.holds) == Truth::False {
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
        relevant.truth(&Scope::new(self, answers)) != Truth::False
    }
}

/// The id is not shown: it came from outside and may be anything.
fn unknown_item() -> Finding {
    Finding::general(
        "check.unknown-item",
        Severity::E,
        Localized::new(
            "この様式にない項目があります。",
            "There is an item that this form does not have.",
        ),
        Localized::new("様式の版を確認してください。", "Please check the form version."),
    )
}

pub(crate) fn too_many() -> Finding {
    Finding::general(
        "check.too-many-items",
        Severity::E,
        Localized::new("項目が多すぎます。", "There are too many items."),
        Localized::new("様式の版を確認してください。", "Please check the form version."),
    )
}
