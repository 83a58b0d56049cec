//! Draws the answers of one form, item by item, then mends what the checks find.
//!
//! Items the kit knows by name get plausible answers; all others one that their kind allows, so that
//! a form the kit has never seen is filled in too.

use kakehashi_forms::{
    AllowedState, Answer, Answers, Application, CodeList, Definition, Item, Kind, Row, Value,
};
use kakehashi_kernel::{CivilDate, PartialDate};
use rust_decimal::Decimal;

use crate::{
    dice::Dice,
    filled::marker_kana,
    parkinson::Story,
    person::{Doctor, Institution, Patient, Sex},
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

const REMARKS: &[&str] = &[
    "内服調整中。日内変動あり。",
    "左右差が目立つ。経過は緩徐。",
    "歩行時にすくみ足を認める。転倒に注意して指導している。",
    "通院には家族の付添いを要する。",
    "嗅覚の低下と便秘が先行した。",
    "リハビリテーションを継続している。",
    "前回より動作緩慢が進行した。薬剤を増量して経過をみている。",
];

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
        answers
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
        if let Some(known) = self.known(item, days).or_else(|| story.answer(item, dice)) {
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
        if dice.chance(60)
            && let Some(state) = item.states.first()
        {
            return Some(match state {
                AllowedState::NotDone => Answer::NotDone,
                AllowedState::Unknown => Answer::Unknown,
            });
        }
        Some(self.by_kind(item, days, dice))
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
            "diagnosis_date" => Value::Date(days.diagnosed),
            "severity_judged_date" => Value::Date(days.judged),
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

    /// Draws a value that the item's kind allows.
    fn by_kind(&self, item: &Item, days: &Days, dice: &mut Dice) -> Answer {
        let value = match &item.kind {
            Kind::Text { length_max, .. } => Value::Text(self.remark(*length_max, dice)),
            Kind::Kana { length_max } => {
                let kana = self.marker.map_or_else(|| "かけはし".to_owned(), marker_kana);
                Value::Text(kana.chars().take(*length_max).collect())
            }
            Kind::Date => Value::Date(days.judged),
            Kind::PartialDate => Value::PartialDate(days.onset),
            Kind::Code(list) => Value::Code(draw_code(list, dice)),
            Kind::Codes(list) => Value::Codes(draw_codes(list, dice)),
            Kind::Integer { min, max } => Value::Integer(draw_integer(*min, *max, dice)),
            Kind::Decimal { min, max, places, .. } => {
                Value::Decimal { value: draw_decimal(*min, *max, *places, dice), comparator: None }
            }
            Kind::Digits { max, .. } => Value::Text(dice.digits(*max)),
            Kind::Postcode => text(&self.patient.postcode),
            Kind::Tel => text(&self.institution.telephone),
            Kind::Recipient => text(&self.patient.recipient_number),
            Kind::Insurer => text(&self.patient.insurer_number),
            Kind::Rows { min, max, columns } => {
                let most = u32::try_from(*max - *min).unwrap_or(0).min(2);
                let count = (*min).max(1) + usize::try_from(dice.below(most + 1)).unwrap_or(0);
                let row = |dice: &mut Dice| -> Row {
                    let cell =
                        |column: &Item| (column.id.clone(), self.by_kind(column, days, dice));
                    columns.iter().map(cell).collect()
                };
                Value::Rows((0..count.min(*max)).map(|_| row(dice)).collect())
            }
        };
        Answer::Given(value)
    }

    fn remark(&self, length_max: usize, dice: &mut Dice) -> String {
        let words = if length_max < 40 { "経過観察中" } else { *dice.pick(REMARKS) };
        let words = match self.marker {
            Some(marker) => format!("{marker}　{words}"),
            None => words.to_owned(),
        };
        words.chars().take(length_max).collect()
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn draw_code(list: &CodeList, dice: &mut Dice) -> String {
    let plain: Vec<&str> = list
        .options()
        .iter()
        .filter(|option| option.means.is_none() || list.options().len() == 1)
        .map(|option| option.code.as_str())
        .collect();
    let all: Vec<&str> = list.options().iter().map(|option| option.code.as_str()).collect();
    let choices = if plain.is_empty() || dice.chance(50) { all } else { plain };
    (*dice.pick(&choices)).to_owned()
}

fn draw_codes(list: &CodeList, dice: &mut Dice) -> Vec<String> {
    let plain = list.options().iter().filter(|option| option.means.is_none());
    let mut codes: Vec<String> = plain.map(|option| option.code.clone()).collect();
    while codes.len() > 1 && (codes.len() > 2 || dice.chance(600)) {
        let place = usize::try_from(dice.below(u32::try_from(codes.len()).unwrap_or(1)));
        codes.remove(place.unwrap_or(0));
    }
    codes
}

/// Draws from the lower half of a range: upper bounds are what is possible, not what is common.
fn draw_integer(min: i64, max: i64, dice: &mut Dice) -> i64 {
    let span = u32::try_from(max.saturating_sub(min) / 2).unwrap_or(u32::MAX);
    min.saturating_add(i64::from(dice.below(span.saturating_add(1))))
}

fn draw_decimal(min: Decimal, max: Decimal, places: u32, dice: &mut Dice) -> Decimal {
    let share = Decimal::new(i64::from(dice.below(500)), 3);
    let mut value = (min + (max - min) * share).round_dp(places);
    value.rescale(places);
    value
}
