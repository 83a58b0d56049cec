//! From bytes to forms. A form that is wrong gets findings and leaves its neighbours alone.

use kakehashi_forms::{
    Answer, Answers, Application, Catalogue, Definition, Finding, Localized, Section, Severity,
};
use kakehashi_kernel::{DocumentId, FormKey, LotNumber, limits::LOT_DOCUMENTS_MAX};

use crate::{
    header::{self, FormHeader, ReturnHeader},
    refusal::{Why, XmlRefusal},
    tokens::{Element, Token, Tokens},
    value,
};

/// Forms of one return. More than a lot holds, so that duplicates are reported rather than refused.
pub(crate) const RETURN_FORMS_MAX: usize = 2 * LOT_DOCUMENTS_MAX;
/// Findings of one form; what is wrong beyond that is not listed.
const FORM_FINDINGS_MAX: usize = 200;

/// One delivery back from the contractor.
#[derive(Debug)]
pub struct Return {
    /// The lot it answers.
    pub lot: LotNumber,
    /// Code of who keyed it.
    pub contractor: String,
    /// The forms that could be read, in the order delivered. A document may appear twice.
    pub forms: Vec<ReturnedForm>,
    /// What stands where a form should, and cannot be read as one.
    pub unreadable: Vec<Unreadable>,
}

/// One form as delivered.
#[derive(Debug)]
pub struct ReturnedForm {
    /// The document it is the keying of.
    pub document: DocumentId,
    /// 1 for the first time round.
    pub round: u32,
    /// Its form version; the catalogue has it.
    pub key: FormKey,
    /// 新規 or 更新.
    pub application: Application,
    /// What could be read. An item with a finding below is not among them.
    pub answers: Answers,
    /// What is wrong with the XML of this form, all E. The form's own rules are not checked here.
    pub findings: Vec<Finding>,
}

/// An element of a return that is not a form we can read.
#[derive(Debug)]
pub struct Unreadable {
    /// The line it starts on.
    pub line: usize,
    /// The document it names, if it names one.
    pub document: Option<DocumentId>,
    /// Why.
    pub finding: Finding,
}

impl ReturnedForm {
    /// What its element says about itself, for writing it again.
    pub const fn header(&self) -> FormHeader {
        FormHeader { document: self.document, round: self.round, application: self.application }
    }
}

/// Reads a return.
///
/// # Errors
///
/// [`XmlRefusal`] when the document as a whole cannot be read: not well-formed, a limit, a DTD, another
/// root. What is wrong inside one form is among that form's findings.
pub fn read_return(bytes: &[u8], catalogue: &Catalogue) -> Result<Return, XmlRefusal> {
    let mut tokens = Tokens::new(bytes)?;
    let root = root(&mut tokens, "return")?;
    let header = ReturnHeader::parse(&root.attributes)
        .map_err(|attribute| tokens.refuse(Why::WrongAttribute(attribute)))?;
    let mut delivered = Return {
        lot: header.lot,
        contractor: header.contractor,
        forms: Vec::new(),
        unreadable: Vec::new(),
    };
    loop {
        match tokens.next()? {
            Token::Start(element) if element.name == "form" => match form_of(&element, catalogue) {
                Ok((header, definition)) => {
                    delivered.forms.push(form(&mut tokens, definition, header)?);
                }
                Err(finding) => {
                    tokens.skip()?;
                    let document = header::document(&element.attributes);
                    delivered.unreadable.push(Unreadable { line: element.line, document, finding });
                }
            },
            Token::Start(element) => {
                tokens.skip()?;
                let finding = at_line("xml.unknown-element", element.line);
                delivered.unreadable.push(Unreadable {
                    line: element.line,
                    document: None,
                    finding,
                });
            }
            Token::Text(text) if is_blank(&text) => {}
            Token::Text(_) => {
                let line = tokens.line();
                let finding = at_line("xml.unexpected-text", line);
                delivered.unreadable.push(Unreadable { line, document: None, finding });
            }
            Token::End => break,
            Token::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
        }
        if delivered.forms.len() + delivered.unreadable.len() > RETURN_FORMS_MAX {
            return Err(tokens.refuse(Why::TooManyForms));
        }
    }
    end(&mut tokens)?;
    Ok(delivered)
}

/// Reads a document whose root is one `<form>`.
///
/// # Errors
///
/// [`XmlRefusal`] when it cannot be read as one, or no catalogue entry has its form version.
pub fn read_form(bytes: &[u8], catalogue: &Catalogue) -> Result<ReturnedForm, XmlRefusal> {
    let mut tokens = Tokens::new(bytes)?;
    let root = root(&mut tokens, "form")?;
    let (header, key) = FormHeader::parse(&root.attributes)
        .map_err(|attribute| tokens.refuse(Why::WrongAttribute(attribute)))?;
    let definition = catalogue.definition(key).ok_or_else(|| tokens.refuse(Why::UnknownForm))?;
    let form = form(&mut tokens, definition, header)?;
    end(&mut tokens)?;
    Ok(form)
}

fn root(tokens: &mut Tokens<'_>, name: &str) -> Result<Element, XmlRefusal> {
    match tokens.next()? {
        Token::Start(element) if element.name == name => Ok(element),
        Token::Start(element) if element.name.is_empty() => Err(tokens.refuse(Why::WrongNamespace)),
        Token::Start(_) => Err(tokens.refuse(Why::WrongRoot)),
        Token::End | Token::Text(_) | Token::EndOfDocument => {
            Err(tokens.refuse(Why::NotWellFormed))
        }
    }
}

