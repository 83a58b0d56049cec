//! What a form says: answers drawn for a seed and an index, right as far as checks can tell.

use std::{collections::BTreeSet, sync::OnceLock};

use kakehashi_forms::{Answers, Application, Catalogue, Definition};
use kakehashi_kernel::{CivilDate, FormKey, Programme};

use crate::{
    answering::Answering,
    dice::Dice,
    person::{Doctor, Institution, Patient},
};

/// One filled-in form: the truth behind a scan.
#[derive(Debug, Clone)]
pub struct FilledForm {
    /// Which form it is.
    pub key: FormKey,
    /// The seed it was drawn from.
    pub seed: u64,
    /// Its place in the run of that seed.
    pub index: u32,
    /// Seed and index as printed in the barcode: `S0000007-000012`.
    pub serial: String,
    /// 新規 or 更新.
    pub application: Application,
    /// Answers by item id, as a perfect keyer would read them.
    pub answers: Answers,
    /// The day on the receipt stamp.
    pub received: CivilDate,
}

/// Every form there is.
///
/// # Panics
///
/// When the definitions in the program do not load, which their own tests find first.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        Catalogue::builtin().expect("the built-in definitions are tested by their own crate")
    })
}

/// The form most runs fill in: Parkinson's disease, version 2403.
///
/// # Panics
///
/// As [`catalogue`].
pub fn definition() -> &'static Definition {
    let key = FormKey::new(Programme::Nanbyo, 6, 0, 2403).expect("a literal key in range");
    catalogue().definition(key).expect("the Parkinson form is built in")
}

/// One form of every kind: each that has a file of its own, and the first of each shape that others share.
///
/// # Panics
///
/// As [`catalogue`].
pub fn samples() -> Vec<&'static Definition> {
    let mut shapes = BTreeSet::new();
    let forms: Vec<&'static Definition> = catalogue().iter().collect();
    forms.into_iter().filter(|form| form.shape().is_none_or(|shape| shapes.insert(shape))).collect()
}

/// Fills in the form of [`definition`]. The same seed and index give the same form.
pub fn filled(seed: u64, index: u32) -> FilledForm {
    fill(definition(), seed, index, None)
}

/// Fills in any form. The same definition, seed and index give the same form; the serial does not name
/// the definition, the page code beside it does.
pub fn filled_form(definition: &Definition, seed: u64, index: u32) -> FilledForm {
    fill(definition, seed, index, None)
}

/// Fills in any form with personal texts that hold `marker`, and kana that holds [`marker_kana`] of it,
/// so that a test can look for leaks. `marker` should be short (at most 20 characters) and without line
/// ends.
pub fn filled_with_marker(
    definition: &Definition,
    seed: u64,
    index: u32,
    marker: &str,
) -> FilledForm {
    fill(definition, seed, index, Some(marker))
}

/// Answers the marker as hiragana, for fields that take kana only: two letters per byte.
pub fn marker_kana(marker: &str) -> String {
    const LETTERS: [char; 16] = [
        'あ', 'い', 'う', 'え', 'お', 'か', 'き', 'く', 'け', 'こ', 'さ', 'し', 'す', 'せ', 'そ',
        'た',
    ];
    let letters = marker.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
    letters.map(|nibble| LETTERS[usize::from(nibble)]).collect()
}

/// Reads seed and index back from a serial.
pub fn parse_serial(serial: &str) -> Option<(u64, u32)> {
    let (seed, index) = serial.strip_prefix('S')?.split_once('-')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seed) || !is_number(index) {
        return None;
    }
    Some((seed.parse().ok()?, index.parse().ok()?))
}

fn fill(definition: &Definition, seed: u64, index: u32, marker: Option<&str>) -> FilledForm {
    let mut dice = Dice::new(seed, index, "form");
    let drawn = if dice.chance(420) { Application::New } else { Application::Renewal };
    let [first, second] = match drawn {
        Application::New => [Application::New, Application::Renewal],
        Application::Renewal => [Application::Renewal, Application::New],
    };
    let application = if definition.applies().include(first) { first } else { second };
    let received = first_day(definition).plus_days(dice.between(0, 80));
    let mut people = Dice::new(seed, index, "people");
    let mut patient = match definition.key().programme {
        Programme::Nanbyo => Patient::draw(&mut people, received),
        Programme::Shouman => Patient::child(&mut people, received),
    };
    if let Some(marker) = marker {
        patient.name = format!("架橋　{marker}");
        patient.kana = format!("かけはし　{}", marker_kana(marker));
        patient.address = format!("{}　{marker}", patient.address);
        patient.birth_place.1 = format!("{}{marker}", patient.birth_place.1);
    }
    let answering = Answering {
        definition,
        application,
        doctor: Doctor::draw(&mut people),
        institution: Institution::draw(&mut people),
        size: patient.size(received, &mut Dice::new(seed, index, "body")),
        patient,
        received,
        marker,
    };
    let answers = answering.draw(&mut Dice::new(seed, index, "answers"));
    FilledForm {
        key: definition.key(),
        seed,
        index,
        serial: format!("S{seed:07}-{index:06}"),
        application,
        answers,
        received,
    }
}

/// The first day forms of a run are received on: one on which the version is in force.
fn first_day(definition: &Definition) -> CivilDate {
    let day = CivilDate::new(2026, 8, 31).expect("a literal date that exists");
    match definition.valid_until() {
        Some(until) if until < day => until.plus_days(-100),
        _ => day,
    }
}
