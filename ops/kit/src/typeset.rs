//! The press: prints the form, fills it in by hand, stamps it, scans it, wraps it.

use std::collections::HashMap;

use kakehashi_forms::{AllowedState, Answer, Application, Definition, Item, Row, Value};
use kakehashi_kernel::{FormKey, Programme};

use crate::{
    barcode,
    canvas::{A4_HEIGHT, A4_WIDTH, Area, Canvas},
    dice::Dice,
    filled::{FilledForm, catalogue},
    letter::Letters,
    page::{BODY_TOP, Border, Choice, Field, LEFT, RIGHT, Sheet, SheetPage, TOP, WORD, plan},
    pdf::{self, PdfError},
    pen::{self, Writer, print, print_bold},
    raster::{EncodeError, PageScan, Scanner},
    stamp,
};

/// Prints, fills in and scans forms. Keeps glyphs and empty pages, so one press for many forms is
/// much faster than one each; what it makes does not depend on what it made before.
#[derive(Debug)]
pub struct Press {
    letters: Letters,
    sheets: HashMap<FormKey, Sheet>,
    blanks: HashMap<(FormKey, u16, u16), Canvas>,
}

/// A scan could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PressError {
    /// A page image could not be encoded.
    #[error("a page could not be scanned")]
    Encode(#[from] EncodeError),
    /// The form is of no version there is.
    #[error("no definition of {0}")]
    UnknownForm(FormKey),
    /// The PDF could not be written.
    #[error("the scan could not be wrapped")]
    Pdf(#[from] PdfError),
}

impl Default for Press {
    fn default() -> Self {
        Self::new()
    }
}

impl Press {
    /// Sets up a press.
    pub fn new() -> Self {
        Self { letters: Letters::new(), sheets: HashMap::new(), blanks: HashMap::new() }
    }

    /// Makes the scanned PDF of a form. The same form gives the same bytes.
    ///
    /// # Errors
    ///
    /// [`PressError`] when the catalogue does not have the form, or an encoder fails, which no form of
    /// ours makes it do.
    pub fn scan(&mut self, form: &FilledForm) -> Result<Vec<u8>, PressError> {
        let pages = self.page_scans(form)?;
        Ok(pdf::wrap(&pages, &form.serial)?)
    }

    /// Makes the page images of a form, before they are wrapped.
    ///
    /// # Errors
    ///
    /// As [`Press::scan`].
    pub fn page_scans(&mut self, form: &FilledForm) -> Result<Vec<PageScan>, PressError> {
        let definition =
            catalogue().definition(form.key).ok_or(PressError::UnknownForm(form.key))?;
        let mut dice = Dice::new(form.seed, form.index, "scanner");
        let scanner = Scanner::draw(&mut dice);
        let mut writer = Writer::new(Dice::new(form.seed, form.index, "writer"));
        let mut stamping = Dice::new(form.seed, form.index, "stamp");
        let key = definition.key();
        let Self { letters, sheets, blanks } = self;
        let sheet = sheets.entry(key).or_insert_with(|| plan(definition, letters));
        let mut scans = Vec::with_capacity(sheet.pages.len());
        for page in &sheet.pages {
            let blank = blanks
                .entry((key, page.number, scanner.dpi))
                .or_insert_with(|| print_page(definition, letters, page, scanner.dpi));
            let mut canvas = blank.clone();
            fill_page(&mut canvas, letters, &mut writer, page, (form, definition));
            if page.number == 1 {
                // One in five misses its box and covers part of a field.
                let at = if stamping.chance(200) { STAMP_MISSED } else { STAMP_AT };
                let day = (scanner.dpi, form.received);
                stamp::press(&mut canvas, letters, &mut stamping, at, day);
            }
            scans.push(scanner.scan(canvas, &mut dice)?);
        }
        Ok(scans)
    }
}

/// The middle of the box for the receipt stamp.
const STAMP_AT: (f32, f32) = (146.0, 25.0);

/// Where a stamp lands that was pressed in haste.
const STAMP_MISSED: (f32, f32) = (137.0, 47.0);

/// Prints what is the same on every copy of a page.
fn print_page(
    definition: &Definition,
    letters: &mut Letters,
    page: &SheetPage,
    dpi: u16,
) -> Canvas {
    let mut canvas = Canvas::a4(dpi);
    print_margins(&mut canvas, letters, definition, page);
    print_title(&mut canvas, letters, definition, page);
    for (area, text) in &page.headings {
        canvas.fill(Area::new(area.x, area.y + 0.4, 2.2, area.h - 1.2), 255);
        let at = (area.x + 3.6, area.y + area.h / 2.0);
        print_bold(&mut canvas, letters, at, (3.7, area.w - 4.0), text);
        canvas.line(area.x, area.y + area.h, area.w, 0.0, 0.5);
    }
    for field in &page.fields {
        print_field(&mut canvas, letters, field);
    }
    canvas
}

/// Corner marks, page number and version code.
fn print_margins(
    canvas: &mut Canvas,
    letters: &mut Letters,
    definition: &Definition,
    page: &SheetPage,
) {
    for (x, y) in [(6.0, 6.0), (6.0, A4_HEIGHT - 10.0), (A4_WIDTH - 10.0, A4_HEIGHT - 10.0)] {
        canvas.fill(Area::new(x, y, 4.0, 4.0), 255);
    }
    let middle = A4_HEIGHT - 12.5;
    let count = format!("{} / {} ページ", page.number, definition.pages());
    print(canvas, letters, (A4_WIDTH / 2.0 - 9.0, middle), (3.0, 30.0), &count);
    let code = definition.key().page_code(page.number);
    let frame = Area::new(RIGHT - 38.0, middle - 3.0, 38.0, 6.0);
    canvas.frame(frame, 0.3);
    print_bold(canvas, letters, (frame.x + 2.0, middle), (4.0, frame.w - 4.0), &code);
}

fn print_title(
    canvas: &mut Canvas,
    letters: &mut Letters,
    definition: &Definition,
    page: &SheetPage,
) {
    let key = definition.key();
    let (title, of_number) = match key.programme {
        Programme::Nanbyo => ("臨床調査個人票", "告示番号"),
        Programme::Shouman => ("小児慢性特定疾病医療意見書", "疾病番号"),
    };
    let number = match (key.programme, key.branch) {
        (Programme::Nanbyo, 0) => format!("{:03}", key.number),
        (Programme::Nanbyo, branch) => format!("{:03}-{branch}", key.number),
        (Programme::Shouman, branch) => format!("{:02}-{branch:03}", key.number),
    };
    let name = format!("{number}　{}", definition.name().ja);
    if page.number > 1 {
        print_bold(canvas, letters, (LEFT, TOP + 5.0), (4.6, 60.0), title);
        print(canvas, letters, (LEFT, TOP + 12.0), (4.0, 100.0), &name);
        return;
    }
    print_bold(canvas, letters, (LEFT, TOP + 4.0), (6.6, 70.0), title);
    let frame = Area::new(LEFT, TOP + 9.5, 92.0, 8.0);
    canvas.frame(frame, 0.5);
    canvas.line(LEFT + 20.0, frame.y, 0.0, frame.h, 0.3);
    print(canvas, letters, (LEFT + 2.0, frame.y + 4.0), (3.2, 18.0), of_number);
    print_bold(canvas, letters, (LEFT + 23.0, frame.y + 4.0), (5.0, 68.0), &name);
    for application in [Application::New, Application::Renewal] {
        let area = application_box(application);
        canvas.frame(area, 0.3);
        let at = (area.x + 4.6, area.y + area.h / 2.0);
        print(canvas, letters, at, (3.6, 20.0), &application.label().ja);
    }
    let notes =
        "黒のボールペンで記入し、該当する□にレ印を付けること。検査値は右詰めで記入すること。";
    print(canvas, letters, (LEFT, BODY_TOP - 1.9), (2.4, 110.0), notes);
    let stamp = Area::new(STAMP_AT.0 - 17.0, STAMP_AT.1 - 13.0, 34.0, 26.0);
    canvas.frame(stamp, 0.2);
    print(canvas, letters, (stamp.x + 1.0, stamp.y + 1.8), (2.4, 30.0), "行政記載欄（受付印）");
}

fn application_box(application: Application) -> Area {
    let x = match application {
        Application::New => LEFT + 2.0,
        Application::Renewal => LEFT + 26.0,
    };
    Area::new(x, TOP + 20.0, 3.4, 3.4)
}

fn print_field(canvas: &mut Canvas, letters: &mut Letters, field: &Field) {
    let Area { x, y, w, h } = field.area;
    canvas.fill(field.label_area, 22);
    match field.border {
        Border::Thin => canvas.frame(field.area, 0.18),
        Border::Thick => canvas.frame(field.area, 0.55),
        Border::Dotted => dotted_frame(canvas, field.area),
    }
    canvas.line(x + field.label_area.w, y, 0.0, h, 0.15);
    print_label(canvas, letters, field);
    for (left, middle, text) in &field.content.words {
        print(canvas, letters, (*left, *middle), (WORD, x + w - left), text);
    }
    for cell in &field.content.cells {
        canvas.frame(*cell, 0.12);
    }
    for (_, area) in &field.content.boxes {
        canvas.frame(*area, 0.25);
    }
    for (area, text) in &field.content.table.heads {
        canvas.fill(*area, 12);
        print(canvas, letters, (area.x + 1.0, area.y + area.h / 2.0), (WORD, area.w - 2.0), text);
    }
    for area in field.content.table.rows.iter().flatten() {
        canvas.frame(*area, 0.12);
    }
    for line in field.content.lines.iter().skip(1) {
        canvas.line(line.x, line.y, line.w, 0.0, 0.05);
    }
}

fn dotted_frame(canvas: &mut Canvas, area: Area) {
    let Area { x, y, w, h } = area;
    let mut along = 0.0;
    while along < w {
        canvas.line(x + along, y, 0.9, 0.0, 0.25);
        canvas.line(x + along, y + h, 0.9, 0.0, 0.25);
        along += 2.0;
    }
    canvas.line(x, y, 0.0, h, 0.18);
    canvas.line(x + w, y, 0.0, h, 0.18);
}

/// Prints a label in one line or, when it would shrink too much, in two.
fn print_label(canvas: &mut Canvas, letters: &mut Letters, field: &Field) {
    const SIZE: f32 = 2.8;
    let Area { x, y, w, h } = field.label_area;
    let room = w - 2.0;
    let width = letters.width(crate::letter::Face::Print, &field.label) * SIZE;
    let middle = y + h / 2.0;
    if width <= room * 1.25 {
        print(canvas, letters, (x + 1.0, middle), (SIZE, room), &field.label);
        return;
    }
    let letters_count = field.label.chars().count();
    let cut = letters_count.div_ceil(2);
    let size = (h / 2.0 - 0.4).min(2.6);
    for (line, share) in [(0, 0.27), (1, 0.73)] {
        let part: String = field.label.chars().skip(line * cut).take(cut).collect();
        print(canvas, letters, (x + 1.0, y + h * share), (size, room), &part);
    }
}

/// Draws what differs from copy to copy: barcode, serial, and everything written by hand.
fn fill_page(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    page: &SheetPage,
    (form, definition): (&FilledForm, &Definition),
) {
    let code = form.key.page_code(page.number);
    barcode::draw(canvas, RIGHT, TOP, &barcode::text(&code, &form.serial));
    print(canvas, letters, (LEFT, A4_HEIGHT - 12.5), (2.8, 60.0), &form.serial);
    if page.number == 1 {
        pen::tick(canvas, writer, application_box(form.application));
    }
    for field in &page.fields {
        match (form.answers.get(&field.id), definition.item(&field.id)) {
            (Some(Answer::Given(Value::Rows(rows))), Some(item)) => {
                write_table(canvas, letters, writer, field, (item, rows));
            }
            (Some(answer), _) => write_answer(canvas, letters, writer, field, answer),
            (None, _) => {}
        }
    }
}

fn write_answer(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    field: &Field,
    answer: &Answer,
) {
    let room = content_area(field);
    match answer {
        Answer::Given(value) => write_value(canvas, letters, writer, field, value),
        Answer::Blank => {}
        Answer::NotDone => {
            tick_choice(canvas, letters, writer, field, &Choice::State(AllowedState::NotDone));
        }
        Answer::Unknown => {
            tick_choice(canvas, letters, writer, field, &Choice::State(AllowedState::Unknown));
        }
        Answer::Illegible => pen::scribble(canvas, writer, room),
        Answer::Struck => {
            pen::scribble(canvas, writer, room);
            pen::strike(canvas, writer, room);
        }
        Answer::MultiplyMarked => {
            for (_, area) in field.content.boxes.iter().take(2) {
                pen::tick(canvas, writer, *area);
            }
        }
    }
}

fn content_area(field: &Field) -> Area {
    let label = field.label_area.w;
    Area { x: field.area.x + label, w: field.area.w - label, ..field.area }
}

fn write_value(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    field: &Field,
    value: &Value,
) {
    let cells = &field.content.cells;
    match value {
        Value::Text(text) if cells.is_empty() => write_lines(canvas, letters, writer, field, text),
        Value::Text(text) => write_cells(canvas, letters, writer, cells, text),
        Value::Date(date) => write_cells(canvas, letters, writer, cells, &date.compact()),
        Value::PartialDate(date) => {
            let digits = date.to_string().replace('-', "");
            write_cells(canvas, letters, writer, cells, &digits);
        }
        Value::Integer(number) => write_right(canvas, letters, writer, cells, &number.to_string()),
        Value::Decimal { value, comparator } => {
            let sign = comparator.map_or("", kakehashi_forms::Comparator::symbol);
            write_right(canvas, letters, writer, cells, &format!("{sign}{value}"));
        }
        Value::BelowDetection => write_lines(canvas, letters, writer, field, "感度以下"),
        // Written cell by cell, where its columns are known.
        Value::Rows(_) => {}
        Value::Code(code) => {
            tick_choice(canvas, letters, writer, field, &Choice::Code(code.clone()));
        }
        Value::Codes(codes) => {
            for code in codes {
                tick_choice(canvas, letters, writer, field, &Choice::Code(code.clone()));
            }
        }
    }
}

/// Writes a table, each cell in its place.
fn write_table(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    field: &Field,
    (item, rows): (&Item, &[Row]),
) {
    for (areas, row) in field.content.table.rows.iter().zip(rows) {
        for (area, column) in areas.iter().zip(item.columns()) {
            if let Some(answer) = row.get(&column.id) {
                pen::write(canvas, letters, writer, *area, &column.write(answer));
            }
        }
    }
}

fn tick_choice(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    field: &Field,
    choice: &Choice,
) {
    if let Some((_, area)) = field.content.boxes.iter().find(|(found, _)| found == choice) {
        pen::tick(canvas, writer, *area);
        return;
    }
    let word = match choice {
        Choice::Code(code) => code.as_str(),
        Choice::State(AllowedState::NotDone) => "未実施",
        Choice::State(AllowedState::Unknown) => "不明",
    };
    pen::write(canvas, letters, writer, content_area(field), word);
}

fn write_cells(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    cells: &[Area],
    text: &str,
) {
    for (cell, letter) in cells.iter().zip(text.chars()) {
        pen::write_cell(canvas, letters, writer, *cell, letter);
    }
}

/// Numbers stand to the right of their cells; the point takes a cell.
fn write_right(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    cells: &[Area],
    text: &str,
) {
    let skip = cells.len().saturating_sub(text.chars().count());
    write_cells(canvas, letters, writer, &cells[skip..], text);
}

/// Writes text on the field's lines, breaking where a line is full.
fn write_lines(
    canvas: &mut Canvas,
    letters: &mut Letters,
    writer: &mut Writer,
    field: &Field,
    text: &str,
) {
    let lines = &field.content.lines;
    let Some(first) = lines.first() else {
        pen::write(canvas, letters, writer, content_area(field), text);
        return;
    };
    let per_line = if lines.len() == 1 { f32::INFINITY } else { first.w / 4.0 };
    let mut rows = Vec::new();
    for paragraph in text.split('\n') {
        let (mut row, mut width) = (String::new(), 0.0);
        for letter in paragraph.chars() {
            width += letters.advance(crate::letter::Face::Hand, letter);
            if width > per_line && rows.len() + 1 < lines.len() {
                rows.push(std::mem::take(&mut row));
                width = letters.advance(crate::letter::Face::Hand, letter);
            }
            row.push(letter);
        }
        rows.push(row);
    }
    for (line, row) in lines.iter().zip(&rows) {
        pen::write(canvas, letters, writer, *line, row);
    }
}
