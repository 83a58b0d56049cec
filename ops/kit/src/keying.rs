//! The simulated keyer of the conversion contractor: types what the form says, and errs at a rate.
//!
//! Only mistakes that checks can find are made. A wrong but possible value needs double keying or a
//! person to find it, and would make a run's outcome depend on luck.

use kakehashi_forms::{
    Answer, Answers, Application, Comparator, Definition, Item, Kind, Row, Value,
};

use crate::dice::Dice;

/// What a keyer did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyingMistake {
    /// A code that is not in the item's list.
    CodeOutOfList,
    /// A day the calendar does not have.
    ImpossibleDate,
    /// A required item keyed as blank.
    RequiredLeftOut,
    /// More digits than the item takes.
    TooManyDigits,
    /// A recipient or insurer number with a wrong last digit.
    WrongCheckDigit,
    /// The whole document is missing from the return.
    DocumentLeftOut,
    /// The document is in the return twice.
    DocumentTwice,
}

impl KeyingMistake {
    /// Every mistake.
    pub const ALL: [Self; 7] = [
        Self::CodeOutOfList,
        Self::ImpossibleDate,
        Self::RequiredLeftOut,
        Self::TooManyDigits,
        Self::WrongCheckDigit,
        Self::DocumentLeftOut,
        Self::DocumentTwice,
    ];
}

/// Which document is keyed, when, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keying {
    /// The seed of the form.
    pub seed: u64,
    /// The index of the form.
    pub index: u32,
    /// The round, from 1. The rate is a quarter in round 2 and nothing from round 3 on.
    pub round: u32,
    /// Documents of a thousand that get a mistake in round 1.
    pub mistakes_permille: u32,
}

/// What was typed for one item. Not checked: that is what the receiver is for.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// One value, as text: text, ISO date, code, number.
    One(String),
    /// A number with `<`, `<=`, `>` or `>=` before it.
    Compared(Comparator, String),
    /// Several codes.
    Many(Vec<String>),
    /// 感度以下 in place of a number.
    BelowDetection,
    /// A table: its rows, each the typed cells in the order of the columns.
    Rows(Vec<Vec<KeyedItem>>),
    /// A state instead of a value: [`Answer::state`] is never `None`.
    State(Answer),
}

/// One typed item.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyedItem {
    /// The item's id.
    pub id: String,
    /// What was typed.
    pub entry: Entry,
}

/// One typed document.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyed {
    /// In printed order. Blank items that nobody wrote on are not keyed.
    pub items: Vec<KeyedItem>,
    /// The mistakes in it, for the truth table of a test.
    pub mistakes: Vec<KeyingMistake>,
    /// Leave the document out of the return.
    pub is_left_out: bool,
    /// Put the document into the return twice.
    pub is_twice: bool,
}

impl Keying {
    /// Documents of a thousand that get a mistake in this round.
    pub const fn permille_now(&self) -> u32 {
        match self.round {
            0 | 1 => self.mistakes_permille,
            2 => self.mistakes_permille / 4,
            _ => 0,
        }
    }
}

/// Types a form. The same keying gives the same result.
pub fn key(
    definition: &Definition,
    application: Application,
    answers: &Answers,
    keying: Keying,
) -> Keyed {
    let mut dice = Dice::new(keying.seed, keying.index, &format!("keying {}", keying.round));
    let items = definition.items().filter_map(|item| {
        let entry = entry(item, answers.get(&item.id)?)?;
        Some(KeyedItem { id: item.id.clone(), entry })
    });
    let mut keyed =
        Keyed { items: items.collect(), mistakes: Vec::new(), is_left_out: false, is_twice: false };
    if !dice.chance(keying.permille_now()) {
        return keyed;
    }
    let count = 1 + usize::from(dice.chance(250));
    while keyed.mistakes.len() < count {
        let mistake = *dice.pick(&KeyingMistake::ALL);
        if make(mistake, definition, application, &mut keyed, &mut dice) {
            keyed.mistakes.push(mistake);
        }
    }
    keyed
}

