//! The plan of a printed form: where every frame, label, box and character cell lies.
//!
//! Made from the definition alone, so that any form with a definition can be typeset. Draws nothing.

use kakehashi_forms::{AllowedState, Applications, Definition, Item, Kind, Section};
use rust_decimal::Decimal;

use crate::{
    canvas::{A4_HEIGHT, A4_WIDTH, Area},
    letter::{Face, Letters},
};

/// All pages of one form.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) pages: Vec<SheetPage>,
}

/// One page.
#[derive(Debug, Default)]
pub(crate) struct SheetPage {
    /// From 1.
    pub(crate) number: u16,
    pub(crate) headings: Vec<(Area, String)>,
    pub(crate) fields: Vec<Field>,
}

/// One item on the page.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) label_area: Area,
    pub(crate) area: Area,
    pub(crate) border: Border,
    pub(crate) content: Content,
}

/// What an item's frame says about when it is asked (notes on filling in the forms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Border {
    /// New and renewal: a thin line.
    Thin,
    /// New only: a thick line.
    Thick,
    /// Renewal only: dots.
    Dotted,
}

/// What is inside a field, in millimetres of the page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// Printed words: left, middle line, text.
    pub(crate) words: Vec<(f32, f32, String)>,
    /// One cell per character.
    pub(crate) cells: Vec<Area>,
    /// Lines to write on.
    pub(crate) lines: Vec<Area>,
    /// Boxes to tick.
    pub(crate) boxes: Vec<(Choice, Area)>,
    /// A table.
    pub(crate) table: Table,
}

/// A printed table: what stands above its columns, and the cells of its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) heads: Vec<(Area, String)>,
    /// By row; in a row by column, as the definition has them.
    pub(crate) rows: Vec<Vec<Area>>,
}

/// What a ticked box means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// A code of the item's list.
    Code(String),
    /// 未実施 or 不明.
    State(AllowedState),
}

pub(crate) const LEFT: f32 = 13.0;
pub(crate) const RIGHT: f32 = A4_WIDTH - 13.0;
pub(crate) const TOP: f32 = 11.0;
/// Where the first section starts: below the barcode.
pub(crate) const BODY_TOP: f32 = 41.0;
pub(crate) const BODY_BOTTOM: f32 = A4_HEIGHT - 19.0;
/// Size of printed words inside fields.
pub(crate) const WORD: f32 = 2.9;
const HEADING: f32 = 5.6;
const GAP: f32 = 1.6;
const LABEL: f32 = 32.0;
const BOX: f32 = 2.7;
const CELL: f32 = 4.9;
/// Rows printed of a table, unless it has fewer or must have more.
const ROWS: usize = 4;
/// Line heights tried from comfortable to tight.
const LINE_HEIGHTS: [f32; 16] =
    [10.0, 9.2, 8.6, 8.0, 7.5, 7.0, 6.6, 6.2, 5.8, 5.4, 5.0, 4.6, 4.2, 3.8, 3.5, 3.2];

/// Lines lower than this are of a crowded page.
const TIGHT: f32 = 4.0;

/// Plans all pages of a form.
pub(crate) fn plan(definition: &Definition, letters: &Letters) -> Sheet {
    let pages = (1..=definition.pages().max(1)).map(|number| {
        let tries = LINE_HEIGHTS.iter().map(|line| plan_page(definition, letters, number, *line));
        let mut last = None;
        for (page, bottom) in tries {
            last = Some(page);
            if bottom <= BODY_BOTTOM {
                break;
            }
        }
        last.unwrap_or_default()
    });
    Sheet { pages: pages.collect() }
}

fn plan_page(
    definition: &Definition,
    letters: &Letters,
    number: u16,
    line: f32,
) -> (SheetPage, f32) {
    let mut page = SheetPage { number, ..SheetPage::default() };
    let mut y = BODY_TOP;
    for section in definition.sections() {
        let items: Vec<&Item> = section.items.iter().filter(|item| item.page == number).collect();
        if items.is_empty() {
            continue;
        }
        page.headings.push((Area::new(LEFT, y, RIGHT - LEFT, HEADING), heading(section, number)));
        y = plan_rows(&mut page, &items, letters, y + HEADING, line) + GAP;
    }
    (page, y - GAP)
}

fn heading(section: &Section, number: u16) -> String {
    let more = if section.page < number { "（続き）" } else { "" };
    format!("{}{more}", section.label.ja)
}

