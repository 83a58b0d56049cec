//! A grey sheet of paper to draw on: lines, boxes, glyph marks. Knows nothing of forms.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "millimetres become dots: a page is below 2^13 dots wide, so no cast here loses anything"
)]

/// A rectangle in millimetres from the top left corner of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) w: f32,
    pub(crate) h: f32,
}

impl Area {
    pub(crate) const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }
}

/// The coverage of one glyph, relative to the pen on the base line.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) coverage: Vec<u8>,
}

/// Grey dots, 255 is paper, 0 is ink.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    dots_per_mm: f32,
    pub(crate) dots: Vec<u8>,
}

/// Width of A4 in millimetres.
pub(crate) const A4_WIDTH: f32 = 210.0;
/// Height of A4 in millimetres.
pub(crate) const A4_HEIGHT: f32 = 297.0;

impl Canvas {
    /// An empty A4 sheet.
    pub(crate) fn a4(dpi: u16) -> Self {
        Self::sized(A4_WIDTH, A4_HEIGHT, dpi)
    }

    /// An empty sheet of a size in millimetres.
    pub(crate) fn sized(w: f32, h: f32, dpi: u16) -> Self {
        let dots_per_mm = f32::from(dpi) / 25.4;
        let width = (w * dots_per_mm).round() as usize;
        let height = (h * dots_per_mm).round() as usize;
        Self { width, height, dots_per_mm, dots: vec![255; width * height] }
    }

    /// Millimetres as dots.
    pub(crate) fn dots(&self, mm: f32) -> f32 {
        mm * self.dots_per_mm
    }

    fn at(&self, mm: f32) -> i32 {
        (mm * self.dots_per_mm).round() as i32
    }

    /// Fills an area with ink of a darkness (255 is black). Always at least one dot thick.
    pub(crate) fn fill(&mut self, area: Area, ink: u8) {
        let (x0, y0) = (self.at(area.x), self.at(area.y));
        let (x1, y1) = (self.at(area.x + area.w).max(x0 + 1), self.at(area.y + area.h).max(y0 + 1));
        let clip = |v: i32, max: usize| v.clamp(0, max as i32) as usize;
        let (x0, x1) = (clip(x0, self.width), clip(x1, self.width));
        for y in clip(y0, self.height)..clip(y1, self.height) {
            for dot in &mut self.dots[y * self.width + x0..y * self.width + x1] {
                *dot = (*dot).min(255 - ink);
            }
        }
    }

    /// Draws the four sides of an area; `thick` is centred on the edge.
    pub(crate) fn frame(&mut self, area: Area, thick: f32) {
        let Area { x, y, w, h } = area;
        self.line(x, y, w, 0.0, thick);
        self.line(x, y + h, w, 0.0, thick);
        self.line(x, y, 0.0, h, thick);
        self.line(x + w, y, 0.0, h, thick);
    }

    /// Draws a level line (`h` is 0) or an upright one (`w` is 0).
    pub(crate) fn line(&mut self, x: f32, y: f32, w: f32, h: f32, thick: f32) {
        let half = thick / 2.0;
        let area = if h == 0.0 {
            Area::new(x - half, y - half, w + thick, thick)
        } else {
            Area::new(x - half, y - half, thick, h + thick)
        };
        self.fill(area, 255);
    }

    /// Draws a stroke of a pen from one point to another.
    pub(crate) fn stroke(&mut self, from: (f32, f32), to: (f32, f32), thick: f32, ink: u8) {
        let (x0, y0) = (self.dots(from.0), self.dots(from.1));
        let (x1, y1) = (self.dots(to.0), self.dots(to.1));
        let radius = (self.dots(thick) / 2.0).max(0.7);
        let (dx, dy) = (x1 - x0, y1 - y0);
        let length2 = (dx * dx + dy * dy).max(0.01);
        let reach = radius + 1.0;
        let left = (x0.min(x1) - reach).max(0.0) as usize;
        let right = ((x0.max(x1) + reach).max(0.0) as usize).min(self.width.saturating_sub(1));
        let top = (y0.min(y1) - reach).max(0.0) as usize;
        let bottom = ((y0.max(y1) + reach).max(0.0) as usize).min(self.height.saturating_sub(1));
        for y in top..=bottom {
            for x in left..=right {
                let (px, py) = (x as f32 - x0, y as f32 - y0);
                let along = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
                let (ex, ey) = (px - along * dx, py - along * dy);
                let cover = (radius + 0.5 - (ex * ex + ey * ey).sqrt()).clamp(0.0, 1.0);
                let dark = (cover * f32::from(ink)) as u8;
                let dot = &mut self.dots[y * self.width + x];
                *dot = (*dot).min(255 - dark);
            }
        }
    }

