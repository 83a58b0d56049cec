//! The simple types of a schema, each written once however many items share it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use kakehashi_forms::{AllowedState, Answer, Application, CodeList, Comparator, Item, Kind};

use crate::{value::BELOW_DETECTION, write::push_escaped};

/// Types needed so far.
#[derive(Default)]
pub(super) struct Types {
    /// What a type says, and its name.
    names: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Types {
    /// The definitions of all types.
    pub(super) fn into_text(self) -> String {
        let mut by_name: Vec<_> = self.names.iter().map(|(body, name)| (name, body)).collect();
        by_name.sort();
        let define =
            |(name, body)| format!("<xs:simpleType name=\"{name}\">{body}</xs:simpleType>\n");
        by_name.into_iter().map(define).collect()
    }

    pub(super) fn need_application(&mut self) {
        let words = [Application::New, Application::Renewal].map(Application::as_str);
        self.need("application.type", enumeration(words.into_iter()));
    }

    pub(super) fn need_comparator(&mut self) {
        let words = Comparator::ALL.map(Comparator::as_str);
        self.need("comparator.type", enumeration(words.into_iter()));
    }

    /// The type of an item's state.
    pub(super) fn state(&mut self, item: &Item) -> String {
        let may_compare = matches!(item.kind, Kind::Decimal { comparator: true, .. });
        let extra = [
            (item.allows(AllowedState::NotDone), 'n', Answer::NotDone.state()),
            (item.allows(AllowedState::Unknown), 'u', Answer::Unknown.state()),
            (may_compare, 'b', Some(BELOW_DETECTION)),
        ];
        let common = [Answer::Blank, Answer::Illegible, Answer::Struck, Answer::MultiplyMarked];
        let mut words: Vec<&str> = common.iter().filter_map(Answer::state).collect();
        let mut name = "state.".to_owned();
        for (_, letter, word) in extra.into_iter().filter(|(is_allowed, ..)| *is_allowed) {
            name.push(letter);
            words.extend(word);
        }
        self.need(name.trim_end_matches('.'), enumeration(words.into_iter()))
    }

    /// The type of an item's value, or nothing: the element is empty when it carries a state.
    pub(super) fn value(&mut self, item: &Item) -> String {
        let body = match &item.kind {
            Kind::Text { length_max, lines_max } => {
                let lines = lines_max.saturating_sub(1);
                text(*length_max, &format!("[^\\n\\r]*(\\n[^\\n\\r]*){{0,{lines}}}"))
            }
            Kind::Kana { length_max } => text(*length_max, "[ぁ-ゖゝゞァ-ヺーヽヾ・ &#x3000;]*"),
            Kind::Digits { min, max } => pattern(&format!("([0-9]{{{min},{max}}})?")),
            Kind::Postcode | Kind::Recipient => pattern("([0-9]{7})?"),
            Kind::Tel => pattern("(0[0-9]{9,10})?"),
            Kind::Insurer => pattern("([0-9]{6}|[0-9]{8})?"),
            Kind::Date => self.or_empty(&["date.type"], None),
            Kind::PartialDate => self.or_empty(&["date.type", "month.type", "year.type"], None),
            Kind::Integer { min, max } => {
                self.or_empty(&[], Some(&number("integer", "-?(0|[1-9][0-9]*)", min, max)))
            }
            Kind::Decimal { min, max, places, .. } => {
                let fraction =
                    if *places == 0 { String::new() } else { format!("(\\.[0-9]{{1,{places}}})?") };
                let pattern = format!("-?(0|[1-9][0-9]*){fraction}");
                self.or_empty(&[], Some(&number("decimal", &pattern, min, max)))
            }
            Kind::Code(list) => enumeration(std::iter::once("").chain(codes(list))),
            Kind::Codes(list) => {
                format!(
                    "<xs:list><xs:simpleType>{}</xs:simpleType></xs:list>",
                    enumeration(codes(list))
                )
            }
            // A table has no value of its own; its columns have.
            Kind::Rows { .. } => enumeration(std::iter::once("")),
        };
        self.need(&format!("{}.value", item.id), body)
    }

    /// A union of the empty text with types by name and one written out.
    fn or_empty(&mut self, members: &[&str], inner: Option<&str>) -> String {
        self.need("empty.type", enumeration(std::iter::once("")));
        for member in members {
            let (base, pattern, min, max) = match *member {
                "year.type" => ("gYear", "[0-9]{4}", "1873", "2200"),
                "month.type" => ("gYearMonth", "[0-9]{4}-[0-9]{2}", "1873-01", "2200-12"),
                _ => ("date", "[0-9]{4}-[0-9]{2}-[0-9]{2}", "1873-01-01", "2200-12-31"),
            };
            self.need(member, number(base, pattern, &min, &max));
        }
        let members: Vec<&str> =
            std::iter::once("empty.type").chain(members.iter().copied()).collect();
        let inner = inner
            .map_or_else(String::new, |inner| format!("<xs:simpleType>{inner}</xs:simpleType>"));
        format!("<xs:union memberTypes=\"{}\">{inner}</xs:union>", members.join(" "))
    }

    /// Sees to it that there is a type that says this; answers its name, as near to the wanted as is free.
    fn need(&mut self, name: &str, body: String) -> String {
        if let Some(name) = self.names.get(&body) {
            return name.clone();
        }
        let numbered = (2u32..).map(|number| format!("{name}.{number}"));
        let mut free = std::iter::once(name.to_owned()).chain(numbered);
        let name = free.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(name.clone());
        self.names.insert(body, name.clone());
        name
    }
}

fn enumeration<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut body = "<xs:restriction base=\"xs:string\">".to_owned();
    for value in values {
        body.push_str("<xs:enumeration value=\"");
        push_escaped(&mut body, value);
        body.push_str("\"/>");
    }
    body.push_str("</xs:restriction>");
    body
}

fn pattern(pattern: &str) -> String {
    format!("<xs:restriction base=\"xs:string\"><xs:pattern value=\"{pattern}\"/></xs:restriction>")
}

fn text(length_max: usize, pattern: &str) -> String {
    format!(
        "<xs:restriction base=\"xs:string\"><xs:maxLength value=\"{length_max}\"/>\
         <xs:pattern value=\"{pattern}\"/></xs:restriction>"
    )
}

fn number(base: &str, pattern: &str, min: &dyn Display, max: &dyn Display) -> String {
    format!(
        "<xs:restriction base=\"xs:{base}\"><xs:pattern value=\"{pattern}\"/>\
         <xs:minInclusive value=\"{min}\"/><xs:maxInclusive value=\"{max}\"/></xs:restriction>"
    )
}

fn codes(list: &CodeList) -> impl Iterator<Item = &str> {
    list.options().iter().map(|option| option.code.as_str())
}
