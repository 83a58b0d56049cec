//! A form definition as `Questionnaire`.

use kakehashi_forms::{
    Application, Carry, CodeList, DataClass, Definition, Derived, Item, Kind, Section,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::{Map, Value as Json, json};

use crate::{canonical, code_system, extension};

/// Answers the FHIR R4 `Questionnaire` of a form version.
///
/// A group per section and, where the form calculates, a last read-only group of the derived items.
/// `linkId` is the item's id. An item is `required` when both 新規 and 更新 demand it whatever else is
/// answered; the finer rules are ours to check.
pub fn questionnaire(definition: &Definition) -> Json {
    let key = definition.key();
    let mut groups: Vec<Json> = definition.sections().iter().map(section).collect();
    if !definition.derived().is_empty() {
        groups.push(derived_group(definition.derived()));
    }
    let mut period = Map::new();
    period.insert("start".to_owned(), definition.valid_from().to_string().into());
    if let Some(until) = definition.valid_until() {
        period.insert("end".to_owned(), until.plus_days(-1).to_string().into());
    }
    json!({
        "resourceType": "Questionnaire",
        "id": format!("{}-{:04}-{:03}-{:04}", key.programme, key.number, key.branch, key.version),
        "language": "ja",
        "extension": notices(definition),
        "url": canonical(definition),
        "identifier": [{ "system": "urn:kakehashi:form-key", "value": key.to_string() }],
        "version": format!("{:04}", key.version),
        "name": format!("{}{:04}v{:04}", capital(key.programme.as_str()), key.number, key.version),
        "title": definition.name().ja,
        "_title": extension::translation(definition.name()),
        "status": "active",
        "subjectType": ["Patient"],
        "effectivePeriod": period,
        "item": groups,
    })
}

/// Which texts a judgement follows, and what is not confirmed about the form: what a screen must show.
fn notices(definition: &Definition) -> Vec<Json> {
    let mut sets = definition.diagnosis_texts();
    sets.extend(definition.severity_texts());
    let mut notices: Vec<&str> = sets.iter().map(|set| set.notice.ja.as_str()).collect();
    notices.dedup();
    let mut all: Vec<Json> =
        notices.into_iter().map(|notice| extension::words("rule-notice", notice)).collect();
    all.extend(definition.unverified().map(|text| extension::words("unverified", &text.ja)));
    all
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn section(section: &Section) -> Json {
    json!({
        "linkId": section.id,
        "text": section.label.ja,
        "_text": extension::translation(&section.label),
        "type": "group",
        "item": section.items.iter().map(item).collect::<Vec<_>>(),
    })
}

fn item(item: &Item) -> Json {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json| drop(fields.insert(name.to_owned(), value));
    put("linkId", item.id.as_str().into());
    put("text", item.label.ja.as_str().into());
    put("_text", extension::translation(&item.label));
    put("type", kind_of(item).into());
    let is_always = [Application::New, Application::Renewal]
        .into_iter()
        .all(|application| item.is_required(application));
    put("required", (is_always && !item.is_conditional()).into());
    put("extension", extensions(item).into());
    match &item.kind {
        Kind::Codes(list) => {
            put("repeats", true.into());
            put("answerOption", options(list).into());
        }
        Kind::Code(list) => put("answerOption", options(list).into()),
        Kind::Rows { columns, .. } => {
            put("repeats", true.into());
            put("item", columns.iter().map(|column| cell(item, column)).collect());
        }
        _ => {}
    }
    if let Some(length) = item.length_max() {
        put("maxLength", length.into());
    }
    Json::Object(fields)
}

/// A column of a table: its link carries the table's, for columns are named within their table only.
fn cell(table: &Item, column: &Item) -> Json {
    let mut cell = item(column);
    if let Some(fields) = cell.as_object_mut() {
        fields.insert("linkId".to_owned(), cell_link(table, column).into());
    }
    cell
}

/// The `linkId` of a column.
pub(crate) fn cell_link(table: &Item, column: &Item) -> String {
    format!("{}.{}", table.id, column.id)
}

/// The type of an item. A measured number is a quantity when it has a unit or may have a comparator.
pub(crate) fn kind_of(item: &Item) -> &'static str {
    match &item.kind {
        Kind::Text { lines_max, .. } if *lines_max > 1 => "text",
        Kind::Text { .. }
        | Kind::Kana { .. }
        | Kind::Digits { .. }
        | Kind::Postcode
        | Kind::Tel
        | Kind::Recipient
        | Kind::Insurer => "string",
        Kind::Date | Kind::PartialDate => "date",
        Kind::Code(_) | Kind::Codes(_) => "choice",
        Kind::Integer { .. } => "integer",
        Kind::Decimal { comparator, .. } if *comparator || item.unit.is_some() => "quantity",
        Kind::Decimal { .. } => "decimal",
        Kind::Rows { .. } => "group",
    }
}

fn options(list: &CodeList) -> Vec<Json> {
    let option = |option: &kakehashi_forms::CodeOption| {
        json!({ "valueCoding": {
            "system": code_system(list.id()),
            "code": option.code,
            "display": option.label.ja,
            "_display": extension::translation(&option.label),
        } })
    };
    list.options().iter().map(option).collect()
}

fn extensions(item: &Item) -> Vec<Json> {
    let mut all = vec![
        extension::fact("data-class", class_word(item.class)),
        extension::fact("carry-over", carry_word(item.carry)),
    ];
    match &item.kind {
        Kind::Integer { min, max } => all.extend(extension::bounds(&(*min).into(), &(*max).into())),
        Kind::Decimal { min, max, places, .. } => {
            all.extend(extension::bounds(&number(*min), &number(*max)));
            all.push(extension::decimal_places(*places));
        }
        _ => {}
    }
    if let Some(unit) = &item.unit {
        all.push(extension::unit(unit));
    }
    all.extend(item.relevant_text().map(|cel| extension::words("relevant", cel)));
    if let Some(help) = &item.help {
        all.push(extension::words("help", &help.ja));
    }
    all
}

fn derived_group(derived: &[Derived]) -> Json {
    let item = |derived: &Derived| {
        let mut extensions = vec![
            extension::words("formula", &derived.formula.ja),
            extension::words("source", &derived.source),
            extension::words("value", &derived.value),
        ];
        extensions.extend(derived.unit.as_deref().map(extension::unit));
        json!({
            "linkId": derived.id,
            "text": derived.label.ja,
            "_text": extension::translation(&derived.label),
            "type": "string",
            "readOnly": true,
            "extension": extensions,
        })
    };
    json!({
        "linkId": "kakehashi-derived",
        "text": "自動計算",
        "type": "group",
        "readOnly": true,
        "item": derived.iter().map(item).collect::<Vec<_>>(),
    })
}

/// A JSON number. Values of a form have few digits, so a double keeps them; trailing zeros are not kept.
pub(crate) fn number(value: Decimal) -> Json {
    value.to_f64().map_or(Json::Null, Json::from)
}

const fn class_word(class: DataClass) -> &'static str {
    match class {
        DataClass::Direct => "direct",
        DataClass::Quasi => "quasi",
        DataClass::Medical => "medical",
        DataClass::Institution => "institution",
    }
}

const fn carry_word(carry: Carry) -> &'static str {
    match carry {
        Carry::Always => "always",
        Carry::Ask => "ask",
        Carry::Never => "never",
    }
}
