//! The XSD 1.0 of form versions: what a contractor or a hospital validates with before sending.
//!
//! It accepts every document that the reader and the check accept. It cannot say what depends on other
//! items or on the application (required, relevant), nor check digits, that a text is not only white space,
//! that a state stands alone, that a row has a cell, or that several codes are in the order of their list
//! and each once; and it lets white space stand around numbers, dates and codes. The reader and the check
//! refuse these.

mod types;

use std::fmt::{Arguments, Display};

use kakehashi_forms::{Definition, Item, Kind};

use crate::{
    NAMESPACE, form,
    header::{
        CONTRACTOR_LENGTH_MAX, FORMAT, REFERENCE_LENGTH_MAX, SENDER_LENGTH_MAX, TOOL_LENGTH_MAX,
    },
    write::{push, push_escaped},
};
use types::Types;

/// Writes the schema of the returns of one form version: global elements `return` and `form`.
pub fn xsd(definition: &Definition) -> String {
    let mut xsd = Xsd::begin(&[definition]);
    xsd.return_element();
    xsd.attribute_type("lot.type", "L-[0-9]{8}-[0-9]{6,10}-[0-9X]");
    xsd.attribute_type("contractor.type", &format!("[a-z0-9\\-]{{1,{CONTRACTOR_LENGTH_MAX}}}"));
    let hexadecimal = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    xsd.attribute_type("document.type", hexadecimal);
    xsd.attribute_type("round.type", "[1-9][0-9]{0,9}");
    xsd.line(format_args!("<xs:complexType name=\"form.type\" abstract=\"true\">"));
    xsd.attribute("document", "document.type");
    xsd.attribute("round", "round.type");
    xsd.line(format_args!("</xs:complexType>"));
    xsd.end(&[definition])
}

/// Writes the schema of batches that hold forms of some versions: global elements `batch` and `form`.
///
/// With more than one version every form says its own with `xsi:type`, as [`crate::BatchWriter`] does: XSD 1.0
/// cannot tell elements of one name apart by their attributes. With one it may be left out.
pub fn batch_xsd(definitions: &[&Definition]) -> String {
    let mut xsd = Xsd::begin(definitions);
    xsd.batch_element();
    xsd.attribute_type("reference.type", &word(REFERENCE_LENGTH_MAX));
    xsd.attribute_type("sender.type", &format!("[A-Za-z0-9\\-]{{1,{SENDER_LENGTH_MAX}}}"));
    xsd.attribute_type("tool.type", &word(TOOL_LENGTH_MAX));
    xsd.attribute_type("digest.type", "[0-9a-f]{64}");
    xsd.attribute_type("count.type", "0|[1-9][0-9]{0,9}");
    xsd.line(format_args!(
        "<xs:simpleType name=\"created.type\"><xs:restriction base=\"xs:dateTime\"><xs:pattern \
         value=\"[0-9]{{4}}-[^.]*(\\.[0-9]{{1,9}})?(Z|[+\\-][0-9]{{2}}:[0-9]{{2}})\"/>\
         </xs:restriction></xs:simpleType>"
    ));
    xsd.attribute_type("partial.type", "true|false");
    xsd.line(format_args!("<xs:complexType name=\"form.type\" abstract=\"true\">"));
    xsd.attribute("reference", "reference.type");
    xsd.line(format_args!("<xs:attribute name=\"partial\" type=\"partial.type\"/>"));
    xsd.line(format_args!("</xs:complexType>"));
    xsd.end(definitions)
}

fn word(length_max: usize) -> String {
    format!("[A-Za-z0-9._\\-]{{1,{length_max}}}")
}

struct Xsd {
    text: String,
    types: Types,
}

