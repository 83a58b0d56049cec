//! Medical stories of Parkinson's disease that hang together: signs, stage, drugs, daily life.

use kakehashi_forms::{Answer, Item, Value};
use rust_decimal::Decimal;

use crate::dice::Dice;

/// What kind of case a form tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Definite, severe enough.
    Eligible,
    /// Definite, too mild.
    Mild,
    /// The drug response was not tried.
    Probable,
    /// An examination speaks against it.
    Excluded,
    /// Something that decides is unknown.
    Undetermined,
}

/// One patient's course.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    case: Case,
    stage: i32,
    disability: i32,
    /// One research item that cannot be read as it stands.
    blot: Option<(&'static str, Answer)>,
}

impl Story {
    /// Draws a course: six of ten are eligible.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let case = match dice.below(100) {
            0..60 => Case::Eligible,
            60..76 => Case::Mild,
            76..86 => Case::Probable,
            86..93 => Case::Excluded,
            _ => Case::Undetermined,
        };
        let stage = if case == Case::Mild { dice.between(1, 2) } else { dice.between(3, 5) };
        let disability = match stage {
            1 => 1,
            2 => dice.between(1, 2),
            5 => dice.between(2, 3),
            _ => 2,
        };
        let blots = [
            ("wearing_off", Answer::Illegible),
            ("dyskinesia", Answer::MultiplyMarked),
            ("ldopa", Answer::Struck),
            ("mibg", Answer::MultiplyMarked),
        ];
        let blot = dice.chance(60).then(|| dice.pick(&blots).clone());
        Self { case, stage, disability, blot }
    }

    /// Answers an item of the Parkinson form or of the common sections its course decides; `None`
    /// for any other item. [`Answer::Blank`] leaves the item out.
    pub(crate) fn answer(&self, item: &Item, dice: &mut Dice) -> Option<Answer> {
        if let Some((blotted, answer)) = &self.blot
            && *blotted == item.id
        {
            return Some(answer.clone());
        }
        let is_treated = self.case != Case::Probable;
        Some(match item.id.as_str() {
            "tremor" => present(dice.chance(750)),
            "rigidity" | "no_drug" => present(true),
            "bradykinesia" => match self.case {
                Case::Undetermined => code(9),
                _ => present(true),
            },
            "postural" => present(self.stage >= 3),
            "image_normal" => match self.case {
                Case::Excluded => present(false),
                Case::Undetermined => code(9),
                _ => present(true),
            },
            "drug_response" => code(if is_treated { 1 } else { 8 }),
            "hy" => code(self.stage),
            "life" => code(self.disability),
            "wearing_off" => yes(is_treated && self.stage >= 3 && dice.chance(600)),
            "dyskinesia" => yes(is_treated && self.stage >= 3 && dice.chance(400)),
            "ldopa" if dice.chance(70) => Answer::Unknown,
            "ldopa" if is_treated => {
                let dose = dice.between(2, 9 + self.stage * 3) * 500;
                let value = Decimal::new(i64::from(dose), 1);
                Answer::Given(Value::Decimal { value, comparator: None })
            }
            "ldopa" => Answer::NotDone,
            "dbs" => yes(is_treated && self.stage >= 4 && dice.chance(120)),
            "datscan" => code(*dice.pick(&[REDUCED, REDUCED, NOT_DONE])),
            "mibg" => code(*dice.pick(&[REDUCED, NORMAL, NOT_DONE, NOT_DONE])),
            _ => return self.daily_life(item, dice),
        })
    }

    /// Items of the common sections.
    pub(crate) fn daily_life(&self, item: &Item, dice: &mut Dice) -> Option<Answer> {
        let level = (self.stage + 1) / 2;
        Some(match item.id.as_str() {
            "living_mobility" | "living_selfcare" => code(level),
            "living_activity" => code((level + i32::from(dice.chance(300))).min(3)),
            "living_pain" | "living_anxiety" => code(dice.between(1, 3)),
            "care_need_cert" => code(match self.stage {
                1 | 2 => 3,
                3 => dice.between(1, 3),
                _ => 1,
            }),
            "care_level" => Answer::Given(Value::Integer(i64::from(self.stage - 2).clamp(1, 4))),
            "family_history" if dice.chance(100) => code(9),
            "family_history" => yes(dice.chance(120)),
            "vent_use" => yes(self.stage == 5 && dice.chance(150)),
            // The municipality has not decided yet when it scans the form.
            "admin_decision" => Answer::Blank,
            _ => return None,
        })
    }
}

const REDUCED: i32 = 1;
const NORMAL: i32 = 2;
const NOT_DONE: i32 = 8;

fn code(code: i32) -> Answer {
    Answer::Given(Value::Code(code.to_string()))
}

/// 該当 or 非該当.
fn present(is_present: bool) -> Answer {
    code(if is_present { 1 } else { 2 })
}

/// あり or なし.
fn yes(is_so: bool) -> Answer {
    code(if is_so { 1 } else { 2 })
}
