//! What the expressions of a definition see of one form's answers: every item and derived item in its
//! slot, looked up once.

use std::{
    cmp::Ordering,
    ops::Bound::{Excluded, Included, Unbounded},
};

use rust_decimal::Decimal;

use crate::{
    answer::{Answer, Answers, Comparator, Row, Value},
    calculate::Derived,
    code_list::{CodeList, Means},
    days::Days,
    definition::Definition,
    expression::{Missing, Var},
    item::{Item, Kind},
    number::Number,
    truth::Truth,
};

/// What rules see of one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'a> {
    /// No value: blank, unknown, unreadable, or not of the item's kind.
    Nothing,
    /// No value, because the examination was not done.
    NotDone,
    Number(Number),
    Code(Chosen),
    Codes(&'a [String]),
    Days(Days),
    Text(&'a str),
    Truth(Truth),
    /// A table, by its place among the answered tables of the form.
    Rows(usize),
}

/// A code as far as it is known, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Nothing is known about it.
    Nothing,
    /// This one.
    One(usize),
    /// One of those whose bit is set. Only derived codes of lists up to 64 codes are this.
    Among(u64),
}

/// One item's answer and what rules see of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    answer: Option<&'a Answer>,
    seen: Seen<'a>,
}

/// The answers and derived values of one form.
pub(crate) struct Scope<'a> {
    definition: &'a Definition,
    slots: Vec<Slot<'a>>,
    tables: Vec<Rows<'a>>,
    strangers: usize,
}

/// The rows of an answered table: the columns of each, in their order.
type Rows<'a> = Vec<Vec<Slot<'a>>>;

/// What an expression is evaluated in: a form, and a row of one of its tables inside a loop.
#[derive(Clone, Copy)]
pub(crate) struct View<'s> {
    derived: &'s [Derived],
    slots: &'s [Slot<'s>],
    tables: &'s [Rows<'s>],
    row: &'s [Slot<'s>],
    /// The table the row is of.
    table: usize,
}

/// The slots of a form by id: items in printed order, then derived items.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Sorted by id, as answers are.
    slots: Vec<(String, usize)>,
}

impl Layout {
    /// Lays out ids by their slots.
    pub(crate) fn new<'a>(ids: impl Iterator<Item = &'a str>) -> Self {
        let mut slots: Vec<_> = ids.enumerate().map(|(slot, id)| (id.to_owned(), slot)).collect();
        slots.sort();
        Self { slots }
    }

    /// The slot of an id.
    pub(crate) fn slot(&self, id: &str) -> Option<usize> {
        let place = self.slots.binary_search_by(|(known, _)| known.as_str().cmp(id)).ok()?;
        self.slots.get(place).map(|(_, slot)| *slot)
    }
}

impl<'a> Scope<'a> {
    /// Looks every answer up, and calculates the derived items.
    pub(crate) fn new(definition: &'a Definition, answers: &'a Answers) -> Self {
        let (mut slots, strangers) = place(&definition.body.layout, answers);
        let mut tables = Vec::new();
        for (slot, item) in slots.iter_mut().zip(definition.items()) {
            slot.look(item, &mut tables);
        }
        for derived in definition.derived() {
            let seen = derived.seen(View::of(definition, &slots, &tables));
            if let Some(slot) = slots.get_mut(derived.slot) {
                slot.seen = seen;
            }
        }
        Self { definition, slots, tables, strangers }
    }

    /// Opens the form to expressions.
    pub(crate) fn view(&self) -> View<'_> {
        View::of(self.definition, &self.slots, &self.tables)
    }

    /// The answer in a slot; not set and blank are the same.
    pub(crate) fn answer(&self, slot: usize) -> &'a Answer {
        self.slots.get(slot).and_then(|slot| slot.answer).unwrap_or(&Answer::Blank)
    }

    /// How many answers are to no item of the form.
    pub(crate) const fn strangers(&self) -> usize {
        self.strangers
    }
}

