//! Items that are tables: `<drugs><row><drug>…</drug></row></drugs>`.

use kakehashi_forms::{Answer, Cell, Finding, Item, Localized, Row, Value};
use kakehashi_kernel::limits::FORM_ROWS_MAX;

use crate::{
    form::{Order, Reading, at},
    input::Position,
    names::is_blank,
    refusal::{Why, XmlRefusal},
    tokens::{Step, Tokens},
    value,
};

/// One table being read.
struct Table<'i> {
    item: &'i Item,
    /// Its path below the form.
    path: String,
    position: Position,
    rows: Vec<Row>,
    places: Vec<Position>,
    is_wrong: bool,
}

/// Reads the table whose start was the last step, to its end. `None`: what is wrong with it is reported.
pub(crate) fn read(
    reading: &mut Reading<'_>,
    tokens: &mut Tokens<'_>,
    section: &str,
    item: &Item,
) -> Result<Option<Answer>, XmlRefusal> {
    let position = tokens.position();
    let path = format!("/{section}/{}", item.id);
    let mut table =
        Table { item, path, position, rows: Vec::new(), places: Vec::new(), is_wrong: false };
    // States are those of any item without text.
    let state = match value::state(item, tokens.attributes()) {
        Ok(state) => state,
        Err(finding) => {
            table.report(reading, position, "", finding);
            None
        }
    };
    table.rows(reading, tokens)?;
    if table.is_wrong {
        return Ok(None);
    }
    match state {
        Some(state) if table.rows.is_empty() => Ok(Some(state)),
        Some(_) => {
            let finding = value::finding(item, "xml.state-with-value");
            table.report(reading, position, "", finding);
            Ok(None)
        }
        None if table.rows.is_empty() => Ok(Some(Answer::Blank)),
        None => Ok(table.examined(reading)),
    }
}

impl Table<'_> {
    fn rows(
        &mut self,
        reading: &mut Reading<'_>,
        tokens: &mut Tokens<'_>,
    ) -> Result<(), XmlRefusal> {
        let mut children = 0;
        loop {
            match tokens.step()? {
                Step::Start => {
                    children += 1;
                    let position = tokens.position();
                    if tokens.name() != "row" {
                        let path = format!("/*[{children}]");
                        self.report(reading, position, &path, at("xml.unknown-row"));
                        tokens.skip()?;
                        continue;
                    }
                    let row = self.row(reading, tokens)?;
                    // One row too many is enough to say so.
                    if self.rows.len() <= FORM_ROWS_MAX {
                        self.rows.push(row);
                        self.places.push(position);
                    }
                }
                Step::Text => self.demand_blank(reading, tokens, ""),
                Step::End => return Ok(()),
                Step::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
            }
        }
    }

    fn row(
        &mut self,
        reading: &mut Reading<'_>,
        tokens: &mut Tokens<'_>,
    ) -> Result<Row, XmlRefusal> {
        let number = self.rows.len() + 1;
        let row_path = format!("/row[{number}]");
        let mut row = Row::new();
        let mut order = Order::default();
        if !tokens.attributes().is_empty() || tokens.instance_type().is_some() {
            self.report(reading, tokens.position(), &row_path, at("xml.row-attribute"));
        }
        loop {
            match tokens.step()? {
                Step::Start => {
                    order.children += 1;
                    let position = tokens.position();
                    let columns = self.item.columns();
                    let found = order.find(columns, |column| column.id == tokens.name());
                    let Some((place, column)) = found else {
                        let path = format!("{row_path}/*[{}]", order.children);
                        self.report(reading, position, &path, at("xml.unknown-column"));
                        tokens.skip()?;
                        continue;
                    };
                    let cell = Cell { row: number, column: Some(column.id.clone()) };
                    let path = format!("{row_path}/{}", column.id);
                    let mut wrong: Vec<Finding> = order.go_to(place).map(at).into_iter().collect();
                    if tokens.instance_type().is_some() {
                        wrong.push(at("xml.instance-attribute"));
                    }
                    let answer = if tokens.content()? {
                        value::decode(column, tokens.attributes(), tokens.text())
                    } else {
                        Err(at("xml.unexpected-element"))
                    };
                    match answer {
                        Ok(answer) => row.set(&column.id, answer),
                        Err(finding) => wrong.push(finding),
                    }
                    for finding in wrong {
                        self.report(reading, position, &path, self.in_cell(finding, cell.clone()));
                    }
                }
                Step::Text => self.demand_blank(reading, tokens, &row_path),
                Step::End => return Ok(row),
                Step::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// The rows together: how many, and none without a cell.
    fn examined(self, reading: &mut Reading<'_>) -> Option<Answer> {
        let value = Value::Rows(self.rows);
        let wrong = self.item.examine_all(&value);
        for finding in &wrong {
            let (position, path) = match &finding.cell {
                Some(Cell { row, .. }) => {
                    let position = row.checked_sub(1).and_then(|row| self.places.get(row));
                    (
                        position.copied().unwrap_or(self.position),
                        format!("{}/row[{row}]", self.path),
                    )
                }
                None => (self.position, self.path.clone()),
            };
            reading.push(position, &path, finding.clone());
        }
        wrong.is_empty().then_some(Answer::Given(value))
    }

    fn in_cell(&self, finding: Finding, cell: Cell) -> Finding {
        let row = cell.row;
        let label = &self.item.label;
        let message = Localized::new(
            format!("「{}」{row}行目：{}", label.ja, finding.message.ja),
            format!("“{}”, row {row}: {}", label.en, finding.message.en),
        );
        Finding { item: Some(self.item.id.clone()), cell: Some(cell), message, ..finding }
    }

    fn demand_blank(&mut self, reading: &mut Reading<'_>, tokens: &Tokens<'_>, path: &str) {
        if !is_blank(tokens.text()) {
            self.report(reading, tokens.position(), path, at("xml.unexpected-text"));
        }
    }

    fn report(
        &mut self,
        reading: &mut Reading<'_>,
        position: Position,
        path: &str,
        finding: Finding,
    ) {
        self.is_wrong = true;
        let item = Some(self.item.id.clone());
        reading.push(position, &format!("{}{path}", self.path), Finding { item, ..finding });
    }
}
