//! The receipt stamp (受付印) of the municipality.

use kakehashi_kernel::CivilDate;

use crate::{
    canvas::{Area, Canvas},
    dice::Dice,
    letter::Letters,
    pen,
};

/// Stamps a page: round or boxed, turned a little, worn, near `at` (millimetres).
pub(crate) fn press(
    canvas: &mut Canvas,
    letters: &mut Letters,
    dice: &mut Dice,
    at: (f32, f32),
    (dpi, day): (u16, CivilDate),
) {
    let date = short_era(day);
    let mut rubber = Canvas::sized(34.0, 34.0, dpi);
    if dice.chance(550) {
        draw_round(&mut rubber, letters, &date);
    } else {
        draw_boxed(&mut rubber, letters, &date);
    }
    let slope = dice.swing() * 0.16;
    let centre = (at.0 + dice.swing() * 5.0, at.1 + dice.swing() * 4.0);
    let pressure = u8::try_from(dice.between(150, 215)).unwrap_or(190);
    // Wear comes from a cheap generator: it is asked for every dot of the stamp.
    let mut state = dice.bits() | 1;
    canvas.overlay_turned(&rubber, centre, slope, || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // One dot in 32 took almost no ink.
        if state.trailing_zeros() >= 5 { 40 } else { pressure }
    });
}

fn draw_round(rubber: &mut Canvas, letters: &mut Letters, date: &str) {
    rubber.circle((17.0, 17.0), 12.0, 0.6, 255);
    for y in [13.4, 20.6] {
        rubber.line(5.6, y, 22.8, 0.0, 0.4);
    }
    pen::print_bold(rubber, letters, (12.3, 10.4), (3.1, 12.0), "受付印");
    pen::print_bold(rubber, letters, (6.6, 17.0), (3.8, 20.6), date);
    pen::print_bold(rubber, letters, (12.3, 23.6), (3.1, 12.0), "架橋市");
}

fn draw_boxed(rubber: &mut Canvas, letters: &mut Letters, date: &str) {
    rubber.frame(Area::new(2.0, 8.0, 30.0, 18.0), 0.7);
    pen::print_bold(rubber, letters, (7.0, 11.6), (3.6, 24.0), "架橋市保健所");
    pen::print_bold(rubber, letters, (7.0, 17.0), (4.2, 24.0), date);
    pen::print_bold(rubber, letters, (10.5, 22.4), (3.6, 24.0), "受　付");
}

/// `8.11.23`: rubber date stamps show era year, month and day.
fn short_era(day: CivilDate) -> String {
    let era_year = i32::from(day.year()) - 2018;
    format!("{era_year}.{}.{}", day.month(), day.day())
}
