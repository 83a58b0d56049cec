//! Checking whether the form version is the one to write on: its days, its kind of application.

use kakehashi_kernel::CivilDate;

use crate::{
    answer::{Answer, Value},
    circumstances::WRITTEN,
    definition::{Application, Definition},
    finding::{Finding, Localized, Severity},
    scope::Scope,
};

const RULE: &str = "check.version";

impl Definition {
    /// What is odd about a form of this version being used for such an application, on the day it says
    /// it was written. A day that is not known says nothing.
    pub(crate) fn check_version(
        &self,
        scope: &Scope<'_>,
        application: Application,
    ) -> impl Iterator<Item = Finding> {
        let written = self.body.layout.slot(WRITTEN).map(|slot| scope.answer(slot));
        let on_wrong_day = match written {
            Some(Answer::Given(Value::Date(day))) if !self.is_accepted_on(*day) => {
                Some(wrong_day(self.valid_from(), self.accepted_until()))
            }
            _ => None,
        };
        let for_other = (!self.applies().include(application)).then(|| other_use(application));
        on_wrong_day.into_iter().chain(for_other)
    }
}

fn wrong_day(from: CivilDate, until: Option<CivilDate>) -> Finding {
    let (until_ja, until_en) = until.map_or_else(Default::default, |until| {
        (format!("、{until}より前"), format!(" and before {until}"))
    });
    Finding::about(
        WRITTEN,
        RULE,
        Severity::W,
        Localized::new(
            format!("記載年月日が、この版の様式を使う期間（{from}以降{until_ja}）の外です。"),
            format!(
                "The day of writing is outside the time this form version is for (from {from}{until_en})."
            ),
        ),
        Localized::new(
            "記載年月日を確かめてください。正しければ、その日に使う版の様式か確かめてください。",
            "Please check the day of writing; if it is right, check which form version that day takes.",
        ),
    )
}

fn other_use(application: Application) -> Finding {
    let label = application.label();
    Finding::general(
        RULE,
        Severity::W,
        Localized::new(
            format!("この版の様式は、{}の申請には使わない様式です。", label.ja),
            format!("This form version is not for this kind of application ({}).", label.en),
        ),
        Localized::new(
            "新規・更新の別と、様式の版を確かめてください。",
            "Please check whether the application is new or a renewal, and the form version.",
        ),
    )
}
