//! Draws the answers of one form, item by item, then mends what the checks find.
//!
//! Items the kit knows by name get plausible answers; all others one that their kind allows, so that
//! a form the kit has never seen is filled in too.

use kakehashi_forms::{Answer, Answers, Application, DataClass, Definition, Item, Kind, Value};
use kakehashi_kernel::{CivilDate, PartialDate, Programme};
use rust_decimal::Decimal;

use crate::{
    dice::Dice,
    parkinson::Story,
    person::{Doctor, Institution, Patient, Sex},
    value::draw_state,
};

/// Everything the answers of one form follow from.
#[derive(Debug)]
pub(crate) struct Answering<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) application: Application,
    pub(crate) patient: Patient,
    pub(crate) doctor: Doctor,
    pub(crate) institution: Institution,
    pub(crate) received: CivilDate,
    /// Height and weight in tenths of a centimetre and of a kilogram.
    pub(crate) size: (i32, i32),
    pub(crate) marker: Option<&'a str>,
}

/// The days of a patient's story, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Days {
    pub(crate) onset: PartialDate,
    pub(crate) diagnosed: CivilDate,
    pub(crate) judged: CivilDate,
    pub(crate) written: CivilDate,
}

impl Answering<'_> {
    /// Draws all answers. The result passes the definition's checks without an error finding.
    pub(crate) fn draw(&self, dice: &mut Dice) -> Answers {
        let days = self.draw_days(dice);
        let story = Story::draw(dice);
        let mut answers = Answers::new();
        // Twice: an item may depend on one printed after it.
        for pass in 0..2 {
            for item in self.definition.items() {
                let is_set = answers.get(&item.id).is_some();
                let is_asked = item.applies.include(self.application)
                    && self.definition.is_relevant(&item.id, &answers);
                if is_asked && !is_set {
                    let answer = self.answer(item, &days, &story, dice, pass);
                    if let Some(answer) = answer.filter(|answer| *answer != Answer::Blank) {
                        answers.set(&item.id, answer);
                    }
                } else if !is_asked && is_set {
                    answers.remove(&item.id);
                }
            }
        }
        self.mend(&mut answers, &days, dice);
        if !self.is_parkinson() {
            self.blot(&mut answers, dice);
        }
        answers
    }

    /// Whether the form is the one whose stories the kit knows.
    pub(crate) fn is_parkinson(&self) -> bool {
        let key = self.definition.key();
        (key.programme, key.number, key.branch) == (Programme::Nanbyo, 6, 0)
    }

    /// Now and then an answer cannot be read as it stands: the keyer types the state.
    fn blot(&self, answers: &mut Answers, dice: &mut Dice) {
        if !dice.chance(60) {
            return;
        }
        let is_medical_code = |item: &&Item| {
            item.class == DataClass::Medical
                && matches!(item.kind, Kind::Code(_))
                && answers.value(&item.id).is_some()
        };
        let items: Vec<&Item> = self.definition.items().filter(is_medical_code).collect();
        let states = [Answer::Illegible, Answer::Struck, Answer::MultiplyMarked];
        if items.is_empty() {
            return;
        }
        let mut blotted = answers.clone();
        blotted.set(&dice.pick(&items).id, dice.pick(&states).clone());
        let findings = self.definition.check(&blotted, self.application);
        if !findings.iter().any(kakehashi_forms::Finding::is_error) {
            *answers = blotted;
        }
    }

    /// Answers what a check misses and takes out what it rejects, until nothing is left to mend.
    fn mend(&self, answers: &mut Answers, days: &Days, dice: &mut Dice) {
        for _ in 0..8 {
            let findings = self.definition.check(answers, self.application);
            let mut errors = findings.iter().filter(|finding| finding.is_error()).peekable();
            if errors.peek().is_none() {
                return;
            }
            for item in errors.filter_map(|finding| finding.item.as_deref()) {
                let Some(item) = self.definition.item(item) else { continue };
                if answers.remove(&item.id).is_none() {
                    answers.set(&item.id, self.by_kind(item, days, dice));
                }
            }
        }
    }

    fn draw_days(&self, dice: &mut Dice) -> Days {
        let written = self.received.plus_days(-dice.between(2, 45));
        let judged = written.plus_days(-dice.between(0, 60));
        let diagnosed = match self.application {
            Application::New => judged.plus_days(-dice.between(0, 90)),
            Application::Renewal => judged.plus_days(-dice.between(300, 3500)),
        };
        let onset = diagnosed.plus_days(-dice.between(150, 2600));
        // A child was born before it fell ill, and fell ill before it was seen.
        let born = self.patient.birth_date;
        let onset = onset.max(born.plus_days(30));
        let diagnosed = diagnosed.max(onset.plus_days(7));
        let onset = PartialDate::new(onset.year(), Some(onset.month()), None)
            .expect("the year and month of a date");
        Days { onset, diagnosed, judged, written }
    }

    fn answer(
        &self,
        item: &Item,
        days: &Days,
        story: &Story,
        dice: &mut Dice,
        pass: u8,
    ) -> Option<Answer> {
        if let Some(known) = self.known(item, days).or_else(|| self.told(item, story, dice)) {
            return Some(known);
        }
        // Names change rarely; a changed name would have to differ from the name drawn.
        if item.id.starts_with("former") || item.id.starts_with("birth_name") {
            return None;
        }
        let is_wanted = item.is_required(self.application) || item.is_conditional();
        if !is_wanted && (pass > 0 || dice.chance(450)) {
            return None;
        }
        Some(draw_state(item, dice).unwrap_or_else(|| self.by_kind(item, days, dice)))
    }

    /// What the story says: all of it of its own disease, daily life of any.
    fn told(&self, item: &Item, story: &Story, dice: &mut Dice) -> Option<Answer> {
        if self.is_parkinson() {
            return story.answer(item, dice);
        }
        match self.definition.key().programme {
            Programme::Nanbyo => story.daily_life(item, dice),
            Programme::Shouman => None,
        }
    }

    /// A measure of the body, if the item takes a number: centimetres or kilograms.
    fn measured(&self, item: &Item, of: impl Fn((i32, i32)) -> i32) -> Option<Answer> {
        let Kind::Decimal { min, max, places, .. } = &item.kind else { return None };
        let mut value =
            Decimal::new(i64::from(of(self.size)), 1).clamp(*min, *max).round_dp(*places);
        value.rescale(*places);
        Some(Answer::Given(Value::Decimal { value, comparator: None }))
    }

    fn known(&self, item: &Item, days: &Days) -> Option<Answer> {
        let patient = &self.patient;
        let sex = match patient.sex {
            Sex::Male => "1",
            Sex::Female => "2",
        };
        let value = match item.id.as_str() {
            "name_kanji" => text(&patient.name),
            "name_kana" => text(&patient.kana),
            "birth_date" => Value::Date(patient.birth_date),
            "sex" => Value::Code(sex.to_owned()),
            "postcode" => text(&patient.postcode),
            "address" => text(&patient.address),
            "birth_prefecture" => text(patient.birth_place.0),
            "birth_city" => text(&patient.birth_place.1),
            // A patient gets the number with the first certificate.
            "recipient_no" if self.application == Application::New => return Some(Answer::Blank),
            "recipient_no" => text(&patient.recipient_number),
            "insured_symbol" => text(&patient.insured.symbol),
            "insured_no" => text(&patient.insured.number),
            "insured_branch" => text(&patient.insured.branch),
            "insurer_no" => text(&patient.insurer_number),
            "onset_ym" => Value::PartialDate(days.onset),
            "diagnosis_date" | "first_visit_date" => Value::Date(days.diagnosed),
            "severity_judged_date" | "visit_date" | "measured_date" => Value::Date(days.judged),
            "height" => return self.measured(item, |(height, _)| height),
            "weight" => return self.measured(item, |(_, weight)| weight),
            "fiscal_year" => Value::Integer(i64::from(days.written.year())),
            "reception_kind" => Value::Code(match self.application {
                Application::New => "1".to_owned(),
                Application::Renewal => "2".to_owned(),
            }),
            "entry_date" => Value::Date(days.written),
            "inst_name" => text(&self.institution.name),
            "inst_code" => text(&self.institution.code),
            "inst_postcode" => text(&self.institution.postcode),
            "inst_address" => text(&self.institution.address),
            "inst_tel" => text(&self.institution.telephone),
            "doctor_no" => text(&self.doctor.number),
            "doctor_name" => text(&self.doctor.name),
            _ => return None,
        };
        Some(Answer::Given(value))
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