fn entry(item: &Item, answer: &Answer) -> Option<Entry> {
    Some(match answer {
        Answer::Blank => return None,
        Answer::Given(value) => match value {
            Value::Text(text) | Value::Code(text) => Entry::One(text.clone()),
            Value::Date(date) => Entry::One(date.to_string()),
            Value::PartialDate(date) => Entry::One(date.to_string()),
            Value::Codes(codes) => Entry::Many(codes.clone()),
            Value::BelowDetection => Entry::BelowDetection,
            Value::Rows(rows) => Entry::Rows(rows.iter().map(|row| cells(item, row)).collect()),
            Value::Integer(number) => Entry::One(number.to_string()),
            Value::Decimal { value, comparator: None } => Entry::One(value.to_string()),
            Value::Decimal { value, comparator: Some(comparator) } => {
                Entry::Compared(*comparator, value.to_string())
            }
        },
        state @ (Answer::NotDone
        | Answer::Unknown
        | Answer::Illegible
        | Answer::Struck
        | Answer::MultiplyMarked) => Entry::State(state.clone()),
    })
}

fn cells(table: &Item, row: &Row) -> Vec<KeyedItem> {
    let cell = |column: &Item| {
        let entry = entry(column, row.get(&column.id)?)?;
        Some(KeyedItem { id: column.id.clone(), entry })
    };
    table.columns().iter().filter_map(cell).collect()
}

/// Everything typed into a form that is one text, with the item or column it was typed for.
fn texts<'a>(
    definition: &'a Definition,
    items: &'a mut [KeyedItem],
) -> impl Iterator<Item = (&'a Item, &'a mut Entry)> {
    items.iter_mut().filter_map(|typed| Some((definition.item(&typed.id)?, typed))).flat_map(
        |(item, typed)| match &mut typed.entry {
            Entry::Rows(rows) => {
                let cells = rows.iter_mut().flatten();
                cells.filter_map(|cell| Some((item.column(&cell.id)?, &mut cell.entry))).collect()
            }
            entry => vec![(item, entry)],
        },
    )
}

/// Makes a mistake if the document has a place for it.
fn make(
    mistake: KeyingMistake,
    definition: &Definition,
    application: Application,
    keyed: &mut Keyed,
    dice: &mut Dice,
) -> bool {
    let spoil: fn(&str) -> String = match mistake {
        KeyingMistake::DocumentLeftOut => {
            keyed.is_left_out = true;
            return true;
        }
        KeyingMistake::DocumentTwice => {
            keyed.is_twice = true;
            return true;
        }
        KeyingMistake::CodeOutOfList => |_| "98".to_owned(),
        KeyingMistake::ImpossibleDate => {
            |date| format!("{}-02-31", date.get(..4).unwrap_or("2024"))
        }
        KeyingMistake::RequiredLeftOut => |_| String::new(),
        KeyingMistake::TooManyDigits => |number| format!("{number}999999999999"),
        KeyingMistake::WrongCheckDigit => next_last_digit,
    };
    let mut places: Vec<&mut Entry> = texts(definition, &mut keyed.items)
        .filter(|(item, entry)| matches!(entry, Entry::One(_)) && suits(mistake, item, application))
        .map(|(_, entry)| entry)
        .collect();
    let bound = u32::try_from(places.len()).unwrap_or(u32::MAX);
    if bound == 0 {
        return false;
    }
    let place = usize::try_from(dice.below(bound)).unwrap_or(0);
    let Some(entry) = places.get_mut(place) else { return false };
    if let Entry::One(text) = &**entry {
        let spoilt = spoil(text);
        **entry = if spoilt.is_empty() { Entry::State(Answer::Blank) } else { Entry::One(spoilt) };
    }
    true
}

fn suits(mistake: KeyingMistake, item: &Item, application: Application) -> bool {
    match mistake {
        KeyingMistake::CodeOutOfList => matches!(item.kind, Kind::Code(_)),
        KeyingMistake::ImpossibleDate => matches!(item.kind, Kind::Date),
        KeyingMistake::RequiredLeftOut => item.is_required(application) && !item.is_conditional(),
        KeyingMistake::TooManyDigits => {
            matches!(
                item.kind,
                Kind::Postcode | Kind::Tel | Kind::Digits { .. } | Kind::Integer { .. }
            )
        }
        KeyingMistake::WrongCheckDigit => matches!(item.kind, Kind::Recipient | Kind::Insurer),
        KeyingMistake::DocumentLeftOut | KeyingMistake::DocumentTwice => false,
    }
}

fn next_last_digit(number: &str) -> String {
    let mut digits: Vec<char> = number.chars().collect();
    if let Some(last) = digits.last_mut() {
        let digit = last.to_digit(10).unwrap_or(0);
        *last = char::from_digit((digit + 1) % 10, 10).unwrap_or('0');
    }
    digits.into_iter().collect()
}
