//! What decides, besides the answers, by which rules a form is judged.

use kakehashi_kernel::{CivilDate, PartialDate};

use crate::{
    answer::{Answers, Value},
    definition::{Application, Definition},
};

/// The item that says when the form was written.
pub(crate) const WRITTEN: &str = "entry_date";
/// The item that says when the patient was first certified.
pub(crate) const FIRST_CERTIFIED: &str = "first_certified";

/// What decides, besides the answers, by which rules a form is judged: recipients keep the diagnosis
/// rules of their first certification, everybody gets the severity rules of the day of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// 新規 or 更新.
    pub application: Application,
    /// The day the form was written, if known.
    pub written_on: Option<CivilDate>,
    /// When the patient was first certified, if known. For a new application the day of writing
    /// stands for it.
    pub first_certified_on: Option<PartialDate>,
}

impl Circumstances {
    /// An application of which neither date is known.
    pub const fn new(application: Application) -> Self {
        Self { application, written_on: None, first_certified_on: None }
    }

    /// The same, written on a day.
    #[must_use]
    pub const fn written_on(self, day: CivilDate) -> Self {
        Self { written_on: Some(day), ..self }
    }

    /// The same, first certified then.
    #[must_use]
    pub const fn first_certified_on(self, date: PartialDate) -> Self {
        Self { first_certified_on: Some(date), ..self }
    }

    /// The days the patient can have been certified first; `None` when they are not known.
    pub(crate) fn certified(&self) -> Option<(CivilDate, CivilDate)> {
        if let Some(date) = self.first_certified_on {
            return Some((date.earliest(), date.latest()));
        }
        match self.application {
            Application::New => self.written_on.map(|day| (day, day)),
            Application::Renewal => None,
        }
    }
}

impl Definition {
    /// The circumstances as far as the form itself says them: its items `entry_date` and
    /// `first_certified`, where it has them.
    pub fn circumstances(&self, answers: &Answers, application: Application) -> Circumstances {
        let first_certified_on = match answers.value(FIRST_CERTIFIED) {
            Some(Value::PartialDate(date)) => Some(*date),
            Some(Value::Date(day)) => {
                PartialDate::new(day.year(), Some(day.month()), Some(day.day())).ok()
            }
            _ => None,
        };
        Circumstances { application, written_on: answers.date(WRITTEN), first_certified_on }
    }
}
