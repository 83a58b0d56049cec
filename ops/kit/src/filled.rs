//! What a form says: answers drawn for a seed and an index, right as far as checks can tell.

use std::sync::OnceLock;

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

/// The definition of the form the kit fills in: Parkinson's disease, version 2403.
///
/// # Panics
///
/// When the definitions in the program do not load, which their own tests find first.
pub fn definition() -> &'static Definition {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(|| {
        Catalogue::builtin().expect("the built-in definitions are tested by their own crate")
    });
    let key = FormKey::new(Programme::Nanbyo, 6, 0, 2403).expect("a literal key in range");
    catalogue.definition(key).expect("the Parkinson form is built in")
}

/// Fills in a form. The same seed and index give the same form.
pub fn filled(seed: u64, index: u32) -> FilledForm {
    fill(seed, index, None)
}

/// Fills in a form whose name, address and free texts hold `marker`, and whose kana holds
/// [`marker_kana`] of it, so that a test can look for leaks. `marker` should be short (at most 20
/// characters) and without line ends.
pub fn filled_with_marker(seed: u64, index: u32, marker: &str) -> FilledForm {
    fill(seed, index, Some(marker))
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

fn fill(seed: u64, index: u32, marker: Option<&str>) -> FilledForm {
    let definition = definition();
    let mut dice = Dice::new(seed, index, "form");
    let application = if dice.chance(420) { Application::New } else { Application::Renewal };
    let received = first_day().plus_days(dice.between(0, 80));
    let mut people = Dice::new(seed, index, "people");
    let mut patient = Patient::draw(&mut people, received);
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

/// The first day forms of a run are received on.
fn first_day() -> CivilDate {
    CivilDate::new(2026, 8, 31).expect("a literal date that exists")
}
