//! Sets printed and written text on a canvas.
#![expect(clippy::cast_possible_truncation, reason = "a page is below 2^13 dots wide")]

use crate::{
    canvas::{Area, Canvas},
    dice::Dice,
    letter::{ASCENT, Face, Letters, VARIANTS},
};

/// One person's way of writing on one form.
#[derive(Debug)]
pub(crate) struct Writer {
    dice: Dice,
    size: f32,
    ink: u8,
    drift: f32,
}

impl Writer {
    pub(crate) fn new(mut dice: Dice) -> Self {
        let size = 1.0 + dice.swing() * 0.1;
        let ink = u8::try_from(dice.between(185, 250)).unwrap_or(220);
        let drift = dice.swing() * 0.012;
        Self { dice, size, ink, drift }
    }
}

/// Prints a line with its left end at `x` and its middle at `middle`; shrinks it to `room`.
/// Everything in millimetres.
pub(crate) fn print(
    canvas: &mut Canvas,
    letters: &mut Letters,
    (x, middle): (f32, f32),
    (size, room): (f32, f32),
    text: &str,
) {
    let width = letters.width(Face::Print, text) * size;
    let size = if width > room { size * room / width } else { size };
    let em = canvas.dots(size);
    let base = (canvas.dots(middle) + em * (ASCENT - 0.5)).round() as i32;
    let mut pen = canvas.dots(x);
    for letter in text.chars() {
        let mark = letters.mark(Face::Print, letter, em, 0);
        canvas.lay(&mark, pen.round() as i32, base, 255);
        pen += letters.advance(Face::Print, letter) * em;
    }
}

/// Prints a line twice, a dot apart: the printed face has one weight.
pub(crate) fn print_bold(
    canvas: &mut Canvas,
    letters: &mut Letters,
    (x, middle): (f32, f32),
    (size, room): (f32, f32),
    text: &str,
) {
    for nudge in [0.0, 0.12, 0.24] {
        print(canvas, letters, (x + nudge, middle), (size, room), text);
    }
}

/// Writes a line by hand into an area, shrunk to its width.
pub(crate) fn write(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    area: Area,
    text: &str,
) {
    let tallest = (area.h * 0.72).min(5.0) * writer.size;
    let width = letters.width(Face::Hand, text).max(1.0);
    let size = tallest.min((area.w - 1.0) / width / 1.04);
    let em = canvas.dots(size);
    let slack = (canvas.dots(area.w) - width * em * 1.04).max(0.0);
    let mut pen =
        canvas.dots(area.x) + slack.min(canvas.dots(2.0)) * (0.5 + writer.dice.swing() * 0.3);
    let lift = writer.dice.swing() * 0.06;
    let mut base = canvas.dots(area.y + area.h / 2.0) + em * (ASCENT - 0.5 + lift);
    for letter in text.chars() {
        let advance = letters.advance(Face::Hand, letter) * em;
        if !letter.is_whitespace() {
            put(canvas, letters, writer, (pen, base), (letter, em));
        }
        pen += advance * (1.0 + writer.dice.swing() * 0.035);
        base += advance * writer.drift;
    }
}

/// Writes one character into the middle of a cell.
pub(crate) fn write_cell(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    cell: Area,
    letter: char,
) {
    let size = (cell.h * 0.86).min(5.2) * writer.size;
    let em = canvas.dots(size);
    let advance = letters.advance(Face::Hand, letter) * em;
    let x = canvas.dots(cell.x + cell.w / 2.0) - advance / 2.0 + writer.dice.swing() * em * 0.06;
    let base =
        canvas.dots(cell.y + cell.h / 2.0) + em * (ASCENT - 0.5 + writer.dice.swing() * 0.05);
    put(canvas, letters, writer, (x, base), (letter, em));
}

fn put(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    (x, y): (f32, f32),
    (letter, em): (char, f32),
) {
    let variant = u8::try_from(writer.dice.below(u32::from(VARIANTS))).unwrap_or(0);
    let y = y + writer.dice.swing() * em * 0.035;
    // Whole dots: fewer sizes, so that the cache holds most glyphs after a few forms.
    let mark = letters.mark(Face::Hand, letter, em.round(), variant);
    canvas.lay(&mark, x.round() as i32, y.round() as i32, writer.ink);
}

/// Ticks a box with a レ.
pub(crate) fn tick(canvas: &mut Canvas, writer: &mut Writer, area: Area) {
    let mut near = |x: f32, y: f32| {
        let (dx, dy) = (writer.dice.swing() * 0.35, writer.dice.swing() * 0.35);
        (area.x + area.w * x + dx, area.y + area.h * y + dy)
    };
    let (start, corner, end) = (near(0.05, 0.35), near(0.42, 0.95), near(1.25, -0.35));
    canvas.stroke(start, corner, 0.42, writer.ink);
    canvas.stroke(corner, end, 0.36, writer.ink);
}

/// Strikes an area out with two lines.
pub(crate) fn strike(canvas: &mut Canvas, writer: &mut Writer, area: Area) {
    for share in [0.42, 0.58] {
        let y = area.y + area.h * share;
        let (a, b) = (writer.dice.swing() * 0.4, writer.dice.swing() * 0.4);
        canvas.stroke((area.x + 1.0, y + a), (area.x + area.w - 1.0, y + b), 0.35, writer.ink);
    }
}

/// Scribbles something nobody can read.
pub(crate) fn scribble(canvas: &mut Canvas, writer: &mut Writer, area: Area) {
    let mut from = (area.x + 1.5, area.y + area.h / 2.0);
    for step in 0_u8..18 {
        let x = area.x + 1.5 + f32::from(step) * 0.9;
        let to = (x, area.y + area.h * (0.5 + writer.dice.swing() * 0.38));
        canvas.stroke(from, to, 0.4, writer.ink);
        from = to;
    }
}
