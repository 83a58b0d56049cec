//! From answers to XML: items in printed order, two spaces of indent, `\n`, UTF-8.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use kakehashi_forms::{Answer, Answers, Definition, Item, Value};

use crate::{
    NAMESPACE, form,
    header::{BatchHeader, FormHeader, ReturnHeader, SentHeader},
    names::is_xml_char,
    value::BELOW_DETECTION,
};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Writes a document whose root is one `<form>` of a return.
///
/// Writes what the answers say, right or wrong; only answers to items the form does not have are left
/// out, and characters XML cannot carry become U+FFFD.
pub fn write_form(definition: &Definition, header: &FormHeader, answers: &Answers) -> String {
    let mut xml = DECLARATION.to_owned();
    let namespace = [("xmlns", NAMESPACE.to_owned())];
    let attributes = namespace.into_iter().chain(header.attributes(definition.key()));
    push_form(&mut xml, "", attributes, definition, answers);
    xml
}

/// Writes a document whose root is one `<form>` of a hospital. Like [`write_form`].
pub fn write_sent_form(definition: &Definition, header: &SentHeader, answers: &Answers) -> String {
    let mut xml = DECLARATION.to_owned();
    let namespace = [("xmlns", NAMESPACE.to_owned())];
    let attributes = namespace.into_iter().chain(header.attributes(definition.key()));
    push_form(&mut xml, "", attributes, definition, answers);
    xml
}

/// Writes a return.
pub fn write_return(
    header: &ReturnHeader,
    forms: &[(&Definition, FormHeader, &Answers)],
) -> String {
    let mut xml = DECLARATION.to_owned();
    xml.push_str("<return");
    push_attribute(&mut xml, "xmlns", NAMESPACE);
    push_attribute(&mut xml, "lot", header.lot.as_str());
    push_attribute(&mut xml, "contractor", &header.contractor);
    xml.push_str(">\n");
    for (definition, header, answers) in forms {
        let attributes = header.attributes(definition.key());
        push_form(&mut xml, "  ", attributes, definition, answers);
    }
    xml.push_str("</return>\n");
    xml
}

/// Writes a batch, one form at a time.
pub struct BatchWriter<W> {
    output: W,
    forms_left: u32,
    xml: String,
}

impl<W: Write> BatchWriter<W> {
    /// Begins a batch. The header says how many forms will follow.
    ///
    /// # Errors
    ///
    /// What the output says.
    pub fn begin(mut output: W, header: &BatchHeader) -> io::Result<Self> {
        let mut xml = DECLARATION.to_owned();
        xml.push_str("<batch");
        push_attribute(&mut xml, "xmlns", NAMESPACE);
        push_attribute(&mut xml, "xmlns:xsi", SCHEMA_INSTANCE);
        for (name, value) in header.attributes() {
            push_attribute(&mut xml, name, &value);
        }
        xml.push_str(">\n");
        output.write_all(xml.as_bytes())?;
        Ok(Self { output, forms_left: header.count, xml })
    }

    /// Writes the next form, with the `xsi:type` by which a schema of several form versions tells them
    /// apart.
    ///
    /// # Errors
    ///
    /// What the output says, or that there are more forms than announced.
    pub fn form(
        &mut self,
        definition: &Definition,
        header: &SentHeader,
        answers: &Answers,
    ) -> io::Result<()> {
        self.forms_left = self.forms_left.checked_sub(1).ok_or_else(miscounted)?;
        self.xml.clear();
        let instance_type = [("xsi:type", form::type_name(definition))];
        let attributes = instance_type.into_iter().chain(header.attributes(definition.key()));
        push_form(&mut self.xml, "  ", attributes, definition, answers);
        self.output.write_all(self.xml.as_bytes())
    }

    /// Ends the batch; answers what it was written to.
    ///
    /// # Errors
    ///
    /// What the output says, or that there were fewer forms than announced.
    pub fn finish(mut self) -> io::Result<W> {
        if self.forms_left > 0 {
            return Err(miscounted());
        }
        self.output.write_all(b"</batch>\n")?;
        Ok(self.output)
    }
}

fn miscounted() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the batch announced another number of forms")
}

fn push_form(
    xml: &mut String,
    indent: &str,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
    definition: &Definition,
    answers: &Answers,
) {
    push(xml, format_args!("{indent}<form"));
    for (name, value) in attributes {
        push_attribute(xml, name, &value);
    }
    xml.push_str(">\n");
    for section in definition.sections() {
        let answered = section.items.iter().filter_map(|item| Some((item, answers.get(&item.id)?)));
        let answered: Vec<_> = answered.collect();
        if answered.is_empty() {
            continue;
        }
        push(xml, format_args!("{indent}  <{}>\n", section.id));
        for (item, answer) in answered {
            push_answer(xml, &format!("{indent}    "), item, answer);
        }
        push(xml, format_args!("{indent}  </{}>\n", section.id));
    }
    push(xml, format_args!("{indent}</form>\n"));
}

/// Writes an item's element.
fn push_answer(xml: &mut String, indent: &str, item: &Item, answer: &Answer) {
    let id = &item.id;
    push(xml, format_args!("{indent}<{id}"));
    match answer {
        Answer::Given(Value::BelowDetection) => {
            push_attribute(xml, "state", BELOW_DETECTION);
            xml.push_str("/>\n");
        }
        Answer::Given(Value::Rows(rows)) => {
            xml.push_str(">\n");
            for row in rows {
                push(xml, format_args!("{indent}  <row>\n"));
                for column in item.columns() {
                    if let Some(answer) = row.get(&column.id) {
                        push_answer(xml, &format!("{indent}    "), column, answer);
                    }
                }
                push(xml, format_args!("{indent}  </row>\n"));
            }
            push(xml, format_args!("{indent}</{id}>\n"));
        }
        Answer::Given(Value::Decimal { value, comparator: Some(comparator) }) => {
            push_attribute(xml, "comparator", comparator.as_str());
            let plain = Answer::Given(Value::Decimal { value: *value, comparator: None });
            push_content(xml, &item.write(&plain));
            push(xml, format_args!("</{id}>\n"));
        }
        Answer::Given(_) => {
            push_content(xml, &item.write(answer));
            push(xml, format_args!("</{id}>\n"));
        }
        state => {
            push_attribute(xml, "state", state.state().unwrap_or_default());
            xml.push_str("/>\n");
        }
    }
}

fn push_content(xml: &mut String, text: &str) {
    xml.push('>');
    push_escaped(xml, text);
}

fn push_attribute(xml: &mut String, name: &str, value: &str) {
    push(xml, format_args!(" {name}=\""));
    push_escaped(xml, value);
    xml.push('"');
}

pub(crate) fn push_escaped(xml: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            // A reader would turn a bare carriage return into a line feed.
            '\r' => xml.push_str("&#13;"),
            c if is_xml_char(c) => xml.push(c),
            _ => xml.push('\u{FFFD}'),
        }
    }
}

pub(crate) fn push(xml: &mut String, text: std::fmt::Arguments<'_>) {
    xml.write_fmt(text).expect("writing to a String cannot fail");
}
