//! What the keyer typed, as a return. Written text by text, because mistakes are not valid values.

use std::{collections::BTreeMap, fmt::Write};

use kakehashi_contract::Manifest;
use kakehashi_forms::{Answer, Application, Definition, Item, Value};
use kakehashi_kernel::DocumentId;
use kakehashi_kit::{Entry, Keyed};

use crate::prepare::CONTRACTOR;

/// Writes the return of a lot.
pub(super) fn write(
    manifest: &Manifest,
    definition: &Definition,
    typed: &BTreeMap<DocumentId, (Application, Keyed)>,
) -> Result<String, std::fmt::Error> {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writeln!(
        xml,
        "<return xmlns=\"{}\" lot=\"{}\" contractor=\"{CONTRACTOR}\">",
        kakehashi_xml::NAMESPACE,
        manifest.number
    )?;
    for document in &manifest.documents {
        let Some((application, keyed)) = typed.get(&document.document) else { continue };
        let times = if keyed.is_left_out { 0 } else { 1 + usize::from(keyed.is_twice) };
        for _ in 0..times {
            let key = manifest.form;
            writeln!(
                xml,
                "  <form document=\"{}\" round=\"{}\" programme=\"{}\" number=\"{}\" \
                 branch=\"{}\" version=\"{}\" application=\"{}\">",
                document.document,
                document.round,
                key.programme,
                key.number,
                key.branch,
                key.version,
                application.as_str()
            )?;
            sections(&mut xml, definition, keyed)?;
            xml.push_str("  </form>\n");
        }
    }
    xml.push_str("</return>\n");
    Ok(xml)
}

fn sections(xml: &mut String, definition: &Definition, keyed: &Keyed) -> std::fmt::Result {
    let entries: BTreeMap<&str, &Entry> =
        keyed.items.iter().map(|item| (item.id.as_str(), &item.entry)).collect();
    for section in definition.sections() {
        if !section.items.iter().any(|item| entries.contains_key(item.id.as_str())) {
            continue;
        }
        writeln!(xml, "    <{}>", section.id)?;
        for item in &section.items {
            if let Some(entry) = entries.get(item.id.as_str()) {
                element(xml, "      ", item, entry)?;
            }
        }
        writeln!(xml, "    </{}>", section.id)?;
    }
    Ok(())
}

fn element(xml: &mut String, indent: &str, item: &Item, entry: &Entry) -> std::fmt::Result {
    let id = &item.id;
    match entry {
        Entry::One(text) => writeln!(xml, "{indent}<{id}>{}</{id}>", escaped(text)),
        Entry::Compared(comparator, text) => writeln!(
            xml,
            "{indent}<{id} comparator=\"{}\">{}</{id}>",
            comparator.as_str(),
            escaped(text)
        ),
        Entry::BelowDetection => writeln!(xml, "{indent}<{id} state=\"below-detection\"/>"),
        Entry::Rows(rows) => {
            writeln!(xml, "{indent}<{id}>")?;
            for row in rows {
                writeln!(xml, "{indent}  <row>")?;
                for cell in row {
                    if let Some(column) = item.column(&cell.id) {
                        element(xml, &format!("{indent}    "), column, &cell.entry)?;
                    }
                }
                writeln!(xml, "{indent}  </row>")?;
            }
            writeln!(xml, "{indent}</{id}>")
        }
        Entry::Many(codes) => {
            let text = item.write(&Answer::Given(Value::Codes(codes.clone())));
            writeln!(xml, "{indent}<{id}>{}</{id}>", escaped(&text))
        }
        Entry::State(answer) => {
            writeln!(xml, "{indent}<{id} state=\"{}\"/>", answer.state().unwrap_or("blank"))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}