    /// Draws a circle line.
    pub(crate) fn circle(&mut self, centre: (f32, f32), radius: f32, thick: f32, ink: u8) {
        let (cx, cy, r) = (self.dots(centre.0), self.dots(centre.1), self.dots(radius));
        let half = (self.dots(thick) / 2.0).max(0.5);
        let reach = r + half + 1.0;
        for y in (cy - reach).max(0.0) as usize..((cy + reach) as usize).min(self.height) {
            for x in (cx - reach).max(0.0) as usize..((cx + reach) as usize).min(self.width) {
                let (dx, dy) = (x as f32 - cx, y as f32 - cy);
                let off = ((dx * dx + dy * dy).sqrt() - r).abs();
                let dark = ((half + 0.5 - off).clamp(0.0, 1.0) * f32::from(ink)) as u8;
                let dot = &mut self.dots[y * self.width + x];
                *dot = (*dot).min(255 - dark);
            }
        }
    }

    /// Lays a glyph with its pen at a dot position.
    pub(crate) fn lay(&mut self, mark: &Mark, x: i32, y: i32, ink: u8) {
        let (left, top) = (x + mark.left, y + mark.top);
        let skip = (-left).max(0) as usize;
        let room = (self.width as i32 - left).clamp(0, mark.width as i32) as usize;
        if skip >= room {
            return;
        }
        for row in 0..mark.height {
            let Ok(line) = usize::try_from(top + row as i32) else { continue };
            if line >= self.height {
                break;
            }
            let start = line * self.width + (left + skip as i32) as usize;
            let coverage = &mark.coverage[row * mark.width + skip..row * mark.width + room];
            for (dot, cover) in self.dots[start..].iter_mut().zip(coverage) {
                let dark = (u16::from(*cover) * u16::from(ink) / 255) as u8;
                *dot = (*dot).min(255 - dark);
            }
        }
    }

    /// Copies another canvas onto this one, turned about its centre. `slope` is the tangent of the
    /// angle; `wear` answers how much ink (0 to 255) is left at a dot.
    pub(crate) fn overlay_turned(
        &mut self,
        other: &Self,
        centre: (f32, f32),
        slope: f32,
        mut wear: impl FnMut() -> u8,
    ) {
        let norm = 1.0 / (1.0 + slope * slope).sqrt();
        let (cos, sin) = (norm, slope * norm);
        let (cx, cy) = (self.dots(centre.0), self.dots(centre.1));
        let (hx, hy) = (other.width as f32 / 2.0, other.height as f32 / 2.0);
        let reach = hx.max(hy) * 1.3;
        for y in (cy - reach).max(0.0) as usize..((cy + reach) as usize).min(self.height) {
            for x in (cx - reach).max(0.0) as usize..((cx + reach) as usize).min(self.width) {
                let (dx, dy) = (x as f32 - cx, y as f32 - cy);
                let (sx, sy) = (dx * cos + dy * sin + hx, dy * cos - dx * sin + hy);
                let Some(grey) = other.sample(sx, sy) else { continue };
                let dark = (u16::from(255 - grey) * u16::from(wear()) / 255) as u8;
                let dot = &mut self.dots[y * self.width + x];
                *dot = (*dot).min(255 - dark);
            }
        }
    }

    fn sample(&self, x: f32, y: f32) -> Option<u8> {
        if x < 0.0 || y < 0.0 {
            return None;
        }
        let (column, row) = (x as usize, y as usize);
        if column + 1 >= self.width || row + 1 >= self.height {
            return None;
        }
        let (fx, fy) = (x - column as f32, y - row as f32);
        let dot =
            |dx: usize, dy: usize| f32::from(self.dots[(row + dy) * self.width + column + dx]);
        let upper = dot(0, 0) + (dot(1, 0) - dot(0, 0)) * fx;
        let lower = dot(0, 1) + (dot(1, 1) - dot(0, 1)) * fx;
        Some((upper + (lower - upper) * fy) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_never_lost_at_a_low_resolution() {
        let mut canvas = Canvas::a4(72);
        canvas.line(10.0, 10.0, 20.0, 0.0, 0.1);
        assert!(canvas.dots.contains(&0));
    }

    #[test]
    fn drawing_outside_the_sheet_is_cut_off() {
        let mut canvas = Canvas::a4(72);
        let mark = Mark { left: -5, top: -5, width: 10, height: 10, coverage: vec![255; 100] };
        for (x, y) in [(0, 0), (594, 841), (-100, -100), (5000, 5000)] {
            canvas.lay(&mark, x, y, 255);
        }
        canvas.fill(Area::new(-10.0, -10.0, 400.0, 11.0), 255);
        canvas.stroke((-3.0, -3.0), (300.0, 300.0), 1.0, 255);
        canvas.circle((0.0, 0.0), 20.0, 1.0, 255);
        assert_eq!(canvas.dots.len(), canvas.width * canvas.height);
    }
}