fn end(tokens: &mut Tokens<'_>) -> Result<(), XmlRefusal> {
    match tokens.next()? {
        Token::EndOfDocument => Ok(()),
        Token::Start(_) | Token::End | Token::Text(_) => Err(tokens.refuse(Why::NotWellFormed)),
    }
}

#[expect(clippy::result_large_err, reason = "a finding is what the reader collects")]
fn form_of<'c>(
    element: &Element,
    catalogue: &'c Catalogue,
) -> Result<(FormHeader, &'c Definition), Finding> {
    let (header, key) = FormHeader::parse(&element.attributes).map_err(|attribute| {
        let mut finding = at_line("xml.form-attribute", element.line);
        finding.message.ja = format!("{}（{attribute}）", finding.message.ja);
        finding.message.en = format!("{} ({attribute})", finding.message.en);
        finding
    })?;
    let definition = catalogue.definition(key);
    Ok((header, definition.ok_or_else(|| at_line("xml.unknown-form", element.line))?))
}

/// Reads the inside of a `<form>` to its end.
fn form(
    tokens: &mut Tokens<'_>,
    definition: &Definition,
    header: FormHeader,
) -> Result<ReturnedForm, XmlRefusal> {
    let mut reading = Reading { definition, answers: Answers::new(), findings: Vec::new() };
    let mut order = Order::default();
    loop {
        match tokens.next()? {
            Token::Start(element) => {
                let sections = definition.sections();
                let Some(place) = sections.iter().position(|section| section.id == element.name)
                else {
                    reading.report(at_line("xml.unknown-section", element.line));
                    tokens.skip()?;
                    continue;
                };
                if !element.attributes.is_empty() {
                    reading.report(at_line("xml.section-attribute", element.line));
                }
                if let Some(rule) = order.step(place) {
                    reading.report(at_line(rule, element.line));
                }
                if let Some(section) = sections.get(place) {
                    reading.section(tokens, section)?;
                }
            }
            Token::Text(text) => reading.demand_blank(tokens, &text),
            Token::End => break,
            Token::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
        }
    }
    let FormHeader { document, round, application } = header;
    let key = definition.key();
    let Reading { answers, findings, .. } = reading;
    Ok(ReturnedForm { document, round, key, application, answers, findings })
}

/// What has been read of one form.
struct Reading<'d> {
    definition: &'d Definition,
    answers: Answers,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn section(&mut self, tokens: &mut Tokens<'_>, section: &Section) -> Result<(), XmlRefusal> {
        let mut order = Order::default();
        loop {
            match tokens.next()? {
                Token::Start(element) => {
                    let place = section.items.iter().position(|item| item.id == element.name);
                    let Some(item) = place.and_then(|place| section.items.get(place)) else {
                        self.report(at_line("xml.unknown-item", element.line));
                        tokens.skip()?;
                        continue;
                    };
                    if let Some(rule) = order.step(place.unwrap_or_default()) {
                        self.report(Finding {
                            item: Some(item.id.clone()),
                            ..at_line(rule, element.line)
                        });
                    }
                    let answer = match tokens.text()? {
                        Some(text) => {
                            value::decode(self.definition, item, &element.attributes, &text)
                        }
                        None => Err(Finding {
                            item: Some(item.id.clone()),
                            ..at_line("xml.unexpected-element", element.line)
                        }),
                    };
                    self.keep(&item.id, answer);
                }
                Token::Text(text) => self.demand_blank(tokens, &text),
                Token::End => return Ok(()),
                Token::EndOfDocument => return Err(tokens.refuse(Why::NotWellFormed)),
            }
        }
    }

    /// The first of two answers to one item stays: which of them is right is not ours to say, and the
    /// repetition is a finding already.
    fn keep(&mut self, item: &str, answer: Result<Answer, Finding>) {
        match answer {
            Ok(answer) if self.answers.get(item).is_none() => {
                self.answers.set(item, answer);
            }
            Ok(_) => {}
            Err(finding) => self.report(finding),
        }
    }

    fn demand_blank(&mut self, tokens: &mut Tokens<'_>, text: &str) {
        if !is_blank(text) {
            let line = tokens.line();
            self.report(at_line("xml.unexpected-text", line));
        }
    }

    fn report(&mut self, finding: Finding) {
        if self.findings.len() < FORM_FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Watches that places only ever grow.
#[derive(Default)]
struct Order {
    seen: std::collections::BTreeSet<usize>,
}

impl Order {
    fn step(&mut self, place: usize) -> Option<&'static str> {
        let is_late = self.seen.last().is_some_and(|last| *last > place);
        match (self.seen.insert(place), is_late) {
            (false, _) => Some("xml.repeated"),
            (true, true) => Some("xml.order"),
            (true, false) => None,
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\n', '\r']).is_empty()
}

fn at_line(rule: &str, line: usize) -> Finding {
    let (ja, en) = match rule {
        "xml.form-attribute" => {
            ("form要素の属性がないか、正しくありません", "an attribute of form is missing or wrong")
        }
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
        Localized::new(format!("{line}行目：{ja}。"), format!("Line {line}: {en}.")),
        Localized::new(
            "公開されているXSDで検証してください。",
            "Please validate with the published XSD.",
        ),
    )
}
