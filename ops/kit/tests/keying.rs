//! What the simulated keyer types: the truth, or mistakes that checks find.

use std::collections::BTreeSet;

use kakehashi_forms::{Answer, Answers, Finding};
use kakehashi_kit::{Entry, Keyed, Keying, KeyingMistake, definition, filled, key};

fn keyed(index: u32, round: u32, mistakes_permille: u32) -> Keyed {
    let form = filled(7, index);
    let keying = Keying { seed: 7, index, round, mistakes_permille };
    key(definition(), form.application, &form.answers, keying)
}

/// Reads what was typed as the receiver does; answers the ids of items that cannot be read.
fn read(keyed: &Keyed) -> (Answers, Vec<String>) {
    let mut answers = Answers::new();
    let mut refused = Vec::new();
    for item in &keyed.items {
        let text = match &item.entry {
            Entry::One(text) => text.clone(),
            Entry::Compared(comparator, text) => format!("{}{text}", comparator.symbol()),
            Entry::Many(codes) => codes.join(" "),
            Entry::Whole(value) => definition().write(&item.id, &Answer::Given(value.clone())),
            Entry::State(state) => {
                answers.set(&item.id, state.clone());
                continue;
            }
        };
        match definition().read(&item.id, &text) {
            Ok(answer) => {
                answers.set(&item.id, answer);
            }
            Err(_) => refused.push(item.id.clone()),
        }
    }
    (answers, refused)
}

#[test]
fn without_mistakes_the_keyer_types_the_truth() {
    for index in 0..100 {
        let (answers, refused) = read(&keyed(index, 1, 0));
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
        let (answers, refused) = read(&keyed);
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
