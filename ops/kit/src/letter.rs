//! The two typefaces and their glyphs as marks, cached by size and variant.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "glyph bounds are a few hundred dots, coverages are 0 to 1"
)]

use std::{collections::HashMap, sync::Arc};

use ab_glyph::{
    Font, FontRef, GlyphId, Outline, OutlineCurve, OutlinedGlyph, Point, PxScale, PxScaleFactor,
    Rect, point,
};

use crate::canvas::Mark;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    /// What the form is printed in.
    Print,
    /// What people write in.
    Hand,
}

/// How many ways a written glyph can look.
pub(crate) const VARIANTS: u8 = 9;

/// Slope, slant, width and height of each variant: (down per across, right per up, sx, sy).
const SHAPES: [(f32, f32, f32, f32); VARIANTS as usize] = [
    (0.0, 0.0, 1.0, 1.0),
    (0.03, 0.04, 0.97, 1.02),
    (-0.04, 0.05, 1.02, 0.98),
    (0.05, -0.03, 0.95, 0.97),
    (-0.02, 0.08, 1.04, 1.03),
    (0.02, 0.02, 0.93, 1.05),
    (-0.06, 0.03, 1.00, 0.95),
    (0.04, 0.06, 1.05, 1.00),
    (-0.03, -0.04, 0.98, 1.04),
];

/// The part of the em above the base line in Japanese type.
pub(crate) const ASCENT: f32 = 0.88;

/// Glyphs drawn so far. Caching changes speed only, never a dot.
#[derive(Debug)]
pub(crate) struct Letters {
    print: FontRef<'static>,
    hand: FontRef<'static>,
    marks: HashMap<(Face, char, u16, u8), Arc<Mark>>,
}

impl Letters {
    pub(crate) fn new() -> Self {
        let font = |bytes: &'static [u8]| {
            FontRef::try_from_slice(bytes).expect("the fonts are compiled in and tested")
        };
        Self {
            print: font(include_bytes!("../fonts/BIZUDGothic-Regular.subset.ttf")),
            hand: font(include_bytes!("../fonts/KleeOne-Regular.subset.ttf")),
            marks: HashMap::new(),
        }
    }

    /// Tells whether the typeface has the character.
    #[cfg(test)]
    pub(crate) fn knows(&self, face: Face, letter: char) -> bool {
        self.font(face).glyph_id(letter) != GlyphId(0)
    }

    /// Answers the width of a text in ems.
    pub(crate) fn width(&self, face: Face, text: &str) -> f32 {
        text.chars().map(|letter| self.advance(face, letter)).sum()
    }

    /// Answers the width of a letter in ems.
    pub(crate) fn advance(&self, face: Face, letter: char) -> f32 {
        let (font, glyph, _) = self.find(face, letter);
        font.h_advance_unscaled(glyph) / font.units_per_em().unwrap_or(1000.0)
    }

    /// Answers the mark of a letter at a size in dots per em, rounded to a quarter dot.
    pub(crate) fn mark(&mut self, face: Face, letter: char, em: f32, variant: u8) -> Arc<Mark> {
        let quarters = (em * 4.0).round() as u16;
        let key = (face, letter, quarters, variant % VARIANTS);
        if let Some(mark) = self.marks.get(&key) {
            return Arc::clone(mark);
        }
        let mark = Arc::new(self.draw(face, letter, f32::from(quarters) / 4.0, key.3));
        self.marks.insert(key, Arc::clone(&mark));
        mark
    }

    fn font(&self, face: Face) -> &FontRef<'static> {
        match face {
            Face::Print => &self.print,
            Face::Hand => &self.hand,
        }
    }

    /// A letter the hand does not know is printed; one nobody knows is 〓, as typesetters do.
    fn find(&self, face: Face, letter: char) -> (&FontRef<'static>, GlyphId, char) {
        for (face, letter) in [(face, letter), (Face::Print, letter), (Face::Print, '〓')] {
            let glyph = self.font(face).glyph_id(letter);
            if glyph != GlyphId(0) {
                return (self.font(face), glyph, letter);
            }
        }
        (&self.print, GlyphId(0), letter)
    }

    fn draw(&self, face: Face, letter: char, em: f32, variant: u8) -> Mark {
        let (font, glyph, _) = self.find(face, letter);
        let empty = Mark { left: 0, top: 0, width: 0, height: 0, coverage: Vec::new() };
        let Some(outline) = font.outline(glyph) else { return empty };
        let units = font.units_per_em().unwrap_or(1000.0);
        let outline = shape(&outline, SHAPES[usize::from(variant)], units);
        let factor = PxScaleFactor { horizontal: em / units, vertical: em / units };
        let glyph = glyph.with_scale_and_position(PxScale::from(em), point(0.0, 0.0));
        let outlined = OutlinedGlyph::new(glyph, outline, factor);
        let bounds = outlined.px_bounds();
        let (width, height) = (bounds.width() as usize, bounds.height() as usize);
        let mut coverage = vec![0; width * height];
        outlined.draw(|x, y, cover| {
            if let Some(dot) = coverage.get_mut(y as usize * width + x as usize) {
                *dot = (cover.clamp(0.0, 1.0) * 255.0) as u8;
            }
        });
        Mark { left: bounds.min.x as i32, top: bounds.min.y as i32, width, height, coverage }
    }
}

