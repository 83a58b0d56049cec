//! The inside of one `<form>`. What is wrong in it is among its defects and leaves its neighbours alone.

use kakehashi_forms::{
    Answer, Answers, Definition, Finding, Item, Kind, Localized, Section, Severity,
};

use crate::{
    attributes::Attributes,
    input::Position,
    names::is_blank,
    place::{Defect, Place},
    refusal::{Why, XmlRefusal},
    table,
    tokens::{InstanceType, Step, Tokens},
    value,
};

/// Defects of one form; what is wrong beyond that is not listed.
const FORM_DEFECTS_MAX: usize = 200;

/// The rule about an element that is given twice.
const REPEATED: &str = "xml.repeated";

/// What has been read of one form.
pub(crate) struct Reading<'d> {
    definition: &'d Definition,
    path: String,
    no_attributes: Attributes,
    pub(crate) answers: Answers,
    pub(crate) defects: Vec<Defect>,
}

/// Reads the inside of the `<form>` whose start was the last step, to its end. `path` is that of the form.
pub(crate) fn read<'d>(
    tokens: &mut Tokens<'_>,
    definition: &'d Definition,
    path: String,
) -> Result<Reading<'d>, XmlRefusal> {
    let mut reading = Reading {
        definition,
        path,
        no_attributes: Attributes::default(),
        answers: Answers::new(),
        defects: Vec::new(),
    };
    if let Some(found) = tokens.instance_type() {
        let is_right = matches!(found, InstanceType::Ours(name) if *name == type_name(definition));
        if !is_right {
            reading.report(tokens.position(), "", "xml.form-type");
        }
    }
    tokens.begin_form();
    reading.sections(tokens)?;
    tokens.end_form();
    Ok(reading)
}

/// The name of a form version's type in the XSD, as `xsi:type` says it.
pub(crate) fn type_name(definition: &Definition) -> String {
    let key = definition.key();
    format!("form.{}-{:04}-{:03}-{:04}", key.programme, key.number, key.branch, key.version)
}

impl Reading<'_> {
    fn sections(&mut self, tokens: &mut Tokens<'_>) -> Result<(), XmlRefusal> {
        let sections = self.definition.sections();
        let mut order = Order::default();
        loop {
            match tokens.step()? {
                Step::Start => {
                    order.children += 1;
                    let place = order.find(sections, |section| section.id == tokens.name());
                    let Some((place, section)) = place else {
                        let path = format!("/*[{}]", order.children);
                        self.report(tokens.position(), &path, "xml.unknown-section");
                        tokens.skip()?;
                        continue;
                    };
                    if !tokens.attributes().is_empty() || tokens.instance_type().is_some() {
                        let path = format!("/{}", section.id);
                        self.report(tokens.position(), &path, "xml.section-attribute");
                    }
                    if let Some(rule) = order.go_to(place) {
                        self.report(tokens.position(), &format!("/{}", section.id), rule);
                    }
                    self.section(tokens, section)?;
                }
                Step::Text => self.demand_blank(tokens, ""),
                Step::End => return Ok(()),
                Step::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
            }
        }
    }

    fn section(&mut self, tokens: &mut Tokens<'_>, section: &Section) -> Result<(), XmlRefusal> {
        let mut order = Order::default();
        loop {
            while self.plain_item(tokens, section, &mut order) {}
            match tokens.step()? {
                Step::Start => {
                    order.children += 1;
                    let place = order.find(&section.items, |item| item.id == tokens.name());
                    let Some((place, item)) = place else {
                        let path = format!("/{}/*[{}]", section.id, order.children);
                        self.report(tokens.position(), &path, "xml.unknown-item");
                        tokens.skip()?;
                        continue;
                    };
                    let position = tokens.position();
                    let is_first = match order.go_to(place) {
                        Some(rule) => {
                            self.report_item(position, section, item, at(rule));
                            rule != REPEATED
                        }
                        None => true,
                    };
                    let answer = self.item(tokens, section, item)?;
                    // The first of two answers to one item stays: which of them is right is not ours
                    // to say, and the repetition is a defect already.
                    if let Some(answer) = answer
                        && (is_first || self.answers.get(&item.id).is_none())
                    {
                        self.answers.set(item.id.as_str(), answer);
                    }
                }
                Step::Text => self.demand_blank(tokens, &section.id),
                Step::End => return Ok(()),
                Step::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// Reads an item that is written as most are, with nothing wrong with it. `false`: it is not; nothing
    /// has been read then.
    fn plain_item(
        &mut self,
        tokens: &mut Tokens<'_>,
        section: &Section,
        order: &mut Order,
    ) -> bool {
        let Some(plain) = tokens.plain() else { return false };
        let Some((place, item)) = order.find(&section.items, |item| item.id == plain.name) else {
            return false;
        };
        // What stands behind or twice is for the long way to tell.
        if place < order.next || matches!(item.kind, Kind::Rows { .. }) {
            return false;
        }
        let Ok(answer) = value::decode(item, &self.no_attributes, plain.content) else {
            return false;
        };
        let length = plain.length();
        tokens.pass(length);
        order.children += 1;
        order.go_to(place);
        self.answers.set(item.id.as_str(), answer);
        true
    }

    /// Reads an item. `None`: what is wrong with it is reported.
    fn item(
        &mut self,
        tokens: &mut Tokens<'_>,
        section: &Section,
        item: &Item,
    ) -> Result<Option<Answer>, XmlRefusal> {
        let position = tokens.position();
        if tokens.instance_type().is_some() {
            self.report_item(position, section, item, at("xml.instance-attribute"));
        }
        if matches!(item.kind, Kind::Rows { .. }) {
            return table::read(self, tokens, &section.id, item);
        }
        // The attributes stay while the content is read, as long as there are no elements in it.
        let answer = if tokens.content()? {
            value::decode(item, tokens.attributes(), tokens.text())
        } else {
            Err(at("xml.unexpected-element"))
        };
        Ok(match answer {
            Ok(answer) => Some(answer),
            Err(finding) => {
                self.report_item(position, section, item, finding);
                None
            }
        })
    }

    fn demand_blank(&mut self, tokens: &Tokens<'_>, section: &str) {
        if !is_blank(tokens.text()) {
            let slash = if section.is_empty() { "" } else { "/" };
            self.report(tokens.position(), &format!("{slash}{section}"), "xml.unexpected-text");
        }
    }

    fn report_item(
        &mut self,
        position: Position,
        section: &Section,
        item: &Item,
        finding: Finding,
    ) {
        let path = format!("/{}/{}", section.id, item.id);
        let item = finding.item.clone().or_else(|| Some(item.id.clone()));
        self.push(position, &path, Finding { item, ..finding });
    }

    fn report(&mut self, position: Position, path: &str, rule: &str) {
        self.push(position, path, at(rule));
    }

    pub(crate) fn push(&mut self, position: Position, path: &str, finding: Finding) {
        if self.defects.len() < FORM_DEFECTS_MAX {
            let path = format!("{}{path}", self.path);
            self.defects.push(Defect { place: place(position, path), finding });
        }
    }
}

/// A place as it is told.
pub(crate) fn place(position: Position, path: String) -> Place {
    Place { line: position.line, column: position.column, path }
}

/// Watches that places only ever grow.
#[derive(Default)]
pub(crate) struct Order {
    /// Child elements met, known or not.
    pub(crate) children: usize,
    /// Where the next is expected.
    next: usize,
    /// Places met, a bit each; what is beyond is in the list.
    seen: [u64; 4],
    seen_beyond: Vec<usize>,
}

impl Order {
    /// Finds one of `all`: usually it is the one expected, or soon behind it.
    pub(crate) fn find<'a, T>(
        &self,
        all: &'a [T],
        is_wanted: impl Fn(&T) -> bool,
    ) -> Option<(usize, &'a T)> {
        let places = (self.next..all.len()).chain(0..self.next.min(all.len()));
        places.filter_map(|place| Some((place, all.get(place)?))).find(|(_, one)| is_wanted(one))
    }

    pub(crate) fn go_to(&mut self, place: usize) -> Option<&'static str> {
        let was_seen = self.see(place);
        if place >= self.next {
            self.next = place + 1;
            return None;
        }
        Some(if was_seen { REPEATED } else { "xml.order" })
    }

    /// Remembers a place; tells whether it was met before.
    fn see(&mut self, place: usize) -> bool {
        if let Some(bits) = self.seen.get_mut(place / 64) {
            let bit = 1 << (place % 64);
            let was_seen = *bits & bit != 0;
            *bits |= bit;
            return was_seen;
        }
        let was_seen = self.seen_beyond.contains(&place);
        if !was_seen {
            self.seen_beyond.push(place);
        }
        was_seen
    }
}