/// The slots with the answers in them, and how many answers are of none. Answers and layout have the
/// same order, so one walk over both finds all.
fn place<'a>(layout: &Layout, answers: &'a Answers) -> (Vec<Slot<'a>>, usize) {
    let mut slots = vec![Slot { answer: None, seen: Seen::Nothing }; layout.slots.len()];
    let mut strangers = 0;
    let mut known = layout.slots.iter().peekable();
    for (id, answer) in answers.iter() {
        let slot = loop {
            let Some((other, slot)) = known.peek() else { break None };
            match other.as_str().cmp(id) {
                Ordering::Less => drop(known.next()),
                Ordering::Equal => break Some(*slot),
                Ordering::Greater => break None,
            }
        };
        match slot.and_then(|slot| slots.get_mut(slot)) {
            Some(slot) => slot.answer = Some(answer),
            None => strangers += 1,
        }
    }
    (slots, strangers)
}

impl<'s> View<'s> {
    /// A form, outside any loop.
    fn of(definition: &'s Definition, slots: &'s [Slot<'s>], tables: &'s [Rows<'s>]) -> Self {
        Self { derived: definition.derived(), slots, tables, row: &[], table: 0 }
    }

    /// The same form, looking at a row of a table.
    pub(crate) const fn in_row(self, table: usize, row: &'s [Slot<'s>]) -> Self {
        Self { row, table, ..self }
    }

    /// The table whose row is looked at.
    pub(crate) const fn table(self) -> usize {
        self.table
    }

    pub(crate) fn slot(self, var: Var) -> Option<&'s Slot<'s>> {
        match var {
            Var::Slot(slot) => self.slots.get(slot),
            Var::Column(column) => self.row.get(column),
        }
    }

    /// What is seen of an item or column.
    pub(crate) fn see(self, var: Var) -> Option<&'s Seen<'s>> {
        self.slot(var).map(|slot| &slot.seen)
    }

    /// The rows of a table, if it was answered.
    pub(crate) fn rows(self, slot: usize) -> Option<&'s [Vec<Slot<'s>>]> {
        match self.slots.get(slot)?.seen {
            Seen::Rows(table) => self.tables.get(table).map(Vec::as_slice),
            _ => None,
        }
    }

    /// The derived item of a slot, if it is one.
    pub(crate) fn derived(self, slot: usize) -> Option<DerivedIn<'s>> {
        // Derived items come after the items; while they are calculated some slots are still to come.
        let items = self.derived.first()?.slot;
        let derived = self.derived.get(slot.checked_sub(items)?)?;
        Some(DerivedIn { derived, view: self })
    }
}

/// A derived item in a form.
pub(crate) struct DerivedIn<'s> {
    derived: &'s Derived,
    view: View<'s>,
}

impl DerivedIn<'_> {
    /// Adds the slots that could still give it a value.
    pub(crate) fn missing(&self, missing: &mut Missing) {
        self.derived.missing(self.view, missing);
    }
}

impl<'a> Slot<'a> {
    /// Looks at the answer in it.
    fn look(&mut self, item: &Item, tables: &mut Vec<Rows<'a>>) {
        let Some(answer) = self.answer else { return };
        if let (Kind::Rows { columns, .. }, Answer::Given(Value::Rows(rows))) = (&item.kind, answer)
        {
            let cell = |column: &Item, row: &'a Row| {
                let answer = row.get(&column.id);
                Self { answer, seen: answer.map_or(Seen::Nothing, |answer| see(column, answer)) }
            };
            let cells = |row: &'a Row| columns.iter().map(|column| cell(column, row)).collect();
            self.seen = Seen::Rows(tables.len());
            tables.push(rows.iter().map(cells).collect());
        } else {
            self.seen = see(item, answer);
        }
    }

    /// Tells whether anything at all was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.answer.is_some_and(|answer| *answer != Answer::Blank)
    }
}