/// Leans and stretches an outline about the middle of its base line.
fn shape(outline: &Outline, (slope, slant, sx, sy): (f32, f32, f32, f32), units: f32) -> Outline {
    let middle = units / 2.0;
    let move_to = |p: Point| {
        let (x, y) = ((p.x - middle) * sx, p.y * sy);
        point(x + y * slant + middle, y - x * slope)
    };
    let curves: Vec<OutlineCurve> = outline
        .curves
        .iter()
        .map(|curve| match curve {
            OutlineCurve::Line(a, b) => OutlineCurve::Line(move_to(*a), move_to(*b)),
            OutlineCurve::Quad(a, b, c) => {
                OutlineCurve::Quad(move_to(*a), move_to(*b), move_to(*c))
            }
            OutlineCurve::Cubic(a, b, c, d) => {
                OutlineCurve::Cubic(move_to(*a), move_to(*b), move_to(*c), move_to(*d))
            }
        })
        .collect();
    let Rect { min, max } = outline.bounds;
    let corners =
        [point(min.x, min.y), point(max.x, min.y), point(min.x, max.y), point(max.x, max.y)]
            .map(move_to);
    let low = |pick: fn(&Point) -> f32| corners.iter().map(pick).fold(f32::INFINITY, f32::min);
    let high = |pick: fn(&Point) -> f32| corners.iter().map(pick).fold(f32::NEG_INFINITY, f32::max);
    // Outlines count y upwards and name the upper edge `min`, as it is on the page.
    let bounds =
        Rect { min: point(low(|p| p.x), high(|p| p.y)), max: point(high(|p| p.x), low(|p| p.y)) };
    Outline { bounds, curves }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kakehashi_forms::CodeList;

    use super::*;

    #[test]
    fn both_faces_know_what_names_and_numbers_need() {
        let letters = Letters::new();
        for letter in "架橋難波見本試作雛形かなカナ0123456789０１２年月日ー・々〓".chars()
        {
            assert!(letters.knows(Face::Print, letter), "{letter}");
            assert!(letters.knows(Face::Hand, letter) || letter == '〓', "{letter}");
        }
    }

    #[test]
    fn the_printed_face_knows_every_word_of_every_form() {
        let letters = Letters::new();
        let mut unknown = BTreeSet::new();
        let mut look = |text: &str| {
            unknown.extend(text.chars().filter(|letter| !letters.knows(Face::Print, *letter)));
        };
        for form in crate::catalogue().iter() {
            look(&form.name().ja);
        }
        for form in crate::samples() {
            for section in form.sections() {
                look(&section.label.ja);
            }
            for item in form.items().flat_map(|item| std::iter::once(item).chain(item.columns())) {
                look(&item.label.ja);
                look(item.unit.as_deref().unwrap_or_default());
                let options = item.codes().map(CodeList::options).unwrap_or_default();
                for option in options {
                    look(&option.label.ja);
                }
            }
        }
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn an_unknown_letter_is_drawn_as_a_geta_mark() {
        let mut letters = Letters::new();
        let geta = letters.mark(Face::Print, '〓', 20.0, 0);
        let unknown = letters.mark(Face::Hand, '\u{1F600}', 20.0, 0);
        assert_eq!(geta.coverage, unknown.coverage);
        assert!(!geta.coverage.is_empty());
    }

    #[test]
    fn variants_of_a_written_letter_differ() {
        let mut letters = Letters::new();
        let plain = letters.mark(Face::Hand, '橋', 40.0, 0);
        let leaning = letters.mark(Face::Hand, '橋', 40.0, 4);
        assert_ne!(plain.coverage, leaning.coverage);
        assert!(plain.coverage.iter().any(|cover| *cover > 200));
    }
}
