//! From answers to canonical XML: items in printed order, two spaces of indent, `\n`, UTF-8.

use std::fmt::Write as _;

use kakehashi_forms::{Answer, Answers, Definition, Value};

use crate::{
    NAMESPACE,
    header::{FORM_ATTRIBUTES, FormHeader, ReturnHeader},
    tokens::is_xml_char,
};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes a document whose root is one `<form>`.
///
/// Writes what the answers say, right or wrong; only answers to items the form does not have are left
/// out, and characters XML cannot carry become U+FFFD.
pub fn write_form(definition: &Definition, header: &FormHeader, answers: &Answers) -> String {
    let mut xml = DECLARATION.to_owned();
    push_form(&mut xml, "", true, definition, header, answers);
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
        push_form(&mut xml, "  ", false, definition, header, answers);
    }
    xml.push_str("</return>\n");
    xml
}

fn push_form(
    xml: &mut String,
    indent: &str,
    is_root: bool,
    definition: &Definition,
    header: &FormHeader,
    answers: &Answers,
) {
    let key = definition.key();
    let values = [
        header.document.to_string(),
        header.round.to_string(),
        key.programme.to_string(),
        key.number.to_string(),
        key.branch.to_string(),
        key.version.to_string(),
        header.application.to_string(),
    ];
    push(xml, format_args!("{indent}<form"));
    if is_root {
        push_attribute(xml, "xmlns", NAMESPACE);
    }
    for (name, value) in FORM_ATTRIBUTES.into_iter().zip(&values) {
        push_attribute(xml, name, value);
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
            push(xml, format_args!("{indent}    <{}", item.id));
            push_answer(xml, definition, &item.id, answer);
        }
        push(xml, format_args!("{indent}  </{}>\n", section.id));
    }
    push(xml, format_args!("{indent}</form>\n"));
}

/// Writes the rest of an item's element behind its name.
fn push_answer(xml: &mut String, definition: &Definition, item: &str, answer: &Answer) {
    if let Some(state) = answer.state() {
        push_attribute(xml, "state", state);
        xml.push_str("/>\n");
        return;
    }
    if let Answer::Given(Value::Decimal { value, comparator: Some(comparator) }) = answer {
        push_attribute(xml, "comparator", comparator.as_str());
        let plain = Answer::Given(Value::Decimal { value: *value, comparator: None });
        push_content(xml, &definition.write(item, &plain));
    } else {
        push_content(xml, &definition.write(item, answer));
    }
    push(xml, format_args!("</{item}>\n"));
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