/// Places items in rows of one or two; answers the lower edge.
fn plan_rows(
    page: &mut SheetPage,
    items: &[&Item],
    letters: &Letters,
    mut y: f32,
    line: f32,
) -> f32 {
    let middle = LEFT.midpoint(RIGHT);
    let mut rest = items;
    while let [item, after @ ..] = rest {
        let half = |item: &Item| {
            let (content, lines) = flow(item, letters, middle - LEFT - LABEL, line);
            (lines == 1).then_some(content)
        };
        let pair = after.first().and_then(|next| Some((half(item)?, half(next)?, *next)));
        if let Some((first, second, next)) = pair {
            page.fields.push(field(item, first, (LEFT, y), (LABEL, middle - LEFT, line)));
            page.fields.push(field(next, second, (middle, y), (LABEL, RIGHT - middle, line)));
            rest = &after[1..];
            y += line;
        } else {
            let (content, lines) = flow(item, letters, RIGHT - LEFT - LABEL, line);
            let height = f32::from(lines) * line;
            page.fields.push(field(item, content, (LEFT, y), (LABEL, RIGHT - LEFT, height)));
            rest = after;
            y += height;
        }
    }
    y
}

fn field(
    item: &Item,
    mut content: Content,
    (x, y): (f32, f32),
    (label, w, h): (f32, f32, f32),
) -> Field {
    let (dx, dy) = (x + label, y);
    let shift = |area: &mut Area| {
        area.x += dx;
        area.y += dy;
    };
    content.cells.iter_mut().for_each(shift);
    content.lines.iter_mut().for_each(shift);
    content.boxes.iter_mut().for_each(|(_, area)| shift(area));
    content.table.heads.iter_mut().for_each(|(area, _)| shift(area));
    content.table.rows.iter_mut().flatten().for_each(shift);
    for (left, middle, _) in &mut content.words {
        *left += dx;
        *middle += dy;
    }
    Field {
        id: item.id.clone(),
        label: item.label.ja.clone(),
        label_area: Area::new(x, y, label, h),
        area: Area::new(x, y, w, h),
        border: match item.applies {
            Applications::Both | Applications::Never => Border::Thin,
            Applications::New => Border::Thick,
            Applications::Renewal => Border::Dotted,
        },
        content,
    }
}

/// Sets an item's content in lines of a width; answers it with the number of lines.
fn flow(item: &Item, letters: &Letters, width: f32, line: f32) -> (Content, u16) {
    let mut flow = Flow { letters, content: Content::default(), width, line, x: PAD, lines: 0 };
    match &item.kind {
        Kind::Text { lines_max, .. } if *lines_max > 1 => {
            // A crowded page has less room to write on.
            let most = if line < TIGHT { 3 } else { 7 };
            flow.area(u16::try_from(*lines_max).unwrap_or(most).min(most));
        }
        Kind::Text { length_max, .. } | Kind::Kana { length_max } => {
            let room = if *length_max > 40 { 100.0 } else { 50.0 };
            flow.blank(room);
        }
        Kind::Date | Kind::PartialDate => {
            for (cells, word) in [(4, "年"), (2, "月"), (2, "日")] {
                flow.cells(cells);
                flow.word(word);
            }
        }
        Kind::Code(list) | Kind::Codes(list) => {
            for option in list.options() {
                // 「0度 …」 says its code already.
                let label = if option.label.ja.starts_with(&option.code) {
                    option.label.ja.clone()
                } else {
                    format!("{} {}", option.code, option.label.ja)
                };
                flow.choice(Choice::Code(option.code.clone()), &label);
            }
        }
        Kind::Integer { min, max } => flow.cells(widest(&min.to_string(), &max.to_string())),
        Kind::Decimal { min, max, places, comparator } => {
            let written = |number: &Decimal| {
                let places = usize::try_from(*places).unwrap_or(0);
                format!("{number:.places$}")
            };
            let sign = usize::from(*comparator) * 2;
            flow.cells(sign + widest(&written(min), &written(max)));
        }
        Kind::Digits { max, .. } => flow.cells(*max),
        Kind::Postcode | Kind::Recipient => flow.cells(7),
        Kind::Tel => flow.cells(11),
        Kind::Insurer => flow.cells(8),
        Kind::Rows { min, max, columns } => flow.table(columns, (*max).min((*min).max(ROWS))),
    }
    if let Some(unit) = &item.unit {
        flow.word(unit);
    }
    for state in &item.states {
        let word = match state {
            AllowedState::NotDone => "未実施",
            AllowedState::Unknown => "不明",
        };
        flow.choice(Choice::State(*state), word);
    }
    (flow.content, flow.lines + 1)
}

const PAD: f32 = 1.6;

/// A cursor that sets things from left to right and starts a new line when one is full.
struct Flow<'a> {
    letters: &'a Letters,
    content: Content,
    width: f32,
    line: f32,
    x: f32,
    lines: u16,
}

