//! The committed lists and shapes: every disease of both programmes has a form.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use kakehashi_forms::{Catalogue, Definition};
use kakehashi_kernel::{CivilDate, Programme};

/// Diseases of each group of the programme for children, groups 1 to 16.
const CHILDREN: [usize; 16] = [91, 49, 14, 98, 92, 24, 7, 138, 52, 56, 80, 38, 34, 15, 16, 9];

/// Diseases whose forms are judged by nobody: the text names no threshold that can be said exactly, two places of it
/// disagree, or it is not known.
const NOT_JUDGED: [u16; 19] =
    [163, 297, 301, 303, 334, 335, 336, 337, 338, 339, 340, 341, 342, 343, 344, 345, 346, 347, 348];

fn catalogue() -> Catalogue {
    Catalogue::builtin().expect("the committed definitions load")
}

fn in_force(definition: &Definition) -> bool {
    definition.is_valid_on(CivilDate::new(2025, 6, 1).expect("a day"))
}

/// Forms (number and branch) of a programme that are in force on 2025-06-01.
fn forms(catalogue: &Catalogue, programme: Programme) -> BTreeSet<(u16, u16)> {
    let forms = catalogue.iter().filter(|form| form.key().programme == programme);
    forms.filter(|form| in_force(form)).map(|form| (form.key().number, form.key().branch)).collect()
}

#[test]
fn every_intractable_disease_has_a_form_in_force() {
    let forms = forms(&catalogue(), Programme::Nanbyo);
    let numbers: BTreeSet<u16> = forms.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=348).collect());
    // 434 forms of 2023, one of them twice in that list, and one for each of the ten diseases since.
    assert_eq!(forms.len(), 443);
}

#[test]
fn every_disease_of_children_has_a_form_in_force() {
    let forms = forms(&catalogue(), Programme::Shouman);
    let mut groups: BTreeMap<u16, usize> = BTreeMap::new();
    for (group, _) in &forms {
        *groups.entry(*group).or_default() += 1;
    }
    assert_eq!(groups.into_values().collect::<Vec<_>>(), CHILDREN);
    assert_eq!(forms.len(), 813);
}

#[test]
fn the_disease_whose_number_was_taken_stands_at_the_free_one() {
    let catalogue = catalogue();
    let name = |branch| {
        let form = catalogue.versions(Programme::Shouman, 11, branch).next();
        form.map(|form| form.name().ja.clone())
    };
    assert_eq!(name(25).as_deref(), Some("ゴーリン症候群"));
    assert_eq!(name(27).as_deref(), Some("スタージ・ウェーバー症候群"));
}

#[test]
fn every_form_in_force_has_a_reading_in_hiragana() {
    let is_reading = |c: char| matches!(c, 'ぁ'..='ゖ' | 'ー' | '・' | '（' | '）' | '／' | '、');
    for form in catalogue().iter().filter(|form| in_force(form)) {
        let kana = form.kana().unwrap_or_default();
        assert!(!kana.is_empty() && kana.chars().all(is_reading), "{}: {kana:?}", form.key());
    }
}

#[test]
fn every_form_has_a_name_in_both_languages() {
    for form in catalogue().iter() {
        let name = form.name();
        assert!(!name.ja.is_empty() && !name.en.is_empty(), "{}", form.key());
        assert_ne!(name.ja, name.en, "{}", form.key());
    }
}

#[test]
fn every_form_of_a_list_says_that_it_was_not_compared_with_the_printed_one() {
    for form in catalogue().iter().filter(|form| form.shape().is_some()) {
        assert!(form.unverified().is_some(), "{}", form.key());
    }
}

#[test]
fn every_shape_is_used() {
    let catalogue = catalogue();
    let used: BTreeSet<&str> = catalogue.iter().filter_map(Definition::shape).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../definitions/shapes");
    let mut there = BTreeSet::new();
    for programme in ["nanbyo", "shouman"] {
        for file in fs::read_dir(folder.join(programme)).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap();
            there.insert(format!("{programme}/{name}"));
        }
    }
    assert_eq!(there.iter().map(String::as_str).collect::<BTreeSet<_>>(), used);
}

#[test]
fn diseases_without_any_machine_judgement_are_known_by_number() {
    let coverage = catalogue().coverage();
    let rows = coverage.rows.iter().filter(|row| row.key.programme == Programme::Nanbyo);
    let not_judged: BTreeSet<u16> = rows
        .filter(|row| !row.has_diagnosis && !row.has_severity)
        .map(|row| row.key.number)
        .collect();
    assert_eq!(not_judged, NOT_JUDGED.into_iter().collect());
}
