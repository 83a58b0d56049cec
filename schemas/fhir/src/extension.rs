//! The extensions in use, each made in one place.

use kakehashi_forms::{Answer, Localized};
use serde_json::{Value as Json, json};

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";
const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const MIN_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/minValue";
const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";
const DECIMAL_PLACES: &str = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces";
const UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";
const UCUM: &str = "http://unitsofmeasure.org";

/// The English text beside a Japanese one, for the `_text`, `_title` of a resource.
pub(crate) fn translation(text: &Localized) -> Json {
    json!({ "extension": [{
        "url": TRANSLATION,
        "extension": [
            { "url": "lang", "valueCode": "en" },
            { "url": "content", "valueString": text.en },
        ],
    }] })
}

/// The smallest and largest value, for numbers.
pub(crate) fn bounds(min: &Json, max: &Json) -> [Json; 2] {
    let is_whole = min.is_i64() && max.is_i64();
    let name = if is_whole { "valueInteger" } else { "valueDecimal" };
    [json!({ "url": MIN_VALUE, name: min }), json!({ "url": MAX_VALUE, name: max })]
}

/// Digits after the point.
pub(crate) fn decimal_places(places: u32) -> Json {
    json!({ "url": DECIMAL_PLACES, "valueInteger": places })
}

/// The printed unit. Not claimed to be UCUM: what is printed on the form is what counts.
pub(crate) fn unit(unit: &str) -> Json {
    json!({ "url": UNIT, "valueCoding": { "display": unit } })
}

/// A fact of ours about an item, as a code.
pub(crate) fn fact(name: &str, code: &str) -> Json {
    json!({ "url": format!("urn:kakehashi:fhir:{name}"), "valueCode": code })
}

/// A fact of ours, in words.
pub(crate) fn words(name: &str, text: &str) -> Json {
    json!({ "url": format!("urn:kakehashi:fhir:{name}"), "valueString": text })
}

/// Why an item has no value: HL7's reason, and our own state beside it. `None` for a value and a blank.
pub(crate) fn absent(answer: &Answer) -> Option<[Json; 2]> {
    let reason = match answer {
        Answer::NotDone => "not-performed",
        Answer::Unknown => "asked-unknown",
        Answer::Illegible | Answer::Struck | Answer::MultiplyMarked => "error",
        Answer::Given(_) | Answer::Blank => return None,
    };
    let state = answer.state().unwrap_or_default();
    Some([json!({ "url": DATA_ABSENT, "valueCode": reason }), fact("state", state)])
}

/// A quantity in the printed unit.
pub(crate) fn quantity(value: &Json, comparator: Option<&str>, unit: Option<&str>) -> Json {
    let mut quantity = json!({ "value": value });
    if let Some(object) = quantity.as_object_mut() {
        if let Some(comparator) = comparator {
            object.insert("comparator".to_owned(), comparator.into());
        }
        if let Some(unit) = unit {
            object.insert("unit".to_owned(), unit.into());
            if unit == "%" {
                object.insert("system".to_owned(), UCUM.into());
                object.insert("code".to_owned(), "%".into());
            }
        }
    }
    quantity
}
