//! A record as `QuestionnaireResponse`.

use kakehashi_forms::{Answer, Answers, Calculated, Comparator, Definition, Item, Value};
use kakehashi_kernel::{RecordId, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::{
    canonical, code_system, extension,
    questionnaire::{cell_link, kind_of, number},
};

/// What a response says besides its answers. Ids only: who the patient is stands in the answers.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHeader {
    /// The record.
    pub record: RecordId,
    /// When the form was registered.
    pub authored: Timestamp,
}

/// Answers the FHIR R4 `QuestionnaireResponse` of a form's answers.
///
/// Items without an answer are left out. A state (未実施, 不明, 判読不能 …) is an item without a value whose
/// extensions say why. `calculated` fills the group of derived items.
pub fn response(
    definition: &Definition,
    header: ResponseHeader,
    answers: &Answers,
    calculated: &[Calculated],
) -> Json {
    let mut groups = Vec::new();
    for section in definition.sections() {
        let mut items = Vec::new();
        for item in &section.items {
            if let Some(answer) = answers.get(&item.id) {
                push(&mut items, item, &item.id, answer);
            }
        }
        if !items.is_empty() {
            groups.push(group(&section.id, &section.label.ja, &items));
        }
    }
    let derived: Vec<Json> = calculated.iter().filter_map(derived).collect();
    if !derived.is_empty() {
        groups.push(group("kakehashi-derived", "自動計算", &derived));
    }
    let questionnaire = format!("{}|{:04}", canonical(definition), definition.key().version);
    json!({
        "resourceType": "QuestionnaireResponse",
        "id": header.record.to_string(),
        "language": "ja",
        "questionnaire": questionnaire,
        "status": "completed",
        "authored": header.authored.to_string(),
        "item": groups,
    })
}

fn group(link: &str, text: &str, items: &[Json]) -> Json {
    json!({ "linkId": link, "text": text, "item": items })
}

/// A table becomes one item per row, as FHIR repeats a group; everything else is one item or none.
fn push(items: &mut Vec<Json>, item: &Item, link: &str, answer: &Answer) {
    if let Answer::Given(Value::Rows(rows)) = answer {
        items.extend(rows.iter().map(|row| {
            let mut cells = Vec::new();
            for column in item.columns() {
                if let Some(answer) = row.get(&column.id) {
                    push(&mut cells, column, &cell_link(item, column), answer);
                }
            }
            group(link, &item.label.ja, &cells)
        }));
        return;
    }
    let mut fields = Map::new();
    fields.insert("linkId".to_owned(), link.into());
    fields.insert("text".to_owned(), item.label.ja.as_str().into());
    match answer {
        Answer::Blank => return,
        Answer::Given(Value::BelowDetection) => {
            fields.insert(
                "extension".to_owned(),
                json!([extension::fact("state", "below-detection")]),
            );
        }
        Answer::Given(value) => {
            fields.insert("answer".to_owned(), values(item, value).into());
        }
        state => {
            let Some(why) = extension::absent(state) else { return };
            fields.insert("extension".to_owned(), why.to_vec().into());
        }
    }
    items.push(Json::Object(fields));
}

fn values(item: &Item, value: &Value) -> Vec<Json> {
    let unit = item.unit.as_deref();
    match value {
        Value::Text(text) => vec![json!({ "valueString": text })],
        Value::Date(date) => vec![json!({ "valueDate": date.to_string() })],
        Value::PartialDate(date) => vec![json!({ "valueDate": date.to_string() })],
        Value::Code(code) => vec![coding(item, code)],
        Value::Codes(codes) => codes.iter().map(|code| coding(item, code)).collect(),
        Value::Integer(number) => vec![json!({ "valueInteger": number })],
        Value::Decimal { value, comparator } => {
            if kind_of(item) == "quantity" {
                let comparator = comparator.map(Comparator::symbol);
                vec![
                    json!({ "valueQuantity": extension::quantity(&number(*value), comparator, unit) }),
                ]
            } else {
                vec![json!({ "valueDecimal": number(*value) })]
            }
        }
        Value::BelowDetection | Value::Rows(_) => Vec::new(),
    }
}

fn coding(item: &Item, code: &str) -> Json {
    let list = item.codes();
    let label = list.and_then(|list| list.option(code)).map(|option| option.label.ja.as_str());
    let system = list.map(|list| code_system(list.id()));
    json!({ "valueCoding": { "system": system, "code": code, "display": label } })
}

fn derived(calculated: &Calculated) -> Option<Json> {
    if calculated.answer == Answer::Blank {
        return None;
    }
    let text = match &calculated.unit {
        Some(unit) => format!("{} {unit}", calculated.shown.ja),
        None => calculated.shown.ja.clone(),
    };
    Some(json!({
        "linkId": calculated.item,
        "text": calculated.label.ja,
        "answer": [{ "valueString": text }],
    }))
}