/// A finding of a rule that is about the XML alone.
pub(crate) fn at(rule: &str) -> Finding {
    let (ja, en) = match rule {
        "xml.form-attribute" => {
            ("form要素の属性がないか、正しくありません", "an attribute of form is missing or wrong")
        }
        "xml.form-type" => (
            "xsi:typeが様式の版と一致しません",
            "xsi:type does not name the type of the form version",
        ),
        "xml.partial" => (
            "一部の項目だけの様式は、ここでは受け付けません",
            "a form with only some of its items is not accepted here",
        ),
        "xml.count" => (
            "様式の数がcount属性と一致しません",
            "the number of forms is not what the attribute count says",
        ),
        "xml.unknown-form" => ("その様式の版はありません", "there is no such form version"),
        "xml.unknown-element" => {
            ("form以外の要素があります", "there is an element that is not a form")
        }
        "xml.unknown-section" => {
            ("この様式にない節があります", "there is a section that this form does not have")
        }
        "xml.section-attribute" => {
            ("節に余分な属性があります", "a section has an attribute it may not have")
        }
        "xml.instance-attribute" => (
            "項目にxsi:typeまたはxsi:nilは使えません",
            "an item may have neither xsi:type nor xsi:nil",
        ),
        "xml.unknown-row" => {
            ("表の中に行（row）でない要素があります", "a table has an element that is not a row")
        }
        "xml.row-attribute" => {
            ("行に余分な属性があります", "a row has an attribute it may not have")
        }
        "xml.unknown-column" => {
            ("この表にない列があります", "there is a column that this table does not have")
        }
        "xml.unknown-item" => {
            ("この節にない項目があります", "there is an item that this section does not have")
        }
        "xml.repeated" => ("同じ要素が二度あります", "an element is given twice"),
        "xml.order" => {
            ("要素の順序が様式と異なります", "elements are not in the order of the form")
        }
        "xml.unexpected-element" => ("項目の中に要素があります", "an item has elements inside"),
        _ => ("要素の間に文字があります", "there is text between elements"),
    };
    Finding::general(
        rule,
        Severity::E,
        Localized::new(format!("{ja}。"), format!("{en}.")),
        Localized::new(
            "公開されているXSDで検証してください。",
            "Please validate with the published XSD.",
        ),
    )
}

/// The finding about a wrong attribute of `<form>`.
pub(crate) fn wrong_attribute(name: &str) -> Finding {
    let mut finding = at("xml.form-attribute");
    finding.message = Localized::new(
        format!("form要素の属性がないか、正しくありません（{name}）。"),
        format!("an attribute of form is missing or wrong ({name})."),
    );
    finding
}