impl Xsd {
    fn begin(definitions: &[&Definition]) -> Self {
        let mut xsd = Self { text: String::with_capacity(64 * 1024), types: Types::default() };
        xsd.line(format_args!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
        xsd.line(format_args!(
            "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"{NAMESPACE}\" \
             targetNamespace=\"{NAMESPACE}\" elementFormDefault=\"qualified\" version=\"{FORMAT}\">"
        ));
        for definition in definitions {
            let name = format!("{} {}", definition.name().ja, definition.key());
            xsd.documentation(&name);
        }
        xsd
    }

    /// Writes what every schema has: the forms and their types.
    fn end(mut self, definitions: &[&Definition]) -> String {
        let kind = match definitions {
            [definition] => form::type_name(definition),
            _ => "form.type".to_owned(),
        };
        self.line(format_args!("<xs:element name=\"form\" type=\"{kind}\"/>"));
        for definition in definitions {
            self.form_type(definition);
        }
        let types = std::mem::take(&mut self.types);
        self.text.push_str(&types.into_text());
        self.line(format_args!("</xs:schema>"));
        self.text
    }

    fn line(&mut self, text: Arguments<'_>) {
        push(&mut self.text, text);
        self.text.push('\n');
    }

    fn documentation(&mut self, text: &str) {
        self.text.push_str("<xs:annotation><xs:documentation xml:lang=\"ja\">");
        push_escaped(&mut self.text, text);
        self.line(format_args!("</xs:documentation></xs:annotation>"));
    }

    fn attribute(&mut self, name: &str, kind: &str) {
        self.line(format_args!("<xs:attribute name=\"{name}\" use=\"required\" type=\"{kind}\"/>"));
    }

    fn fixed(&mut self, name: &str, value: &dyn Display) {
        self.line(format_args!(
            "<xs:attribute name=\"{name}\" use=\"required\" type=\"xs:string\" fixed=\"{value}\"/>"
        ));
    }

    fn attribute_type(&mut self, name: &str, pattern: &str) {
        self.line(format_args!(
            "<xs:simpleType name=\"{name}\"><xs:restriction base=\"xs:string\">\
             <xs:pattern value=\"{pattern}\"/></xs:restriction></xs:simpleType>"
        ));
    }

    fn return_element(&mut self) {
        self.line(format_args!("<xs:element name=\"return\"><xs:complexType>"));
        self.forms();
        self.attribute("lot", "lot.type");
        self.attribute("contractor", "contractor.type");
        self.line(format_args!("</xs:complexType></xs:element>"));
    }

    fn batch_element(&mut self) {
        self.line(format_args!("<xs:element name=\"batch\"><xs:complexType>"));
        self.forms();
        self.fixed("format", &FORMAT);
        self.attribute("sender", "sender.type");
        self.attribute("created", "created.type");
        self.attribute("tool", "tool.type");
        self.attribute("tool-version", "tool.type");
        self.attribute("definitions", "digest.type");
        self.attribute("count", "count.type");
        self.line(format_args!("</xs:complexType></xs:element>"));
    }

    fn forms(&mut self) {
        self.line(format_args!(
            "<xs:sequence><xs:element ref=\"form\" minOccurs=\"0\" maxOccurs=\"unbounded\"/>\
             </xs:sequence>"
        ));
    }

    fn form_type(&mut self, definition: &Definition) {
        self.line(format_args!("<xs:complexType name=\"{}\">", form::type_name(definition)));
        self.line(format_args!(
            "<xs:complexContent><xs:extension base=\"form.type\"><xs:sequence>"
        ));
        for section in definition.sections() {
            self.line(format_args!("<xs:element name=\"{}\" minOccurs=\"0\">", section.id));
            self.documentation(&section.label.ja);
            self.line(format_args!("<xs:complexType><xs:sequence>"));
            for item in &section.items {
                self.item_element(item);
            }
            self.line(format_args!("</xs:sequence></xs:complexType></xs:element>"));
        }
        self.line(format_args!("</xs:sequence>"));
        let key = definition.key();
        self.fixed("programme", &key.programme);
        self.fixed("number", &key.number);
        self.fixed("branch", &key.branch);
        self.fixed("version", &key.version);
        self.types.need_application();
        self.attribute("application", "application.type");
        self.line(format_args!("</xs:extension></xs:complexContent></xs:complexType>"));
    }

    fn item_element(&mut self, item: &Item) {
        self.line(format_args!("<xs:element name=\"{}\" minOccurs=\"0\">", item.id));
        let unit = item.unit.as_ref().map_or_else(String::new, |unit| format!("（{unit}）"));
        self.documentation(&format!("{}{unit}", item.label.ja));
        self.line(format_args!("<xs:complexType>"));
        let state = self.types.state(item);
        let state = format!("<xs:attribute name=\"state\" type=\"{state}\"/>");
        if let Kind::Rows { min, max, columns } = &item.kind {
            self.line(format_args!(
                "<xs:sequence minOccurs=\"0\"><xs:element name=\"row\" minOccurs=\"{}\" \
                 maxOccurs=\"{max}\"><xs:complexType><xs:sequence>",
                (*min).max(1)
            ));
            for column in columns {
                self.item_element(column);
            }
            self.line(format_args!(
                "</xs:sequence></xs:complexType></xs:element></xs:sequence>{state}"
            ));
        } else {
            let base = self.types.value(item);
            self.line(format_args!("<xs:simpleContent><xs:extension base=\"{base}\">{state}"));
            if matches!(item.kind, Kind::Decimal { comparator: true, .. }) {
                self.types.need_comparator();
                self.line(format_args!(
                    "<xs:attribute name=\"comparator\" type=\"comparator.type\"/>"
                ));
            }
            self.line(format_args!("</xs:extension></xs:simpleContent>"));
        }
        self.line(format_args!("</xs:complexType></xs:element>"));
    }
}