/// What rules see of an answer to an item.
fn see<'a>(item: &Item, answer: &'a Answer) -> Seen<'a> {
    let value = match answer {
        Answer::Given(value) => value,
        Answer::NotDone => return Seen::NotDone,
        Answer::Blank
        | Answer::Unknown
        | Answer::Illegible
        | Answer::Struck
        | Answer::MultiplyMarked => return Seen::Nothing,
    };
    match (&item.kind, value) {
        (Kind::Code(list), Value::Code(code)) => code_seen(list, code),
        (Kind::Codes(list), Value::Codes(codes)) => codes_seen(list, codes),
        (Kind::Date, Value::Date(date)) => Seen::Days(Days::on(*date)),
        (Kind::PartialDate, Value::PartialDate(date)) => Seen::Days(Days::from(*date)),
        (Kind::Integer { .. }, Value::Integer(number)) => {
            Seen::Number(Number::Point(Decimal::from(*number)))
        }
        (Kind::Decimal { .. }, Value::Decimal { value, comparator }) => {
            Seen::Number(measured(*value, *comparator))
        }
        (Kind::Decimal { .. }, Value::BelowDetection) => {
            let limit = item.detection.map_or(Unbounded, Excluded);
            Seen::Number(Number::between(Unbounded, limit))
        }
        (kind, Value::Text(text)) if kind.is_text() => Seen::Text(text),
        _ => Seen::Nothing,
    }
}

/// A laboratory value with a comparator lies on one side of the number.
fn measured(value: Decimal, comparator: Option<Comparator>) -> Number {
    match comparator {
        None => Number::Point(value),
        Some(Comparator::Lt) => Number::between(Unbounded, Excluded(value)),
        Some(Comparator::Le) => Number::between(Unbounded, Included(value)),
        Some(Comparator::Gt) => Number::between(Excluded(value), Unbounded),
        Some(Comparator::Ge) => Number::between(Included(value), Unbounded),
    }
}

fn code_seen<'a>(list: &CodeList, code: &str) -> Seen<'a> {
    let Some(place) = list.place(code) else { return Seen::Nothing };
    match list.options().get(place).and_then(|option| option.means) {
        None => Seen::Code(Chosen::One(place)),
        Some(Means::NotDone) => Seen::NotDone,
        Some(Means::Unknown) => Seen::Nothing,
    }
}

fn codes_seen<'a>(list: &CodeList, codes: &'a [String]) -> Seen<'a> {
    for code in codes {
        match list.option(code) {
            Some(option) if option.means.is_none() => {}
            Some(option) if option.means == Some(Means::NotDone) => return Seen::NotDone,
            Some(_) | None => return Seen::Nothing,
        }
    }
    Seen::Codes(codes)
}

impl Chosen {
    fn mask(self) -> Option<u64> {
        match self {
            Self::One(place) => 1_u64.checked_shl(u32::try_from(place).ok()?),
            Self::Among(mask) => Some(mask),
            Self::Nothing => None,
        }
    }

    /// One of two codes.
    pub(crate) fn either(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        match (self.mask(), other.mask()) {
            (Some(mask), Some(other)) => Self::Among(mask | other),
            _ => Self::Nothing,
        }
    }

    /// Tells whether it is one of those marked.
    pub(crate) fn is_in(self, wanted: &[bool]) -> Truth {
        let is_wanted = |place: usize| wanted.get(place).copied().unwrap_or(false);
        match self {
            Self::One(place) => is_wanted(place).into(),
            Self::Nothing => Truth::Undetermined,
            Self::Among(mask) => {
                let mut places = (0..64).filter(|place| mask & (1 << place) != 0);
                let first = places.next().is_some_and(is_wanted);
                if places.all(|place| is_wanted(place) == first) {
                    first.into()
                } else {
                    Truth::Undetermined
                }
            }
        }
    }

    /// Tells whether two codes of one list are the same.
    pub(crate) fn same(self, other: Self) -> Truth {
        match (self, other) {
            (Self::One(left), Self::One(right)) => (left == right).into(),
            _ => match (self.mask(), other.mask()) {
                (Some(left), Some(right)) if left & right == 0 => Truth::False,
                _ => Truth::Undetermined,
            },
        }
    }
}
