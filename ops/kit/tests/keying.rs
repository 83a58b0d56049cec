//! What the simulated keyer types: the truth, or mistakes that checks find.

use std::collections::BTreeSet;

use kakehashi_forms::{Answer, Answers, Definition, Finding, Item, Row, Value};
use kakehashi_kit::{
    Entry, Keyed, KeyedItem, Keying, KeyingMistake, catalogue, definition, filled, filled_form,
    key, samples,
};

fn keyed(index: u32, round: u32, mistakes_permille: u32) -> Keyed {
    let form = filled(7, index);
    let keying = Keying { seed: 7, index, round, mistakes_permille };
    key(definition(), form.application, &form.answers, keying)
}

/// Reads what was typed for one item or cell as the receiver does; `None` when it cannot be read.
fn read_entry(item: &Item, entry: &Entry) -> Option<Answer> {
    let text = match entry {
        Entry::One(text) => text.clone(),
        Entry::Compared(comparator, text) => format!("{}{text}", comparator.symbol()),
        Entry::Many(codes) => codes.join(" "),
        Entry::BelowDetection => return Some(Answer::Given(Value::BelowDetection)),
        Entry::State(state) => return Some(state.clone()),
        Entry::Rows(rows) => {
            let cell = |cell: &KeyedItem| {
                let answer = read_entry(item.column(&cell.id)?, &cell.entry)?;
                Some((cell.id.clone(), answer))
            };
            let row = |row: &Vec<KeyedItem>| row.iter().map(cell).collect::<Option<Row>>();
            return Some(Answer::Given(Value::Rows(rows.iter().map(row).collect::<Option<_>>()?)));
        }
    };
    item.read(&text).ok().map(|reading| reading.answer)
}

/// Reads what was typed; answers the ids of items that cannot be read.
fn read(definition: &Definition, keyed: &Keyed) -> (Answers, Vec<String>) {
    let mut answers = Answers::new();
    let mut refused = Vec::new();
    for typed in &keyed.items {
        let item = definition.item(&typed.id).expect("typed items are the form's");
        match read_entry(item, &typed.entry) {
            Some(answer) => {
                answers.set(&typed.id, answer);
            }
            None => refused.push(typed.id.clone()),
        }
    }
    (answers, refused)
}

#[test]
fn without_mistakes_the_keyer_types_the_truth() {
    for index in 0..100 {
        let (answers, refused) = read(definition(), &keyed(index, 1, 0));
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(filled(7, index).answers.differences(&answers), Vec::<&str>::new());
    }
}

#[test]
fn every_mistake_is_made_and_every_mistake_can_be_found() {
    let mut made = BTreeSet::new();
    for index in 0..300 {
        let keyed = keyed(index, 1, 1000);
        assert!(!keyed.mistakes.is_empty());
        made.extend(keyed.mistakes.iter().copied());
        let (answers, refused) = read(definition(), &keyed);
        let application = filled(7, index).application;
        let findings = definition().check(&answers, application);
        let is_found = !refused.is_empty() || findings.iter().any(Finding::is_error);
        let is_document = keyed.is_left_out || keyed.is_twice;
        assert!(is_found || is_document, "{index}: {:?} goes unseen", keyed.mistakes);
    }
    assert_eq!(made.into_iter().collect::<Vec<_>>(), KeyingMistake::ALL);
}

#[test]
fn later_rounds_have_fewer_mistakes_and_the_third_none() {
    let wrong = |round| (0..400).filter(|i| !keyed(*i, round, 400).mistakes.is_empty()).count();
    let (first, second, third) = (wrong(1), wrong(2), wrong(3));
    assert!((120..200).contains(&first), "{first}");
    assert!((20..65).contains(&second), "{second}");
    assert_eq!(third, 0);
}

#[test]
fn the_same_keying_types_the_same() {
    for index in 0..50 {
        assert!(keyed(index, 1, 500) == keyed(index, 1, 500));
    }
}

#[test]
fn a_required_item_left_out_is_keyed_as_blank() {
    let blank = (0..300).any(|index| {
        keyed(index, 1, 1000).items.iter().any(|item| item.entry == Entry::State(Answer::Blank))
    });
    assert!(blank);
}

/// The form of Crohn's disease, which has a table that must be filled in after an operation.
fn crohn() -> &'static Definition {
    let key = "nanbyo/0096-000/2403".parse().expect("a literal key");
    catalogue().definition(key).expect("the form is built in")
}

#[test]
fn tables_are_keyed_cell_by_cell_and_mistakes_happen_in_them() {
    let (mut tables, mut spoilt) = (0, 0);
    for index in 0..200 {
        let form = filled_form(crohn(), 7, index);
        let keyed = |mistakes_permille| {
            let keying = Keying { seed: 7, index, round: 1, mistakes_permille };
            key(crohn(), form.application, &form.answers, keying)
        };
        let (answers, refused) = read(crohn(), &keyed(0));
        assert!(refused.is_empty(), "{refused:?}");
        assert_eq!(form.answers.differences(&answers), Vec::<&str>::new());
        tables += usize::from(answers.get("surgeries").is_some());
        let wrong = keyed(1000);
        let (answers, refused) = read(crohn(), &wrong);
        let findings = crohn().check(&answers, form.application);
        let is_found = !refused.is_empty() || findings.iter().any(Finding::is_error);
        assert!(is_found || wrong.is_left_out || wrong.is_twice, "{:?}", wrong.mistakes);
        spoilt += usize::from(form.answers.get("surgeries") != answers.get("surgeries"));
    }
    assert!(tables > 30 && spoilt > 0, "{tables} tables, {spoilt} with a mistake");
}

#[test]
fn mistakes_in_any_form_can_be_found() {
    for (form, index) in samples().into_iter().zip(0..) {
        for seed in [1, 2, 3] {
            let filled = filled_form(form, seed, index);
            let keying = |mistakes_permille| {
                let keying = Keying { seed, index, round: 1, mistakes_permille };
                key(form, filled.application, &filled.answers, keying)
            };
            let (answers, refused) = read(form, &keying(0));
            assert!(refused.is_empty() && filled.answers == answers, "{}", form.key());
            let wrong = keying(1000);
            let (answers, refused) = read(form, &wrong);
            let findings = form.check(&answers, filled.application);
            let is_found = !refused.is_empty() || findings.iter().any(Finding::is_error);
            let is_document = wrong.is_left_out || wrong.is_twice;
            assert!(is_found || is_document, "{}: {:?}", form.key(), wrong.mistakes);
        }
    }
}