impl Flow<'_> {
    fn make_room(&mut self, width: f32) {
        if self.x > PAD && self.x + width > self.width - 0.5 {
            self.x = PAD;
            self.lines += 1;
        }
    }

    fn top(&self) -> f32 {
        f32::from(self.lines) * self.line
    }

    fn words_width(&self, text: &str) -> f32 {
        self.letters.width(Face::Print, text) * WORD
    }

    fn word(&mut self, text: &str) {
        let width = self.words_width(text);
        self.make_room(width);
        self.content.words.push((self.x, self.top() + self.line / 2.0, text.to_owned()));
        self.x += width + 1.2;
    }

    fn cells(&mut self, count: usize) {
        let cells = u16::try_from(count.clamp(1, 30)).unwrap_or(1);
        let height = (self.line - 1.2).min(5.8);
        self.make_room(f32::from(cells) * CELL);
        // Like a blank wider than the field, so many cells get a row of their own.
        if self.x + f32::from(cells) * CELL > self.width {
            self.lines += 1;
        }
        let top = self.top() + (self.line - height) / 2.0;
        for cell in 0..cells {
            let left = self.x + f32::from(cell) * CELL;
            self.content.cells.push(Area::new(left, top, CELL, height));
        }
        self.x += f32::from(cells) * CELL + 1.0;
    }

    fn choice(&mut self, choice: Choice, label: &str) {
        let width = BOX + 0.8 + self.words_width(label);
        self.make_room(width);
        let middle = self.top() + self.line / 2.0;
        self.content.boxes.push((choice, Area::new(self.x, middle - BOX / 2.0, BOX, BOX)));
        self.content.words.push((self.x + BOX + 0.8, middle, label.to_owned()));
        self.x += width + 3.0;
    }

    fn blank(&mut self, width: f32) {
        self.make_room(width);
        // A blank wider than the field counts as a second line, so that it gets a row of its own.
        if self.x + width > self.width {
            self.lines += 1;
        }
        let width = width.max(self.width - self.x - PAD);
        self.content.lines.push(Area::new(self.x, self.top(), width, self.line));
        self.x += width + 1.0;
    }

    fn area(&mut self, lines: u16) {
        for line in 0..lines {
            let top = f32::from(line) * self.line;
            self.content.lines.push(Area::new(PAD, top, self.width - 2.0 * PAD, self.line));
        }
        self.lines = lines.saturating_sub(1);
        self.x = self.width;
    }

    /// A line of column heads, then `rows` lines of cells.
    fn table(&mut self, columns: &[Item], rows: usize) {
        let rows = u16::try_from(rows).unwrap_or(1);
        let count = u16::try_from(columns.len()).unwrap_or(1).max(1);
        let (width, height) = (self.width / f32::from(count), self.line);
        let places = |line: u16| -> Vec<Area> {
            let cell = |place| {
                Area::new(f32::from(place) * width, f32::from(line) * height, width, height)
            };
            (0..count).map(cell).collect()
        };
        let heads = columns.iter().map(|column| column.label.ja.clone());
        self.content.table = Table {
            heads: places(0).into_iter().zip(heads).collect(),
            rows: (1..=rows).map(places).collect(),
        };
        self.lines = rows;
        self.x = self.width;
    }
}

fn widest(low: &str, high: &str) -> usize {
    low.len().max(high.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filled::{definition, samples};

    fn fields(definition: &Definition) -> Vec<Field> {
        let sheet = plan(definition, &Letters::new());
        assert_eq!(sheet.pages.len(), usize::from(definition.pages()));
        sheet.pages.into_iter().flat_map(|page| page.fields).collect()
    }

    fn is_inside(inner: Area, outer: Area) -> bool {
        inner.x >= outer.x - 0.01
            && inner.y >= outer.y - 0.01
            && inner.x + inner.w <= outer.x + outer.w + 0.01
            && inner.y + inner.h <= outer.y + outer.h + 0.01
    }

    #[test]
    fn every_item_stands_on_the_form_once_in_printed_order() {
        for form in samples() {
            let planned: Vec<String> = fields(form).into_iter().map(|field| field.id).collect();
            let mut defined: Vec<&Item> = form.items().collect();
            defined.sort_by_key(|item| item.page);
            let defined: Vec<&str> = defined.iter().map(|item| item.id.as_str()).collect();
            assert_eq!(planned, defined, "{}", form.key());
        }
    }

    #[test]
    fn nothing_leaves_the_page_or_its_frame() {
        let body = Area::new(LEFT, BODY_TOP, RIGHT - LEFT, BODY_BOTTOM - BODY_TOP);
        let mut outside = Vec::new();
        for form in samples() {
            for field in fields(form) {
                let Content { cells, lines, boxes, table, .. } = &field.content;
                let boxes = boxes.iter().map(|(_, area)| area);
                let heads = table.heads.iter().map(|(area, _)| area);
                let mut parts = cells.iter().chain(lines).chain(boxes).chain(heads);
                let is_whole = parts.all(|area| is_inside(*area, field.area))
                    && table.rows.iter().flatten().all(|area| is_inside(*area, field.area));
                if !is_inside(field.area, body) || !is_whole {
                    outside.push(format!("{} {}", form.key(), field.id));
                }
            }
        }
        assert!(outside.is_empty(), "{outside:#?}");
    }

    #[test]
    fn every_code_and_state_has_a_box() {
        for (field, item) in fields(definition()).iter().zip(definition().items()) {
            let codes = item.codes().map_or(0, |list| list.options().len());
            assert_eq!(field.content.boxes.len(), codes + item.states.len(), "{}", item.id);
        }
    }
}
