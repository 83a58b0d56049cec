//! Examine: check, calculate and judge in one go, looking every answer up once.

use kakehashi_kernel::limits::FORM_ITEMS_MAX;

use crate::{
    answer::Answers, calculate::Calculated, check::too_many, circumstances::Circumstances,
    definition::Definition, finding::Finding, judge::Judgement, scope::Scope,
};

/// All that can be said about a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What [`Definition::check`] finds.
    pub findings: Vec<Finding>,
    /// What [`Definition::calculate`] calculates.
    pub calculated: Vec<Calculated>,
    /// What [`Definition::judge`] says.
    pub judgement: Judgement,
}

impl Definition {
    /// Checks, calculates and judges: the same as the three calls, in less time.
    pub fn examine(&self, answers: &Answers, circumstances: &Circumstances) -> Examination {
        let scope = Scope::new(self, answers);
        let findings = if answers.len() > FORM_ITEMS_MAX {
            vec![too_many()]
        } else {
            self.check_in(&scope, circumstances.application)
        };
        Examination {
            findings,
            calculated: self.calculate_in(&scope),
            judgement: self.judge_in(&scope, circumstances),
        }
    }
}
