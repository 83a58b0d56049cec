//! Draws a value that an item's kind allows, whatever the item is about.

use kakehashi_forms::{AllowedState, Answer, CodeList, Comparator, Item, Kind, Row, Value};
use rust_decimal::Decimal;

use crate::{
    answering::{Answering, Days, text},
    dice::Dice,
    filled::marker_kana,
};

/// More rows than this are not filled in: few patients have more to tell.
const ROWS_MAX: usize = 3;

const REMARKS: &[&str] = &[
    "内服調整中。日内変動あり。",
    "左右差が目立つ。経過は緩徐。",
    "歩行時にすくみ足を認める。転倒に注意して指導している。",
    "通院には家族の付添いを要する。",
    "嗅覚の低下と便秘が先行した。",
    "リハビリテーションを継続している。",
    "前回より動作緩慢が進行した。薬剤を増量して経過をみている。",
];

/// What is written into a free text of a form the kit knows nothing about.
const GENERAL_REMARKS: &[&str] = &[
    "外来で経過観察中。",
    "前回より症状が進行した。治療を変更して経過をみている。",
    "治療を継続している。合併症なし。",
    "症状は安定している。定期的に検査を行う。",
    "通院には家族の付添いを要する。",
];

impl Answering<'_> {
    /// Draws a value that the item's kind allows.
    pub(crate) fn by_kind(&self, item: &Item, days: &Days, dice: &mut Dice) -> Answer {
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
            Kind::Decimal { comparator: true, .. } if dice.chance(50) => Value::BelowDetection,
            Kind::Decimal { min, max, places, comparator } => Value::Decimal {
                value: draw_decimal(*min, *max, *places, dice),
                comparator: (*comparator && dice.chance(80)).then_some(Comparator::Lt),
            },
            Kind::Digits { max, .. } => Value::Text(dice.digits(*max)),
            Kind::Postcode => text(&self.patient.postcode),
            Kind::Tel => text(&self.institution.telephone),
            Kind::Recipient => text(&self.patient.recipient_number),
            Kind::Insurer => text(&self.patient.insurer_number),
            Kind::Rows { min, max, columns } => {
                let fewest = (*min).max(1);
                let more = u32::try_from(ROWS_MAX.min(*max).saturating_sub(fewest)).unwrap_or(0);
                let count = fewest + usize::try_from(dice.below(more + 1)).unwrap_or(0);
                Value::Rows((0..count).map(|_| self.row(columns, days, dice)).collect())
            }
        };
        Answer::Given(value)
    }

    /// Draws a row of a table: its first cell always, cells that must be answered, most others.
    fn row(&self, columns: &[Item], days: &Days, dice: &mut Dice) -> Row {
        let mut row = Row::new();
        for (place, column) in columns.iter().enumerate() {
            let is_wanted = place == 0 || column.is_required(self.application);
            if is_wanted || dice.chance(800) {
                let answer = draw_state(column, dice);
                let answer = answer.unwrap_or_else(|| self.by_kind(column, days, dice));
                row.set(&column.id, answer);
            }
        }
        row
    }

    fn remark(&self, length_max: usize, dice: &mut Dice) -> String {
        let remarks = if self.is_parkinson() { REMARKS } else { GENERAL_REMARKS };
        let words = if length_max < 40 { "経過観察中" } else { *dice.pick(remarks) };
        let words = match self.marker {
            Some(marker) => format!("{marker}　{words}"),
            None => words.to_owned(),
        };
        words.chars().take(length_max).collect()
    }
}

/// Draws now and then a state that is an answer to the item.
pub(crate) fn draw_state(item: &Item, dice: &mut Dice) -> Option<Answer> {
    if !dice.chance(60) {
        return None;
    }
    Some(match item.states.first()? {
        AllowedState::NotDone => Answer::NotDone,
        AllowedState::Unknown => Answer::Unknown,
    })
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
