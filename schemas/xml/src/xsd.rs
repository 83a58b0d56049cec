//! The XSD 1.0 of one form version: what a contractor validates with before delivering.
//!
//! It accepts every document that the reader and the check accept. It cannot say what depends on other
//! items or on the application (required, relevant, check digits); the check does.

use std::fmt::Arguments;

use kakehashi_forms::{AllowedState, CodeList, Comparator, Definition, Item, Kind};

use crate::{
    NAMESPACE,
    header::CONTRACTOR_LENGTH_MAX,
    write::{push, push_escaped},
};

/// Writes the schema: global elements `return` and `form`.
pub fn xsd(definition: &Definition) -> String {
    let mut xsd = Xsd(String::with_capacity(64 * 1024));
    xsd.line(format_args!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
    xsd.line(format_args!(
        "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"{NAMESPACE}\" \
         targetNamespace=\"{NAMESPACE}\" elementFormDefault=\"qualified\" version=\"{:04}\">",
        definition.key().version
    ));
    xsd.documentation(&format!("{} {}", definition.name().ja, definition.key()));
    xsd.return_element();
    xsd.form_element(definition);
    xsd.common_types();
    for item in definition.items() {
        xsd.value_type(item);
    }
    xsd.line(format_args!("</xs:schema>"));
    xsd.0
}

struct Xsd(String);

impl Xsd {
    fn line(&mut self, text: Arguments<'_>) {
        push(&mut self.0, text);
        self.0.push('\n');
    }

    fn documentation(&mut self, text: &str) {
        self.0.push_str("<xs:annotation><xs:documentation xml:lang=\"ja\">");
        push_escaped(&mut self.0, text);
        self.line(format_args!("</xs:documentation></xs:annotation>"));
    }

    fn attribute(&mut self, name: &str, kind: &str) {
        self.line(format_args!("<xs:attribute name=\"{name}\" use=\"required\" type=\"{kind}\"/>"));
    }

    fn fixed(&mut self, name: &str, value: &dyn std::fmt::Display) {
        self.line(format_args!(
            "<xs:attribute name=\"{name}\" use=\"required\" type=\"xs:string\" fixed=\"{value}\"/>"
        ));
    }

    fn return_element(&mut self) {
        self.line(format_args!("<xs:element name=\"return\"><xs:complexType><xs:sequence>"));
        self.line(format_args!(
            "<xs:element ref=\"form\" minOccurs=\"0\" maxOccurs=\"unbounded\"/></xs:sequence>"
        ));
        self.attribute("lot", "lot.type");
        self.attribute("contractor", "contractor.type");
        self.line(format_args!("</xs:complexType></xs:element>"));
    }

    fn form_element(&mut self, definition: &Definition) {
        self.line(format_args!("<xs:element name=\"form\"><xs:complexType><xs:sequence>"));
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
        self.attribute("document", "document.type");
        self.attribute("round", "round.type");
        self.fixed("programme", &key.programme);
        self.fixed("number", &key.number);
        self.fixed("branch", &key.branch);
        self.fixed("version", &key.version);
        self.attribute("application", "application.type");
        self.line(format_args!("</xs:complexType></xs:element>"));
    }

    fn item_element(&mut self, item: &Item) {
        self.line(format_args!("<xs:element name=\"{}\" minOccurs=\"0\">", item.id));
        let unit = item.unit.as_ref().map_or_else(String::new, |unit| format!("（{unit}）"));
        self.documentation(&format!("{}{unit}", item.label.ja));
        self.line(format_args!(
            "<xs:complexType><xs:simpleContent><xs:extension base=\"{}.value\">",
            item.id
        ));
        self.line(format_args!("<xs:attribute name=\"state\" type=\"{}\"/>", state_type(item)));
        if matches!(item.kind, Kind::Decimal { comparator: true, .. }) {
            self.line(format_args!("<xs:attribute name=\"comparator\" type=\"comparator.type\"/>"));
        }
        self.line(format_args!("</xs:extension></xs:simpleContent></xs:complexType></xs:element>"));
    }

    fn common_types(&mut self) {
        self.pattern_type("lot.type", "L-[0-9]{8}-[0-9]{6,10}-[0-9X]");
        self.pattern_type("contractor.type", &format!("[a-z0-9\\-]{{1,{CONTRACTOR_LENGTH_MAX}}}"));
        self.pattern_type(
            "document.type",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        );
        self.pattern_type("round.type", "[1-9][0-9]{0,9}");
        self.enumeration_type("application.type", &["new", "renewal"]);
        self.enumeration_type("comparator.type", &Comparator::ALL.map(Comparator::as_str));
        let common = ["blank", "illegible", "struck", "multiple-marked"];
        for (name, extra) in [
            ("state", &[][..]),
            ("state.n", &["not-done"]),
            ("state.u", &["unknown"]),
            ("state.nu", &["not-done", "unknown"]),
        ] {
            let states: Vec<&str> = common.iter().chain(extra).copied().collect();
            self.enumeration_type(name, &states);
        }
        self.enumeration_type("empty.type", &[""]);
    }

    fn pattern_type(&mut self, name: &str, pattern: &str) {
        self.line(format_args!(
            "<xs:simpleType name=\"{name}\"><xs:restriction base=\"xs:string\">\
             <xs:pattern value=\"{pattern}\"/></xs:restriction></xs:simpleType>"
        ));
    }

    fn enumeration_type(&mut self, name: &str, values: &[&str]) {
        self.line(format_args!("<xs:simpleType name=\"{name}\">"));
        self.enumeration(values.iter().copied());
        self.line(format_args!("</xs:simpleType>"));
    }

    fn enumeration<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        self.line(format_args!("<xs:restriction base=\"xs:string\">"));
        for value in values {
            self.0.push_str("<xs:enumeration value=\"");
            push_escaped(&mut self.0, value);
            self.line(format_args!("\"/>"));
        }
        self.line(format_args!("</xs:restriction>"));
    }

    /// The values of an item, or nothing: the element is empty when it carries a state.
    fn value_type(&mut self, item: &Item) {
        let id = &item.id;
        self.line(format_args!("<xs:simpleType name=\"{id}.value\">"));
        match &item.kind {
            Kind::Text { length_max, lines_max } => {
                let lines = lines_max.saturating_sub(1);
                let pattern = format!("[^\\n\\r]*(\\n[^\\n\\r]*){{0,{lines}}}");
                self.text(*length_max, &pattern);
            }
            Kind::Kana { length_max } => {
                self.text(*length_max, "[ぁ-ゖゝゞァ-ヺーヽヾ・ &#x3000;]*");
            }
            Kind::Digits { min, max } => self.pattern(&format!("([0-9]{{{min},{max}}})?")),
            Kind::Postcode | Kind::Recipient => self.pattern("([0-9]{7})?"),
            Kind::Tel => self.pattern("(0[0-9]{9,10})?"),
            Kind::Insurer => self.pattern("([0-9]{6}|[0-9]{8})?"),
            Kind::PartialDate => self.pattern("([0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?)?"),
            Kind::Date => self.number("date", "[0-9]{4}-[0-9]{2}-[0-9]{2}", None),
            Kind::Integer { min, max } => {
                self.number("integer", "-?(0|[1-9][0-9]*)", Some((&min, &max)));
            }
            Kind::Decimal { min, max, places, .. } => {
                let fraction =
                    if *places == 0 { String::new() } else { format!("(\\.[0-9]{{1,{places}}})?") };
                let pattern = format!("-?(0|[1-9][0-9]*){fraction}");
                self.number("decimal", &pattern, Some((&min, &max)));
            }
            Kind::Code(list) => {
                self.enumeration(std::iter::once("").chain(codes(list)));
            }
            // A table as its canonical text, one row per line.
            Kind::Rows { .. } => self.pattern("[^\\r]*"),
            Kind::Codes(list) => {
                self.line(format_args!("<xs:list><xs:simpleType>"));
                self.enumeration(codes(list));
                self.line(format_args!("</xs:simpleType></xs:list>"));
            }
        }
        self.line(format_args!("</xs:simpleType>"));
    }

    fn pattern(&mut self, pattern: &str) {
        self.line(format_args!(
            "<xs:restriction base=\"xs:string\"><xs:pattern value=\"{pattern}\"/></xs:restriction>"
        ));
    }

    fn text(&mut self, length_max: usize, pattern: &str) {
        self.line(format_args!(
            "<xs:restriction base=\"xs:string\"><xs:maxLength value=\"{length_max}\"/>\
             <xs:pattern value=\"{pattern}\"/></xs:restriction>"
        ));
    }

    fn number(
        &mut self,
        base: &str,
        pattern: &str,
        range: Option<(&dyn std::fmt::Display, &dyn std::fmt::Display)>,
    ) {
        self.line(format_args!("<xs:union memberTypes=\"empty.type\"><xs:simpleType>"));
        self.line(format_args!(
            "<xs:restriction base=\"xs:{base}\"><xs:pattern value=\"{pattern}\"/>"
        ));
        if let Some((min, max)) = range {
            self.line(format_args!(
                "<xs:minInclusive value=\"{min}\"/><xs:maxInclusive value=\"{max}\"/>"
            ));
        }
        self.line(format_args!("</xs:restriction></xs:simpleType></xs:union>"));
    }
}

fn codes(list: &CodeList) -> impl Iterator<Item = &str> {
    list.options().iter().map(|option| option.code.as_str())
}

fn state_type(item: &Item) -> &'static str {
    match (item.allows(AllowedState::NotDone), item.allows(AllowedState::Unknown)) {
        (false, false) => "state",
        (true, false) => "state.n",
        (false, true) => "state.u",
        (true, true) => "state.nu",
    }
}
